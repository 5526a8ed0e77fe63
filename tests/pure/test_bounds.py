"""The owner's bounds: how they are written, and when they are crossed."""

from dataclasses import replace
from decimal import Decimal

import pytest

from pure.samples import branch
from sancrm_reports.pure.bounds import Bound, crossed
from sancrm_reports.pure.templates import Templates
from sancrm_reports.settings import INCLUDE, BoundsSettings

RUSSIAN = Templates(INCLUDE / "templates" / "ru")


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("margin < 20 %", Bound("margin", True, Decimal("0.2"))),
        ("margin<12,5%", Bound("margin", True, Decimal("0.125"))),
        ("profit < 0", Bound("profit", True, Decimal(0))),
        ("profit < -5 000.50", Bound("profit", True, Decimal("-5000.50"))),
        ("profit < −5000", Bound("profit", True, Decimal(-5000))),
        ("weekly: revenue > 150 000", Bound("revenue", False, Decimal(150000), "weekly")),
        ("parts_without_cost > 10", Bound("parts_without_cost", False, Decimal(10))),
    ],
)
def test_a_bound_is_read(text, bound):
    # Spaces, signs and commas as people write them.
    assert Bound.parse(text) == bound


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("margn < 20 %", "Figures are repair_revenue"),
        ("margin < 0.2", "a percentage is wanted of the margin"),
        ("profit < 20 %", "only of that"),
        ("profit = 0", "is not a bound"),
        ("profit <", "is not a bound"),
        ("hourly: profit < 0", "kinds of reports are daily"),
        ("profit < 0; drop table repairs", "is not a bound"),
    ],
)
def test_a_mistake_in_a_bound_is_explained(text, reason):
    # When the settings are read, not when a report is posted.
    with pytest.raises(ValueError, match=reason):
        BoundsSettings(network=[text])


def test_a_bound_is_crossed_only_beyond_it():
    # Equal is not below; what is unknown is neither.
    figures = branch()  # profit 900, margin 60 %
    bounds = ["profit < 900", "profit > 900", "margin < 60 %"]
    assert crossed(bounds, figures, "daily", templates=RUSSIAN) == []
    told = crossed(["profit < 900,01"], figures, "daily", templates=RUSSIAN)
    assert [text.replace("\N{NO-BREAK SPACE}", " ") for text in told] == [
        "прибыль 900 ₽ ниже 900,01 ₽"
    ]
    unknown = replace(figures, margin=None, fixed_costs=None)
    bounds = ["margin < 99 %", "fixed_costs < 9"]
    assert crossed(bounds, unknown, "daily", templates=RUSSIAN) == []


def test_a_bound_of_one_kind_of_report_is_not_for_the_others():
    # A day's revenue says nothing of a month's.
    bounds = ["daily: revenue < 9999"]
    assert crossed(bounds, branch(), "monthly", templates=RUSSIAN) == []
    assert len(crossed(bounds, branch(), "daily", templates=RUSSIAN)) == 1


def test_a_branch_may_have_bounds_of_its_own():
    # In place of those of all branches; ids may be texts.
    own = {"3": [], "S-1": ["profit < 3"]}
    bounds = BoundsSettings(network=["profit < 1"], branches=["profit < 2"], branch=own)
    assert bounds.of(None) == ["profit < 1"]
    assert bounds.of(1) == ["profit < 2"]
    assert bounds.of(3) == []
    assert bounds.of("S-1") == ["profit < 3"]
