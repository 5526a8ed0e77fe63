"""Restores a dump into an empty database, by PostgreSQL's own programs.

No password is an argument of a program, and nothing of what a program says about rows is told on.
"""

from __future__ import annotations

from pathlib import Path

from sancrm_reports.backups.drill.archive import restore_archive
from sancrm_reports.backups.drill.plain_sql import restore_plain
from sancrm_reports.backups.drill.restoring import Restore
from sancrm_reports.backups.drill.result import DrillError, Trouble
from sancrm_reports.backups.dumps.faults import DamagedError, UnknownFormatError
from sancrm_reports.backups.dumps.format import Layout, format_of


def restore(dump: Path, how: Restore) -> list[str]:
    """Restore a dump; the first error ends it. Returns what of it was left out, for people.

    Raises:
        DrillError: the dump is damaged, too new, not of one database, not to be read, refused by
            the server, or too long or too large.
    """
    try:
        found = format_of(dump)
        if found.layout is Layout.PLAIN:
            return restore_plain(dump, how)
        if found.is_packed or found.layout is Layout.IN_TAR:
            needless = found.packed_by[0] if found.is_packed else "tar"
            raise UnknownFormatError(
                f"{dump.name} is {found}: leave {needless} out, pg_dump --format=custom compresses."
            )
        return restore_archive(dump, how, found.layout)
    except UnknownFormatError as error:
        raise DrillError(Trouble.UNSUITABLE, str(error)) from None
    except DamagedError as error:
        raise DrillError(Trouble.DAMAGED, f"{dump.name} is damaged: {error}.") from None
    except OSError as error:
        raise DrillError(Trouble.UNREADABLE, f"{dump} cannot be read: {error}.") from None
