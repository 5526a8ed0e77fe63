"""What is said of a backup that is not there: the alert, its reminders, and the good end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale

from sancrm_reports.backups.facts import Backup, Window
from sancrm_reports.backups.verdicts import Judgement, Verdict
from sancrm_reports.pure import formatting
from sancrm_reports.pure.messages import Button, Message, render


@dataclass(frozen=True)
class Subject:
    """What is watched, as people know it: ``tool`` is the kind of the probe."""

    database: str
    tool: str
    timezone: str
    window: Window


@dataclass(frozen=True)
class Words:
    """A verdict in words: in short, in a sentence, and what to do first."""

    short: str
    meaning: str
    first: str


TOOLS: Mapping[str, str] = {
    "table": "задание копирования",
    "files": "pg_dump",
    "pgbackrest": "pgBackRest",
    "walg": "WAL-G",
    "barman": "Barman",
}

WORDS: Mapping[Verdict, Words] = {
    Verdict.FAILED: Words(
        "сбой",
        "Копирование закончилось ошибкой.",
        "Устраните причину и запустите копирование заново, не дожидаясь ночи.",
    ),
    Verdict.MISSING: Words(
        "копии нет",
        "К сроку копия не появилась, и об ошибке никто не сообщил.",
        "Проверьте, запускалось ли задание: cron, сам сервер, место на диске.",
    ),
    Verdict.OVERDUE: Words(
        "не успевает",
        "Копирование идёт, но к сроку не закончилось.",
        "Посмотрите, движется ли оно: сеть, диск, блокировки в базе. Не запускайте второе.",
    ),
    Verdict.HUNG: Words(
        "зависло",
        "Копирование идёт много дольше обычного.",
        "Найдите его процесс. Если он не движется, остановите и запустите заново.",
    ),
    Verdict.STALE: Words(
        "сведения устарели",
        "Отчёт о копиях записан до этой ночи.",
        "Проверьте, пишется ли отчёт о копиях.",
    ),
    Verdict.NO_FULL: Words(
        "полной копии давно нет",
        "Полной копии давно нет: частичные держатся на старой.",
        "Проверьте, делаются ли полные копии.",
    ),
    Verdict.REPOSITORY_BEHIND: Words(
        "хранилище отстало",
        "В хранилище давно нет хорошей копии, хотя в другом она есть.",
        "Проверьте это хранилище: доступ к нему, ключи, место.",
    ),
    Verdict.TOO_SMALL: Words(
        "подозрительно мала",
        "Копия гораздо меньше прежних.",
        "Проверьте, все ли таблицы в ней. Прежние копии пока не удаляйте.",
    ),
    Verdict.DAMAGED: Words(
        "повреждена",
        "Копию не прочитать до конца: восстановить базу из неё нельзя.",
        "Сделайте новую копию сейчас. Прежние не удаляйте. Проверьте диск.",
    ),
    Verdict.UNVERIFIED: Words(
        "не проверена",
        "Копия есть, но проверить её не удалось: цела ли она, неизвестно.",
        "Устраните причину и очистите задачу verify_backup в Airflow.",
    ),
    Verdict.CLOCK_AHEAD: Words(
        "часы спешат",
        "Копия датирована будущим: её возраст неизвестен.",
        "Сверьте часы сервера копий и Airflow (NTP).",
    ),
    Verdict.PROBE_BROKEN: Words(
        "узнать не удалось",
        "Есть ли копия, неизвестно: проверка не работает.",
        "Почините доступ к сведениям о копиях. До этого считайте, что копии нет.",
    ),
}


def alert(
    judgement: Judgement,
    subject: Subject,
    *,
    templates: Path,
    log_url: str = "",
    day: int = 1,
    is_rehearsal: bool = False,
) -> Message:
    """Write the alert, or from the second day on a reminder of it."""
    html = render(
        "backup_alert.html.j2",
        templates,
        judgement=judgement,
        backup=judgement.backup,
        subject=subject,
        zone=ZoneInfo(subject.timezone),
        tool=TOOLS[subject.tool],
        words=WORDS[judgement.verdict],
        meaning=_meaning(judgement),
        error=judgement.detail,
        age=_age(judgement),
        day=day,
        is_rehearsal=is_rehearsal,
    )
    return Message(html, _log(log_url))


def recovered(
    told: Judgement,
    good: Judgement,
    subject: Subject,
    *,
    templates: Path,
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
        "words": WORDS[told.verdict],
        "since": _last_moment(told),
        "until": (good.backup and good.backup.moment) or good.at,
        "outage": outage(told, good),
        "is_rehearsal": is_rehearsal,
    }
    edited = render("backup_recovered.html.j2", templates, **values)
    answer = render("backup_answer.html.j2", templates, **values)
    return Message(edited, _log(log_url)), Message(answer)


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


def _meaning(judgement: Judgement) -> str:
    if judgement.usual_size:
        usual = formatting.Formats(Locale("ru"), str).size(judgement.usual_size)
        return f"Копия гораздо меньше прежних: обычно {usual}."
    if place := judgement.repository:
        return f"В хранилище {place} давно нет хорошей копии, хотя в другом она есть."
    return WORDS[judgement.verdict].meaning


def _last_moment(judgement: Judgement) -> datetime | None:
    return judgement.last_good.moment if judgement.last_good else None


def _age(judgement: Judgement) -> timedelta | None:
    last = judgement.last_good
    return judgement.at - last.moment if last and last.moment else None


def _log(url: str) -> Button | None:
    return Button("Журнал в Airflow", url) if url else None
