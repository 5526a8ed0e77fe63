"""Restores plain SQL, by psql in its restricted mode."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from sancrm_reports.backups.drill.guarded_program import Done, run
from sancrm_reports.backups.drill.restoring import Restore, check, libpq
from sancrm_reports.backups.drill.result import DrillError, Trouble
from sancrm_reports.backups.dumps.contents import (
    DEPENDENT,
    LONGEST_STATEMENT,
    MOST_NAMES,
    Mentions,
    TocEntry,
    left_out,
    mention_of,
    worth_telling,
)
from sancrm_reports.backups.dumps.format import START, read
from sancrm_reports.backups.dumps.packing import stream_of, unpacked

# In plain SQL only the text tells what needs what; a function's own may name anything.
FOLLOWS = set(DEPENDENT) - {"AGGREGATE", "FUNCTION", "PROCEDURE"}
MOST_ENTRIES = 500_000
PIECE = 1 << 20  # bytes of a line that are looked at at once: a bomb has lines without end
DBLINK = re.compile(r"\bdblink\w*\(")
VERSION = re.compile(rb"(?:Dumped from database|Dumped by pg_dump) version:? (\d+)")
LAST_LINE = b"-- PostgreSQL database dump complete"
HEADER = re.compile(
    r"-- (?:Data for )?Name: (?P<name>.*); Type: (?P<kind>[A-Z ]+); Schema: (?P<schema>.*); "
    r"Owner: (?P<owner>[^;]*)(?:; Tablespace: .*)?"
)
# Before the first header stand settings, and with --clean the removal of what is not there.
OF_A_PREAMBLE = re.compile(rb"--|SET |SELECT pg_catalog\.set_config\(|\s*$")
# pg_restore leaves these out by options.
LEFT_OUT = re.compile(
    rb"(ALTER .* OWNER TO |GRANT |REVOKE |ALTER DEFAULT PRIVILEGES |SET default_tablespace = '?[^']"
    rb"|(CREATE|ALTER|DROP|COMMENT ON) (SUBSCRIPTION|PUBLICATION) ).*;$"
)
# A file of more than one database, or of the server, also one that people wrote. What is hidden
# better than this, the server and psql refuse.
REACHES_OUT = re.compile(
    rb"(?:^|;)\s*(\\c(onnect)?\b"
    rb"|(CREATE|DROP|ALTER)\s+(DATABASE|ROLE|USER(?!\s+MAPPING)|GROUP|TABLESPACE|SUBSCRIPTION)\b"
    rb"|ALTER\s+SYSTEM\b)",
    re.IGNORECASE,
)
# pg_dump's own, at the beginning and at the end. psql is restricted by a key of ours, which no
# dump can know, and would refuse them.
A_KEY = re.compile(rb"\\(?:un)?restrict [0-9A-Za-z]+\s*")


@dataclass
class Line:
    """A line, or a piece of one that is very long.

    ``entry`` is the id of what it belongs to, 0 before the first. A row stays as it is, whatever
    stands in it.
    """

    text: bytes
    entry: int
    is_row: bool
    is_start: bool
    header: re.Match[str] | None


@dataclass
class Survey:
    """What is in a file.

    ``missing`` are the tables and views that will not be there, each by what finds it in SQL.
    """

    entries: list[TocEntry] = field(default_factory=list)
    mentions: Mentions = field(default_factory=Mentions)
    missing: dict[int, re.Pattern[str]] = field(default_factory=dict)
    is_whole: bool = False

    def begin(self, id_: int, header: re.Match[str]) -> None:
        """Begin an entry with its header."""
        label = f"{header['schema']} {header['name']} {header['owner']}"
        self.entries.append(TocEntry(id_, header["kind"], label))
        self._finds = mention_of(header["schema"], header["name"])
        if header["kind"] == "FOREIGN TABLE" and len(self.missing) < MOST_NAMES:
            self.missing[id_] = self._finds
        if (header["kind"], header["name"]) == ("EXTENSION", "dblink"):
            self.missing[id_] = DBLINK

    def read(self, text: str) -> None:
        """Read a line of the last entry: what it names may be missing, then so is this one."""
        self.mentions.read(text)
        if self.missing and self.entries and self.entries[-1].kind in FOLLOWS:
            last = self.entries[-1]
            if needs := {id_ for id_, finds in self.missing.items() if finds.search(text)}:
                last.needs |= needs
                self.missing[last.id] = self._finds

    @property
    def is_in_what_goes(self) -> bool:
        """Whether the last entry is left out anyway."""
        return bool(left_out(self.entries[-1:], []))


def restore_plain(dump: Path, how: Restore) -> list[str]:
    """Restore plain SQL, but for what reaches beyond a database; returns what that is.

    Raises:
        DrillError: it cannot be restored. A file that is refused for what it is did nothing yet.
        DamagedError: it does not unpack to its end.
        OSError: it cannot be read.
    """
    _check_psql(how)
    survey = _survey(_opened(dump), how, dump.name)
    made = how.scratch.harmless(survey.mentions.extensions.values(), allowed=how.allowed)
    how.scratch.prepare(extensions=made, roles=survey.mentions.roles)
    out = left_out(survey.entries, made)
    done = _psql(how, lambda pipe: _feed(pipe, _opened(dump), survey, out))
    check(done, dump)
    return worth_telling(out, made)


def _opened(dump: Path) -> IO[bytes]:
    """Open a dump, unpacked if it was packed."""
    _, content, _ = unpacked(read(dump), start=START)
    return stream_of(content)


def _check_psql(how: Restore) -> None:
    """Make sure that this psql can be restricted, by trying it.

    Raises:
        DrillError: it is older than the minor releases of August 2025.
    """
    tried = _psql(how, lambda pipe: _write(pipe, b"\\restrict tried\n\\echo reached\n"))
    is_restricted = "backslash commands are restricted" in tried.said
    if not (is_restricted or "reached" in tried.output or "invalid command" in tried.said):
        check(tried, Path("psql"))  # it did not even begin: no server, no library
    if not is_restricted or "reached" in tried.output:
        raise DrillError(
            Trouble.OLD_PSQL,
            f"{how.programs / 'psql'} does not know \\restrict, without which a plain SQL dump can "
            "run any program as the worker. Install a PostgreSQL client of August 2025 or newer "
            "(13.22, 14.19, 15.14, 16.10, 17.6, 18), or dump in the custom format.",
        )


def _psql(how: Restore, feed: Any) -> Done:
    database, variables = libpq(how.scratch.owner)
    return run(
        [
            str(how.programs / "psql"),
            "--no-psqlrc",
            "--quiet",
            "--output=/dev/null",  # a line for each sequence and large object
            "--set=ON_ERROR_STOP=1",
            f"--dbname={database}",
            "--file=-",
        ],
        sandbox=how.scratch.sandbox,
        guard=how.guard,
        variables=variables,
        feed=feed,
    )


def _write(pipe: IO[bytes], text: bytes) -> None:
    pipe.write(text)
    pipe.flush()


def _survey(file: Any, how: Restore, name: str) -> Survey:
    """Read the whole file before psql starts: one that is refused has done nothing yet."""
    survey = Survey()
    for number, line in enumerate(_lines(file), 1):
        how.guard.check_time()
        if line.is_row or not line.is_start:
            continue
        survey.is_whole = survey.is_whole or line.text.startswith(LAST_LINE)
        if version := line.text.startswith(b"-- ") and VERSION.search(line.text):
            how.check_version(int(version[1]), name)
        if len(survey.entries) > MOST_ENTRIES:
            raise DrillError(Trouble.TOO_LARGE, f"{name} has more entries than any CRM.")
        text = line.text[:LONGEST_STATEMENT].decode(errors="replace").rstrip()
        if line.header:
            survey.begin(line.entry, line.header)
        elif REACHES_OUT.search(line.text) and not (_is_left_out(line) or survey.is_in_what_goes):
            raise DrillError(
                Trouble.UNSUITABLE,
                f"{name} reaches out of its database in line {number}: by a command of psql, or a "
                "statement about databases, roles, tablespaces or the server. Dump one database, "
                "by pg_dump without --create; a drill must not touch any other.",
            )
        survey.read(text)
    if not survey.is_whole:
        raise DrillError(
            Trouble.DAMAGED, f"{name} is not whole: its last line is missing, it broke off."
        )
    return survey


def _feed(pipe: IO[bytes], file: Any, survey: Survey, out: Iterable[TocEntry]) -> None:
    """Give psql the lines that are not left out, behind a restriction that no line can lift."""
    pipe.write(b"\\restrict %s\n" % secrets.token_hex(32).encode())
    ids = {entry.id for entry in out}
    is_over = goes = False
    for line in _lines(file):
        if line.is_row or not line.is_start:
            goes = goes if not line.is_start else line.entry in ids
        else:
            is_over = is_over or line.text.startswith(LAST_LINE)
            in_preamble = line.entry == 0 and survey.entries
            goes = (
                line.entry in ids
                or _is_left_out(line)
                or bool(in_preamble and not OF_A_PREAMBLE.match(line.text))
                or bool((line.entry == 0 or is_over) and A_KEY.fullmatch(line.text))
            )
        if not goes:
            pipe.write(line.text)


def _is_left_out(line: Line) -> bool:
    is_short = len(line.text) <= LONGEST_STATEMENT
    return is_short and bool(LEFT_OUT.match(line.text.rstrip()))


def _lines(file: Any) -> Iterator[Line]:
    """Give each line with what it belongs to, very long ones in pieces."""
    entry, is_row, is_start = 0, False, True
    while text := file.readline(PIECE):
        header = None
        is_short = len(text) <= LONGEST_STATEMENT
        if is_start and is_short and not is_row and text.startswith(b"-- "):
            header = HEADER.fullmatch(text.decode(errors="replace").rstrip())
            entry += bool(header)
        yield Line(text, entry, is_row, is_start, header)
        if is_row:
            is_row = not (is_start and text.rstrip() == b"\\.")
        elif is_start:
            is_row = text.startswith(b"COPY ") and text.rstrip().endswith(b" FROM stdin;")
        is_start = text.endswith(b"\n")
