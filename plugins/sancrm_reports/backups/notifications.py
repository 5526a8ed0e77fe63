"""Which notification a judgement of a backup calls for: an alert, a reminder a day, a recovery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Self, cast

from pydantic import TypeAdapter

from sancrm_reports.backups.facts import Memory, Window
from sancrm_reports.backups.verdicts import Judgement, Verdict

MEMORY = TypeAdapter(Memory)
# Told of the backup itself: it is never good again, unless it is read again and passes.
BAD_COPY = (Verdict.TOO_SMALL, Verdict.DAMAGED, Verdict.UNVERIFIED, Verdict.BAD_PAGES)


class Notification(StrEnum):
    """What a chat gets after a judgement."""

    NONE = "none"
    ALERT = "alert"
    REMINDER = "reminder"
    RECOVERY = "recovery"


@dataclass(frozen=True)
class BackupIncident:
    """A row of windows without a good backup.

    ``key`` names its messages; ``alert`` is the judgement of its alert; ``log_url`` leads
    to what was seen then; ``told_on`` is the day of the last message, empty while no chat has taken
    one; ``day`` counts these.
    """

    key: str
    alert: dict[str, Any]
    log_url: str
    told_on: str
    day: int = 1


@dataclass(frozen=True)
class Watch:
    """What is remembered of a backup between runs.

    ``newest`` is the last window's start, ``good`` the judgement of the last good one: a probe that
    is broken cannot tell it. ``memory`` is what later nights are judged by.
    """

    newest: str = ""
    incidents: int = 0
    incident: BackupIncident | None = None
    good: dict[str, Any] | None = None
    memory: Memory = field(default_factory=Memory)

    @classmethod
    def from_json(cls, value: Mapping[str, Any] | None) -> Self:
        """Read what ``to_json`` wrote, or begin."""
        return TypeAdapter(cls).validate_python(value or {})

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return cast("dict[str, Any]", TypeAdapter(type(self)).dump_python(self, mode="json"))

    @property
    def unsent(self) -> Self:
        """What to remember before the alert is sent: if no chat takes it, another run sends it."""
        return replace(self, incident=self.incident and replace(self.incident, told_on=""))


def note_of(name: str) -> str:
    """Return the name of the ledger's note about a backup."""
    return f"backup_watch|{name}"


def _remember(memory: Memory, judgement: Judgement) -> Memory:
    """Learn from a backup that passed, and never from one that is told as bad."""
    if judgement.backup is None:
        return memory
    if judgement.verdict is Verdict.OK:
        return memory.with_good(judgement.backup)
    return memory.with_bad(judgement.backup) if judgement.verdict in BAD_COPY else memory


def notification_for(
    watch: Watch, judgement: Judgement, window: Window, *, today: date, log_url: str = ""
) -> tuple[Notification, Watch]:
    """Return what is to be sent, and what to remember once it has been sent.

    The same watch and judgement give the same answer: a task that dies between sending and
    remembering sends the same again, under the same key. A window before the newest one, as a
    cleared task or a backfill judges it, changes nothing: what counts is how things are now.
    """
    if watch.newest and window.opens_at < datetime.fromisoformat(watch.newest):
        return Notification.NONE, watch
    memory = _remember(watch.memory, judgement)
    watch = replace(watch, newest=window.opens_at.isoformat(), memory=memory)
    incident = watch.incident
    if not judgement.verdict.is_bad:
        notification = Notification.RECOVERY if incident else Notification.NONE
        return notification, replace(watch, incident=None, good=judgement.to_json())
    if incident is None:
        if watch.good and judgement.last_good is None:
            judgement = replace(judgement, last_good=Judgement.from_json(watch.good).backup)
        number = watch.incidents + 1
        opened = BackupIncident(
            f"{window.key}.{number}", judgement.to_json(), log_url, today.isoformat()
        )
        return Notification.ALERT, replace(watch, incidents=number, incident=opened)
    if not incident.told_on:
        sent = replace(incident, told_on=today.isoformat())
        return Notification.ALERT, replace(watch, incident=sent)
    if today.isoformat() <= incident.told_on:
        return Notification.NONE, watch
    reminded = replace(incident, told_on=today.isoformat(), day=incident.day + 1)
    return Notification.REMINDER, replace(watch, incident=reminded)
