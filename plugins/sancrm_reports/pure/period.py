"""The periods that are reported: whole days, ISO weeks, months and so on, of the account's zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo


class PeriodKind(StrEnum):
    """The length of a period."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class Calendar(NamedTuple):
    """The length of a kind of period, in days or in months of the calendar, and its key's form.

    In a key ``part`` is the number within the year: of a quarter 1 to 4.
    """

    key: str
    days: int = 0
    months: int = 0


CALENDARS = {
    PeriodKind.DAY: Calendar("{start:%Y-%m-%d}", days=1),
    PeriodKind.WEEK: Calendar("{start:%G-W%V}", days=7),
    PeriodKind.MONTH: Calendar("{start:%Y-%m}", months=1),
    PeriodKind.QUARTER: Calendar("{start:%Y}-Q{part}", months=3),
    PeriodKind.YEAR: Calendar("{start:%Y}", months=12),
}


@dataclass(frozen=True)
class Days:
    """Whole days of a zone, ``[start, end)``, whatever the calendar calls them."""

    start: date
    end: date
    timezone: str

    @property
    def starts_at(self) -> datetime:
        """The first instant, in UTC."""
        return _first_instant(self.start, self.timezone)

    @property
    def ends_at(self) -> datetime:
        """The first instant after them, in UTC."""
        return _first_instant(self.end, self.timezone)


@dataclass(frozen=True)
class Period:
    """A half-open period ``[start, end)`` of whole days.

    ``start`` is its first day; the zone decides at which instants its days begin.
    """

    kind: PeriodKind
    start: date
    timezone: str

    @classmethod
    def containing(cls, day: date, *, kind: PeriodKind, timezone: str) -> Period:
        """Return the period of this kind that the day lies in. Weeks begin on Monday."""
        calendar = CALENDARS[kind]
        if calendar.months:
            start = date(day.year, day.month - (day.month - 1) % calendar.months, 1)
        else:
            start = day - timedelta(days=day.weekday() % calendar.days)
        return cls(kind=kind, start=start, timezone=timezone)

    @classmethod
    def last_whole_before(cls, instant: datetime, *, kind: PeriodKind, timezone: str) -> Period:
        """Return the newest period of this kind that was over at the instant."""
        today = instant.astimezone(ZoneInfo(timezone)).date()
        return cls.containing(today, kind=kind, timezone=timezone).before(1)

    @property
    def end(self) -> date:
        """The first day that is no longer in the period."""
        return self.after.start

    @property
    def starts_at(self) -> datetime:
        """The first instant of the period, in UTC."""
        return _first_instant(self.start, self.timezone)

    @property
    def ends_at(self) -> datetime:
        """The first instant after the period, in UTC."""
        return _first_instant(self.end, self.timezone)

    @property
    def after(self) -> Period:
        """The period that begins where this one ends."""
        return self.before(-1)

    @property
    def part(self) -> int:
        """The number of a quarter within its year, from 1; of a month, that of the month."""
        return (self.start.month - 1) // max(CALENDARS[self.kind].months, 1) + 1

    @property
    def key(self) -> str:
        """Name the period in the ledger and in errors: 2026-11-17, 2026-W46, 2026-10, 2026-Q4."""
        return CALENDARS[self.kind].key.format(start=self.start, part=self.part)

    @property
    def days(self) -> list[Period]:
        """The days of the period, as periods of their own."""
        return [
            Period(PeriodKind.DAY, date.fromordinal(day), self.timezone)
            for day in range(self.start.toordinal(), self.end.toordinal())
        ]

    def before(self, count: int) -> Period:
        """Return the period of the same kind that lies so many periods before."""
        calendar = CALENDARS[self.kind]
        if calendar.months:
            month = self.start.year * 12 + self.start.month - 1 - count * calendar.months
            start = date(month // 12, month % 12 + 1, 1)
        else:
            start = self.start - timedelta(days=count * calendar.days)
        return Period(self.kind, start, self.timezone)


def _first_instant(day: date, timezone: str) -> datetime:
    """Return when the day begins, also where a clock change leaves out its midnight.

    PEP 495: a wall time that does not exist is read with the offset before the change, which for
    a left-out midnight is the instant of the change itself.
    """
    return datetime.combine(day, time(), ZoneInfo(timezone)).astimezone(UTC)


def parse_day(value: str) -> date:
    """Read a date such as 2026-11-17.

    Raises:
        ValueError: the text is not a date in this form.
    """
    try:
        return date.fromisoformat(value.strip())
    except ValueError:
        raise ValueError(
            f"{value!r} is not a date. Give a day inside the period as YYYY-MM-DD, "
            "for example 2026-11-17."
        ) from None
