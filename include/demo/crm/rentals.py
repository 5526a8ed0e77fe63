"""Rentals of the demo: every tool is either out or waiting, never out twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random

from demo.crm.catalogue import RENTAL_TOOLS, RentalTool
from demo.crm.chance import Weighted
from demo.crm.customers import CustomerBook
from demo.crm.network import Branch
from demo.crm.workdays import DAY, WORKING_MINUTES, WorkCalendar, WorkClock

# How often, and for how many days.
_TERMS = Weighted(((40, 1), (22, 2), (13, 3), (5, 4), (5, 5), (7, 7), (3, 10), (3, 14), (2, 30)))
CLEANING_FEE = Decimal("149.90")


@dataclass
class RentalDraft:
    """A rental without its id, which is given in the order of the start."""

    tool_id: int
    customer_id: int
    price_per_day: Decimal
    started_at: datetime
    expected_end_at: datetime
    ended_at: datetime | None
    total: Decimal | None


class RentalMaker:
    """Makes the rentals of one branch."""

    def __init__(self, branch: Branch, calendar: WorkCalendar, customers: CustomerBook) -> None:
        self.branch = branch
        self.calendar = calendar
        self.customers = customers
        self.rng = Random(f"{calendar.seed} rentals {branch.id}")
        self.clock = WorkClock(calendar.start - 400 * DAY)
        self._returned_yesterday = 3 if branch.is_big else 1

    def tool(self, index: int) -> RentalTool:
        """Return the kind of the branch's tool of that index."""
        return RENTAL_TOOLS[(index * 4 + self.branch.id) % len(RENTAL_TOOLS)]

    def price_per_day(self, index: int) -> Decimal:
        """Return what that tool costs a day."""
        return Decimal(self.tool(index).price_per_day).quantize(Decimal("0.00"))

    def rentals_of(self, index: int, tool_id: int) -> Iterator[RentalDraft]:
        """Yield the rentals of a tool; the first tools came back yesterday."""
        calendar = self.calendar
        is_due = index < self._returned_yesterday and calendar.works(
            self.branch, calendar.yesterday
        )
        price = self.price_per_day(index)
        last_day = self.branch.closed_on or calendar.today
        if is_due:
            last_day = calendar.yesterday - 5 * DAY
        yield from self._walk(tool_id, price, last_day, must_return=last_day < calendar.today)
        if is_due:
            started_on = calendar.yesterday - self.rng.randrange(1, 4) * DAY
            yield self._rental(tool_id, price, started_on, 2, calendar.yesterday)

    def _walk(
        self, tool_id: int, price: Decimal, last_day: date, *, must_return: bool
    ) -> Iterator[RentalDraft]:
        """Yield rentals one after another, each with a pause that the season decides."""
        rng, calendar = self.rng, self.calendar
        day = max(calendar.start - 30 * DAY, self.branch.opened_on or date.min)
        day += rng.randrange(20) * DAY
        while day <= last_day:
            if calendar.works(self.branch, day):
                term = self._term(day)
                end = self._return_day(day + (term + self._delay()) * DAY)
                if must_return and end > last_day:
                    return
                rental = self._rental(tool_id, price, day, term, end)
                if rental.started_at >= calendar.cutoff:
                    return
                if rental.ended_at is None or rental.ended_at.date() >= calendar.start:
                    yield rental
                if rental.ended_at is None:
                    return
                day = end
            pause = (1 + rng.random() * 22) / max(calendar.demand(self.branch, day), 0.4)
            day += max(1, int(pause)) * DAY

    def _term(self, day: date) -> int:
        if (day.month, day.day) >= (12, 26) and self.rng.random() < 0.6:
            return self.rng.randrange(8, 14)  # over the holidays
        return _TERMS.pick(self.rng)

    def _delay(self) -> int:
        return self.rng.choice((0, 0, 0, 0, 0, 0, 0, 1, 1, 3))

    def _return_day(self, day: date) -> date:
        """Return the first day from that one on on which the branch takes a tool back."""
        while self._is_quiet(day):
            day += DAY
        return day

    def _is_quiet(self, day: date) -> bool:
        if self.branch.closed_on and day > self.branch.closed_on:
            return False
        holidays = day.month == 1 and day.day <= 3 and day != self.calendar.yesterday
        return holidays or not self.calendar.works(self.branch, day)

    def _rental(self, tool_id: int, price: Decimal, day: date, term: int, end: date) -> RentalDraft:
        rng, clock = self.rng, self.clock
        last_minute = 140 if day == self.calendar.today else WORKING_MINUTES
        start_minute = rng.randrange(last_minute)
        started_at = clock.moment(clock.minute(day, start_minute), rng)
        # Most bring it back within the hour agreed on, the others start another day.
        latest = start_minute if rng.random() < 0.7 else WORKING_MINUTES
        ended_at = clock.moment(clock.minute(end, rng.randrange(max(latest, 1))), rng)
        draft = RentalDraft(
            tool_id,
            self.customers.pick(rng),
            price,
            started_at,
            started_at + term * DAY,
            ended_at,
            _total(rng, price, started_at, ended_at),
        )
        if ended_at >= self.calendar.cutoff:
            draft.ended_at = draft.total = None
        return draft


def _total(rng: Random, price: Decimal, started_at: datetime, ended_at: datetime) -> Decimal:
    """Return the price of the days begun, less a tenth from a week on, plus cleaning."""
    days = max(1, -(-(ended_at - started_at) // timedelta(days=1)))
    total = price * days
    if days >= 7:
        total = (total * 9 / 10).quantize(Decimal("0.00"))
    return total + CLEANING_FEE if rng.random() < 0.04 else total
