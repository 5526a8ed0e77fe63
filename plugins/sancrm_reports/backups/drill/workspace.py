"""A folder for what a drill makes, which goes with the drill, however that ends."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sancrm_reports.backups.drill.result import DrillError, Trouble


@contextmanager
def workspace(parent: Path) -> Iterator[Path]:
    """Make a folder and remove it at the end; first remove those whose drill was killed.

    A drill that is going on holds a lock on its folder, of which the kernel lets go however the
    process ends.

    Raises:
        DrillError: there can be no folder.
    """
    prefix = f"sancrm-drill-{os.geteuid()}-"
    with ExitStack() as held:
        try:
            # Two drills at once: neither takes the other's new folder for a dead one's.
            with _locked(parent):
                _remove_dead(parent, prefix)
                folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
                held.enter_context(_locked(folder))
                held.callback(shutil.rmtree, folder)
        except OSError as error:
            raise DrillError(
                Trouble.NO_SPACE,
                f"There can be no scratch folder in {parent}: {error}. Set "
                "restore_drill.scratch_folder in include/settings.toml.",
            ) from None
        yield folder


def check_space(folder: Path, *, needed_bytes: int) -> None:
    """Make sure that there is so much room.

    Raises:
        DrillError: there is not.
    """
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise DrillError(
            Trouble.NO_SPACE,
            f"{folder.parent} has {free / 1e6:.0f} MB free, and the drill needs "
            f"{needed_bytes / 1e6:.0f} MB. Make room, or set restore_drill.scratch_folder.",
        )


def _remove_dead(parent: Path, prefix: str) -> None:
    for folder in parent.glob(f"{prefix}*"):
        with suppress(BlockingIOError), _locked(folder, fcntl.LOCK_NB):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path, how: int = 0) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | how)
        yield
    finally:
        os.close(handle)
