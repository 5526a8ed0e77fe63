"""Finds the newest finished dump, in a folder or in an object store that Airflow knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from sancrm_reports.pure.drill import DrillError, Dump, Trouble

ARCHIVE_MAGICS = (b"PGDMP", b"toc.dat")  # custom, and the directory format in a tar file
GZIP_MAGIC = b"\x1f\x8b"
CONTENTS = "toc.dat"  # of a dump in the directory format; pg_dump writes it last


class Kind(StrEnum):
    """Who can restore it: pg_restore, or psql, which reads plain SQL."""

    ARCHIVE = "archive"
    SQL = "sql"
    GZIPPED_SQL = "gzipped_sql"


@dataclass(frozen=True)
class FoundDump:
    """A dump where it lies: in a file system of fsspec, which may be a bucket."""

    dump: Dump
    fs: Any
    path: str
    is_folder: bool

    @property
    def is_local(self) -> bool:
        """Whether it can be read where it lies."""
        return "file" in self.fs.protocol  # a name, or a tuple of them

    def fetch(self, folder: Path) -> Path:
        """Return where it can be read: in its place, or in the folder, where it is copied to."""
        if self.is_local:
            return Path(self.path)
        target = folder / self.dump.name
        self.fs.get(self.path, str(target), recursive=self.is_folder)
        return target


def newest_dump(place: str, *, quiet_seconds: float, now: datetime) -> FoundDump:
    """Return the newest dump that nobody is writing any more.

    Args:
        place: a folder and a pattern, as ``/var/backups/crm/*.dump`` or ``s3://…/crm-*.dump``.
        quiet_seconds: how long a dump must not have changed to count as finished.
        now: an instant with a zone.

    Raises:
        DrillError: no such folder, or no finished dump in it.
    """
    from airflow.sdk import ObjectStoragePath

    folder, _, pattern = place.rpartition("/")
    if not (folder and pattern):
        raise DrillError(
            Trouble.NO_DUMP,
            f"restore_drill.dumps is {place!r}: set it in include/settings.toml to a folder and a "
            "pattern, such as /var/backups/crm/*.dump.",
        )
    root = ObjectStoragePath(folder)
    try:
        found = [
            _look_at(root.fs, entry)
            for entry in root.fs.ls(root.path, detail=True)
            if fnmatchcase(_name(entry), pattern) and not _name(entry).startswith(".")
        ]
    except OSError as error:
        raise DrillError(
            Trouble.NO_DUMP, f"The folder of {place} cannot be read: {error}."
        ) from None
    finished_before = now - timedelta(seconds=quiet_seconds)
    finished = [one for one in found if one.dump.finished_at <= finished_before]
    if not finished:
        raise DrillError(
            Trouble.NO_DUMP,
            f"{place} has no finished dump: {len(found)} match, of which none has been left alone "
            f"for {quiet_seconds:g} s. Is the backup running, and is restore_drill.dumps right?",
        )
    return max(finished, key=lambda one: one.dump.finished_at)


def kind_of(dump: Path) -> Kind:
    """Tell by its first bytes how a dump is to be restored.

    Raises:
        DrillError: it is empty, a folder without its table of contents, or of another format.
    """
    if dump.is_dir():
        if (dump / CONTENTS).exists():
            return Kind.ARCHIVE
        raise DrillError(Trouble.DAMAGED, f"{dump.name} is a folder without {CONTENTS}.")
    with dump.open("rb") as file:
        beginning = file.read(len(max(ARCHIVE_MAGICS, key=len)))
    if not beginning:
        raise DrillError(Trouble.DAMAGED, f"{dump.name} is empty: the backup failed.")
    if beginning.startswith(ARCHIVE_MAGICS):
        return Kind.ARCHIVE
    if beginning.startswith(GZIP_MAGIC):
        return Kind.GZIPPED_SQL
    if beginning.isascii() and b"\0" not in beginning:  # pg_dump begins with a comment
        return Kind.SQL
    raise DrillError(
        Trouble.UNSUITABLE,
        f"{dump.name} is of no format that a drill knows: pg_dump's custom, directory and tar "
        "formats, plain SQL, and that through gzip.",
    )


def _look_at(fs: Any, entry: Mapping[str, Any]) -> FoundDump:
    path, is_folder = entry["name"], entry["type"] == "directory"
    files = fs.find(path) if is_folder else [path]
    dump = Dump(
        name=_name(entry),
        size_bytes=sum(fs.size(file) for file in files),
        # An empty folder has no file yet: as old as itself.
        finished_at=max(fs.modified(file) for file in files or [path]),
    )
    return FoundDump(dump, fs, path, is_folder)


def _name(entry: Mapping[str, Any]) -> str:
    return str(entry["name"]).rstrip("/").rpartition("/")[2]
