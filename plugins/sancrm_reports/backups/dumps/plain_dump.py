"""Tells whether plain SQL is a whole dump, while it goes by."""

from __future__ import annotations

import re

from sancrm_reports.backups.dumps.faults import DamagedError, UnknownFormatError
from sancrm_reports.backups.dumps.format import OURS

TAIL = 1024  # bytes: a \unrestrict line may follow the trailer
TRAILERS = (b"PostgreSQL database dump complete", b"PostgreSQL database cluster dump complete")
# The first and the last lines of a dump, with the bare lines around them: no row looks like that.
# The line above may be the rest of a row, in the middle of which the dump before it broke off.
MARK = re.compile(
    rb"(?m)--\r?\n-- PostgreSQL database (?P<kind>cluster )?dump(?P<end> complete)?\r?\n--\r?$"
)
LONGEST_MARK = 128  # bytes


class PlainDump:
    """Reads plain SQL piece by piece.

    A dump of all databases holds those of each one. A dump that begins before the one before it
    has ended is the rest of a pg_dump that broke off, with a whole one appended.

    Args:
        start: its first bytes, where the pieces leave them out.
    """

    def __init__(self, start: bytes = b"") -> None:
        self.zeros = 0
        self._is_ours = bool(OURS.search(start))
        self._open: list[bytes | None] = []
        self._carried = b""
        self._tail = b""

    def feed(self, chunk: bytes) -> None:
        """Look at the next piece.

        Raises:
            DamagedError: a dump begins within another.
        """
        self._count_zeros(chunk)
        text = self._carried + chunk
        self._is_ours = self._is_ours or bool(OURS.search(text))
        end = 0
        for mark in MARK.finditer(text):
            end = mark.end()
            if mark["end"]:
                if self._open and self._open[-1] == mark["kind"]:
                    self._open.pop()
            elif mark["kind"] in self._open:
                raise DamagedError(
                    "a dump begins before the one above it has ended: one that broke off, and "
                    "another appended to it",
                    code="dump_appended",
                )
            else:
                self._open.append(mark["kind"])
        self._carried = text[max(end, len(text) - LONGEST_MARK) :]

    def finish(self) -> None:
        """Look for the last line that pg_dump writes.

        Raises:
            DamagedError: it is missing.
            UnknownFormatError: nothing says that pg_dump wrote this.
        """
        if any(trailer in self._tail for trailer in TRAILERS):
            return
        if self._tail and not self._is_ours:
            raise UnknownFormatError(
                "This is plain SQL, but neither its beginning nor its end is pg_dump's."
            )
        raise DamagedError(
            "the end that pg_dump writes is missing: it did not finish", code="dump_unfinished"
        )

    def _count_zeros(self, chunk: bytes) -> None:
        kept = chunk.rstrip(b"\0")
        self.zeros = len(chunk) - len(kept) + (0 if kept else self.zeros)
        self._tail = (self._tail + kept)[-TAIL:]
