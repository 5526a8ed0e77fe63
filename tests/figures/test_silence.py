"""Branches without movements on a weekday that always had some."""

from datetime import date, timedelta

import pytest

from figures.small_crm import completed, holding
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.wire.crm import read_profitability, read_silent

TUESDAY = Period(PeriodKind.DAY, date(2026, 11, 17), "Europe/Moscow")
SHOPS = ({"name": "Ленина"}, {"name": "Юг"}, {"name": "Закрыт", "is_active": False})


def crm(*moved, branches=SHOPS):
    """Shops with a repair on the Tuesdays so many weeks before; a shop's number with its weeks."""
    return completed(
        {
            "branches": branches,
            "repairs": [
                {"branch_id": branch, "status": "closed", "closed_at": closed_at(weeks)}
                for branch, all_weeks in moved
                for weeks in all_weeks
            ],
        }
    )


def closed_at(weeks):
    return f"{TUESDAY.start - timedelta(days=7 * weeks)} 12:00+03"


def silent(connection, sql, tables, weeks=8):
    with holding(connection, tables) as cursor:
        now = read_profitability(cursor, sql, TUESDAY)
        return read_silent(cursor, sql, TUESDAY, now, weeks)


@pytest.mark.parametrize(
    ("moved", "told"),
    [
        ([(1, range(9)), (2, range(1, 9))], ["Юг"]),  # nothing today, and each of eight had some
        ([(1, range(9)), (2, range(1, 8))], []),  # open for seven weeks only
        ([(1, range(9)), (2, [1, 2, 4, 5, 6, 7, 8])], []),  # quiet three weeks ago, too
        ([(1, range(1, 9)), (2, range(1, 9))], ["Ленина", "Юг"]),
        ([(1, range(9)), (3, range(1, 9))], []),  # closed for good: it has no report at all
    ],
)
def test_a_silent_branch_is_one_whose_weekday_never_was(connection, profitability_sql, moved, told):
    # Eight weeks back, and not on other days.
    assert silent(connection, profitability_sql, crm(*moved)) == told


def test_the_weeks_are_a_setting(connection, profitability_sql):
    # Fewer find more; none is off.
    tables = crm((1, range(9)), (2, range(1, 5)))
    assert silent(connection, profitability_sql, tables, weeks=4) == ["Юг"]
    assert silent(connection, profitability_sql, tables, weeks=5) == []
    assert silent(connection, profitability_sql, tables, weeks=0) == []


def test_fixed_costs_are_no_movement(connection, profitability_sql):
    # They come every day.
    tables = crm((1, range(9)), (2, range(1, 9)))
    tables["fixed_costs"] = [
        {"id": 1, "branch_id": 2, "name": "Аренда", "amount_per_month": 900}
        | {"valid_from": "2026-01-01", "valid_to": None}
    ]
    assert silent(connection, profitability_sql, tables) == ["Юг"]


def test_earlier_days_are_read_only_while_a_branch_may_be_silent(connection, profitability_sql):
    # A day on which every branch worked costs nothing more.
    class Counting:
        queries = 0

        def __init__(self, cursor):
            self.cursor = cursor

        def execute(self, *query):
            self.queries += 1
            self.cursor.execute(*query)

        def fetchall(self):
            return self.cursor.fetchall()

    for tables, wanted in (
        (crm((1, [0]), (2, [0])), 0),
        (crm((1, [0]), (2, [1, 2])), 3),
        (crm((1, [0]), (2, range(1, 9))), 8),
    ):
        with holding(connection, tables) as cursor:
            now = read_profitability(cursor, profitability_sql, TUESDAY)
            counting = Counting(cursor)
            read_silent(counting, profitability_sql, TUESDAY, now, 8)
            assert counting.queries == wanted
