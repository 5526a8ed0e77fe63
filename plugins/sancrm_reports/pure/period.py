"""The periods that are reported: whole days, ISO weeks and months of the account's time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from zoneinfo import ZoneInfo

import pendulum


class PeriodKind(StrEnum):
    """The length of a period; the value is the name of pendulum's unit."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


PERIOD_OF_REPORT = {
    "daily": PeriodKind.DAY,
    "weekly": PeriodKind.WEEK,
    "monthly": PeriodKind.MONTH,
}


def report_id(report: str) -> str:
    """Return what a report (``daily``, …) is called in the ledger, whatever its DAG is called."""
    return f"profitability_{report}"


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
        start = pendulum.Date(day.year, day.month, day.day).start_of(kind.value)
        return cls(kind=kind, start=date(start.year, start.month, start.day), timezone=timezone)

    @classmethod
    def last_whole_before(cls, instant: datetime, *, kind: PeriodKind, timezone: str) -> Period:
        """Return the newest period of this kind that was over at the instant."""
        today = instant.astimezone(ZoneInfo(timezone)).date()
        return cls.containing(today, kind=kind, timezone=timezone)._shifted(-1)

    @property
    def end(self) -> date:
        """The first day that is no longer in the period."""
        return self._shifted(1).start

    @property
    def starts_at(self) -> datetime:
        """The first instant of the period, in UTC."""
        return _first_instant(self.start, self.timezone)

    @property
    def ends_at(self) -> datetime:
        """The first instant after the period, in UTC."""
        return _first_instant(self.end, self.timezone)

    @property
    def key(self) -> str:
        """Name the period in the ledger and in errors: 2026-11-17, 2026-W46 or 2026-10."""
        match self.kind:
            case PeriodKind.DAY:
                return self.start.isoformat()
            case PeriodKind.WEEK:
                return f"{self.start:%G-W%V}"
            case PeriodKind.MONTH:
                return f"{self.start:%Y-%m}"

    @property
    def compared_with(self) -> Period:
        """The period to compare with: a week before for a day, else the one just before."""
        return self._shifted(-7 if self.kind is PeriodKind.DAY else -1)

    @property
    def days(self) -> list[Period]:
        """The days of the period, as periods of their own."""
        return [
            Period(PeriodKind.DAY, date.fromordinal(day), self.timezone)
            for day in range(self.start.toordinal(), self.end.toordinal())
        ]

    def _shifted(self, count: int) -> Period:
        start = pendulum.Date(self.start.year, self.start.month, self.start.day)
        moved = start.add(**{f"{self.kind}s": count})
        return Period(self.kind, date(moved.year, moved.month, moved.day), self.timezone)


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
