"""A folder of pg_dump's files, on this machine or in Airflow's object storage."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sancrm_reports.backups.dumps.files import DumpFile, dump_files, storage_path
from sancrm_reports.backups.facts import Backup, BackupState, Facts

if TYPE_CHECKING:
    from sancrm_reports.backups.settings import FilesProbe


class DumpFiles:
    """The dumps in a folder.

    A file's time is when it was last written. One that was written a moment ago is running: only
    its quiet tells that it is whole. Nothing here tells whether a dump was killed: it leaves its
    file under the final name, so read the files in full (docs/backups.md).
    """

    def __init__(self, settings: FilesProbe) -> None:
        self.settings = settings

    def look(self) -> Facts:
        """List the folder.

        Raises:
            FolderError: it is not there, or cannot be read.
        """
        now = datetime.now(UTC)
        folder = storage_path(self.settings.path, self.settings.conn_id)
        found = dump_files(folder, self.settings.pattern)
        return Facts(now, tuple(self._backup(dump, now) for dump in found))

    def _backup(self, dump: DumpFile, now: datetime) -> Backup:
        where = str(dump.path)
        if dump.is_still_written(now, self.settings.quiet_seconds):
            # One that is left behind under such a name is of the night of its last change.
            last = dump.written_at if dump.is_partial else None
            return Backup(
                dump.name, BackupState.RUNNING, finished_at=last, size=dump.size, where=where
            )
        return Backup(
            dump.name,
            BackupState.DONE,
            finished_at=dump.written_at,
            size=dump.size,
            where=where,
        )
