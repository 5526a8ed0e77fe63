"""Which days are worked."""

from datetime import date, timedelta

import pytest

from sancrm_reports.pure.workdays import Workdays


@pytest.mark.parametrize(
    ("day", "is_worked"),
    [
        ("2026-11-24", True),  # an ordinary Tuesday
        ("2026-11-28", False),  # a Saturday
        ("2026-11-04", False),  # Unity Day, a Wednesday
        ("2026-01-09", False),  # a Friday that a decree gave for a Saturday
        ("2025-11-01", True),  # a Saturday that is worked for Monday the 3rd
        ("2025-11-03", False),
        ("2027-02-20", True),  # the same, a year ahead
    ],
)
def test_russia_works_by_its_calendar(day, is_worked):
    # Weekends and holidays left out, days that a decree moved in both directions included.
    assert (date.fromisoformat(day) in Workdays("RU")) is is_worked


def test_the_settings_know_better():
    # A decree that the package has not heard of yet: one more day off, one Saturday worked.
    workdays = Workdays("RU", days_off=[date(2026, 11, 24)], working_days=[date(2026, 11, 28)])
    assert date(2026, 11, 24) not in workdays
    assert date(2026, 11, 28) in workdays


@pytest.mark.parametrize("country", ["RU", "BY", "KZ", "DE", "IL"])
def test_a_year_of_any_country_has_days_of_both_kinds(country):
    # Also where weeks do not end on a Sunday.
    year = [date(2026, 1, 1) + timedelta(days=number) for number in range(365)]
    worked = sum(day in Workdays(country) for day in year)
    assert 230 < worked < 262


def test_an_unknown_country_is_told_with_the_known_ones():
    # And where it is set.
    with pytest.raises(ValueError, match=r"'XX'.*workdays\.country.*\bRU\b"):
        Workdays("XX").check()
