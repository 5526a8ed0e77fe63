"""pg_dump's files, on this machine or in Airflow's object storage: which there are, how old."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from sancrm_reports.backups.facts import CLOCK_TOLERANCE
from sancrm_reports.errors import ReportError

log = logging.getLogger(__name__)

CONTENTS = "toc.dat"  # of a dump in the directory format; pg_dump writes it last
TIMES = ("mtime", "LastModified", "last_modified", "updated", "created")  # local, S3, Azure, GCS


# What programs call a file that they are still writing: most by an ending, rsync .crm.dump.Ab12Cd.
BEING_WRITTEN = re.compile(
    r"(?P<plain>.+)\.(?:part|partial|tmp|temp|in_progress|inprogress|filepart|incomplete)"
    r"|\.(?P<rsync>.+)\.[A-Za-z0-9]{6}",
    re.IGNORECASE,
)
# What lies beside a dump and is none.
SIDECARS = re.compile(
    r".+\.(?:md5|sha1|sha224|sha256|sha384|sha512|sum|asc|sig|log|err|out|txt|json|ok|done)",
    re.IGNORECASE,
)


class FolderError(ReportError):
    """The folder of dumps cannot be looked into."""

    code = "folder"


@dataclass(frozen=True)
class DumpFile:
    """A dump where it lies: a file, or a folder with ``toc.dat``.

    ``path`` is one of Airflow's object storage, ``size`` is in bytes, and ``written_at``, with a
    zone, is when the newest of its files was last written: nothing else tells when it was finished.
    ``is_partial`` is told by its name: whoever writes it will rename it.
    """

    path: Any
    size: int
    written_at: datetime
    is_partial: bool = False

    @property
    def name(self) -> str:
        """The last part of its path."""
        return str(self.path.name)

    @property
    def is_local(self) -> bool:
        """Whether it can be read where it lies."""
        return is_local(self.path)

    def is_still_written(self, now: datetime, quiet_seconds: float) -> bool:
        """Whether it changed a moment ago; the file server's clock may be a little ahead."""
        return self.is_partial or -CLOCK_TOLERANCE <= now - self.written_at < timedelta(
            seconds=quiet_seconds
        )

    def fetch(self, folder: Path) -> Path:
        """Return where it can be read: in its place, or in the folder, where it is copied to."""
        if self.is_local:
            return Path(self.path.path)
        target = folder / self.name
        self.path.fs.get(self.path.path, str(target), recursive=self.path.is_dir())
        return target


def storage_path(place: str, conn_id: str | None = None) -> Any:
    """Return a path of Airflow's object storage; one without a scheme is of this machine."""
    from airflow.sdk import ObjectStoragePath

    return ObjectStoragePath(place if "://" in place else f"file://{place}", conn_id=conn_id)


def is_local(path: Any) -> bool:
    """Whether a path of object storage is of this machine."""
    return path.protocol in ("", "file")


def forget_listings(path: Any) -> None:
    """Make the next look ask the storage: S3's file system keeps what it listed for ever.

    Airflow has one of them for each connection as long as its process lives, and a triggerer lives
    for weeks. A path without a connection lists by another than the one that opens its files.
    """
    for fs in (path.fs, path.__wrapped__.fs):
        fs.invalidate_cache()


def dump_files(folder: Any, pattern: str) -> list[DumpFile]:
    """Return the dumps of a folder whose names match, in the order of their names.

    A link is followed, but a dump is given once, whatever its names. Left out are names that begin
    with a dot, as a shell does, unless rsync is writing them; what lies beside a dump, such as its
    checksum, unless the pattern asks for such; links that lead nowhere, pipes and the like; folders
    without ``toc.dat``, which aren't dumps, or not yet; and folders closed to this user.

    Raises:
        FolderError: the folder is not there, or cannot be read.
    """
    try:
        forget_listings(folder)
        if not folder.is_dir():
            raise FolderError(f"There is no folder {folder}, or it is empty.")
        return list(_dump_files(folder, pattern))
    except FolderError:
        raise
    except Exception as error:  # each kind of storage has errors of its own
        raise FolderError(
            f"The folder {folder} cannot be read: {type(error).__name__}: {error}"
        ) from None


def _dump_files(folder: Any, pattern: str) -> Iterator[DumpFile]:
    seen = set()
    for path in sorted(folder.iterdir(), key=lambda path: (path.is_symlink(), path.name)):
        name, is_partial = _final_name(path.name)
        if name.startswith(".") or not fnmatchcase(name, pattern):
            continue
        if SIDECARS.fullmatch(name) and not SIDECARS.fullmatch(pattern):
            continue
        if not (stats := _stats(path)):
            continue
        inodes = tuple(stat.st_ino for stat in stats)
        if any(inodes) and inodes in seen:
            continue  # another name of it
        seen.add(inodes)
        size = sum(stat.st_size for stat in stats)
        yield DumpFile(path, size, max(written_at(stat) for stat in stats), is_partial)


def _final_name(name: str) -> tuple[str, bool]:
    """Return the name that a file will have, and whether it has another one yet."""
    if found := BEING_WRITTEN.fullmatch(name):
        return found["plain"] or found["rsync"], True
    return name, False


def _stats(path: Any) -> list[Any]:
    """Return each file of a dump; nothing if it isn't a dump, is closed to us, or is gone."""
    try:
        if not path.is_dir():
            stat = path.stat()
            return [stat] if stat.get("type", "file") == "file" else []
        files = list(path.iterdir())
        if not any(file.name == CONTENTS for file in files):
            return []
        return [file.stat() for file in files]
    except FileNotFoundError:  # retention took it just now, or a link leads nowhere
        return []
    except PermissionError:  # such as lost+found: the others are there all the same
        log.warning("%s is skipped: permission denied.", path)
        return []


def written_at(stat: Mapping[str, Any]) -> datetime:
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
