"""pg_dump's files, on this machine or in Airflow's object storage: which there are, how old."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sancrm_reports.backups.dumps import names
from sancrm_reports.backups.dumps.faults import DamagedError
from sancrm_reports.backups.facts import CLOCK_TOLERANCE
from sancrm_reports.errors import ReportError

log = logging.getLogger(__name__)

CONTENTS = "toc.dat"  # of a dump in the directory format; pg_dump writes it last
TIMES = ("mtime", "LastModified", "last_modified", "updated", "created")  # local, S3, Azure, GCS
WILD = "*?["


class FolderError(ReportError):
    """The folder of dumps cannot be looked into."""

    code = "folder"


@dataclass(frozen=True)
class DumpFile:
    """A dump where it lies: a file, the pieces of one, or a folder with ``toc.dat``.

    ``path`` is one of Airflow's object storage, of the first piece where there are several;
    ``name`` is its name below the folder that was looked into. ``size`` is in bytes, and
    ``written_at``, with a zone, is when the newest of its files was last written: nothing else
    tells when it was finished. ``is_partial`` is told by its name, or by the lack of ``toc.dat``:
    whoever writes it is not done.
    """

    path: Any
    name: str
    size: int
    written_at: datetime
    is_partial: bool = False

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
        parts = parts_of(self.path)
        if self.is_local and len(parts) == 1:
            return Path(self.path.path)
        target = folder / Path(self.name).name
        if len(parts) == 1:
            self.path.fs.get(self.path.path, str(target), recursive=self.path.is_dir())
            return target
        with target.open("wb") as whole:
            for part in parts:
                with part.open("rb") as piece:
                    shutil.copyfileobj(piece, whole)
        return target


def storage_path(place: str, conn_id: str | None = None) -> Any:
    """Return a path of Airflow's object storage; one without a scheme is of this machine."""
    from airflow.sdk import ObjectStoragePath

    return ObjectStoragePath(place if "://" in place else f"file://{place}", conn_id=conn_id)


def split_place(place: str) -> tuple[str, str]:
    """Split a place into the folder that surely is there, and the pattern below it."""
    scheme, mark, rest = place.rpartition("://")
    words = rest.split("/")
    wild = (n for n, word in enumerate(words) if any(sign in word for sign in WILD))
    at = min(next(wild, len(words)), len(words) - 1)
    return f"{scheme}{mark}{'/'.join(words[:at])}", "/".join(words[at:])


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


def parts_of(path: Any) -> list[Any]:
    """Return the pieces of the dump that begins here, in their order; mostly it is itself.

    Raises:
        DamagedError: one in the middle is not there.
    """
    if not names.PART.fullmatch(path.name) or path.is_dir():
        return [path]
    beside = {one.name: one for one in path.parent.iterdir()}
    if names.first_part(path.name, beside) != path.name:
        return [path]
    parts, missing = names.parts_of(path.name, beside)
    if missing:
        raise DamagedError(f"{missing} is missing", code="dump_piece", quote=missing)
    return [beside[name] for name in parts]


def dump_files(folder: Any, pattern: str) -> list[DumpFile]:
    """Return the dumps of a folder whose names match, in the order of their names.

    The pattern may lead through folders, as ``*/crm.dump`` or ``**/*.dump``. A link is followed,
    but a dump is given once, whatever its names. Left out are names that begin with a dot, as a
    shell does, unless rsync is writing them; what lies beside a dump, such as its checksum, unless
    the pattern asks for such; links that lead nowhere, pipes and the like; the objects by which S3
    keeps empty folders; folders without files of pg_dump; and folders closed to this user.

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
    words = pattern.split("/")
    for path, above, beside in _candidates(folder, words):
        first = names.first_part(path.name, beside)
        if first and first != path.name:
            continue  # it comes with the first piece
        name, is_partial = names.final_name(names.whole_name(first) if first else path.name)
        is_partial = is_partial and not first  # crm.dump.part-aa is a piece
        if name.startswith(".") or not any(
            names.is_like(one, words[-1]) for one in {name, path.name}
        ):
            continue
        if names.SIDECARS.fullmatch(name) and not names.SIDECARS.fullmatch(words[-1]):
            continue
        parts = names.parts_of(first, beside)[0] if first else [path.name]
        stats = [stat for part in parts for stat in _stats(beside[part])]
        if not stats:
            continue
        inodes = tuple((stat.st_ino, stat.st_size, stat.st_mtime) for stat in stats if stat.st_ino)
        if (inodes or str(path)) in seen:
            continue  # another name of it
        seen.add(inodes or str(path))
        size = sum(stat.st_size for stat in stats)
        last = max(written_at(stat) for stat in stats)
        shown = names.whole_name(first) if first else path.name
        yield DumpFile(path, f"{above}{shown}", size, last, is_partial or _is_begun(path))


def _candidates(
    folder: Any, words: Sequence[str], above: str = ""
) -> Iterator[tuple[Any, str, Mapping[str, Any]]]:
    """Give what lies where the pattern leads: its path, the folders above, and all beside it."""
    word, *rest = words
    beside = {path.name: path for path in listed(folder)}
    if not rest:
        order = sorted(beside.values(), key=lambda path: (_is_link(path), path.name))
        yield from ((path, above, beside) for path in order)
        return
    if word == "**":
        yield from _candidates(folder, rest, above)
    for name, path in sorted(beside.items()):
        leads_on = not _is_link(path) if word == "**" else names.is_like(name, word)
        if not name.startswith(".") and leads_on and _is_folder(path):
            below = words if word == "**" else rest
            yield from _candidates(path, below, f"{above}{name}/")


def listed(folder: Any) -> list[Any]:
    """List a folder, without the empty object by which S3 keeps it; nothing if it is closed.

    That object is dumps/, and is listed in the folder as dumps/dumps, which is not there.
    """
    try:
        return [path for path in folder.iterdir() if path.name != folder.name or path.exists()]
    except FileNotFoundError:  # gone since
        return []
    except PermissionError:  # such as lost+found: the others are there all the same
        log.warning("%s is skipped: permission denied.", folder)
        return []


def _is_link(path: Any) -> bool:
    return is_local(path) and Path(path.path).is_symlink()


def _is_folder(path: Any) -> bool:
    """Whether it is a folder that may hold dumps, and not a dump itself."""
    return path.is_dir() and not any(map(_is_of_dump, listed(path)))


def _is_of_dump(file: Any) -> bool:
    return file.name == CONTENTS or bool(names.DATA_FILE.fullmatch(file.name))


def _stats(path: Any) -> list[Any]:
    """Return each file of a dump; nothing if it isn't a dump, is closed to us, or is gone."""
    try:
        if not path.is_dir():
            stat = path.stat()
            return [stat] if stat.get("type", "file") == "file" else []
        files = listed(path)
        return [file.stat() for file in files] if any(map(_is_of_dump, files)) else []
    except FileNotFoundError:  # retention took it just now, or a link leads nowhere
        return []
    except PermissionError:
        log.warning("%s is skipped: permission denied.", path)
        return []


def _is_begun(path: Any) -> bool:
    """Whether it is a folder that pg_dump has not finished."""
    return path.is_dir() and all(file.name != CONTENTS for file in listed(path))


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
