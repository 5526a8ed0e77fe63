"""What the facts about a database's backups come to: a verdict, and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median
from typing import Any, cast

from pydantic import TypeAdapter

from sancrm_reports.backups.facts import (
    CLOCK_TOLERANCE,
    Backup,
    BackupState,
    Facts,
    Window,
    moment_of,
)
from sancrm_reports.errors import ToldError


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
        return cast("dict[str, Any]", TypeAdapter(Judgement).dump_python(self, mode="json"))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Judgement:
        """Read what ``to_json`` wrote."""
        return TypeAdapter(cls).validate_python(value)


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
    fresh = {backup.where for backup in good if moment_of(backup) >= since}
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
    if len(full) < len(good) and not (full and moment_of(full[-1]) >= full_since):
        return Verdict.STALE, done, "full"
    return Verdict.OK, done, ""


def _usual_size(done: Backup, limits: Thresholds, good: list[Backup]) -> int | None:
    """Return the median of the full ones before; a partial one has none: it grows by the day."""
    if not done.is_full:
        return None
    before = [b.size for b in good if b.is_full and moment_of(b) < moment_of(done)]
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
