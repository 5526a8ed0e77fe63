"""Periods tile time, in every zone and over every clock change."""

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sancrm_reports.pure.kinds import compared_with
from sancrm_reports.pure.period import Period, PeriodKind, parse_day

ZONES = (
    *("Europe/Moscow", "America/New_York", "Europe/Berlin", "Africa/Cairo", "Asia/Beirut"),
    *("America/Havana", "Atlantic/Azores", "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe"),
    *("America/Asuncion", "Europe/Volgograd", "UTC", "Etc/GMT+12", "Pacific/Kiritimati"),
)
zones = st.sampled_from(ZONES)
kinds = st.sampled_from(PeriodKind)
dates = st.dates(date(2012, 1, 1), date(2037, 12, 31))
periods = st.builds(
    lambda day, kind, zone: Period.containing(day, kind=kind, timezone=zone), dates, kinds, zones
)
instants = st.datetimes(
    datetime(2012, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    datetime(2037, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(dates, kinds, zones)
def test_a_period_contains_the_day_that_it_was_made_of(day, kind, zone):
    # And is of the length of its kind, beginning where the calendar says.
    period = Period.containing(day, kind=kind, timezone=zone)
    assert period.start <= day < period.end
    assert Period.containing(period.start, kind=kind, timezone=zone) == period
    length = (period.end - period.start).days
    match kind:
        case PeriodKind.DAY:
            assert length == 1
        case PeriodKind.WEEK:
            assert (length, period.start.isoweekday()) == (7, 1)
        case PeriodKind.MONTH:
            assert (period.start.day, period.end.day) == (1, 1)
            assert (period.end - timedelta(days=1)).month == day.month
        case PeriodKind.QUARTER:
            assert (period.start.day, period.end.day) == (1, 1)
            assert period.start.month in (1, 4, 7, 10)
            assert 90 <= length <= 92
        case PeriodKind.YEAR:
            assert (period.start, period.end) == (date(day.year, 1, 1), date(day.year + 1, 1, 1))
        case _:
            raise AssertionError(f"Say here what is true of a {kind}.")


@given(periods)
def test_the_days_partition_the_period(period):
    # Each day once, without a gap, from the first instant to the last.
    days = period.days
    assert all(day.kind is PeriodKind.DAY for day in days)
    assert [day.start for day in days] == sorted({day.start for day in days})
    assert (days[0].starts_at, days[-1].ends_at) == (period.starts_at, period.ends_at)
    for one, next_one in itertools.pairwise(days):
        assert one.ends_at == next_one.starts_at


@given(periods)
def test_periods_tile_time(period):
    # The next one begins in the instant in which this one ends, and no period is empty.
    following = Period.containing(period.end, kind=period.kind, timezone=period.timezone)
    assert following.start == period.end
    assert following.starts_at == period.ends_at > period.starts_at


@given(instants, kinds, zones)
def test_an_instant_lies_in_the_period_of_its_local_date(instant, kind, zone):
    # Whatever the clocks did at midnight.
    day = instant.astimezone(ZoneInfo(zone)).date()
    period = Period.containing(day, kind=kind, timezone=zone)
    assert period.starts_at <= instant < period.ends_at


@given(instants, kinds, zones)
def test_the_last_whole_period_is_over_and_the_next_is_not(instant, kind, zone):
    # A report at any moment is about the newest period that is complete.
    period = Period.last_whole_before(instant, kind=kind, timezone=zone)
    following = Period.containing(period.end, kind=kind, timezone=zone)
    assert period.ends_at <= instant < following.ends_at


@given(st.lists(periods, max_size=8))
def test_a_key_belongs_to_one_period(found):
    # The ledger knows a report by it; zones apart, because an installation has one.
    keys = {(period.kind, period.start): period.key for period in found}
    assert len(set(keys.values())) == len(keys)


@given(periods)
def test_compared_with_is_of_the_same_kind_and_before(period):
    # A day is compared with the same weekday, all else with the one just before.
    earlier = compared_with(period)
    assert (earlier.kind, earlier.timezone) == (period.kind, period.timezone)
    assert earlier == Period.containing(earlier.start, kind=period.kind, timezone=period.timezone)
    if period.kind is PeriodKind.DAY:
        assert period.start - earlier.start == timedelta(days=7)
    else:
        assert earlier.end == period.start


@pytest.mark.parametrize(
    ("kind", "day", "key"),
    [
        (PeriodKind.DAY, date(2026, 11, 17), "2026-11-17"),
        (PeriodKind.WEEK, date(2026, 11, 15), "2026-W46"),
        (PeriodKind.WEEK, date(2027, 1, 3), "2026-W53"),
        (PeriodKind.WEEK, date(2024, 12, 30), "2025-W01"),
        (PeriodKind.MONTH, date(2026, 10, 31), "2026-10"),
        (PeriodKind.MONTH, date(2026, 2, 1), "2026-02"),
        (PeriodKind.QUARTER, date(2026, 3, 31), "2026-Q1"),
        (PeriodKind.QUARTER, date(2026, 10, 1), "2026-Q4"),
        (PeriodKind.YEAR, date(2026, 12, 31), "2026"),
    ],
)
def test_keys_are_readable(kind, day, key):
    # Weeks are ISO weeks, also around New Year.
    assert Period.containing(day, kind=kind, timezone="Europe/Moscow").key == key


@pytest.mark.parametrize(
    ("zone", "day", "starts", "hours"),
    [
        ("Europe/Berlin", date(2024, 3, 31), "2024-03-30T23:00", 23),
        ("Europe/Berlin", date(2024, 10, 27), "2024-10-26T22:00", 25),
        ("Africa/Cairo", date(2024, 4, 26), "2024-04-25T22:00", 23),  # no midnight
        ("Asia/Beirut", date(2024, 3, 31), "2024-03-30T22:00", 23),  # no midnight
        ("America/Havana", date(2024, 11, 3), "2024-11-03T04:00", 25),  # two midnights
        ("Atlantic/Azores", date(2024, 10, 27), "2024-10-27T00:00", 25),  # two midnights
        ("Africa/Cairo", date(2024, 10, 31), "2024-10-30T21:00", 25),  # ends an hour later
        ("Australia/Lord_Howe", date(2024, 10, 6), "2024-10-05T13:30", 23.5),
        ("Europe/Moscow", date(2014, 10, 26), "2014-10-25T20:00", 25),
    ],
)
def test_a_day_begins_at_its_first_instant(zone, day, starts, hours):
    # Worked out by hand from the zones' rules, of years whose rules change no more.
    period = Period(PeriodKind.DAY, day, zone)
    assert period.starts_at == datetime.fromisoformat(starts).replace(tzinfo=UTC)
    assert period.ends_at - period.starts_at == timedelta(hours=hours)


def test_the_first_hour_of_a_day_with_two_midnights_is_in_it_twice():
    # Both 00:30 belong to the day, and neither to the day before.
    day = Period(PeriodKind.DAY, date(2026, 11, 1), "America/Havana")
    for fold in (0, 1):
        half_past = datetime.combine(day.start, time(0, 30, fold=fold), ZoneInfo(day.timezone))
        assert day.starts_at <= half_past.astimezone(UTC) < day.ends_at


@pytest.mark.parametrize("text", ["17.11.2026", "2026-13-01", "вчера", "", "2026-11-17T09:00"])
def test_a_day_typed_wrongly_is_explained(text):
    # It comes from a form in Airflow.
    with pytest.raises(ValueError, match="YYYY-MM-DD, for example 2026-11-17"):
        parse_day(text)


def test_a_day_may_be_typed_with_spaces_around():
    # As pasted text often is.
    assert parse_day(" 2026-11-17 ") == date(2026, 11, 17)
