"""The dump that a restore drill takes: the newest that nobody is writing any more."""

from __future__ import annotations

from datetime import datetime, timedelta

from sancrm_reports.backups.drill.result import DrillError, Trouble
from sancrm_reports.backups.dumps.files import (
    DumpFile,
    FolderError,
    dump_files,
    split_place,
    storage_path,
)


def newest_dump(place: str, *, quiet_seconds: float, now: datetime) -> DumpFile:
    """Return the newest finished dump. One that is dated ahead is not: nobody knows its age.

    Args:
        place: a folder and a pattern, as ``/var/backups/crm/*.dump`` or ``s3://…/crm-*.dump``.
        quiet_seconds: how long a dump must not have changed to count as finished.
        now: an instant with a zone.

    Raises:
        DrillError: no such folder, or no finished dump in it.
    """
    folder, pattern = split_place(place)
    if not (folder and pattern):
        raise DrillError(
            Trouble.NOT_SET,
            f"restore_drill.dumps is {place!r}: set it in include/settings.toml to a folder and a "
            "pattern, such as /var/backups/crm/*.dump.",
        )
    try:
        found = dump_files(storage_path(folder), pattern)
    except FolderError as error:
        raise DrillError(Trouble.NO_DUMP, f"{place}: {error}") from None
    quiet = timedelta(seconds=quiet_seconds)
    finished = [one for one in found if not one.is_partial and now - one.written_at >= quiet]
    if not finished:
        raise DrillError(
            Trouble.NO_DUMP,
            f"{place} has no finished dump: {len(found)} match, of which none has been left alone "
            f"for {quiet_seconds:g} s. Is the backup running, and is restore_drill.dumps right?",
        )
    return max(finished, key=lambda dump: dump.written_at)
