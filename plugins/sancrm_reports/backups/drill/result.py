"""What a restore drill found, what of it is wrong, and how it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from pydantic import BaseModel, Field

from sancrm_reports.errors import ToldError
from sancrm_reports.pure.formatting import Formats
from sancrm_reports.pure.messages import Message, render

RUSSIAN = Formats(Locale("ru"), str)
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


# What a person reads of a trouble: what it is, and what to do first.
WORDS = {
    Trouble.BROKEN_OFF: (
        "прервано, ничего не проверено",
        "Посмотрите журнал задачи restore_newest_dump и очистите её (Clear)",
    ),
    Trouble.NOT_SET: (
        "не указано, где лежат дампы",
        "Укажите папку и шаблон имени в restore_drill.dumps (include/settings.toml)",
    ),
    Trouble.NO_DUMP: (
        "готового дампа нет",
        "Проверьте, делается ли копия и туда ли смотрит restore_drill.dumps",
    ),
    Trouble.UNREADABLE: (
        "дамп не читается",
        "Дайте пользователю воркера право читать дамп, затем повторите; причина в журнале задачи",
    ),
    Trouble.NO_PROGRAMS: (
        "на воркере нет программ PostgreSQL",
        "Установите пакет postgresql или укажите папку в restore_drill.programs",
    ),
    Trouble.NO_SPACE: (
        "не хватает места на диске",
        "Освободите место или укажите другую папку в restore_drill.scratch_folder",
    ),
    Trouble.NO_SERVER: (
        "нет сервера, куда восстанавливать",
        "Посмотрите в журнале задачи, что ответил PostgreSQL",
    ),
    Trouble.NOT_DROPPED: (
        "временная база не удалена, в ней копия всех данных",
        "Имя базы и причина в журнале задачи: удалите её вручную",
    ),
    Trouble.NO_SOURCE: (
        "дамп восстановлен, но сравнить не с чем: база CRM не прочитана",
        "Проверьте базу CRM и её соединение, затем повторите",
    ),
    Trouble.NEWER: (
        "дамп сделан более новым PostgreSQL, чем тот, куда его восстанавливают",
        "Установите на воркер PostgreSQL не старее, чем у базы CRM",
    ),
    Trouble.UNSUITABLE: (
        "это не дамп одной базы или неизвестный формат",
        "Нужен pg_dump без --create, а не pg_dumpall; или уточните restore_drill.dumps",
    ),
    Trouble.DAMAGED: (
        "дамп повреждён или не дописан",
        "Сделайте копию заново прямо сейчас и проверьте предыдущие",
    ),
    Trouble.REFUSED: (
        "PostgreSQL не принял содержимое дампа",
        "Посмотрите причину в журнале задачи; чаще всего на воркере нет расширения базы",
    ),
    Trouble.REACHES_OUT: (
        "дамп пытался выйти за пределы своей базы",
        "Не восстанавливайте этот дамп на рабочем сервере. Выясните, кто пишет в папку копий и кто "
        "мог изменить базу; виновная строка в журнале задачи",
    ),
    Trouble.NEEDS_RIGHTS: (
        "дампу нужны права суперпользователя, проверка их не даёт",
        "Посмотрите в журнале задачи, чему нужны права: это расширение, класс операторов или "
        "функция, которую мог создать только суперпользователь",
    ),
    Trouble.OLD_PSQL: (
        "psql на воркере слишком старый, чтобы безопасно читать дамп в виде SQL",
        "Обновите клиент PostgreSQL: нужен выпуск августа 2025 года или новее",
    ),
    Trouble.TOO_LARGE: (
        "копия занимает больше места или памяти, чем отведено",
        "Проверьте, тот ли это дамп; если тот, увеличьте restore_drill.disk_limit_gb или "
        "restore_drill.memory_limit_mb",
    ),
    Trouble.TOO_LONG: (
        "не уложилось в отведённое время",
        "Проверьте нагрузку воркера или увеличьте restore_drill.time_limit_minutes",
    ),
}


class DrillError(ToldError):
    """The drill did not pass; the chat of the backup is told why, by a message of its own.

    ``trouble`` is None where the dump was restored, but is not what it should be. ``what`` is more
    of the trouble in the chat's language, without values of rows.
    """

    def __init__(self, trouble: Trouble | None, text: str, *, what: str = "") -> None:
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
    what: str = ""  # of the trouble, in the chat's language
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
class Problem:
    """Something that is wrong, for the chat and for the log."""

    russian: str
    english: str


def problems_of(drill: Drill, *, tolerance_percent: int, newest_row_hours: float) -> list[Problem]:
    """Return what is wrong with a copy that could be restored; nothing if it is sound.

    The source goes on changing after the dump was made, so a table may differ by that percentage
    of its rows, rounded up. A copy without any row of a table that has some is never right.
    """
    found = [_of_table(table, tolerance_percent) for table in drill.tables]
    found.append(_of_age(drill, newest_row_hours))
    return [problem for problem in found if problem]


def shrunk_tables(drill: Drill) -> list[str]:
    """Return the tables that have fewer rows now than in the copy: worth a look, not an alarm."""
    return [
        f"{table.name} (на {RUSSIAN.count(table.restored_rows - table.source_rows)})"
        for table in drill.tables
        if table.restored_rows is not None and table.restored_rows > table.source_rows
    ]


def drill_message(
    drill: Drill, wrong: Sequence[Problem], *, timezone: str, templates: Path
) -> Message:
    """Write what the chat of the backup reads: the verdict, what to do first, the facts."""
    problems, to_do = [problem.russian for problem in wrong], ""
    if drill.trouble:
        verdict, to_do = WORDS[drill.trouble]
        problems = [f"{verdict}: {drill.what}" if drill.what else verdict]
    elif problems:
        to_do = "Не удаляйте прежние копии и проверьте, что и откуда копирует резервное копирование"
    html = render(
        "restore_drill.html.j2",
        templates,
        drill=drill,
        problems=problems,
        to_do=to_do,
        shrunk=[] if wrong else shrunk_tables(drill),
        zone=ZoneInfo(timezone),
    )
    return Message(html)


def _of_table(table: Table, tolerance_percent: int) -> Problem | None:
    now, restored = table.source_rows, table.restored_rows
    if restored is None:
        return Problem(f"таблицы {table.name} нет в копии", f"the copy has no table {table.name!r}")
    allowed = -(-now * tolerance_percent // 100)
    if abs(now - restored) <= allowed and (restored or not now):
        return None
    return Problem(
        f"{table.name}: в копии строк {RUSSIAN.count(restored)}, в базе {RUSSIAN.count(now)}",
        f"{table.name} has {restored} rows in the copy and {now} in the source",
    )


def _of_age(drill: Drill, limit_hours: float) -> Problem | None:
    if drill.newest_at is None:
        return Problem(
            "возраст данных неизвестен: ни у одной записи нет времени",
            "no row of the copy has a time, so nobody knows how old its data is",
        )
    age = drill.started_at - drill.newest_at
    seconds = age.total_seconds()
    if -age > CLOCKS_DIFFER:
        return Problem(
            "у самой новой записи время из будущего, возраст данных неизвестен",
            f"the newest row of the copy has a time in the future, {drill.newest_at.isoformat()}, "
            "so nobody knows how old its data is",
        )
    if seconds <= limit_hours * 3600:
        return None
    return Problem(
        f"данные устарели: самой новой записи {RUSSIAN.duration(seconds)}",
        f"the newest row of the copy is {seconds / 3600:.1f} hours old, above {limit_hours:g}",
    )
