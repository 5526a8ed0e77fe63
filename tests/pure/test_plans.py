"""A plan against the fact, and where a month ends."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pure.samples import branch, earning
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.pure.plans import (
    Plan,
    PlansError,
    Progress,
    days_of,
    disagreements,
    months_of,
    plans_of,
    progress,
)

ZONE = "Europe/Moscow"
NOVEMBER = date(2026, 11, 1)
MONTH = Period(PeriodKind.MONTH, NOVEMBER, ZONE)
QUARTER = Period(PeriodKind.QUARTER, date(2026, 10, 1), ZONE)
PLANS = {(NOVEMBER, None, "profit"): Decimal(300), (NOVEMBER, "1", "profit"): Decimal(90)}


def day(number):
    return Period(PeriodKind.DAY, date(2026, 11, number), ZONE)


def told(period, profit, plans=PLANS, *, branch_id=None, parts=(), has_pace=True):
    """The progress of the profit; None where nothing is told of it."""
    figures = earning(profit, branch_id=branch_id, subject="branch" if branch_id else "network")
    days = [day for month in months_of(period) for day in days_of(month)]
    found = progress(period, figures, plans, days, parts, has_pace=has_pace)
    return next((one for one in found if one.figure == "profit"), None)


@pytest.mark.parametrize(
    ("period", "profit", "due", "done"),
    [
        (MONTH, 283, Decimal(300), Decimal(283) / 300),
        (day(9), 100, Decimal(90), Decimal(100) / 90),  # nine of thirty days
        (day(30), 300, Decimal(300), Decimal(1)),
        (Period(PeriodKind.WEEK, date(2026, 11, 9), ZONE), 75, Decimal(150), Decimal("0.5")),
        (day(10), -50, Decimal(100), Decimal("-0.5")),
    ],
)
def test_a_plan_falls_due_by_the_days_that_are_behind(period, profit, due, done):
    # All of it once the month is over; a loss is a negative part of it.
    one = told(period, profit)
    assert (one.due, one.done, one.until) == (due, done, period.days[-1].start)


def test_a_week_belongs_to_the_month_of_its_last_day():
    # The one from 30 November to 6 December is the begin of December.
    assert months_of(Period(PeriodKind.WEEK, date(2026, 11, 30), ZONE)) == [date(2026, 12, 1)]
    assert months_of(QUARTER) == [date(2026, month, 1) for month in (10, 11, 12)]


@pytest.mark.parametrize(("number", "pace"), [(9, None), (10, 300), (15, 200), (30, None)])
def test_the_pace_is_told_from_the_tenth_day_on(number, pace):
    # And no more on the last day, when the month is over; of a loss as well.
    assert told(day(number), 100).pace == pace
    assert told(day(number), -100).pace == (None if pace is None else -pace)


@pytest.mark.parametrize(
    ("number", "figure", "error"),
    [
        (10, "profit", "0.14"),
        (14, "profit", "0.14"),
        (15, "profit", "0.08"),
        (29, "revenue", "0.01"),
    ],
)
def test_the_error_of_a_pace_is_that_of_its_day(number, figure, error):
    # The one that was measured last.
    assert replace(told(day(number), 100), figure=figure).error == Decimal(error)


def test_without_a_plan_there_is_no_line_and_from_the_tenth_day_a_pace():
    # Of the network; a branch has none.
    assert told(day(9), 100, {}) is None
    assert told(day(10), 100, {}).plan is None
    assert told(day(10), 100, {}, has_pace=False) is None


def test_a_profit_without_its_fixed_costs_is_not_compared():
    # It is unknown, and would look better than it is.
    unknown = branch(fixed_costs=None, subject="network", branch_id=None)
    assert progress(day(9), unknown, PLANS, days_of(NOVEMBER)) == []


def test_on_holidays_alone_nothing_is_due():
    # The first days of January: no percentage, no pace, and no division by zero.
    found = progress(
        day(10), earning(5, branch_id=None), PLANS, [date(2026, 11, 20)], has_pace=True
    )
    [one] = [one for one in found if one.figure == "profit"]
    assert (one.due, one.done, one.pace) == (0, None, None)


def test_the_network_s_plan_is_its_own_or_that_of_all_branches():
    # Of all: one that lacks would make it smaller in silence. Both differing is told.
    both = {(NOVEMBER, "1", "profit"): Decimal(90), (NOVEMBER, "2", "profit"): Decimal(20)}
    assert told(MONTH, 1, both, parts=[1, 2]).plan == 110
    assert told(MONTH, 1, both, parts=[1, 2, 3]) is None
    own = {**both, (NOVEMBER, None, "profit"): Decimal(300)}
    assert told(MONTH, 1, own, parts=[1, 2]).plan == 300
    assert disagreements(MONTH, own, [1, 2]) == [("profit", Decimal(110), Decimal(300))]
    agreed = {**both, (NOVEMBER, None, "profit"): Decimal(110)}
    assert disagreements(MONTH, agreed, [1, 2]) == disagreements(MONTH, both, [1, 2]) == []


def test_a_quarter_has_a_plan_where_each_of_its_months_has_one():
    # Their sum.
    plans = {(month, None, "profit"): Decimal(10) for month in months_of(QUARTER)}
    assert told(QUARTER, 15, plans).plan == 30
    del plans[NOVEMBER, None, "profit"]
    assert told(QUARTER, 15, plans) is None


@given(st.decimals(-(10**9), 10**9, places=2), st.integers(1, 30), st.decimals(1, 10**9, places=2))
def test_progress_travels_as_it_is(profit, number, amount):
    # Through XCom; what is done and what is due agree exactly enough.
    one = told(day(number), profit, {(NOVEMBER, None, "profit"): amount})
    assert Progress.from_json(one.to_json()) == one
    assert abs(one.done * one.due - profit) < Decimal("0.0001")


RIGHT = {"month": NOVEMBER, "branch_id": 3, "figure": "profit", "amount": Decimal("1200000.50")}


@pytest.mark.parametrize(
    ("change", "month", "branch_id", "amount"),
    [
        ({}, NOVEMBER, "3", "1200000.50"),
        ({"month": "2026-11", "branch_id": ""}, NOVEMBER, None, "1200000.50"),
        ({"month": "2026-11-01", "amount": "1 200 000,5"}, NOVEMBER, "3", "1200000.5"),
        ({"branch_id": None, "amount": "-200"}, NOVEMBER, None, "-200"),
    ],
)
def test_a_plan_is_read_from_a_row_and_from_a_line(change, month, branch_id, amount):
    # Exactly; a planned loss is a plan.
    assert Plan.from_row(RIGHT | change, "x") == Plan(month, branch_id, "profit", Decimal(amount))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        *(({"month": value}, "first day") for value in (date(2026, 11, 2), "11.2026", None, 5)),
        ({"month": datetime(2026, 11, 1, tzinfo=UTC)}, "first day"),
        *(({"figure": value}, "profit or revenue") for value in ("Profit", "", None)),
        *(({"amount": value}, "a number") for value in ("1,200", "1.2e6", "", None, 1.5, True)),
        *(({"amount": Decimal(value)}, "a number") for value in ("NaN", "Infinity")),
    ],
)
def test_a_plan_that_is_none_is_refused_by_its_place(change, words):
    # 1,200 is a thousand to some, and one to others.
    with pytest.raises(PlansError, match=rf"plans.csv, line 7: .*{words}"):
        Plan.from_row(RIGHT | change, "plans.csv, line 7")


def test_a_column_that_lacks_and_two_plans_for_the_same_are_refused():
    # Whose and when is said.
    with pytest.raises(PlansError, match=r"plans\.sql, row 1 has no column amount"):
        Plan.from_row(
            {name: RIGHT[name] for name in ("month", "branch_id", "figure")}, "plans.sql, row 1"
        )
    with pytest.raises(PlansError, match="more than one plan of profit for branch-3 in 2026-11"):
        plans_of([Plan.from_row(RIGHT, "x")] * 2)
