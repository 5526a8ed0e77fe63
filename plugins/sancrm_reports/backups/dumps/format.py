"""Tells by its first bytes what a dump is; names are the backup's affair."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sancrm_reports.backups.dumps.faults import DamagedError, UnknownFormatError
from sancrm_reports.backups.dumps.files import CONTENTS, parts_of
from sancrm_reports.backups.dumps.packing import unpacked
from sancrm_reports.backups.redaction import last_line

START = 4096  # bytes that tell a format, also after unpacking
CHUNK = 1 << 20
CUSTOM, TAR = b"PGDMP", b"toc.dat\0"
BYTE_ORDER_MARKS = codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE
ANY_TAR = slice(257, 262), b"ustar"
# A comment, a setting or a \restrict line, then text in whatever encoding. What is encrypted has
# control characters, or as text begins with words or with -----BEGIN.
PLAIN = re.compile(rb"\s*(--(?!-)|SET |\\)[^\x00-\x08\x0e-\x1f\x7f]*")
OTHER_DATABASE = re.compile(rb"-- (?:MySQL|MariaDB) dump|/\*M?!|PRAGMA ")
OURS = re.compile(rb"PostgreSQL database (?:cluster )?dump")
# What pg_dump said instead of writing a dump, where both went into one file.
ERROR = re.compile(rb"pg_dump(?:all)?: (?:error: |fatal: |\[).*")


class Layout(StrEnum):
    """The formats of pg_dump, and a tar in which somebody put one."""

    CUSTOM = "custom"
    DIRECTORY = "directory"
    TAR = "tar"
    PLAIN = "plain"
    IN_TAR = "in a tar"


@dataclass(frozen=True)
class DumpFormat:
    """A format, and what the file was packed by, from the outside inwards."""

    layout: Layout
    packed_by: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ", ".join((self.layout, *self.packed_by))

    @property
    def is_packed(self) -> bool:
        """Whether it has to be unpacked."""
        return bool(self.packed_by)


def format_of(path: Any) -> DumpFormat:
    """Return the format of a dump, whose path is of this machine or of Airflow's object storage.

    Raises:
        DamagedError: it is empty, badly packed, or a folder without its table of contents.
        UnknownFormatError: it is something else.
    """
    if path.is_dir():
        if not (path / CONTENTS).exists():
            raise DamagedError(f"the folder has no {CONTENTS}", code="dump_unfinished")
        return DumpFormat(Layout.DIRECTORY)
    start, _, layers = unpacked(read(path), start=START)
    return DumpFormat(layout_of(start, path.name, is_packed=bool(layers)), tuple(layers))


def read(path: Any) -> Iterator[bytes]:
    """Read a file, or all pieces of one that was split."""
    for part in parts_of(path):
        with part.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk


def layout_of(start: bytes, name: str, *, is_packed: bool) -> Layout:
    """Return the format that begins like this, after unpacking.

    Raises:
        DamagedError: it is empty, or an error in place of a dump.
        UnknownFormatError: it is something else.
    """
    if not start and not is_packed:
        raise DamagedError("the file is empty", code="dump_empty")
    if start.startswith(BYTE_ORDER_MARKS):
        _refuse_utf16(start.decode("utf-16", errors="replace").encode()[: START // 2], name)
    if start.startswith(CUSTOM):
        return Layout.CUSTOM
    if start.startswith(TAR):
        return Layout.TAR
    if start[ANY_TAR[0]] == ANY_TAR[1]:
        return Layout.IN_TAR
    if error := ERROR.match(start):
        line = last_line(error[0].decode(errors="replace"))
        raise DamagedError(line, quote=line)
    # The header, before any row. A gzip of nothing is plain: what it lacks is its end.
    if not start or (PLAIN.fullmatch(start[:512]) and not OTHER_DATABASE.match(start)):
        return Layout.PLAIN
    raise UnknownFormatError(
        f"{name} is of no format that can be read here: pg_dump's custom, directory, tar and plain "
        "SQL, also in gzip, zstd, xz, bzip2 or lz4. What is encrypted needs probe.unpack."
    )


def _refuse_utf16(start: bytes, name: str) -> None:
    """Refuse what PowerShell's > wrote. Text can be turned back, an archive cannot."""
    is_archive = start.startswith(CUSTOM)
    if is_archive or PLAIN.match(start):
        kind = DamagedError if is_archive else UnknownFormatError
        raise kind(f"{name} is in UTF-16, as PowerShell's > writes it.", code="dump_utf16")
