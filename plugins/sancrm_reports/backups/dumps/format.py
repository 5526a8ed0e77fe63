"""Tells by its first bytes what a dump is; names are the backup's affair."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sancrm_reports.backups.dumps.files import CONTENTS
from sancrm_reports.errors import ReportError

START = 4096  # bytes that tell a format, also after unpacking
CUSTOM, GZIP, TAR = b"PGDMP", b"\x1f\x8b", b"toc.dat\0"
# A comment, a setting or a \restrict line, then text in whatever encoding. What is encrypted has
# control characters, or as text begins with words or with -----BEGIN.
PLAIN = re.compile(rb"\s*(--(?!-)|SET |\\)[^\x00-\x08\x0e-\x1f\x7f]*")
OTHER_DATABASE = re.compile(rb"-- (?:MySQL|MariaDB) dump|/\*M?!|PRAGMA ")


class DamagedError(ReportError):
    """The dump is not whole; the text is the reader's own line."""

    code = "damaged"


class UnknownFormatError(ReportError):
    """The dump is of no format that can be read here, which says nothing about it."""

    code = "unknown_format"


class Layout(StrEnum):
    """The formats of pg_dump."""

    CUSTOM = "custom"
    DIRECTORY = "directory"
    TAR = "tar"
    PLAIN = "plain"


@dataclass(frozen=True)
class DumpFormat:
    """A format, and whether the file went through gzip."""

    layout: Layout
    is_packed: bool = False

    def __str__(self) -> str:
        return f"{self.layout}, gzip" if self.is_packed else str(self.layout)


def format_of(path: Any) -> DumpFormat:
    """Return the format of a dump, whose path is of this machine or of Airflow's object storage.

    Raises:
        DamagedError: it is empty, a broken gzip, or a folder without its table of contents.
        UnknownFormatError: it is something else.
    """
    if path.is_dir():
        if not (path / CONTENTS).exists():
            raise DamagedError(f"the folder has no {CONTENTS}", code="dump_unfinished")
        return DumpFormat(Layout.DIRECTORY)
    with path.open("rb") as file:
        start = file.read(START)
    if not start:
        raise DamagedError("the file is empty", code="dump_empty")
    is_packed = start.startswith(GZIP)
    return DumpFormat(_layout(_unzipped(start) if is_packed else start, path.name), is_packed)


def _layout(start: bytes, name: str) -> Layout:
    if start.startswith(CUSTOM):
        return Layout.CUSTOM
    if start.startswith(TAR):
        return Layout.TAR
    # The header, before any row. A gzip of nothing is plain: what it lacks is its end.
    if not start or (PLAIN.fullmatch(start[:512]) and not OTHER_DATABASE.match(start)):
        return Layout.PLAIN
    raise UnknownFormatError(
        f"{name} is of no format that can be read here: pg_dump's custom, directory, tar and plain "
        "SQL, also in gzip; not in zstd, xz or encrypted."
    )


def _unzipped(start: bytes) -> bytes:
    """Unpack the first bytes of a gzip; they need no whole one."""
    try:
        return zlib.decompressobj(wbits=31).decompress(start)
    except zlib.error as error:
        raise DamagedError(f"gzip: {error}", quote=f"gzip: {error}") from None
