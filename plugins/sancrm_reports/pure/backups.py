"""What is known of a database's backups, and what it comes to: facts to a verdict.

Every probe gives the same facts, whatever tool made the backup. What a probe does not know is
None: unknown is neither zero nor good.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from statistics import median
from typing import Any, Self

from sancrm_reports.errors import ToldError

CLOCK_TOLERANCE = timedelta(minutes=10)


class BackupState(StrEnum):
    """What became of one backup, as its tool says."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Verdict(StrEnum):
    """What a look at the facts comes to. The first three do not end the wait or the incident."""

    WAITING = "waiting"
    RUNNING = "running"
    OK = "ok"
    FAILED = "failed"
    MISSING = "missing"
    OVERDUE = "overdue"
    HUNG = "hung"
    STALE = "stale"
    TOO_SMALL = "too_small"
    DAMAGED = "damaged"
    UNVERIFIED = "unverified"
    CLOCK_AHEAD = "clock_ahead"
    PROBE_BROKEN = "probe_broken"

    @property
    def is_final(self) -> bool:
        """Whether waiting longer is of no use."""
        return self not in (Verdict.WAITING, Verdict.RUNNING)

    @property
    def is_bad(self) -> bool:
        """Whether somebody must be told."""
        return self.is_final and self is not Verdict.OK


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
    def duration(self) -> timedelta | None:
        """How long it took, None where an end of it is unknown."""
        if self.started_at and self.finished_at:
            return self.finished_at - self.started_at
        return None


@dataclass(frozen=True)
class Facts:
    """What a probe saw. ``observed_at`` is when that was true: a file's time, not its reading's.

    ``repositories`` are those that each have to hold backups, as ``where`` names them; empty where
    a tool has but one.
    """

    observed_at: datetime
    backups: tuple[Backup, ...] = ()
    repositories: tuple[str, ...] = ()

    @property
    def good(self) -> list[Backup]:
        """The backups that their tool calls done and sound, oldest first."""
        done = [b for b in self.backups if b.state is BackupState.DONE and not b.damage]
        return sorted((b for b in done if b.moment), key=_moment)

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


@dataclass(frozen=True)
class Thresholds:
    """When a backup is wrong; what each means is in docs/settings.md."""

    small_ratio: float = 0.5
    small_bytes: int = 1024
    small_samples: int = 7
    small_samples_least: int = 3
    hung_factor: float = 3
    hung: timedelta = timedelta(hours=1)
    full_within: timedelta = timedelta(days=14)
    report: timedelta = timedelta(hours=1)
    probe_errors: int = 3


@dataclass(frozen=True)
class Judgement:
    """A verdict with what it rests on, small enough for XCom; it names no customer.

    ``backup`` is the one that the verdict is about, ``last_good`` the newest good one before it;
    ``detail`` is the tool's or the probe's own line, or what the verdict needs besides.
    """

    verdict: Verdict
    at: datetime
    backup: Backup | None = None
    last_good: Backup | None = None
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain values, times as ISO 8601."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` wrote."""
        return cls(
            verdict=Verdict(value["verdict"]),
            at=datetime.fromisoformat(value["at"]),
            backup=_backup(value["backup"]),
            last_good=_backup(value["last_good"]),
            detail=value["detail"],
        )


class BadBackupError(ToldError):
    """The window's backup is not good: the task is red, and the alert tells of it."""


def judge(
    facts: Facts | None,
    *,
    window: Window,
    now: datetime,
    limits: Thresholds,
    error: str = "",
    errors: int = 0,
) -> Judgement:
    """Return what the facts mean for the backup of a window.

    Args:
        facts: what the probe saw, None where it could not look.
        window: which backup is expected.
        now: the moment of looking.
        limits: the thresholds.
        error: why the probe could not look.
        errors: how many times in a row that was so.
    """
    at = min(now, window.next_at)  # of an earlier window is told what was true then
    if facts is None:
        broken = now >= window.due_at or errors >= limits.probe_errors
        return Judgement(Verdict.PROBE_BROKEN if broken else Verdict.WAITING, at, detail=error)
    good = [backup for backup in facts.good if backup.began and backup.began < window.next_at]
    verdict, backup, detail = _judge(facts, window, now, limits, good)
    last_good = next((b for b in reversed(good) if b != backup), None)
    return Judgement(verdict, at, backup, last_good, detail)


def _judge(
    facts: Facts, window: Window, now: datetime, limits: Thresholds, good: list[Backup]
) -> tuple[Verdict, Backup | None, str]:
    """Look at what matters most first: a clock that lies, the newest backup, what runs, nothing."""
    if ahead := _ahead(facts):
        return Verdict.CLOCK_AHEAD, ahead, ""
    if done := facts.last(BackupState.DONE, window):
        oldest = window.opens_at - limits.full_within
        # Each repository packs in its own way, and rests on its own full ones.
        there = [b for b in good if not facts.repositories or b.where == done.where]
        found = _of_finished(done, limits, there, full_since=oldest)
        lonely = _without_backup(facts.repositories, good, since=oldest)
        return (Verdict.STALE, done, lonely) if lonely and found[0] is Verdict.OK else found
    running = facts.last(BackupState.RUNNING, window)
    failed = facts.last(BackupState.FAILED, window)
    if running and not (failed and facts.when(failed) > facts.when(running)):
        return _of_running(running, window, now, limits, good)
    if failed:
        return Verdict.FAILED, failed, failed.error
    if now < window.due_at:
        return Verdict.WAITING, None, ""
    if facts.observed_at < min(now, window.next_at) - limits.report:
        return Verdict.STALE, None, "report"
    return Verdict.MISSING, None, ""


def _ahead(facts: Facts) -> Backup | None:
    """Return a backup from the future: a wrong clock makes every other verdict worthless."""
    latest = facts.observed_at + CLOCK_TOLERANCE
    return next((b for b in facts.backups if b.moment and b.moment > latest), None)


def _without_backup(places: tuple[str, ...], good: list[Backup], *, since: datetime) -> str:
    """Return the first repository whose backups are all too old: the others hide that."""
    fresh = {backup.where for backup in good if _moment(backup) >= since}
    return next((place for place in places if place not in fresh), "")


def _of_finished(
    done: Backup, limits: Thresholds, good: list[Backup], *, full_since: datetime
) -> tuple[Verdict, Backup, str]:
    if done.damage:
        return Verdict.DAMAGED, done, done.damage
    usual = _usual_size(done, limits, good)
    least = max(limits.small_bytes, int((usual or 0) * limits.small_ratio))
    if done.size is not None and done.size < least:
        return Verdict.TOO_SMALL, done, str(usual or "")
    full = [backup for backup in good if backup.is_full]
    if len(full) < len(good) and not (full and _moment(full[-1]) >= full_since):
        return Verdict.STALE, done, "full"
    return Verdict.OK, done, ""


def _usual_size(done: Backup, limits: Thresholds, good: list[Backup]) -> int | None:
    """Return the median of the full ones before; a partial one has none: it grows by the day."""
    if not done.is_full:
        return None
    before = [b.size for b in good if b.is_full and _moment(b) < _moment(done)]
    sizes = [size for size in before if size is not None][-limits.small_samples :]
    return int(median(sizes)) if len(sizes) >= limits.small_samples_least else None


def _of_running(
    running: Backup, window: Window, now: datetime, limits: Thresholds, good: list[Backup]
) -> tuple[Verdict, Backup, str]:
    took = [b.duration.total_seconds() for b in good if b.duration and b.kind == running.kind]
    usual = median(took[-limits.small_samples :]) if took else 0.0
    longest = max(timedelta(seconds=usual) * limits.hung_factor, limits.hung)
    if running.started_at and now - running.started_at > longest:
        return Verdict.HUNG, running, ""
    return (Verdict.OVERDUE if now >= window.due_at else Verdict.RUNNING), running, ""


def _moment(backup: Backup) -> datetime:
    if backup.moment is None:
        raise ValueError(f"{backup.label} has no time")
    return backup.moment


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {name: _plain(one) for name, one in value.items()}
        case datetime():
            return value.isoformat()
        case StrEnum():
            return value.value
        case _:
            return value


def _backup(value: Mapping[str, Any] | None) -> Backup | None:
    if value is None:
        return None
    times = {
        name: datetime.fromisoformat(value[name]) if value[name] else None
        for name in ("started_at", "finished_at")
    }
    known = {field.name: value[field.name] for field in fields(Backup)}
    return Backup(**{**known, **times, "state": BackupState(value["state"])})
