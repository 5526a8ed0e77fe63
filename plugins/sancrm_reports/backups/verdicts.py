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
    Memory,
    Window,
    moment_of,
)
from sancrm_reports.backups.redaction import last_line
from sancrm_reports.errors import AlreadyAlertedError, ReportError

if TYPE_CHECKING:
    from sancrm_reports.backups.settings import Limits

NOTHING_KNOWN = Memory()
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
    REPOSITORY_GONE = "repository_gone"  # one of several cannot be read
    WAL_STALLED = "wal_stalled"  # without more WAL the backup is of little use, or of none
    BAD_PAGES = "bad_pages"  # the database itself is damaged
    OLDER_DAMAGED = "older_damaged"  # tonight's is whole, an earlier one is not
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
    def is_of_others(self) -> bool:
        """Whether the window's backup itself is good."""
        return self in (
            Verdict.REPOSITORY_BEHIND,
            Verdict.REPOSITORY_GONE,
            Verdict.OLDER_DAMAGED,
        )

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
    where the backup is too small for it; ``repository`` is the one that is behind the others;
    ``repositories`` are all, where there are several.
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
    repositories: tuple[str, ...] = ()

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
    cause: str = ""
    quote: str = ""


def judge(
    facts: Facts | None,
    *,
    window: Window,
    now: datetime,
    limits: Limits,
    error: ReportError | None = None,
    errors: int = 0,
    memory: Memory = NOTHING_KNOWN,
) -> Judgement:
    """Return what the facts mean for the backup of a window.

    Args:
        facts: what the probe saw, None where it could not look.
        window: which backup is expected.
        now: the moment of looking.
        limits: the thresholds.
        error: why the probe could not look.
        errors: how many times in a row that was so.
        memory: what is known from earlier nights.
    """
    at = min(now, window.next_at)  # of an earlier window is told what was true then
    if facts is None:
        broken = now >= window.due_at or errors >= limits.probe_errors
        verdict = Verdict.PROBE_BROKEN if broken else Verdict.WAITING
        return Judgement(verdict, at).because(error) if error else Judgement(verdict, at)
    good = [
        backup
        for backup in facts.good
        if backup.began and backup.began < window.next_at and backup.fingerprint not in memory.bad
    ]
    found = _judge(facts, window, now, limits, good, memory)
    if facts.gone and found.verdict in (Verdict.OK, Verdict.NO_FULL, Verdict.MISSING):
        found = _of_gone(facts, window, now, found)
    older = next((b for b in reversed(good) if b != found.backup), None)
    last_good = found.backup or older if found.verdict.is_of_others else older
    return Judgement(at=at, last_good=last_good, repositories=facts.repositories, **found._asdict())


def _judge(
    facts: Facts,
    window: Window,
    now: datetime,
    limits: Limits,
    good: list[Backup],
    memory: Memory,
) -> _Found:
    """Look at what matters most first: the newest backup and its clock, what runs, nothing."""
    ahead, done = _ahead(facts), facts.last(BackupState.DONE, window)
    is_due = now >= window.due_at
    if ahead and (done in ahead or (not done and is_due)):
        return _Found(Verdict.CLOCK_AHEAD, ahead[0])
    if done:
        found = _of_done(facts, done, window, limits, good, memory)
        is_small = found.verdict is Verdict.TOO_SMALL
        if is_small and not is_due and (done.size == 0 or not facts.tells_ends):
            return _Found(Verdict.RUNNING, done)  # it may wait for a lock, or for its disk
        if found.verdict is Verdict.WAL_STALLED and not is_due:
            return _Found(Verdict.RUNNING, done)
        if ahead and found.verdict is Verdict.OK:
            return found._replace(detail=f"beside it, {ahead[0].label} is dated ahead")
        return found
    running = facts.last(BackupState.RUNNING, window)
    copied = facts.last(BackupState.NEEDS_WAL, window)
    failed = facts.last(BackupState.FAILED, window)
    pending = max(filter(None, (running, copied)), key=facts.when, default=None)
    if pending and not (failed and facts.when(failed) > facts.when(pending)):
        if pending is running:
            return _of_running(running, window, now, limits, good)
        return _Found(Verdict.WAL_STALLED if is_due else Verdict.RUNNING, pending)
    if failed:
        return _Found(Verdict.FAILED, failed, failed.error)
    if now < window.due_at:
        return _Found(Verdict.WAITING)
    if facts.observed_at < min(now, window.next_at) - timedelta(minutes=limits.report_minutes):
        return _Found(Verdict.STALE)
    code, quote = facts.passed_over or ("", "")
    return _Found(Verdict.MISSING, detail=quote, cause=code, quote=quote)


def _of_done(
    facts: Facts,
    done: Backup,
    window: Window,
    limits: Limits,
    good: list[Backup],
    memory: Memory,
) -> _Found:
    """Judge the newest one of the window, and then what is beside it."""
    oldest = window.opens_at - timedelta(days=limits.full_within_days)

    def is_there(backup: Backup) -> bool:
        # Each repository packs in its own way, and rests on its own full ones.
        return not facts.repositories or backup.where == done.where

    there = [backup for backup in good if is_there(backup)]
    known = [backup for backup in memory.good if is_there(backup)]
    found = _of_finished(done, limits, there, known, full_since=oldest)
    if found.verdict is not Verdict.OK:
        return found
    if facts.wal:
        return _Found(Verdict.WAL_STALLED, done, detail=facts.wal)
    readable = tuple(place for place in facts.repositories if place != facts.gone)
    if behind := _without_backup(readable, good, since=oldest):
        return _Found(Verdict.REPOSITORY_BEHIND, done, repository=behind)
    return found


def _of_gone(facts: Facts, window: Window, now: datetime, found: _Found) -> _Found:
    """Name the repository that cannot be read, from the deadline on: before, it may come back.

    What is missing in the others may be in that one.
    """
    if now < window.due_at:
        return found._replace(verdict=Verdict.WAITING)
    return _Found(
        Verdict.REPOSITORY_GONE, found.backup, detail=facts.gone_because, repository=facts.gone
    )


def _ahead(facts: Facts) -> list[Backup]:
    """Return the backups from the future. Beside tonight's, an old one with such a time is odd."""
    latest = facts.observed_at + CLOCK_TOLERANCE
    return [backup for backup in facts.backups if backup.moment and backup.moment > latest]


def _without_backup(places: tuple[str, ...], good: list[Backup], *, since: datetime) -> str:
    """Return the first repository whose backups are all too old: the others hide that."""
    fresh = {backup.where for backup in good if moment_of(backup) >= since}
    return next((place for place in places if place not in fresh), "")


def _of_finished(
    done: Backup,
    limits: Limits,
    good: list[Backup],
    known: list[Backup],
    *,
    full_since: datetime,
) -> _Found:
    if done.damage:
        return _Found(Verdict.BAD_PAGES, done, done.damage)
    usual = _usual_size(done, limits, [*known, *good])
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
    """Return the median of the full ones before; a partial one has none: it grows by the day.

    That of many more nights, too, where it is larger: what shrinks a little every night is always
    near the last ones.
    """
    if not done.is_full:
        return None
    before = {b.fingerprint: b for b in good if b.is_full and moment_of(b) < moment_of(done)}
    since = limits.sizes_since
    sizes = [
        backup.size
        for backup in sorted(before.values(), key=moment_of)
        if backup.size is not None and not (since and moment_of(backup).date() < since)
    ]
    if len(sizes) < SAMPLES_LEAST:
        return None
    return int(max(median(sizes[-limits.small_samples :]), median(sizes[-Memory.MOST_GOOD :])))


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
