"""A folder of pg_dump's files, on this machine or in Airflow's object storage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from sancrm_reports.errors import ReportError
from sancrm_reports.pure.backups import CLOCK_TOLERANCE, Backup, BackupState, Facts
from sancrm_reports.wire.probes.errors import FolderError

if TYPE_CHECKING:
    from sancrm_reports.backup_settings import FilesProbe

TIMES = ("mtime", "LastModified", "last_modified", "updated", "created")  # local, S3, Azure, GCS


class DumpFiles:
    """The dumps in a folder: a file each, or a folder that holds ``toc.dat``.

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
        try:
            folder = storage_path(self.settings)
            if not folder.is_dir():
                raise FolderError(f"There is no folder {self.settings.path}, or it is empty.")
            return Facts(now, tuple(self._backups(folder, now)))
        except ReportError:
            raise
        except Exception as error:  # each kind of storage has errors of its own
            raise FolderError(
                f"The folder {self.settings.path} cannot be read: {type(error).__name__}: {error}"
            ) from None

    def _backups(self, folder: Any, now: datetime) -> Iterator[Backup]:
        seen = set()
        for path in sorted(folder.iterdir(), key=lambda path: path.name):
            if not fnmatch(path.name, self.settings.pattern) or path.is_symlink():
                continue  # a link is another name of a dump, such as latest.dump
            files = list(path.iterdir()) if path.is_dir() else [path]
            if path.is_dir() and not any(file.name == "toc.dat" for file in files):
                continue
            stats = [file.stat() for file in files]
            inodes = tuple(stat.st_ino for stat in stats)
            if any(inodes) and inodes in seen:
                continue  # a hard link is, too
            seen.add(inodes)
            written = max(_written(stat) for stat in stats)
            size = sum(stat.st_size for stat in stats)
            yield self._backup(str(path), path.name, written, size, now)

    def _backup(self, where: str, name: str, written: datetime, size: int, now: datetime) -> Backup:
        quiet = now - written  # below zero where the file server's clock is a little ahead
        if -CLOCK_TOLERANCE <= quiet < timedelta(seconds=self.settings.quiet_seconds):
            return Backup(name, BackupState.RUNNING, size=size, where=where)
        return Backup(name, BackupState.DONE, finished_at=written, size=size, where=where)


def _written(stat: Mapping[str, Any]) -> datetime:
    """Return when a file was last written; each kind of storage has a word for it."""
    value = next((stat[word] for word in TIMES if stat.get(word)), None)
    match value:
        case datetime():
            return value
        case str():
            return datetime.fromisoformat(value)
        case int() | float():
            return datetime.fromtimestamp(value, UTC)
        case _:
            raise FolderError(f"This storage tells no times, only {', '.join(stat)}.")


def storage_path(settings: FilesProbe, where: str | None = None) -> Any:
    """Return a path of Airflow's object storage; one without a scheme is of this machine."""
    from airflow.sdk import ObjectStoragePath

    path = where or settings.path
    return ObjectStoragePath(path if "://" in path else f"file://{path}", conn_id=settings.conn_id)
