"""Repairs of the demo: made backwards from the day on which they were closed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random

from demo.crm import routes
from demo.crm.catalogue import (
    CATEGORIES,
    DEVICES,
    DIAGNOSTICS,
    PARTS,
    SERVICES,
    Device,
    Part,
    Service,
)
from demo.crm.chance import Weighted
from demo.crm.customers import CustomerBook
from demo.crm.network import Branch
from demo.crm.workdays import DAY, WORKING_MINUTES, WorkCalendar, WorkClock

ZERO = Decimal("0.00")
REOPENED_COMMENT = "Гарантийное обращение: неисправность повторилась"

_SERVICES_BY_CATEGORY = {
    category: [service for service in SERVICES if service.category == category]
    for category in CATEGORIES
}
_PARTS_BY_CATEGORY = {
    category: [part for part in PARTS if part.category == category] for category in CATEGORIES
}
_DEVICES = Weighted((device.weight, device) for device in DEVICES)
_PARTS_ON_REPAIR = Weighted(((22, 0), (42, 1), (25, 2), (11, 3)))


@dataclass
class Change:
    """A status change."""

    code: str
    changed_at: datetime
    comment: str | None = None


@dataclass
class ServiceLine:
    """A service on a repair; the discount is of the whole line."""

    name: str
    price: Decimal
    quantity: Decimal
    discount: Decimal = ZERO


@dataclass
class PartLine:
    """A part on a repair; the discount is of the whole line."""

    name: str
    quantity: Decimal
    purchase_price: Decimal | None
    sale_price: Decimal
    discount: Decimal = ZERO
    is_written_off: bool = True


@dataclass
class RepairDraft:
    """A repair without its number, which is given in the order of acceptance."""

    branch: Branch
    customer_id: int
    device: Device
    changes: list[Change]
    services: list[ServiceLine] = field(default_factory=list)
    parts: list[PartLine] = field(default_factory=list)
    prepayment: Decimal = ZERO
    needs_callback: bool = False

    @property
    def accepted_at(self) -> datetime:
        """Return the time of the first status."""
        return self.changes[0].changed_at


class RepairMaker:
    """Makes the repairs of one branch."""

    def __init__(self, branch: Branch, calendar: WorkCalendar, customers: CustomerBook) -> None:
        self.branch = branch
        self.calendar = calendar
        self.customers = customers
        self.rng = Random(f"{calendar.seed} repairs {branch.id}")
        self.clock = WorkClock(calendar.start - 400 * DAY)

    def closed(self) -> Iterator[RepairDraft]:
        """Yield the closed repairs of all days."""
        for day in self.calendar.days(self.branch):
            for _ in range(self._closings(day)):
                yield self._closed_on(day)

    def still_open(self) -> Iterator[RepairDraft]:
        """Yield the repairs that are in the shop today, none of which waits for a call."""
        if not self.branch.is_active:
            return
        for _ in range(int(self.branch.daily_repairs * 4) + 3):
            draft = self.open_repair(routes.OPEN_ROUTES.pick(self.rng))
            status = draft.changes[-1].code
            # Staff flag other repairs too; only Готов and Подбор are to be reported.
            others = status not in {"ready", "selection"}
            draft.needs_callback = others and self.rng.random() < 0.06
            yield draft

    def close(self, day: date, route: routes.Route, *, at_night: bool = False) -> RepairDraft:
        """Return a repair without lines that went this way and was closed on the day."""
        rng = self.rng
        last_minute = 140 if day == self.calendar.today else WORKING_MINUTES
        closed = self.clock.minute(day, 0 if at_night else rng.randrange(20, last_minute))
        steps = len(route)
        waits = any(code in routes.WAITING_FOR_PARTS for code in route)
        days = rng.randrange(5, 21) if waits or steps > 9 else rng.randrange(1, 6)
        accepted = max(
            closed - days * WORKING_MINUTES + rng.randrange(-200, 200),
            self._first_minute(),
        )
        changes = self._history(route, accepted, max(closed, accepted + steps * 5))
        midnight = datetime.combine(day, time.min)
        if at_night and changes[-2].changed_at < midnight:
            changes[-1].changed_at = midnight + timedelta(seconds=rng.randrange(60, 5400))
        return RepairDraft(self.branch, self.customers.pick(rng), self._device(), changes)

    def open_repair(self, route: routes.Route) -> RepairDraft:
        """Return a repair that went this way and is still in the last status."""
        rng = self.rng
        now = self.clock.minute(self.calendar.today, 140)
        last = now - rng.randrange(10, 4 * WORKING_MINUTES)
        waits = rng.randrange(1, 12) * WORKING_MINUTES if len(route) > 1 else 0
        accepted = max(last - waits, self._first_minute())
        changes = self._history(route, accepted, max(last, accepted + len(route) * 5))
        draft = RepairDraft(self.branch, self.customers.pick(rng), self._device(), changes)
        if route[-1] in routes.PRICED:
            self.add_lines(draft, written_off=route[-1] not in routes.WAITING_FOR_PARTS)
        if route[-1] in routes.WAITING_FOR_PARTS or rng.random() < 0.15:
            draft.prepayment = Decimal(rng.randrange(5, 31) * 100).quantize(ZERO)
        return draft

    def add_lines(self, draft: RepairDraft, *, written_off: bool = True) -> None:
        """Add services and parts that suit the device."""
        rng, category = self.rng, draft.device.category
        services = _SERVICES_BY_CATEGORY[category]
        for service in rng.sample(services, 2 if rng.random() < 0.36 else 1):
            draft.services.append(service_line(rng, service))
        count = _PARTS_ON_REPAIR.pick(rng)
        for part in rng.sample(_PARTS_BY_CATEGORY[category], count):
            draft.parts.append(part_line(rng, part, written_off=written_off))

    def _closings(self, day: date) -> int:
        """Return how many repairs the branch closes on a day."""
        calendar, branch = self.calendar, self.branch
        expected = branch.daily_repairs * calendar.demand(branch, day)
        expected *= 0.65 + 0.7 * self.rng.random()
        if day == calendar.today:
            expected *= 0.3
        count = int(expected + self.rng.random())
        if day == calendar.today:
            return max(count, 1 if branch.is_big else 0)
        if day == calendar.yesterday and branch.lost_yesterday:
            return 2
        if day in (calendar.yesterday, calendar.yesterday - 7 * DAY):
            # The day that is reported, and the one that it is compared with.
            count = max(count, 5 if branch.is_big else 2)
        return count

    def _closed_on(self, day: date) -> RepairDraft:
        rng = self.rng
        kind = rng.random()
        if day == self.calendar.yesterday:
            kind = max(kind, 0.1)  # what yesterday shows beyond success is in highlights.py
        if kind < 0.03:
            return self._scrapped(day)
        if kind < 0.075:
            draft = self.close(day, routes.REFUSED)
            draft.services.append(service_line(rng, DIAGNOSTICS))
            return draft
        if kind < 0.088:
            draft = self.reopened(day)
        else:
            draft = self.close(day, routes.CLOSED_ROUTES.pick(rng), at_night=rng.random() < 0.006)
        self.add_lines(draft)
        if rng.random() < 0.18:
            draft.prepayment = Decimal(rng.randrange(5, 31) * 100).quantize(ZERO)
        draft.needs_callback = rng.random() < 0.004
        return draft

    def reopened(self, day: date) -> RepairDraft:
        """Return a repair without lines that was closed twice, the second time on the day."""
        draft = self.close(day, routes.REOPENED)
        first_closing = routes.REOPENED.index("closed")
        draft.changes[first_closing + 1].comment = REOPENED_COMMENT
        return draft

    def _scrapped(self, day: date) -> RepairDraft:
        late = self.rng.random() < 0.5
        draft = self.close(day, routes.SCRAPPED_LATE if late else routes.SCRAPPED)
        if late:
            self.add_lines(draft)
            draft.services.clear()
            for part in draft.parts:
                part.is_written_off = self.rng.random() < 0.7
        return draft

    def _first_minute(self) -> int:
        opened_on = self.branch.opened_on
        return self.clock.minute(opened_on, 0) if opened_on else 0

    def _history(self, route: routes.Route, first: int, last: int) -> list[Change]:
        """Return the changes, in order, at different minutes from the first to the last."""
        between = sorted(self.rng.sample(range(first + 1, last), max(len(route) - 2, 0)))
        minutes = [first, *between, last][: len(route)]
        return [
            Change(code, self.clock.moment(minute, self.rng))
            for code, minute in zip(route, minutes, strict=True)
        ]

    def _device(self) -> Device:
        device = _DEVICES.pick(self.rng)
        return device._replace(model=None) if self.rng.random() < 0.12 else device


def service_line(rng: Random, service: Service) -> ServiceLine:
    """Return a line for a service, one in nine with a discount."""
    line = ServiceLine(
        service.name, _price(rng, service.price), Decimal(rng.choice(service.quantities))
    )
    if rng.random() < 0.11:
        line.discount = _round(line.price * line.quantity * rng.choice((5, 10, 15)) / 100)
    return line


def part_line(rng: Random, part: Part, *, written_off: bool = True) -> PartLine:
    """Return a line for a part; nobody entered what one in fifty has cost."""
    line = PartLine(
        part.name,
        Decimal(rng.choice(part.quantities)),
        None if rng.random() < 0.02 else _price(rng, part.purchase),
        _price(rng, part.sale),
        is_written_off=written_off and rng.random() < 0.97,
    )
    if rng.random() < 0.04:
        line.discount = _round(line.sale_price * line.quantity / 20)
    return line


def _price(rng: Random, base: int) -> Decimal:
    """Return the price within a tenth of the list's, in tens of roubles or with kopecks."""
    price = Decimal(base) * rng.randrange(92, 109) / 100
    if base < 200 or rng.random() < 0.12:
        return _round(price - Decimal("0.10") * rng.randrange(0, 6))
    return price.quantize(Decimal("1E1"), ROUND_HALF_UP).quantize(ZERO)


def _round(amount: Decimal) -> Decimal:
    return amount.quantize(ZERO, ROUND_HALF_UP)
