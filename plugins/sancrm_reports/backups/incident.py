"""What is to be told of a backup, and when: once per incident, a reminder a day, and its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Self

from pydantic import TypeAdapter

from sancrm_reports.backups.facts import Memory, Window
from sancrm_reports.backups.verdicts import Judgement, Verdict

MEMORY = TypeAdapter(Memory)
# Told of the backup itself: it is never good again, unless it is read again and passes.
BAD_COPY = (Verdict.TOO_SMALL, Verdict.DAMAGED, Verdict.UNVERIFIED, Verdict.BAD_PAGES)


class Telling(StrEnum):
    """What a judgement gives reason to say."""

    NOTHING = "nothing"
    ALERT = "alert"
    REMINDER = "reminder"
    RECOVERY = "recovery"


@dataclass(frozen=True)
class Incident:
    """A row of windows without a good backup.

    ``key`` names its messages; ``alert`` is the judgement that it was told with; ``log_url`` leads
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
    incident: Incident | None = None
    good: dict[str, Any] | None = None
    memory: Memory = field(default_factory=Memory)

    @classmethod
    def from_json(cls, value: Mapping[str, Any] | None) -> Self:
        """Read what ``to_json`` wrote, or begin."""
        if value is None:
            return cls()
        incident = Incident(**value["incident"]) if value["incident"] else None
        memory = MEMORY.validate_python(value.get("memory") or {})
        return cls(**{**value, "incident": incident, "memory": memory})

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {**asdict(self), "memory": MEMORY.dump_python(self.memory, mode="json")}

    @property
    def untold(self) -> Self:
        """What to remember before the alert goes out: should no chat take it, another run tells."""
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


def tell(
    watch: Watch, judgement: Judgement, window: Window, *, today: date, log_url: str = ""
) -> tuple[Telling, Watch]:
    """Return what is to be told, and what to remember once it has been told.

    The same watch and judgement give the same answer: a task that dies between telling and
    remembering says the same again, under the same key. A window before the newest one, as a
    cleared task or a backfill judges it, changes nothing: what counts is how things are now.
    """
    if watch.newest and window.opens_at < datetime.fromisoformat(watch.newest):
        return Telling.NOTHING, watch
    memory = _remember(watch.memory, judgement)
    watch = replace(watch, newest=window.opens_at.isoformat(), memory=memory)
    incident = watch.incident
    if not judgement.verdict.is_bad:
        telling = Telling.RECOVERY if incident else Telling.NOTHING
        return telling, replace(watch, incident=None, good=judgement.to_json())
    if incident is None:
        if watch.good and judgement.last_good is None:
            judgement = replace(judgement, last_good=Judgement.from_json(watch.good).backup)
        number = watch.incidents + 1
        opened = Incident(f"{window.key}.{number}", judgement.to_json(), log_url, today.isoformat())
        return Telling.ALERT, replace(watch, incidents=number, incident=opened)
    if not incident.told_on:
        told = replace(incident, told_on=today.isoformat())
        return Telling.ALERT, replace(watch, incident=told)
    if today.isoformat() <= incident.told_on:
        return Telling.NOTHING, watch
    reminded = replace(incident, told_on=today.isoformat(), day=incident.day + 1)
    return Telling.REMINDER, replace(watch, incident=reminded)
