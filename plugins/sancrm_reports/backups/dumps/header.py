"""Reads the header of a dump: of which database it is."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any

from sancrm_reports.backups.dumps.faults import DamagedError
from sancrm_reports.backups.dumps.files import CONTENTS
from sancrm_reports.backups.dumps.format import ANY_TAR, CUSTOM, START
from sancrm_reports.backups.dumps.packing import unpacked

log = logging.getLogger(__name__)

HEAD = 1 << 18  # bytes of a file: bzip2 and zstd pack large blocks
TAR_BLOCK = 512  # bytes
LONGEST_NAME = 4 * 63  # bytes
WITH_ALGORITHM = 15  # archives since 1.15 name what packs them in a byte, before that a number
# Plain SQL names its database only where it was made with --create.
CONNECT = re.compile(
    rb"""(?m)^\\connect (?:-reuse-previous=on )?(?:"(?:dbname=')?)?(?P<name>[^"'\r\n]+)"""
)


def database_of(path: Any) -> str | None:
    """Return the name of the database that was dumped; None where the dump does not tell.

    It reads the first bytes only, and takes no offence at what is broken.
    """
    try:
        if path.is_dir():
            path = path / CONTENTS
        # Not by opening it: S3's file system would fetch 50 MB ahead.
        head = path.fs.cat_file(path.path, start=0, end=HEAD)
        start, _, _ = unpacked(iter([head]), start=START)
        if start[ANY_TAR[0]] == ANY_TAR[1]:  # its first member is the table of contents
            start = start[TAR_BLOCK:]
        if start.startswith(CUSTOM):
            return _of_archive(start)
        found = CONNECT.findall(start)
        return str(found[0].decode(errors="replace")) if len(found) == 1 else None
    except (DamagedError, ValueError, StopIteration, RuntimeError):  # the header ends too early
        return None
    except Exception as error:  # each kind of storage has errors of its own
        log.warning("The header of %s is not read: %s", path, error)
        return None


def _of_archive(start: bytes) -> str | None:
    """Read the header of an archive, as pg_dump's WriteHead writes it."""
    data = iter(start[len(CUSTOM) :])
    _, minor, _, width, _, _ = (next(data) for _ in range(6))
    if minor >= WITH_ALGORITHM:
        next(data)
    else:
        _number(data, width)
    for _ in range(7):  # when it was made
        _number(data, width)
    length = _number(data, width)
    if not 0 < length <= LONGEST_NAME:
        return None
    return bytes(next(data) for _ in range(length)).decode(errors="replace")


def _number(data: Iterator[int], width: int) -> int:
    """Read a number: a byte for its sign, then the lowest byte first."""
    is_negative = next(data)
    value = sum(next(data) << (8 * place) for place in range(width))
    return -value if is_negative else value
