"""Which periods are frozen, by the settings and a day."""

from datetime import date

import pytest

from sancrm_reports.pure.freezing import Frozen
from sancrm_reports.pure.period import Period, PeriodKind

ZONE = "Europe/Moscow"


def period(kind, *day):
    return Period.containing(date(*day), kind=kind, timezone=ZONE)


@pytest.mark.parametrize(
    ("today", "until"),
    [
        (date(2026, 10, 10), date(2026, 8, 31)),  # the tenth whole day is not over
        (date(2026, 10, 11), date(2026, 9, 30)),
        (date(2027, 1, 11), date(2026, 12, 31)),
    ],
)
def test_a_month_freezes_some_days_after_its_end(today, until):
    # Ten whole days for late entries.
    assert Frozen.on(today, after_days=10) == Frozen(until)


def test_the_later_of_the_two_settings_counts():
    # An accountant closes a month early; without any, nothing is frozen.
    today = date(2026, 10, 11)
    assert Frozen.on(today, until=date(2026, 10, 5), after_days=10).until == date(2026, 10, 5)
    assert Frozen.on(today, until=date(2026, 8, 31), after_days=10).until == date(2026, 9, 30)
    assert Frozen.on(today).until is None
    assert not Frozen.on(today).holds(period(PeriodKind.DAY, 2020, 1, 1))


def test_only_what_lies_wholly_in_the_frozen_days_is_frozen():
    # The week over the month's end is not.
    frozen = Frozen(date(2026, 9, 30))
    assert frozen.holds(period(PeriodKind.DAY, 2026, 9, 30))
    assert frozen.holds(period(PeriodKind.MONTH, 2026, 9, 1))
    assert frozen.holds(period(PeriodKind.QUARTER, 2026, 7, 1))
    assert frozen.holds(period(PeriodKind.WEEK, 2026, 9, 21))
    assert not frozen.holds(period(PeriodKind.WEEK, 2026, 9, 30))
    assert not frozen.holds(period(PeriodKind.DAY, 2026, 10, 1))
    assert not frozen.holds(period(PeriodKind.YEAR, 2026, 1, 1))


def test_the_frozen_months_begin_with_that_of_a_day():
    # That of the first movement.
    months = Frozen(date(2026, 9, 30)).months_from(date(2026, 7, 15), ZONE)
    assert [month.key for month in months] == ["2026-07", "2026-08", "2026-09"]
    assert Frozen().months_from(date(2026, 7, 15), ZONE) == []
