"""Random small CRMs: a figure's rows add up to it, and the reasons of a change to the change."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from figures.conftest import SQL
from figures.oracle import lines
from figures.small_crm import STATUS_IDS, completed, holding
from figures.test_against_oracle import EXAMPLES, examples
from sancrm_reports.pure.figure_trace import (
    FAMILIES,
    TraceError,
    families_of,
    figure_of,
    parts,
    shown,
    total,
)
from sancrm_reports.pure.figures import ADDITIVE, DETAILS, Figures
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.pure.reasons import added, reasons
from sancrm_reports.wire.crm import read_profitability
from sancrm_reports.wire.figure_trace import UNALLOCATED, read_customers, read_parts, read_rows

THOUSAND = settings(EXAMPLES, max_examples=1000)
MONTH = Period(PeriodKind.MONTH, date(2026, 10, 1), "Europe/Moscow")


def branch_of(figures):
    """A subject as the trace knows it."""
    return {"network": None, "unallocated": UNALLOCATED}.get(
        figures.subject, str(figures.branch_id)
    )


def is_of(row, figures):
    return figures.subject == "network" or row["branch_id"] == figures.branch_id


@pytest.mark.long
@THOUSAND
@given(examples)
def test_rows_add_up_to_their_figures_and_reasons_to_the_change(
    connection, profitability_sql, example
):
    # Both in one, because a random CRM takes longer to make than to check.
    period, tables = example
    with holding(connection, tables) as cursor:
        now, before = (
            read_profitability(cursor, profitability_sql, one) for one in (period, period.before(1))
        )
        rows = {name: list(read_rows(cursor, SQL, name, period, None)) for name in FAMILIES}
    assert_rows_add_up(now, rows)
    assert_reasons_add_up(*({row.key: row for row in figures} for figures in (now, before)))


def assert_rows_add_up(figures, rows):
    """Every figure of every subject, to the last digit; unknown costs have no rows."""
    for subject in figures:
        for name in (*ADDITIVE, *DETAILS):
            amounts = [
                part.amount
                for family in families_of(name)
                for part in parts(family, rows[family], name)
                if is_of(part.row, subject)
            ]
            figure = getattr(subject, name)
            assert sum(amounts, Decimal(0)) == (figure or 0), (subject.name, name)
            assert figure is not None or not amounts


def assert_reasons_add_up(now, before):
    """Exactly, of each branch and, as the sum of them and of the common costs, of the network.

    With the two periods swapped every sign turns.
    """
    pairs = [
        (now.get(key) or Figures.none_of(before[key]), before.get(key) or Figures.none_of(now[key]))
        for key in now | before
        if key[0] != "network"
    ]
    for later, earlier in pairs:
        found = reasons(later, earlier)
        assert sum(found.values()) == Fraction(later.profit) - Fraction(earlier.profit)
        assert reasons(earlier, later) == {name: -value for name, value in found.items()}
        assert found["other"] == 0
    network = now["network", None].profit - before["network", None].profit
    assert sum(added(reasons(*pair) for pair in pairs).values()) == Fraction(network)


@EXAMPLES
@given(examples, st.sampled_from((*ADDITIVE, *DETAILS)))
def test_the_rows_of_one_subject_are_its_own(connection, profitability_sql, example, name):
    # As make trace and the page ask for them: a branch, the costs of no branch, the network.
    period, tables = example
    with holding(connection, tables) as cursor:
        figures = read_profitability(cursor, profitability_sql, period)
        for subject in (figures[0], *figures[-2:]):
            branch = branch_of(subject)
            found = total(read_parts(cursor, SQL, name, period, branch))
            assert found == (figure_of(figures, name, branch) or 0) == (getattr(subject, name) or 0)


@EXAMPLES
@given(examples)
def test_scrapped_parts_are_those_of_repairs_closed_as_a_failure(
    connection, profitability_sql, example
):
    # Worked out from the rows, as the oracle does: written off, and on a failure of the period.
    period, tables = example
    failures = [
        repair
        for repair in tables["repairs"]
        if repair["status_id"] == STATUS_IDS["scrapped"]
        and period.starts_at <= repair["closed_at"] < period.ends_at
    ]
    with holding(connection, tables) as cursor:
        network = read_profitability(cursor, profitability_sql, period)[-1]
    assert network.scrapped_costs == sum(
        (line["purchase_price"] or 0) * line["quantity"]
        for line in lines(tables["repair_parts"], failures)
        if line["is_written_off"]
    )


@pytest.fixture
def one_repair(connection):
    """A repair with a service, a rental, and a cost of half a month."""
    noon = datetime(2026, 10, 15, 9, tzinfo=UTC)
    tables = completed(
        {
            "branches": [{"id": 1, "name": "Ленина", "code_prefix": "C"}],
            "repairs": [{"branch_id": 1, "status": "closed", "closed_at": noon}],
            "repair_services": [{"repair_id": 1, "price": 100, "name": "=1+1"}],
            "rentals": [
                {"branch_id": 1, "price_per_day": 70, "ended_at": noon}
                | {"started_at": noon - timedelta(hours=30)}
            ],
            "fixed_costs": [{"amount_per_month": 310, "valid_from": date(2026, 10, 17)}],
        }
    )
    with holding(connection, tables) as cursor:
        yield cursor


def read(cursor, figure, branch=None, **options):
    """The rows as people read them."""
    zone = ZoneInfo(MONTH.timezone)
    return [shown(part, zone, **options) for part in read_parts(cursor, SQL, figure, MONTH, branch)]


def test_a_row_says_when_what_and_where_to_look(one_repair):
    # By the account's clock; the repair's number, code and card; nobody's name.
    (row,) = read(one_repair, "repair_revenue", "1", card_url="https://crm/{id}/{code}")
    assert (row.at, row.branch, row.item) == ("2026-10-15 12:00", "Ленина", "=1+1")
    assert (row.number, row.code, row.link) == ("1", "C-1", "https://crm/1/C-1")
    assert (row.quantity, row.price, row.amount, row.customer) == (1, 100, 100, "")
    (rental,) = read(one_repair, "rental_revenue")
    assert (rental.item, rental.quantity, rental.amount) == ("HR2470 (1)", 2, 140)


def test_customers_are_named_only_if_somebody_asks(one_repair):
    # Of a repair and of a rental, from a query of its own.
    found = read_parts(one_repair, SQL, "revenue", MONTH)
    assert "Иван" not in str(found)
    customers = read_customers(one_repair, SQL, found)
    rows = read(one_repair, "revenue", customers=customers)
    assert [row.customer for row in rows] == ["Иван", "Иван"]
    assert "Иван" not in str(read(one_repair, "revenue"))


def test_a_fixed_cost_has_a_row_for_each_day(one_repair):
    # From 17 October on, 10 a day, of no branch.
    rows = read(one_repair, "fixed_costs", UNALLOCATED)
    assert [row.at for row in rows] == [f"2026-10-{day}" for day in range(17, 32)]
    assert {row.amount for row in rows} == {Decimal(10)}
    assert read(one_repair, "fixed_costs", "1") == []


def test_what_has_no_rows_is_explained(one_repair, profitability_sql):
    # A margin is no sum, and a branch must be one of the report.
    with pytest.raises(TraceError, match="margin is profit / revenue"):
        read_parts(one_repair, SQL, "margin", MONTH)
    figures = read_profitability(one_repair, profitability_sql, MONTH)
    with pytest.raises(TraceError, match="no branch '7' in this period"):
        figure_of(figures, "profit", "7")
