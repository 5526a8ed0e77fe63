"""A folder of pg_dump's files, on this machine or in Airflow's object storage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sancrm_reports.backups.dumps.files import DumpFile, dump_files, storage_path
from sancrm_reports.backups.dumps.header import database_of
from sancrm_reports.backups.dumps.names import time_in
from sancrm_reports.backups.facts import Backup, BackupState, Facts

if TYPE_CHECKING:
    from sancrm_reports.backups.settings import FilesProbe

MOST_HEADERS = 50  # dumps whose headers are read, the newest; older ones decide nothing


@lru_cache(maxsize=1000)
def _database_of(where: str, conn_id: str | None, size: int, written_at: datetime) -> str | None:
    """Read a header once, as long as the process lives and the file is the same."""
    return database_of(storage_path(where, conn_id))


class DumpFiles:
    """The dumps in a folder.

    A file's time is when it was last written, unless the settings read it from the name. One that
    was written a moment ago is running: only its quiet tells that it is whole. Nothing here tells
    whether a dump was killed: it leaves its file under the final name, so read the files in full
    (docs/backups.md).

    Args:
        settings: of the probe.
        database: the name that the dumps' headers must have, where they tell one; empty: any.
        timezone: of the times in names.
    """

    def __init__(self, settings: FilesProbe, *, database: str = "", timezone: str = "UTC") -> None:
        self.settings = settings
        self.database = database
        self.zone = ZoneInfo(timezone)

    def look(self) -> Facts:
        """List the folder.

        Raises:
            FolderError: it is not there, or cannot be read.
        """
        now = datetime.now(UTC)
        folder = storage_path(self.settings.path, self.settings.conn_id)
        found = dump_files(folder, self.settings.pattern)
        backups, passed_over = [], None
        for dump, other in self._of_others(found, now):
            at = self._time_of(dump)
            if other or at is None:
                code = "other_database" if other else "no_time_in_name"
                passed_over = code, f"{dump.name}: {other}" if other else dump.name
                continue
            passed_over = None  # an older one is of no interest
            backups.append(self._backup(dump, now, at))
        return Facts(now, tuple(backups), passed_over=passed_over, tells_ends=False)

    def _of_others(
        self, found: Iterable[DumpFile], now: datetime
    ) -> Iterator[tuple[DumpFile, str]]:
        """Give each dump, the oldest first, with the name of its database where that is another."""
        ordered = sorted(found, key=lambda dump: dump.written_at)
        for place, dump in enumerate(ordered):
            is_asked = self.database and place >= len(ordered) - MOST_HEADERS
            if not is_asked or dump.is_still_written(now, self.settings.quiet_seconds):
                yield dump, ""
                continue
            name = _database_of(str(dump.path), self.settings.conn_id, dump.size, dump.written_at)
            is_other = name and name.casefold() != self.database.casefold()
            yield dump, name if name and is_other else ""

    def _time_of(self, dump: DumpFile) -> datetime | None:
        if not self.settings.name_time:
            return dump.written_at
        return time_in(dump.name, self.settings.name_time, self.zone, dump.written_at)

    def _backup(self, dump: DumpFile, now: datetime, at: datetime | None) -> Backup:
        where = str(dump.path)
        if dump.is_still_written(now, self.settings.quiet_seconds):
            # One that is left behind under such a name is of the night of its last change.
            is_dated = dump.is_partial or self.settings.name_time
            return Backup(
                dump.name,
                BackupState.RUNNING,
                finished_at=at if is_dated else None,
                size=dump.size,
                where=where,
            )
        return Backup(dump.name, BackupState.DONE, finished_at=at, size=dump.size, where=where)
