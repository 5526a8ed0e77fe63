"""What is known of a database's backups.

Every probe gives the same facts, whatever tool made the backup. What a probe does not know is
None: unknown is neither zero nor good.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import ClassVar

CLOCK_TOLERANCE = timedelta(minutes=10)


class BackupState(StrEnum):
    """What became of one backup, as its tool says."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    NEEDS_WAL = "needs_wal"  # copied, but the WAL without which it cannot be restored is not there


@dataclass(frozen=True)
class Backup:
    """One backup. Sizes are bytes, times are aware.

    ``kind`` is the tool's own word, such as full or incr, empty where every backup is a full one;
    ``where`` is its file or repository; ``error`` is the tool's own line; ``damage`` is what the
    tool found wrong with a backup that it finished; ``progress`` is a share from 0 to 1.
    """

    label: str
    state: BackupState
    started_at: datetime | None = None
    finished_at: datetime | None = None
    size: int | None = None
    kind: str = ""
    where: str = ""
    error: str = ""
    damage: str = ""
    progress: float | None = None

    @property
    def moment(self) -> datetime | None:
        """When it ended, or where that is unknown, began."""
        return self.finished_at or self.started_at

    @property
    def began(self) -> datetime | None:
        """When it began, or where that is unknown, ended: this decides of which window it is."""
        return self.started_at or self.finished_at

    @property
    def is_full(self) -> bool:
        """Whether it needs no other backup."""
        return self.kind in ("", "full")

    @property
    def fingerprint(self) -> str:
        """What tells it from others, also once its file has another name."""
        return f"{self.moment.isoformat()} {self.size}" if self.moment else self.label

    @property
    def duration(self) -> timedelta | None:
        """How long it took, None where an end of it is unknown."""
        if self.started_at and self.finished_at:
            return self.finished_at - self.started_at
        return None


@dataclass(frozen=True)
class Facts:
    """What a probe saw. ``observed_at`` is when that was true: a file's time, not its reading's.

    ``repositories`` are those that each have to hold backups, as ``where`` names them; empty where
    a tool has but one. ``gone`` is the first of them that cannot be read, ``gone_because`` the
    tool's words. ``wal`` says that WAL no longer arrives. ``passed_over`` is of the newest one that
    looked like a backup and is none of these: a code of words.po (``error.…``), and what it is.
    ``tells_ends`` is whether the tool says that a backup is finished: a file never does, it may
    only stand still.
    """

    observed_at: datetime
    backups: tuple[Backup, ...] = ()
    repositories: tuple[str, ...] = ()
    gone: str = ""
    gone_because: str = ""
    wal: str = ""
    passed_over: tuple[str, str] | None = None
    tells_ends: bool = True

    @property
    def good(self) -> list[Backup]:
        """The backups that their tool calls done and sound, oldest first."""
        done = [b for b in self.backups if b.state is BackupState.DONE and not b.damage]
        return sorted((b for b in done if b.moment), key=moment_of)

    def last(self, state: BackupState, window: Window) -> Backup | None:
        """Return the newest backup of a state that belongs to the window."""
        found = [b for b in self.backups if b.state is state and self._is_of(b, window)]
        return max(found, key=self.when, default=None)

    def when(self, backup: Backup) -> datetime:
        """Return when a backup was: what runs and tells no time is of now."""
        return backup.moment or self.observed_at

    def _is_of(self, backup: Backup, window: Window) -> bool:
        is_known = backup.moment is not None or backup.state is BackupState.RUNNING
        began = backup.began or self.observed_at
        return is_known and window.opens_at <= began < window.next_at


@dataclass(frozen=True)
class Memory:
    """What a watch remembers of earlier nights: where few backups are kept, nothing else does.

    ``good`` are full ones that passed, the oldest first; ``bad`` the fingerprints of those that
    were told as bad.
    """

    good: tuple[Backup, ...] = ()
    bad: tuple[str, ...] = ()

    MOST_GOOD: ClassVar[int] = 30
    MOST_BAD: ClassVar[int] = 100

    def with_good(self, backup: Backup) -> Memory:
        """Return the same with one that passed, also if it was told as bad before."""
        bad = tuple(one for one in self.bad if one != backup.fingerprint)
        if not backup.is_full or backup.size is None or backup.moment is None:
            return Memory(self.good, bad)
        kept = {one.fingerprint: one for one in (*self.good, backup)}
        return Memory(tuple(sorted(kept.values(), key=moment_of)[-self.MOST_GOOD :]), bad)

    def with_bad(self, backup: Backup) -> Memory:
        """Return the same with one that is told as bad."""
        kept = dict.fromkeys((*self.bad, backup.fingerprint))
        good = tuple(one for one in self.good if one.fingerprint != backup.fingerprint)
        return Memory(good, tuple(kept)[-self.MOST_BAD :])


@dataclass(frozen=True)
class Window:
    """When one backup is expected: it begins after ``opens_at``, and is done by ``due_at``.

    ``next_at`` is when the next window opens; a backup after that is of that window.
    """

    opens_at: datetime
    due_at: datetime
    next_at: datetime

    @property
    def key(self) -> str:
        """Name the window in keys, in UTC: 2026-11-17T2300Z."""
        return f"{self.opens_at.astimezone(UTC):%Y-%m-%dT%H%MZ}"


def moment_of(backup: Backup) -> datetime:
    """Return when a backup was, for one that is known to tell it."""
    if backup.moment is None:
        raise ValueError(f"{backup.label} has no time")
    return backup.moment
