"""The messages about a missing or bad backup: the alert, its reminders, and the end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sancrm_reports.backups.facts import Backup, Window
from sancrm_reports.backups.verdicts import Judgement, Verdict
from sancrm_reports.pure.language import Language, language_of
from sancrm_reports.pure.messages import Button, Message
from sancrm_reports.pure.templates import Templates


@dataclass(frozen=True)
class Subject:
    """What is watched, as people know it.

    ``tool`` is the kind of the probe, ``name`` what the settings call it.
    """

    database: str
    tool: str
    timezone: str
    window: Window
    name: str = ""


def alert(
    judgement: Judgement,
    subject: Subject,
    *,
    templates: Templates,
    log_url: str = "",
    day: int = 1,
    is_rehearsal: bool = False,
) -> Message:
    """Write the alert, or from the second day on a reminder of it."""
    language = language_of(templates)
    html = language.render(
        "backup_alert.html.j2",
        judgement=judgement,
        code=judgement.verdict.value,
        backup=judgement.backup,
        subject=subject,
        zone=ZoneInfo(subject.timezone),
        meaning=_meaning(judgement, language),
        quote=judgement.quote if judgement.cause else judgement.detail,
        age=_age(judgement),
        day=day,
        is_rehearsal=is_rehearsal,
    )
    return Message(html, _log(log_url, language))


def recovered(
    told: Judgement,
    good: Judgement,
    subject: Subject,
    *,
    templates: Templates,
    log_url: str = "",
    is_rehearsal: bool = False,
) -> tuple[Message, Message]:
    """Write what the alert becomes at the good end, and the answer to it.

    Args:
        told: what the alert was told with.
        good: the judgement that ends it.
    """
    values = {
        "subject": subject,
        "zone": ZoneInfo(subject.timezone),
        "backup": good.backup,
        "code": told.verdict.value,
        "since": _last_moment(told),
        "until": (good.backup and good.backup.moment) or good.at,
        "outage": outage(told, good),
        "is_rehearsal": is_rehearsal,
    }
    language = language_of(templates)
    edited = language.render("backup_recovered.html.j2", **values)
    answer = language.render("backup_answer.html.j2", **values)
    return Message(edited, _log(log_url, language)), Message(answer)


def outage(told: Judgement, good: Judgement) -> timedelta:
    """Return how long there was no newer good backup: from one to the next, as far as is known."""
    since = _last_moment(told) or told.at
    until = (good.backup and good.backup.moment) or good.at
    return max(until - since, timedelta())


def progress(judgement: Judgement, timezone: str) -> str:
    """Say in the log, in English, what is being waited for."""
    backup = judgement.backup
    if judgement.verdict is Verdict.RUNNING and backup:
        since = (
            f" since {backup.started_at.astimezone(ZoneInfo(timezone)):%H:%M}"
            if (backup.started_at)
            else ""
        )
        share = f", {backup.progress:.0%}" if backup.progress is not None else ""
        size = f", {backup.size:,} bytes" if backup.size else ""
        return f"The backup {backup.label} is running{since}{share}{size}."
    if judgement.detail:
        return f"The probe could not look: {judgement.detail}"
    last = judgement.last_good
    return f"No backup of this window yet; the last good one is {_name(last)}."


def verdict_line(judgement: Judgement) -> str:
    """Say a final verdict in one line of English, for logs and errors."""
    name = judgement.verdict.value.replace("_", " ")
    detail = f": {judgement.detail}" if judgement.detail else ""
    return f"{name}{detail}. Backup: {_name(judgement.backup)}; good: {_name(judgement.last_good)}"


def _name(backup: Backup | None) -> str:
    if backup is None:
        return "none"
    at = f" of {backup.moment:%Y-%m-%d %H:%M %Z}" if backup.moment else ""
    return f"{backup.label or '(unnamed)'}{at}"


def _meaning(judgement: Judgement, language: Language) -> str:
    """Say what the verdict means, and why it is so where a look or a reading failed."""
    code = f"backup.{judgement.verdict}"
    if judgement.usual_size:
        return language.word(f"{code}.usual", size=language.formats.size(judgement.usual_size))
    meaning = language.word(f"{code}.meaning")
    if not judgement.cause:
        return meaning
    cause = language.word(f"error.{judgement.cause}")
    return f"{meaning} {language.word('backup.cause', cause=cause)}"


def _last_moment(judgement: Judgement) -> datetime | None:
    return judgement.last_good.moment if judgement.last_good else None


def _age(judgement: Judgement) -> timedelta | None:
    last = judgement.last_good
    return judgement.at - last.moment if last and last.moment else None


def _log(url: str, language: Language) -> Button | None:
    return Button(language.word("button.log"), url) if url else None
