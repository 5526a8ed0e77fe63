"""Months that are closed for good: their reports are not corrected by themselves any more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self

from sancrm_reports.pure.period import Period, PeriodKind


@dataclass(frozen=True)
class Frozen:
    """The days that are frozen, up to and with ``until``; None: no day is."""

    until: date | None = None

    @classmethod
    def on(cls, today: date, *, until: date | None = None, after_days: int = 0) -> Self:
        """Return what is frozen on a day: by a setting, or so many days after a month's end.

        The later of the two counts. 0 days are never.
        """
        days = [until] if until else []
        if after_days:
            # The newest month that had ended so many days ago.
            days.append((today - timedelta(days=after_days)).replace(day=1) - timedelta(days=1))
        return cls(max(days, default=None))

    def holds(self, period: Period) -> bool:
        """Whether every day of the period is frozen."""
        return self.until is not None and period.end <= self.until + timedelta(days=1)

    def months_from(self, first: date, timezone: str) -> list[Period]:
        """Return the frozen months, from that of a day on."""
        month = Period.containing(first, kind=PeriodKind.MONTH, timezone=timezone)
        months = []
        while self.holds(month):
            months.append(month)
            month = month.after
        return months
