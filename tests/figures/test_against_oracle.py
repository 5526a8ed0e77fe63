"""Random small CRMs: the SQL's figures are the oracle's, to the last digit."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from figures.oracle import profitability
from figures.small_crm import (
    COMMON,
    STATUS_IDS,
    STATUSES,
    assert_same,
    by_subject,
    completed,
    holding,
)
from sancrm_reports.pure.figures import check_days_sum, check_network_sum
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.wire.crm import read_days, read_profitability

ZONES = (
    "Europe/Moscow",
    "America/New_York",
    "Europe/Berlin",
    "Africa/Cairo",  # has days without a midnight
    "Asia/Beirut",
    "America/Havana",  # has days with two midnights
    "Atlantic/Azores",
    "Asia/Kolkata",
    "Pacific/Apia",
    "Australia/Lord_Howe",  # moves its clocks by half an hour
)
TURNS = (
    *(date(2026, 2, 1), date(2028, 2, 29), date(2028, 2, 15), date(2026, 10, 31)),
    *(date(2026, 12, 31), date(2027, 1, 1), date(2025, 12, 29), date(2026, 11, 30)),
)
EXAMPLES = settings(
    max_examples=200,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

microseconds = st.sampled_from((0, 0, 0, -1, 1))
money = st.one_of(
    st.sampled_from((Decimal(0), Decimal("0.01"), Decimal("0.15"), Decimal("9999999999.99"))),
    st.decimals(0, 100_000, places=2),
)
money_or_none = st.none() | money
quantity = st.one_of(st.just(Decimal(1)), st.decimals(0, 50, places=3))
hours = st.sampled_from((0, 0, 0, 1, 2, 3, 12, 22, 23))
minutes = st.sampled_from((0, 0, 30))
folds = st.integers(0, 1)
flags = st.booleans()
statuses = st.lists(st.sampled_from(list(STATUSES)), max_size=3)
# Closed in the end more often than not.
last_statuses = st.sampled_from(("closed", "closed", "scrapped", *STATUSES))
rented_hours = st.sampled_from((0, 1, 23, 24, 25, 48, 100))
returned = st.sampled_from((True, True, True, False))
days_before = st.sampled_from((0, 0, 5, 40, 400))
days_valid = st.none() | st.integers(0, 70).map(lambda days: timedelta(days=days))


@cache
def clock_changes(timezone):
    """The days on which the zone's clocks were moved."""
    zone, day = ZoneInfo(timezone), date(2024, 1, 1)
    offsets = {
        day + timedelta(days=n): datetime.combine(day + timedelta(days=n), time(), zone).utcoffset()
        for n in range(5 * 366)
    }
    return [
        day for day in offsets if offsets[day] != offsets.get(day + timedelta(days=1), offsets[day])
    ]


@st.composite
def periods(draw):
    timezone = draw(st.sampled_from(ZONES))
    turns = (*TURNS, *clock_changes(timezone))
    day = draw(st.sampled_from(turns) | st.dates(date(2024, 1, 1), date(2028, 12, 31)))
    return Period.containing(day, kind=draw(st.sampled_from(PeriodKind)), timezone=timezone)


@st.composite
def crms(draw, period):
    """Rows whose times crowd around the period's edges, at midnights and at moved clocks."""
    zone = ZoneInfo(period.timezone)
    length = (period.end - period.start).days
    edges = st.sampled_from((-1, 0, length - 1, length)) | st.integers(-3, length + 2)

    def day():
        return period.start + timedelta(days=draw(edges))

    def instant():
        at = time(draw(hours), draw(minutes), fold=draw(folds))
        wall = datetime.combine(day(), at, zone)
        return wall.astimezone(UTC) + timedelta(microseconds=draw(microseconds))

    def rows(highest):
        return range(draw(st.integers(0, highest)))

    def flag():
        return draw(flags)

    branches = [
        {"id": n, "name": f"Филиал {n}", "is_active": flag()}
        for n in range(1, draw(st.integers(3, 5)) + 1)
    ]
    branch = st.integers(1, len(branches))
    branch_or_none = st.none() | branch
    tables = {name: [] for name in ("repair_services", "repair_parts", "repair_status_changes")}
    repairs = []
    for number in range(1, draw(st.integers(0, 10)) + 1):
        # Perhaps closed and opened before.
        codes = [*draw(statuses), draw(last_statuses)]
        times = sorted(instant() for _ in codes)
        tables["repair_status_changes"] += [
            {"repair_id": number, "status_id": STATUS_IDS[code], "changed_at": at}
            for code, at in zip(codes, times, strict=True)
        ]
        is_over = STATUSES[codes[-1]][1]
        repairs.append(
            {
                "branch_id": draw(branch),
                "status_id": STATUS_IDS[codes[-1]],
                "closed_at": times[-1] if is_over else None,
            }
        )
        tables["repair_services"] += [
            {"price": draw(money), "quantity": draw(quantity), "discount": draw(money)}
            | {"repair_id": number}
            for _ in rows(2)
        ]
        tables["repair_parts"] += [
            {
                "repair_id": number,
                "quantity": draw(quantity),
                "purchase_price": draw(money_or_none),
                "sale_price": draw(money),
                "discount": draw(money),
                "is_written_off": flag(),
            }
            for _ in rows(2)
        ]
    tables["rentals"] = []
    for _ in rows(6):
        ended_at = instant()
        rented_for = timedelta(hours=draw(rented_hours), microseconds=draw(microseconds))
        is_returned = draw(returned)
        tables["rentals"].append(
            {
                "branch_id": draw(branch),
                "status": "returned" if is_returned else "rented",
                "price_per_day": draw(money),
                "started_at": ended_at - max(rented_for, timedelta()),
                "ended_at": ended_at if is_returned or flag() else None,
                "total": draw(money_or_none),
            }
        )
    tables["fixed_costs"] = []
    for _ in rows(6):
        valid_from = day() - timedelta(days=draw(days_before))
        valid_for = draw(days_valid)
        tables["fixed_costs"].append(
            {
                "branch_id": draw(branch_or_none),
                "amount_per_month": draw(money),
                "valid_from": valid_from,
                "valid_to": None if valid_for is None else valid_from + valid_for,
            }
        )
    return completed(tables | {"branches": branches, "repairs": repairs})


examples = periods().flatmap(lambda period: st.tuples(st.just(period), crms(period)))


@EXAMPLES
@given(examples)
def test_the_sql_computes_what_the_definitions_say(connection, profitability_sql, example):
    # The period as a whole and each of its days, in zones with every kind of clock change; and
    # the two sums without which no report is sent hold.
    period, tables = example
    with holding(connection, tables) as cursor:
        whole = read_profitability(cursor, profitability_sql, period)
        days = read_days(cursor, profitability_sql, period)
    for found, part in zip([whole, *days], [period, *period.days], strict=True):
        wanted = profitability(tables, start=part.start, end=part.end, timezone=period.timezone)
        assert_same(by_subject(found), wanted)
        check_network_sum(found)
    check_days_sum(whole, days)


def test_a_day_that_a_zone_left_out_does_not_stop_the_month(connection, profitability_sql):
    # Samoa went from 29 to 31 December 2011: the 30th is an empty period, the month is whole.
    month = Period(PeriodKind.MONTH, date(2011, 12, 1), "Pacific/Apia")
    cost = {"amount_per_month": 1000, "valid_from": date(2011, 1, 1)}
    tables = completed({"branches": [{"id": 1, "name": "Апиа"}], "fixed_costs": [cost]})
    with holding(connection, tables) as cursor:
        whole = read_profitability(cursor, profitability_sql, month)
        days = read_days(cursor, profitability_sql, month)
    assert whole[-1].fixed_costs == 1000
    check_days_sum(whole, days)


def test_the_common_rows_hold_every_group_of_statuses():
    # The random repairs go through all groups of the reference schema.
    assert len({row["status_group"] for row in COMMON["repair_statuses"]}) == 9
