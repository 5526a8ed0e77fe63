"""What the facts about a database's backups come to: a verdict, and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pydantic import TypeAdapter

from sancrm_reports.backups.facts import (
    CLOCK_TOLERANCE,
    Backup,
    BackupState,
    Facts,
    Window,
    moment_of,
)
from sancrm_reports.backups.redaction import last_line
from sancrm_reports.errors import AlreadyAlertedError, ReportError

if TYPE_CHECKING:
    from sancrm_reports.backups.settings import Limits

SAMPLES_LEAST = 3  # fewer sizes tell nothing of what is usual


class Verdict(StrEnum):
    """What a look at the facts comes to. The first three do not end the wait or the incident."""

    WAITING = "waiting"
    RUNNING = "running"
    OK = "ok"
    FAILED = "failed"
    MISSING = "missing"
    OVERDUE = "overdue"
    HUNG = "hung"
    STALE = "stale"  # the report that tells of backups is an old one
    NO_FULL = "no_full"  # the full backup that the partial ones rest on is too old
    REPOSITORY_BEHIND = "repository_behind"  # one of several has no good backup
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
class Judgement:
    """A verdict with what it rests on, small enough for XCom; it names no customer.

    ``backup`` is the one that the verdict is about, ``last_good`` the newest good one before it;
    ``detail`` is the tool's own line, or says in English for the log why nobody could look: then
    ``cause`` is the code of that error, and ``quote`` the tool's line. ``usual_size`` is in bytes,
    where the backup is too small for it; ``repository`` is the one that is behind the others.
    """

    verdict: Verdict
    at: datetime
    backup: Backup | None = None
    last_good: Backup | None = None
    detail: str = ""
    usual_size: int | None = None
    repository: str = ""
    cause: str = ""
    quote: str = ""

    @property
    def newest_good(self) -> Backup | None:
        """The newest good backup that has a time, the one that was looked for among them."""
        found = self.backup if self.verdict is Verdict.OK else self.last_good
        return found if found and found.moment else None

    def to_json(self) -> dict[str, Any]:
        """Return plain values, times as ISO 8601."""
        return cast("dict[str, Any]", TypeAdapter(Judgement).dump_python(self, mode="json"))

    def because(self, error: ReportError) -> Judgement:
        """Return the same, with why nobody could look, or read."""
        detail = last_line(str(error))
        return replace(self, detail=detail, cause=error.code, quote=last_line(error.quote))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Judgement:
        """Read what ``to_json`` wrote."""
        return TypeAdapter(cls).validate_python(value)


class BadBackupError(AlreadyAlertedError):
    """The window's backup is not good: the task is red, and the alert tells of it."""


class _Found(NamedTuple):
    """What a verdict is about; the names are the judgement's."""

    verdict: Verdict
    backup: Backup | None = None
    detail: str = ""
    usual_size: int | None = None
    repository: str = ""


def judge(
    facts: Facts | None,
    *,
    window: Window,
    now: datetime,
    limits: Limits,
    error: ReportError | None = None,
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
        verdict = Verdict.PROBE_BROKEN if broken else Verdict.WAITING
        return Judgement(verdict, at).because(error) if error else Judgement(verdict, at)
    good = [backup for backup in facts.good if backup.began and backup.began < window.next_at]
    found = _judge(facts, window, now, limits, good)
    last_good = next((b for b in reversed(good) if b != found.backup), None)
    return Judgement(at=at, last_good=last_good, **found._asdict())


def _judge(
    facts: Facts, window: Window, now: datetime, limits: Limits, good: list[Backup]
) -> _Found:
    """Look at what matters most first: the newest backup and its clock, what runs, nothing."""
    ahead, done = _ahead(facts), facts.last(BackupState.DONE, window)
    if ahead and (done in ahead or (not done and now >= window.due_at)):
        return _Found(Verdict.CLOCK_AHEAD, ahead[0])
    if done and done.size == 0 and now < window.due_at:
        return _Found(Verdict.RUNNING, done)  # pg_dump makes its file, then may wait for a lock
    if done:
        oldest = window.opens_at - timedelta(days=limits.full_within_days)
        # Each repository packs in its own way, and rests on its own full ones.
        there = [b for b in good if not facts.repositories or b.where == done.where]
        found = _of_finished(done, limits, there, full_since=oldest)
        behind = _without_backup(facts.repositories, good, since=oldest)
        if behind and found.verdict is Verdict.OK:
            return _Found(Verdict.REPOSITORY_BEHIND, done, repository=behind)
        if ahead and found.verdict is Verdict.OK:
            return found._replace(detail=f"beside it, {ahead[0].label} is dated ahead")
        return found
    running = facts.last(BackupState.RUNNING, window)
    failed = facts.last(BackupState.FAILED, window)
    if running and not (failed and facts.when(failed) > facts.when(running)):
        return _of_running(running, window, now, limits, good)
    if failed:
        return _Found(Verdict.FAILED, failed, failed.error)
    if now < window.due_at:
        return _Found(Verdict.WAITING)
    if facts.observed_at < min(now, window.next_at) - timedelta(minutes=limits.report_minutes):
        return _Found(Verdict.STALE)
    return _Found(Verdict.MISSING)


def _ahead(facts: Facts) -> list[Backup]:
    """Return the backups from the future. Beside tonight's, an old one with such a time is odd."""
    latest = facts.observed_at + CLOCK_TOLERANCE
    return [backup for backup in facts.backups if backup.moment and backup.moment > latest]


def _without_backup(places: tuple[str, ...], good: list[Backup], *, since: datetime) -> str:
    """Return the first repository whose backups are all too old: the others hide that."""
    fresh = {backup.where for backup in good if moment_of(backup) >= since}
    return next((place for place in places if place not in fresh), "")


def _of_finished(
    done: Backup, limits: Limits, good: list[Backup], *, full_since: datetime
) -> _Found:
    if done.damage:
        return _Found(Verdict.DAMAGED, done, done.damage)
    usual = _usual_size(done, limits, good)
    # Of an idle database a partial backup is a few hundred bytes.
    floor = limits.small_bytes if done.is_full else 0
    least = max(floor, int((usual or 0) * limits.small_ratio))
    if done.size is not None and done.size < least:
        return _Found(Verdict.TOO_SMALL, done, usual_size=usual)
    full = [backup for backup in good if backup.is_full]
    if len(full) < len(good) and not (full and moment_of(full[-1]) >= full_since):
        return _Found(Verdict.NO_FULL, done)
    return _Found(Verdict.OK, done)


def _usual_size(done: Backup, limits: Limits, good: list[Backup]) -> int | None:
    """Return the median of the full ones before; a partial one has none: it grows by the day."""
    if not done.is_full:
        return None
    before = [b.size for b in good if b.is_full and moment_of(b) < moment_of(done)]
    sizes = [size for size in before if size is not None][-limits.small_samples :]
    return int(median(sizes)) if len(sizes) >= SAMPLES_LEAST else None


def _of_running(
    running: Backup, window: Window, now: datetime, limits: Limits, good: list[Backup]
) -> _Found:
    took = [b.duration.total_seconds() for b in good if b.duration and b.kind == running.kind]
    usual = median(took[-limits.small_samples :]) if took else 0.0
    hung = timedelta(minutes=limits.hung_minutes)
    longest = max(timedelta(seconds=usual) * limits.hung_factor, hung)
    if running.started_at and now - running.started_at > longest:
        return _Found(Verdict.HUNG, running)
    return _Found(Verdict.OVERDUE if now >= window.due_at else Verdict.RUNNING, running)
