"""Bounds a look: what stalls can be given up, but not interrupted."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import copy_context
from threading import Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING

from sancrm_reports.backups.probes.errors import SilentProbeError

if TYPE_CHECKING:
    from sancrm_reports.backups.facts import Facts

UNDER_WAY: dict[str, Lock] = {}  # by the backup's name; held by the look that is under way


def look_within(seconds: float, name: str, look: Callable[[], Facts]) -> Facts:
    """Return what a look gives; give it up after so many seconds.

    A read of a stalled NFS cannot be interrupted, so its thread is left behind. It keeps no process
    from ending, and there is at most one for each backup: a new look begins only after its end. Its
    own late answer is of no use: the time that is in it is of its beginning.

    Raises:
        SilentProbeError: there was no answer in time.
    """
    ends_at = monotonic() + seconds
    under_way = UNDER_WAY.setdefault(name, Lock())
    if under_way.acquire(timeout=seconds):
        answer = _begin(name, look, under_way)
        if wait([answer], timeout=max(0.0, ends_at - monotonic())).done:
            return answer.result()
    raise SilentProbeError(f"The probe did not answer in {seconds:g} s.")


def _begin(name: str, look: Callable[[], Facts], under_way: Lock) -> Future[Facts]:
    """Look in a thread of its own, which sees the context of this one, as Airflow's logs need."""
    answer: Future[Facts] = Future()

    def run() -> None:
        try:
            answer.set_result(look())
        except BaseException as error:
            answer.set_exception(error)
        finally:
            under_way.release()

    thread = Thread(target=copy_context().run, args=(run,), name=f"look-{name}", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # the machine gives no thread now, but may later
        under_way.release()
        raise
    return answer
