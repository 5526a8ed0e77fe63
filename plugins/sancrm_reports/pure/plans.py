"""Plans: what each month was to bring, how far it has come, and where it goes on like this.

docs/metrics.md#plan-and-pace has the formulas, and how large their error was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Literal

from sancrm_reports.errors import PermanentError
from sancrm_reports.pure.figures import Figures, Key, branch_subject, key_of
from sancrm_reports.pure.period import Period, PeriodKind

Figure = Literal["profit", "revenue"]
PLANNED: tuple[Figure, ...] = ("profit", "revenue")
FIRST_DAY = 10  # of a month on which its pace is told
# The mean error of a month's pace after so many days, over fourteen months of the demo.
USUAL_ERROR: Mapping[Figure, Mapping[int, Decimal]] = {
    "profit": {10: Decimal("0.14"), 15: Decimal("0.08"), 20: Decimal("0.04"), 25: Decimal("0.03")},
    "revenue": {10: Decimal("0.06"), 15: Decimal("0.04"), 20: Decimal("0.02"), 25: Decimal("0.01")},
}
THREE_DIGITS = Context(prec=3, rounding=ROUND_HALF_UP)  # of a pace; more would look exact
AMOUNT = re.compile(r"-?\d+(?:[.,]\d{1,2})?")


class PlansError(PermanentError):
    """A plan that is none; the text names its row."""

    code = "plans"

    def __init__(self, text: str) -> None:
        super().__init__(text, quote=text)


@dataclass(frozen=True)
class Plan:
    """What a branch, or without one the network, was to earn in a month."""

    month: date
    branch_id: str | None
    figure: Figure
    amount: Decimal

    @classmethod
    def from_row(cls, row: Mapping[str, Any], place: str) -> Plan:
        """Check a row of ``plans.sql`` or a line of ``plans.csv``.

        Raises:
            PlansError: naming the place, and what is wrong.
        """
        missing = [name for name in ("month", "branch_id", "figure", "amount") if name not in row]
        if missing:
            raise PlansError(f"{place} has no column {', '.join(missing)}.")
        month, figure, amount = _month(row["month"]), row["figure"], _amount(row["amount"])
        if month is None:
            raise PlansError(f"{place}: month is {row['month']!r}; give its first day, 2026-11-01.")
        if figure not in PLANNED:
            raise PlansError(f"{place}: figure is {figure!r}, and must be profit or revenue.")
        if amount is None:
            raise PlansError(
                f"{place}: amount is {row['amount']!r}; give a number such as 1200000.50."
            )
        branch = key_of(row["branch_id"])
        return cls(month, None if branch in (None, "") else str(branch), figure, amount)


Plans = Mapping[tuple[date, str | None, Figure], Decimal]


def plans_of(found: Iterable[Plan]) -> Plans:
    """Return the amounts by month, branch and figure.

    Raises:
        PlansError: there are two for the same.
    """
    plans: dict[tuple[date, str | None, Figure], Decimal] = {}
    for plan in found:
        key = (plan.month, plan.branch_id, plan.figure)
        if key in plans:
            whose = "the network" if plan.branch_id is None else branch_subject(plan.branch_id)
            raise PlansError(
                f"There is more than one plan of {plan.figure} for {whose} in {plan.month:%Y-%m}."
            )
        plans[key] = plan.amount
    return plans


@dataclass(frozen=True)
class Progress:
    """How far a figure has come on the last day of a reported period.

    ``month`` is the first day of the month that it is in, and ``until`` that last day. ``so_far``
    is since the month began; ``plan`` is the whole month's, None without one. In a report of whole
    months ``is_over``, and both are of all its months. ``worked`` of ``workdays`` days are behind.
    ``has_pace`` is whether it is told where the month ends.
    """

    figure: Figure
    month: date
    until: date
    so_far: Decimal
    plan: Decimal | None
    worked: int
    workdays: int
    is_over: bool
    has_pace: bool

    @property
    def due(self) -> Decimal | None:
        """The part of the plan that falls on the days behind."""
        return None if self.plan is None else self.plan * self.worked / max(self.workdays, 1)

    @property
    def done(self) -> Decimal | None:
        """What has come of what was due, as a ratio; None where nothing was."""
        return self.so_far / self.due if self.due and self.due > 0 else None

    @property
    def pace(self) -> Decimal | None:
        """Where the month ends if each day that is left brings as much as those behind."""
        if not self.has_pace or self.is_over or self.until.day < FIRST_DAY or not self.worked:
            return None
        return THREE_DIGITS.plus(self.so_far * self.workdays / self.worked)

    @property
    def error(self) -> Decimal:
        """How far off the pace usually is on this day."""
        known = USUAL_ERROR[self.figure]
        return known[max(day for day in known if day <= self.until.day)]

    def to_json(self) -> dict[str, Any]:
        """Return a mapping for XCom; amounts are texts."""
        return {
            **self.__dict__,
            "month": self.month.isoformat(),
            "until": self.until.isoformat(),
            "so_far": f"{self.so_far:f}",
            "plan": None if self.plan is None else f"{self.plan:f}",
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Progress:
        """Read what ``to_json`` returned."""
        changed = {
            "month": date.fromisoformat(value["month"]),
            "until": date.fromisoformat(value["until"]),
            "so_far": Decimal(value["so_far"]),
            "plan": None if value["plan"] is None else Decimal(value["plan"]),
        }
        return cls(**{**value, **changed})


def months_of(period: Period) -> list[date]:
    """Return the first days of a period's months; of a day or a week that of its last day."""
    if period.kind in (PeriodKind.DAY, PeriodKind.WEEK):
        return [(period.end - timedelta(days=1)).replace(day=1)]
    month = Period(PeriodKind.MONTH, period.start, period.timezone)
    months = []
    while month.start < period.end:
        months.append(month.start)
        month = month.after
    return months


def days_of(month: date) -> list[date]:
    """Return the days of a month."""
    after = (month + timedelta(days=31)).replace(day=1)
    return [month + timedelta(days=n) for n in range((after - month).days)]


def progress(
    period: Period,
    so_far: Figures,
    plans: Plans,
    workdays: Sequence[date],
    branches: Iterable[Key] = (),
    *,
    has_pace: bool = False,
) -> list[Progress]:
    """Return how far a subject has come on a period's last day, by figures with a plan or a pace.

    Args:
        period: the reported one.
        so_far: the subject's figures since the month began; of whole months, those of the period.
        plans: all that there are.
        workdays: the days of the period's months that count.
        branches: of the network, whose plans are its own where it has none.
        has_pace: whether the pace is told.
    """
    months, until = months_of(period), period.end - timedelta(days=1)
    found = [
        Progress(
            figure=figure,
            month=months[-1],
            until=until,
            so_far=getattr(so_far, figure),
            plan=_planned(plans, months, so_far.branch_id, figure, branches),
            worked=sum(day <= until for day in workdays),
            workdays=len(workdays),
            is_over=until == days_of(months[-1])[-1],
            has_pace=has_pace,
        )
        for figure in PLANNED
        if figure != "profit" or so_far.fixed_costs is not None
    ]
    return [one for one in found if one.plan is not None or one.pace is not None]


def disagreements(
    period: Period, plans: Plans, branches: Iterable[Key]
) -> list[tuple[Figure, Decimal, Decimal]]:
    """Return the figures whose network's plan is not the sum of its branches', and both amounts."""
    months, ids = months_of(period), list(branches)
    found = []
    for figure in PLANNED:
        own = _planned(plans, months, None, figure, ())
        by_branch = [_planned(plans, months, branch, figure, ()) for branch in ids]
        known = [amount for amount in by_branch if amount is not None]
        if own is not None and known and sum(known) != own:
            found.append((figure, sum(known, start=Decimal(0)), own))
    return found


def _planned(
    plans: Plans, months: Sequence[date], branch: Key | None, figure: Figure, parts: Iterable[Key]
) -> Decimal | None:
    """Return a subject's plan of all months, None where one lacks; or of all its parts."""
    key = None if branch is None else str(branch)
    amounts = [plans.get((month, key, figure)) for month in months]
    known = [amount for amount in amounts if amount is not None]
    if len(known) == len(months):
        return sum(known, start=Decimal(0))
    of_parts = [_planned(plans, months, part, figure, ()) for part in parts]
    if of_parts and None not in of_parts:
        return sum((amount for amount in of_parts if amount is not None), start=Decimal(0))
    return None


def _month(value: Any) -> date | None:
    if isinstance(value, str):
        text = value.strip()
        try:
            value = date.fromisoformat(text if len(text) > len("2026-11") else f"{text}-01")
        except ValueError:
            return None
    is_day = isinstance(value, date) and not isinstance(value, datetime)
    return value if is_day and value.day == 1 else None


def _amount(value: Any) -> Decimal | None:
    """Read an amount exactly; 1,200 is refused, which is a thousand to some and one to others."""
    if isinstance(value, str):
        text = re.sub(r"\s", "", value)
        return Decimal(text.replace(",", ".")) if AMOUNT.fullmatch(text) else None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return Decimal(value) if Decimal(value).is_finite() else None
