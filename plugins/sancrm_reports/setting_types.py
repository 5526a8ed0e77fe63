"""The kinds of values that settings have, each with words for a wrong one."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from sancrm_reports.pure.bounds import Bound
from sancrm_reports.pure.kinds import REPORT_KINDS


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise ValueError(
            f"{name!r} is not a time zone; give an IANA name such as Europe/Moscow"
        ) from None
    return name


def _cron(expression: str) -> str:
    from croniter import CroniterBadDateError, croniter

    if len(expression.split()) != 5 or not croniter.is_valid(expression):
        raise ValueError(
            f"{expression!r} is not a cron expression of five fields, such as 0 9 * * 0,2-6"
        )
    try:
        croniter(expression).get_next()
    except CroniterBadDateError:
        raise ValueError(f"{expression!r} never comes: no month has such a day") from None
    return expression


@cache
def shortest_gap(expression: str, times: int = 100) -> timedelta:
    """Return the shortest time between two of the next times of a schedule."""
    from croniter import croniter

    fires = croniter(expression, datetime(2026, 1, 1, tzinfo=UTC), ret_type=datetime)
    found: list[datetime] = [fires.get_next() for _ in range(times)]
    return min(later - earlier for earlier, later in pairwise(found))


def _cron_or_none(expression: str) -> str:
    return _cron(expression) if expression else ""


def check_chat(name: str) -> str:
    """Return a chat as it is written, if it is written as one."""
    if name and not re.fullmatch(r"(-?\d+|@\w{4,})(:\d+)?", name):
        raise ValueError(
            f"{name!r} is not a chat; give an id such as -1001234567890, or @name, and after a "
            "colon a topic's id, or nothing for the chat of the connection"
        )
    return name


def _email(address: str) -> str:
    if not re.fullmatch(r"[!-;=?A-~]+@[A-Za-z0-9.-]+", address) or address.count("@") != 1:
        raise ValueError(f"{address!r} is not an e-mail address such as ops@example.com")
    return address


def _time(text: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError(f"{text!r} is not a time of day; give hours and minutes, such as 10:00")
    return text


def _hours(text: str) -> str:
    start, _, end = text.replace(" ", "").replace("–", "-").partition("-")
    if _time(start) == _time(end):
        raise ValueError(f"{text!r} has no end; give two times, such as 22:00-08:00")
    return f"{start}-{end}"


def _id(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _card_url(pattern: str) -> str:
    from string import Formatter

    try:
        keys = {key for _, key, _, _ in Formatter().parse(pattern) if key is not None}
        pattern.format(id="1", number="1", code="R-1")  # as texts: {id:05d} has no way to write one
    except (ValueError, LookupError, TypeError, AttributeError):
        keys = set()
    if not keys or not keys <= {"id", "number", "code"} or ":" not in pattern:
        raise ValueError(
            f"{pattern!r} is not the address of a repair's card; put {{id}}, {{number}} or "
            "{code} where they belong, just so and without a format, as in https://crm.example.com/repairs/{id}"
        )
    return pattern


def _bound(text: str) -> str:
    Bound.parse(text)
    return text


def _report(name: str) -> str:
    if name not in REPORT_KINDS:
        raise ValueError(f"there is no such report; there are {', '.join(REPORT_KINDS)}")
    return name


Zone = Annotated[str, AfterValidator(_known_zone)]
Cron = Annotated[str, AfterValidator(_cron)]
CronOrNone = Annotated[str, AfterValidator(_cron_or_none)]
ChatName = Annotated[str, AfterValidator(check_chat)]
EmailAddress = Annotated[str, AfterValidator(_email)]
BoundText = Annotated[str, AfterValidator(_bound)]
BranchId = Annotated[str, BeforeValidator(_id), Field(pattern=r"^[A-Za-z0-9_.-]+$")]
ReportId = Annotated[str, AfterValidator(_report)]
TimeOfDay = Annotated[str, AfterValidator(_time)]
HoursOfDay = Annotated[str, AfterValidator(_hours)]
CardUrl = Annotated[str, AfterValidator(_card_url)]


class Section(BaseModel):
    """A table of the settings file: no unknown keys, no change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)
