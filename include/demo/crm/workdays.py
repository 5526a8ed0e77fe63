"""When the demo's shops are open and how busy they are.

Only comparisons and the four operations on floats decide anything here, because those give
the same results on every machine; sines and logarithms do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random

from demo.crm.network import MONTHS, Branch, month_start

DAY = timedelta(days=1)
OPENING = time(9, 30)
WORKING_MINUTES = 600
CUTOFF = time(12, 0)  # today's data ends here

# Building and gardening start in April; in January people stay at home.
_MONTH = (0.72, 0.75, 0.86, 1.05, 1.15, 1.16, 1.12, 1.10, 1.10, 1.04, 0.92, 0.86)
_WEEKDAY = (1.14, 1.06, 1.02, 1.00, 1.12, 1.02, 0.64)


@dataclass(frozen=True)
class WorkCalendar:
    """The days of the demo, which end with `today`."""

    today: date
    seed: int

    @property
    def start(self) -> date:
        """Return the first day with movements."""
        return month_start(self.today, MONTHS)

    @property
    def yesterday(self) -> date:
        """Return the day that a daily report of today is about."""
        return self.today - DAY

    @property
    def cutoff(self) -> datetime:
        """Return the moment after which nothing is known."""
        return datetime.combine(self.today, CUTOFF)

    def days(self, branch: Branch) -> Iterator[date]:
        """Yield the days on which a branch has movements."""
        day = max(self.start, branch.opened_on or self.start)
        last = min(self.today, branch.closed_on or self.today)
        while day <= last:
            if self.works(branch, day):
                yield day
            day += DAY

    def works(self, branch: Branch, day: date) -> bool:
        """Tell whether anything is closed or returned in a branch on a day."""
        if branch.opened_on and day < branch.opened_on:
            return False
        if branch.closed_on and day > branch.closed_on:
            return False
        return not branch.rests_weekly or day.weekday() != self._day_off(branch, day)

    def demand(self, branch: Branch, day: date) -> float:
        """Return how busy a branch is on a day, about 1 on average over the year."""
        factor = _MONTH[day.month - 1] * _WEEKDAY[day.weekday()]
        if day.month == 1 and day.day <= 8:
            factor *= 0.2 if day.day > 2 else 0.08
        elif (day.month, day.day) in {(2, 23), (3, 8), (5, 1), (5, 9), (6, 12), (12, 31)}:
            factor *= 0.45
        if branch.opened_on:
            factor *= min(1.0, 0.25 + (day - branch.opened_on).days / 100)
        if branch.closed_on:
            factor *= min(1.0, 0.35 + (branch.closed_on - day).days / 60)
        return factor

    def _day_off(self, branch: Branch, day: date) -> int:
        """Return the weekday on which a small branch has no movements in the day's week."""
        monday = day - day.weekday() * DAY
        weekday = Random(f"{self.seed} {branch.id} {monday}").randrange(7)
        if monday <= self.yesterday < monday + 7 * DAY:
            if branch.rested_yesterday:
                return self.yesterday.weekday()
            # Neither yesterday nor today: only one branch rested yesterday.
            return (self.yesterday.weekday() - 1 - weekday % 5) % 7
        if weekday == self.yesterday.weekday():
            # The same weekday a week ago is what yesterday is compared with.
            return (weekday + 3) % 7
        return weekday


@dataclass(frozen=True)
class WorkClock:
    """Counts working minutes from a day on, so that nothing happens at three in the morning."""

    origin: date

    def minute(self, day: date, minute_of_day: int) -> int:
        """Return the number of a working minute."""
        return (day - self.origin).days * WORKING_MINUTES + minute_of_day

    def moment(self, minute: int, rng: Random) -> datetime:
        """Return the time of a working minute, at a random second of it."""
        days, rest = divmod(minute, WORKING_MINUTES)
        start = datetime.combine(self.origin + days * DAY, OPENING)
        return start + timedelta(minutes=rest, seconds=rng.randrange(60))
