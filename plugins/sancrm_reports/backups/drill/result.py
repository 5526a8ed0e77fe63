"""What a restore drill found, what of it is wrong, and how it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from sancrm_reports.errors import AlreadyAlertedError
from sancrm_reports.pure.language import Language, language_of
from sancrm_reports.pure.messages import Message
from sancrm_reports.pure.templates import Templates

CLOCKS_DIFFER = timedelta(minutes=10)  # by no more than that: a later row's time is wrong


class Trouble(StrEnum):
    """What kept a drill from its end."""

    BROKEN_OFF = "broken_off"
    NOT_SET = "not_set"
    NO_DUMP = "no_dump"
    UNREADABLE = "unreadable"
    NO_PROGRAMS = "no_programs"
    NO_SPACE = "no_space"
    NO_SERVER = "no_server"
    NOT_DROPPED = "not_dropped"
    NO_SOURCE = "no_source"
    NEWER = "newer"
    UNSUITABLE = "unsuitable"
    DAMAGED = "damaged"
    REFUSED = "refused"
    REACHES_OUT = "reaches_out"
    NEEDS_RIGHTS = "needs_rights"
    OLD_PSQL = "old_psql"
    TOO_LARGE = "too_large"
    TOO_LONG = "too_long"


class DrillError(AlreadyAlertedError):
    """The drill did not pass; the chat of the backup is told why, by a message of its own.

    ``trouble`` is None where the dump was restored, but is not what it should be. ``what`` is more
    of the trouble: its code in words.po (``drill.…``), and a name, without values of rows.
    """

    def __init__(
        self, trouble: Trouble | None, text: str, *, what: tuple[str, str] | None = None
    ) -> None:
        super().__init__(text)
        self.trouble = trouble
        self.what = what


class Dump(BaseModel):
    """The file or folder that was restored."""

    name: str
    size_bytes: int
    finished_at: datetime


class Table(BaseModel):
    """The rows of one table now and in the copy; None is a table that the copy does not have."""

    name: str
    source_rows: int
    restored_rows: int | None
    newest_at: datetime | None = None  # of the copy; None: no rows, or rows without a time


class Drill(BaseModel):
    """What is known of a drill. Until it is over, it counts as broken off."""

    started_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    trouble: Trouble | None = Trouble.BROKEN_OFF
    what: tuple[str, str] | None = None  # of the trouble: a code, and a name
    left_out: list[str] = []  # what of the dump was not restored
    is_offline: bool | None = None  # whether nothing could connect; None where nothing ran
    dump: Dump | None = None
    seconds: float | None = None  # until the restored database could be asked
    tables: list[Table] = []

    @property
    def newest_at(self) -> datetime | None:
        """The time of the newest row of the copy."""
        return max((table.newest_at for table in self.tables if table.newest_at), default=None)

    @property
    def took(self) -> timedelta | None:
        """How long the restore took, in whole seconds, one at least."""
        return None if self.seconds is None else timedelta(seconds=max(1, round(self.seconds)))

    @property
    def restored_rows(self) -> int:
        """The rows of the copy, of all tables that were counted."""
        return sum(table.restored_rows or 0 for table in self.tables)

    @property
    def summary(self) -> str:
        """One line for the log and the run's note."""
        name = self.dump.name if self.dump else "no dump"
        network = " with the network in reach" if self.is_offline is False else ""
        return (
            f"{name}: {len(self.tables)} tables with {self.restored_rows} rows, "
            f"restored in {self.seconds or 0:.1f} s{network}"
        )


@dataclass(frozen=True)
class DrillProblem:
    """Something that is wrong: by its code in words.po (``drill.…``), and for the log.

    Of its values, whole numbers are counts.
    """

    code: str
    english: str
    values: dict[str, str | int | timedelta] = field(default_factory=dict)

    def told(self, language: Language) -> str:
        """Return it in words."""
        written = {name: _written(value, language) for name, value in self.values.items()}
        return language.word(f"drill.{self.code}", **written)


def problems_of(
    drill: Drill, *, tolerance_percent: int, newest_row_hours: float
) -> list[DrillProblem]:
    """Return what is wrong with a copy that could be restored; nothing if it is sound.

    The source goes on changing after the dump was made, so a table may differ by that percentage
    of its rows, rounded up. A copy without any row of a table that has some is never right.
    """
    found = [_of_table(table, tolerance_percent) for table in drill.tables]
    found.append(_of_age(drill, newest_row_hours))
    return [problem for problem in found if problem]


def _written(value: str | int | timedelta, language: Language) -> str:
    match value:
        case str():
            return value
        case int():
            return language.formats.count(value)
    return language.formats.length_of_time(value)


def shrunk_tables(drill: Drill) -> list[tuple[str, int]]:
    """Return the tables that lost rows since the copy, and how many: worth a look, no alarm."""
    return [
        (table.name, table.restored_rows - table.source_rows)
        for table in drill.tables
        if table.restored_rows is not None and table.restored_rows > table.source_rows
    ]


def drill_message(
    drill: Drill, wrong: Sequence[DrillProblem], *, timezone: str, templates: Templates
) -> Message:
    """Write what the chat of the backup reads: the verdict, what to do first, the facts."""
    language = language_of(templates)
    problems, to_do = [problem.told(language) for problem in wrong], ""
    if drill.trouble:
        told = [language.word(f"drill.{drill.trouble}")]
        if drill.what:
            code, name = drill.what
            told.append(language.word(f"drill.{code}", name=name))
        problems, to_do = [": ".join(told)], language.word(f"drill.{drill.trouble}.first")
    elif problems:
        to_do = language.word("drill.wrong.first")
    html = language.render(
        "restore_drill.html.j2",
        drill=drill,
        problems=problems,
        to_do=to_do,
        shrunk=[] if wrong else shrunk_tables(drill),
        zone=ZoneInfo(timezone),
    )
    return Message(html)


def _of_table(table: Table, tolerance_percent: int) -> DrillProblem | None:
    now, restored = table.source_rows, table.restored_rows
    if restored is None:
        english = f"the copy has no table {table.name!r}"
        return DrillProblem("no_table", english, {"table": table.name})
    allowed = -(-now * tolerance_percent // 100)
    if abs(now - restored) <= allowed and (restored or not now):
        return None
    return DrillProblem(
        "rows",
        f"{table.name} has {restored} rows in the copy and {now} in the source",
        {"table": table.name, "restored": restored, "source": now},
    )


def _of_age(drill: Drill, limit_hours: float) -> DrillProblem | None:
    if drill.newest_at is None:
        return DrillProblem(
            "no_times",
            "no row of the copy has a time, so nobody knows how old its data is",
        )
    age = drill.started_at - drill.newest_at
    if -age > CLOCKS_DIFFER:
        return DrillProblem(
            "future",
            f"the newest row of the copy has a time in the future, {drill.newest_at.isoformat()}, "
            "so nobody knows how old its data is",
        )
    if age <= timedelta(hours=limit_hours):
        return None
    hours = age / timedelta(hours=1)
    return DrillProblem(
        "old",
        f"the newest row of the copy is {hours:.1f} hours old, above {limit_hours:g}",
        {"age": age},
    )
