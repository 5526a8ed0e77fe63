"""The contract of the source files: what breaks it is told with file, column, rows and ids."""

import shutil
from datetime import date
from decimal import Decimal

import psycopg
import pytest
from hypothesis import given
from psycopg.rows import dict_row

from demo.crm.load import load_demo
from figures.conftest import SQL
from figures.small_crm import holding
from figures.test_against_oracle import EXAMPLES, examples
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.pure.source_contract import SourcesError, refuse
from sancrm_reports.wire.crm import parameters
from sancrm_reports.wire.sources import (
    check_all_sources,
    check_report_sources,
    check_totals,
    not_allowed,
)

DAY = Period(PeriodKind.DAY, date(2026, 11, 17), "Europe/Moscow")


@pytest.fixture(scope="module")
def demo(server):
    """A connection to the demo network, on a Tuesday of which it has every kind of row."""
    dsn = server.create_database("demo_sources")
    load_demo(dsn, today=date(2026, 11, 25), reader_password="reader")
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        yield connection


@pytest.fixture
def cursor(demo):
    with demo.cursor() as opened:
        yield opened
    demo.rollback()


@pytest.fixture
def folder(tmp_path):
    """A copy of include/sql that a test may break."""
    return shutil.copytree(SQL, tmp_path / "sql")


def edit(folder, file, old, new):
    path = folder / "sources" / f"{file}.sql"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def end(folder, file, line):
    path = folder / "sources" / f"{file}.sql"
    path.write_text(f"{path.read_text('utf-8')}{line}\n", "utf-8")


REPAIRS, SERVICES, PARTS = "closed_repairs", "service_lines", "part_lines"
RENTALS, COSTS, BRANCHES = "returned_rentals", "fixed_costs", "branches"
TWICE = "cross join generate_series(1, 2)"
STATUSES_OF = (
    "inner join repair_status_changes as changes on repairs.id = changes.repair_id\n"
    "inner join repair_statuses on repairs.status_id = repair_statuses.id"
)
STATUS = "inner join repair_statuses on repairs.status_id = repair_statuses.id"

# File, what is replaced, by what, and what is told of it.
EDITS = {
    # Those that the issue names.
    "each repair twice": (REPAIRS, STATUS, f"{STATUS}\n{TWICE}", "repair_id comes more than once"),
    "a row per change": (REPAIRS, STATUS, STATUSES_OF, "repair_id comes more than once"),
    "service twice": (
        SERVICES,
        "from repair_services",
        f"from repair_services\n{TWICE}",
        "line_id comes more than once",
    ),
    "part twice": (PARTS, "from repair_parts", f"from repair_parts\n{TWICE}", "line_id comes more"),
    "rental twice": (RENTALS, "from rentals", f"from rentals\n{TWICE}", "rental_id comes more"),
    "cost twice": (COSTS, "from fixed_costs", f"from fixed_costs\n{TWICE}", "cost_id comes more"),
    "branch twice": (BRANCHES, "from branches", f"from branches\n{TWICE}", "branch_id comes more"),
    "services in kopecks": (
        SERVICES,
        "repair_services.price,",
        "repair_services.price * 100 as price,",
        "price is not on the scale of",
    ),
    "sales in kopecks": (
        PARTS,
        "repair_parts.sale_price,",
        "repair_parts.sale_price * 100 as sale_price,",
        "sale_price is not on the scale of part_lines.purchase_price",
    ),
    "purchases in kopecks": (
        PARTS,
        "repair_parts.purchase_price,",
        "repair_parts.purchase_price * 100 as purchase_price,",
        "sale_price is not on the scale of part_lines.purchase_price",
    ),
    "totals in kopecks": (
        RENTALS,
        "rentals.total",
        "rentals.total * 100 as total",
        "total is not on the scale of returned_rentals.price_per_day times days",
    ),
    "costs in kopecks": (
        COSTS,
        "fixed_costs.amount_per_month,",
        "fixed_costs.amount_per_month * 100 as amount_per_month,",
        "amount_per_month is not on the scale of the revenue of a month",
    ),
    "null discount": (
        SERVICES,
        "repair_services.discount",
        "nullif(repair_services.discount, 0) as discount",
        "discount is null",
    ),
    "null price": (
        SERVICES,
        "repair_services.price,",
        "null::numeric as price,",
        "price is null",
    ),
    "null sale price": (
        PARTS,
        "repair_parts.sale_price,",
        "null::numeric as sale_price,",
        "sale_price is null",
    ),
    "null closed_at": (
        REPAIRS,
        "repairs.closed_at,",
        "case when repairs.branch_id <> 2 then repairs.closed_at end as closed_at,",
        "closed_at is null",
    ),
    "null is_success": (
        REPAIRS,
        "repair_statuses.status_group = 'closed_success' as",
        "nullif(repair_statuses.status_group = 'closed_success', true) as",
        "is_success is null",
    ),
    "negative prices": (
        SERVICES,
        "repair_services.price,",
        "-repair_services.price as price,",
        "price is negative",
    ),
    "no branch": (
        REPAIRS,
        "repairs.branch_id,",
        "nullif(repairs.branch_id, 2) as branch_id,",
        "branch_id is null",
    ),
    "no zone": (
        REPAIRS,
        "repairs.closed_at,",
        "repairs.closed_at::timestamp as closed_at,",
        "closed_at is timestamp, and must be timestamptz. Say the zone",
    ),
    "zone of the session": (
        REPAIRS,
        "repairs.closed_at,",
        "(repairs.closed_at at time zone 'Europe/Moscow')::timestamptz as closed_at,",
        "closed_at depends on the TimeZone of the session",
    ),
    # What else goes wrong when such a file is edited.
    "float": (SERVICES, "repair_services.price,", "price::float8,", "price is float8, and must be"),
    "money": (
        COSTS,
        "fixed_costs.amount_per_month,",
        "amount_per_month::money,",
        "amount_per_month is money",
    ),
    "text amount": (RENTALS, "rentals.total", "total::text", "total is text, and must be numeric"),
    "closed on a date": (REPAIRS, "repairs.closed_at,", "closed_at::date,", "closed_at is date"),
    "costs from a time": (
        COSTS,
        "fixed_costs.valid_from,",
        "valid_from::timestamptz,",
        "valid_from is timestamptz, and must be date",
    ),
    "success as a word": (
        REPAIRS,
        "repair_statuses.status_group = 'closed_success' as",
        "repair_statuses.status_group as",
        "is_success is text, and must be boolean",
    ),
    "name as jsonb": (
        BRANCHES,
        "branches.name as branch_name",
        "jsonb_build_object('ru_RU', branches.name) as branch_name",
        "branch_name is jsonb, and must be text. Take one text out of it",
    ),
    "name as an array": (
        BRANCHES,
        "branches.name as branch_name",
        "array[branches.name] as branch_name",
        "branch_name is text[], and must be text",
    ),
    "ids of two types": (
        SERVICES,
        "repair_services.repair_id,",
        "repair_services.repair_id::text as repair_id,",
        "repair_id is text, and in closed_repairs.sql it is int8",
    ),
    "column renamed": (COSTS, "fixed_costs.valid_to", "valid_to as until", "no column valid_to"),
    "column twice": (
        COSTS,
        "fixed_costs.valid_to",
        "fixed_costs.valid_to,\n    null::date as valid_to",
        "valid_to comes more than once",
    ),
    "semicolon": (RENTALS, "'returned'", "'returned';", "cannot be run"),
    "mistyped": (PARTS, "from repair_parts", "form repair_parts", "cannot be run"),
    "percent sign": (
        RENTALS,
        "rentals.status = 'returned'",
        "rentals.status like 'return%'",
        "cannot be run",
    ),
    "table renamed": (RENTALS, "from rentals", "from hire as rentals", "cannot be run"),
    "param mistyped": (
        RENTALS,
        "'returned'",
        "'returned' and ended_at > %(perod_start)s",
        "cannot be run",
    ),
    "branches lost": (BRANCHES, "from branches", "from branches\nwhere branches.id <> 2", "branch"),
    "branch of another network": (
        RENTALS,
        "rentals.branch_id,",
        "rentals.branch_id + 100 as branch_id,",
        "branch_id is not in branches.sql",
    ),
    "open rentals too": (RENTALS, "where rentals.status = 'returned'", "", "ended_at is null"),
    "open repairs too": (
        REPAIRS,
        "where repair_statuses.status_group in ('closed_success', 'closed_failure')",
        "",
        "closed_at is null",
    ),
    "times swapped": (
        RENTALS,
        "rentals.started_at,\n    rentals.ended_at,",
        "rentals.ended_at as started_at,\n    rentals.started_at as ended_at,",
        "started_at is after ended_at",
    ),
    "times in milliseconds": (
        REPAIRS,
        "repairs.closed_at,",
        "to_timestamp(extract(epoch from repairs.closed_at) * 1000) as closed_at,",
        "closed_at is not between 1990 and 2100",
    ),
    "never closed": (
        REPAIRS,
        "repairs.closed_at,",
        "case when repairs.id > 50 then repairs.closed_at else 'infinity' end as closed_at,",
        "closed_at is not between 1990 and 2100",
    ),
    "not a number": (
        PARTS,
        "repair_parts.sale_price,",
        "coalesce(nullif(repair_parts.sale_price, 0), 'NaN') + 'NaN' as sale_price,",
        "sale_price is not a number",
    ),
    "discount of a piece": (
        SERVICES,
        "repair_services.discount",
        "repair_services.price * repair_services.quantity * 2 as discount",
        "discount is above its line",
    ),
    "discount below zero": (
        SERVICES,
        "repair_services.discount",
        "-repair_services.discount as discount",
        "discount is negative",
    ),
    "whole quantities": (
        PARTS,
        "repair_parts.quantity,",
        "floor(repair_parts.quantity / 2) as quantity,",
        "quantity is 0",
    ),
    "returns": (
        PARTS,
        "repair_parts.quantity,",
        "-repair_parts.quantity as quantity,",
        "quantity is negative",
    ),
    "joined by the wrong column": (
        SERVICES,
        "repair_services.repair_id,",
        "-repair_services.id as repair_id,",
        "repair_id is of none of the newest repairs",
    ),
    "line of no repair": (
        PARTS,
        "repair_parts.repair_id,",
        "case when repair_parts.id > 9 then repair_parts.repair_id end as repair_id,",
        "repair_id is null",
    ),
    "nothing is a success": (
        REPAIRS,
        "= 'closed_success' as",
        "= 'success' as",
        "is_success is true for none of the newest repairs",
    ),
    "ids left out": (
        SERVICES,
        "repair_services.id as line_id,",
        "null::bigint as line_id,",
        "line_id is null",
    ),
    "costs back to front": (
        COSTS,
        "fixed_costs.valid_from,\n    fixed_costs.valid_to",
        "coalesce(fixed_costs.valid_to, '2026-12-31') as valid_from,\n"
        "    fixed_costs.valid_from as valid_to",
        "valid_to is before valid_from",
    ),
    "costs of nobody": (
        COSTS,
        "fixed_costs.amount_per_month,",
        "nullif(fixed_costs.amount_per_month, fixed_costs.amount_per_month) as amount_per_month,",
        "amount_per_month is null",
    ),
    "nameless": (
        BRANCHES,
        "branches.name as branch_name",
        "'' as branch_name",
        "branch_name is blank",
    ),
    # What no single row shows.
    "prices swapped": (
        PARTS,
        "repair_parts.purchase_price,\n    repair_parts.sale_price,",
        "repair_parts.sale_price as purchase_price,\n"
        "    coalesce(repair_parts.purchase_price, 0) as sale_price,",
        "sale_price is below purchase_price in most of the newest rows",
    ),
    "unknown as zero": (
        PARTS,
        "repair_parts.purchase_price,",
        "0 as purchase_price,",
        "purchase_price is 0 in most of the newest rows",
    ),
    "free of charge": (
        SERVICES,
        "repair_services.price,",
        "coalesce(nullif(repair_services.price, repair_services.price), 0) as price,",
        "price is 0 in most of the newest rows",
    ),
    "totals lost": (RENTALS, "rentals.total", "0 as total", "total is 0 in most of the newest"),
    "no rental price": (
        RENTALS,
        "rentals.price_per_day,",
        "0 as price_per_day,",
        "price_per_day is 0 in most of the newest rows",
    ),
    "rented for no time": (
        RENTALS,
        "rentals.started_at,",
        "rentals.ended_at as started_at,",
        "started_at is ended_at in most of the newest rows",
    ),
    "minutes": (
        SERVICES,
        "repair_services.quantity,",
        "repair_services.quantity * 60 as quantity,",
        "quantity is above 50 in most of the newest rows",
    ),
    "grams": (
        PARTS,
        "repair_parts.quantity,",
        "repair_parts.quantity * 1000 as quantity,",
        "quantity is above 50 in most of the newest rows",
    ),
    "success upside down": (
        REPAIRS,
        "= 'closed_success' as",
        "<> 'closed_success' as",
        "is_success is false in most of the newest rows",
    ),
    "closed just now": (
        REPAIRS,
        "repairs.closed_at,",
        "now() as closed_at,",
        "closed_at is the same in most of the newest rows",
    ),
    "service twice, ids made up": (
        SERVICES,
        "repair_services.id as line_id,",
        "row_number() over () as line_id,",
        "the same line has another line_id in most of the newest rows",
    ),
    "part twice, ids made up": (
        PARTS,
        "repair_parts.id as line_id,",
        "row_number() over () as line_id,",
        "the same line has another line_id in most of the newest rows",
    ),
    "rental twice, ids made up": (
        RENTALS,
        "rentals.id as rental_id,",
        "row_number() over () as rental_id,",
        "the same rental has another rental_id in most of the newest rows",
    ),
    "every branch closed": (
        BRANCHES,
        "branches.is_active",
        "false as is_active",
        "is_active is true for no branch",
    ),
    "no repair at all": (
        REPAIRS,
        "in ('closed_success', 'closed_failure')",
        "in ('success', 'failure')",
        "there is no repair of these lines",
    ),
    "line ids of the repair": (
        PARTS,
        "repair_parts.id as line_id,",
        "repair_parts.repair_id as line_id,",
        "line_id comes more than once",
    ),
    "parts times services": (
        PARTS,
        "from repair_parts",
        "from repair_parts\ninner join repair_services using (repair_id)",
        "line_id comes more than once",
    ),
    "costs for each branch": (
        COSTS,
        "from fixed_costs",
        "from fixed_costs\ncross join branches",
        "cost_id comes more than once",
    ),
    "costs below zero": (
        COSTS,
        "fixed_costs.amount_per_month,",
        "-fixed_costs.amount_per_month as amount_per_month,",
        "amount_per_month is negative",
    ),
    "rentals below zero": (
        RENTALS,
        "rentals.total",
        "-rentals.total as total",
        "total is negative",
    ),
    "cut to the day": (
        REPAIRS,
        "repairs.closed_at,",
        "date_trunc('day', repairs.closed_at) as closed_at,",
        "closed_at depends on the TimeZone of the session",
    ),
    "day of the session": (
        RENTALS,
        "rentals.ended_at,",
        "rentals.ended_at::date::timestamptz as ended_at,",
        "ended_at",
    ),
    "costs without a beginning": (
        COSTS,
        "fixed_costs.valid_from,",
        "nullif(fixed_costs.valid_from, fixed_costs.valid_from) as valid_from,",
        "valid_from is null",
    ),
    "written off or unknown": (
        PARTS,
        "repair_parts.is_written_off",
        "nullif(repair_parts.is_written_off, true) as is_written_off",
        "is_written_off is null",
    ),
    "endless prices": (
        SERVICES,
        "repair_services.price,",
        "'Infinity'::numeric as price,",
        "price is not a number",
    ),
    "columns swapped": (
        REPAIRS,
        "repairs.id as repair_id,\n    repairs.branch_id,",
        "repairs.branch_id as repair_id,\n    repairs.id as branch_id,",
        "repair_id comes more than once",
    ),
    "price and discount swapped": (
        SERVICES,
        "repair_services.price,\n    repair_services.quantity,\n    repair_services.discount",
        "repair_services.discount as price,\n    repair_services.quantity,\n"
        "    repair_services.price as discount",
        "discount is above its line",
    ),
}
# Ids that were made up hide a join that doubles each row.
DOUBLED = {
    "service twice, ids made up": "from repair_services",
    "part twice, ids made up": "from repair_parts",
    "rental twice, ids made up": "from rentals",
}


def told(problems, file):
    return [str(problem) for problem in problems if problem.file == file]


def test_the_shipped_sources_pass_on_the_demo(cursor):
    # No false alarm: of a day, of each of its neighbours, and of all rows.
    assert check_all_sources(cursor, SQL) == []
    for kind in PeriodKind:
        period = Period.containing(DAY.start, kind=kind, timezone=DAY.timezone)
        assert check_report_sources(cursor, SQL, parameters(period)) == []


@pytest.mark.parametrize("name", EDITS)
def test_a_wrong_file_is_named(cursor, folder, name):
    # By the run of one day, and by make check-sources: the file, and what is wrong with it.
    file, old, new, problem = EDITS[name]
    edit(folder, file, old, new)
    if name in DOUBLED:
        edit(folder, file, DOUBLED[name], f"{DOUBLED[name]}\n{TWICE}")
    if name == "branches lost":
        file = REPAIRS  # of the branch that the list lost
    for problems in (
        check_report_sources(cursor, folder, parameters(DAY)),
        check_all_sources(cursor, folder),
    ):
        assert any(problem in line for line in told(problems, file)), problems
        with pytest.raises(SourcesError, match=rf"{file}\.sql"):
            refuse(problems)


@EXAMPLES
@given(examples)
def test_no_sound_crm_is_refused(connection, example):
    # Random small CRMs, their times at the edges of days: neither of a period nor of all rows.
    period, tables = example
    for line in tables["repair_services"]:
        sound(line, line["price"])
    for line in tables["repair_parts"]:
        sound(line, line["sale_price"])
    with holding(connection, tables) as cursor:
        assert check_report_sources(cursor, SQL, parameters(period)) == []
        assert check_all_sources(cursor, SQL) == []


def sound(line, price):
    """Make a random line one that a shop could have entered."""
    line["quantity"] = line["quantity"] or Decimal(1)
    line["discount"] = min(line["discount"], (price * line["quantity"]).quantize(Decimal("0.01")))


def test_rows_are_counted_and_three_are_named(cursor):
    # How many, and where to look.
    cursor.execute("update repair_services set price = -1 where id between 5 and 9")
    (problem,) = check_all_sources(cursor, SQL)
    assert str(problem) == "service_lines.sql: price is negative: 5 rows, such as 5, 6, 7"


def test_a_missing_file_is_named(cursor, folder):
    # Deleted, or never copied.
    (folder / "sources" / "part_lines.sql").unlink()
    (problem,) = check_report_sources(cursor, folder, parameters(DAY))
    assert problem.name == "part_lines.sql: cannot be read"


def test_what_is_on_purpose_can_be_allowed(cursor):
    # Refunds as negative lines: named in the settings, they are no problem any more.
    cursor.execute("update repair_services set price = -1 where id = 5")
    problems = check_all_sources(cursor, SQL)
    assert not_allowed(problems, ["service_lines.sql: price is negative"]) == []
    assert not_allowed(problems, ["service_lines.sql: price is null"]) == problems


def test_a_file_may_use_the_period(cursor, folder):
    # A source that is slow without it.
    end(folder, RENTALS, "and rentals.ended_at >= %(period_start)s")
    assert check_report_sources(cursor, folder, parameters(DAY)) == []
    assert check_all_sources(cursor, folder) == []


@pytest.mark.parametrize("file", ["unreached_repairs", "repair_statuses", "backup_runs"])
def test_a_wrong_file_of_the_others_stops_no_report(cursor, folder, file):
    # It is told by make check-sources; the run of a report does not read it.
    end(folder, file, "limit none_such")
    assert check_report_sources(cursor, folder, parameters(DAY)) == []
    (problem,) = check_all_sources(cursor, folder)
    assert problem.name == f"{file}.sql: cannot be run"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("repairs.accepted_at", "null::timestamptz as accepted_at", "accepted_at is null"),
        (
            "repairs.accepted_at",
            "'infinity'::timestamptz as accepted_at",
            "accepted_at is not between",
        ),
        ("repairs.accepted_at", "accepted_at::timestamp", "accepted_at is timestamp, and must be"),
        ("where repairs.needs_callback", f"{TWICE}\nwhere needs_callback", "repair_id comes more"),
        ("customers.name as", "to_jsonb(customers.name) as", "customer_name is jsonb"),
        ("repairs.id as repair_id", "null::bigint as repair_id", "repair_id is null"),
    ],
)
def test_a_wrong_list_of_calls_is_told(cursor, folder, old, new, problem):
    # Before a run of the missed calls meets it.
    edit(folder, "unreached_repairs", old, new)
    assert any(
        problem in line for line in told(check_all_sources(cursor, folder), "unreached_repairs")
    )


@pytest.mark.parametrize("kind", ["uuid", "text"])
def test_ids_may_be_of_any_one_type(cursor, folder, kind):
    # A CRM whose keys are no numbers.
    as_kind = "lpad(to_hex({0}), 32, '0')::uuid" if kind == "uuid" else "('no ' || {0})"
    for file, name, column in (
        (BRANCHES, "branches.id as", "branch_id"),
        (REPAIRS, "repairs.branch_id,", "branch_id"),
        (RENTALS, "rentals.branch_id,", "branch_id"),
        (COSTS, "fixed_costs.branch_id,", "branch_id"),
    ):
        value = as_kind.format(name.split()[0].strip(","))
        edit(folder, file, name, f"{value} as" + ("" if name.endswith("as") else f" {column},"))
    assert check_report_sources(cursor, folder, parameters(DAY)) == []


def test_the_crms_own_totals_are_compared(cursor, folder):
    # A kopeck is a difference, unless the settings tolerate it; without the file none is looked at.
    (folder / "sources" / "crm_totals.sql").write_text(
        "select 2 as branch_id, date '2026-11-17' as day, 1000.01 as revenue"
    )
    compare = [cursor, folder, parameters(DAY), {2: ("Ленина", Decimal(1000))}]
    (problem,) = check_totals(*compare, 0)
    assert str(problem) == (
        "crm_totals.sql: the CRM's revenue of branch 2 (Ленина) is 1000.01, the report's is 1000"
    )
    assert check_totals(*compare, 1) == []
    assert check_totals(cursor, SQL, *compare[2:], 0) == []
