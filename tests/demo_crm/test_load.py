"""Loading the demo: the schema, the same rows everywhere, the indexes, the reading role."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from datetime import date

import psycopg
import pytest

from demo.crm import READER, READER_PASSWORD, NotADemoDatabaseError, load_demo
from demo.crm.customers import CustomerBook
from demo.crm.generate import generate
from demo.crm.load import (
    INDEXES_FILE,
    TABLE_NAMES,
    copy_tables,
    create_indexes,
    create_reader,
    create_schema,
)
from demo.crm.network import make_branches
from demo.crm.repairs import RepairMaker
from demo.crm.rows import NamedRow, Tables
from demo.crm.workdays import WorkCalendar

MONDAY = date(2026, 11, 23)
INCLUDE = INDEXES_FILE.parents[1]

# What the reference schema says: every column is not null unless it ends with "?".
REFERENCE = """
branches: id bigint, name text, code_prefix text, city text?, is_active boolean,
    opened_on date?, closed_on date?
repair_statuses: id bigint, code text, name text, status_group text, is_final boolean
categories: id bigint, name text
brands: id bigint, name text
customers: id bigint, name text, phone text, company_name text?
repairs: id bigint, branch_id bigint, number integer, customer_id bigint,
    category_id bigint, brand_id bigint?, model text?, status_id bigint,
    needs_callback boolean, prepayment numeric(12,2), accepted_at timestamptz,
    closed_at timestamptz?
repair_status_changes: id bigint, repair_id bigint, status_id bigint,
    changed_at timestamptz, comment text?
repair_services: id bigint, repair_id bigint, name text, price numeric(12,2),
    quantity numeric(10,3), discount numeric(12,2)
repair_parts: id bigint, repair_id bigint, product_name text, quantity numeric(10,3),
    purchase_price numeric(12,2)?, sale_price numeric(12,2), discount numeric(12,2),
    is_written_off boolean
tools: id bigint, branch_id bigint, category_id bigint, brand_id bigint?, model text,
    inventory_number text, price_per_day numeric(12,2)
rentals: id bigint, branch_id bigint, tool_id bigint, customer_id bigint, status text,
    price_per_day numeric(12,2), started_at timestamptz, expected_end_at timestamptz,
    ended_at timestamptz?, total numeric(12,2)?
fixed_costs: id bigint, branch_id bigint?, name text, amount_per_month numeric(12,2),
    valid_from date, valid_to date?
plans: id bigint, month date, branch_id bigint?, figure text, amount numeric(12,2)
backup_runs: id bigint, database text, started_at timestamptz, finished_at timestamptz?,
    status text, size_bytes bigint?, location text?, error text?
"""

COLUMNS = """
select format('%%s %%s%%s', attname, replace(format_type(atttypid, atttypmod),
    'timestamp with time zone', 'timestamptz'), case when attnotnull then '' else '?' end)
from pg_attribute where attrelid = %(table)s::regclass and attnum > 0 order by attnum
"""

INDEXES = {
    "repairs_closed_at_idx": "(closed_at)",
    "repairs_without_time_idx": "(status_id, id) WHERE (closed_at IS NULL)",
    "repair_parts_repair_id_idx": "(repair_id)",
    "repair_services_repair_id_idx": "(repair_id)",
    "rentals_ended_at_idx": "(ended_at)",
    "repairs_needs_callback_idx": "(status_id) WHERE needs_callback",
    "repair_status_changes_repair_id_idx": "(repair_id, status_id, changed_at)",
}


def content_hash(dsn: str) -> str:
    digest = hashlib.sha256()
    with psycopg.connect(dsn, options="-c timezone=UTC") as connection:
        for table in TABLE_NAMES:
            query = f"copy (select * from {table} order by id) to stdout"  # noqa: S608
            with connection.cursor().copy(query.encode()) as copy:
                for block in copy:
                    digest.update(block)
    return digest.hexdigest()


@pytest.fixture(scope="module")
def generated():
    return generate(MONDAY)


def reader_dsn(server, database: str, password: str = READER_PASSWORD) -> str:
    return server.dsn(database, user=READER, password=password)


def test_the_schema_is_the_reference_schema(monday):
    # Names, types, order and nullability of all columns of all tables.
    wanted = {}
    for entry in REFERENCE.replace("\n    ", " ").strip().splitlines():
        table, columns = entry.split(": ")
        wanted[table] = columns.split(", ")
    found = {table: [column for (column,) in monday.rows(COLUMNS, table=table)] for table in wanted}
    assert found == wanted
    tables = monday.rows("select relname from pg_stat_user_tables")
    assert sorted(name for (name,) in tables) == sorted(wanted)


def test_enumerations_and_unique_columns_are_enforced(monday):
    # The database itself refuses what the reference schema excludes.
    for change in (
        "update rentals set status = 'lost' where id = 1",
        "update backup_runs set status = 'unknown' where id = 1",
        "update repair_statuses set status_group = 'closed' where id = 1",
    ):
        with pytest.raises(psycopg.errors.CheckViolation):
            monday.connection.execute(change)
    for change in (
        "update customers set phone = (select phone from customers where id = 2) where id = 1",
        "update repair_statuses set code = 'open' where id = 2",
        "insert into repairs select 0, branch_id, number, customer_id, category_id, brand_id,"
        " model, status_id, needs_callback, prepayment, accepted_at from repairs where id = 1",
    ):
        with pytest.raises(psycopg.errors.UniqueViolation):
            monday.connection.execute(change)


def test_two_loads_of_a_day_give_the_same_bytes(server, monday):
    # By the function and by the command, whatever was there before, in whatever order Python
    # walks its sets. The command also sets the password of the reader.
    dsn = server.create_database("second")
    with psycopg.connect(dsn) as connection:
        create_schema(connection)
        copy_tables(connection, Tables(brands=[NamedRow(1, "Другой")]), "UTC")
    command = [sys.executable, "-m", "demo.crm", "--dsn", dsn, "--day", str(monday.today)]
    subprocess.run(
        [*command, "--reader-password", "p'w"],
        cwd=INCLUDE,
        env=os.environ | {"PYTHONHASHSEED": "7", "TZ": "America/New_York"},
        check=True,
    )
    assert content_hash(dsn) == content_hash(monday.dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        psycopg.connect(reader_dsn(server, "second", password="p'w")).close()
        create_reader(connection, READER_PASSWORD)


def test_the_rows_are_the_same_on_every_machine_and_python(generated):
    # If the demo's data were changed on purpose, this hash is to be replaced.
    rows = (tuple(row) for name in TABLE_NAMES for row in getattr(generated, name))
    text = "\n".join(map(repr, rows))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "7a27ab2a1eb598cf"


def test_another_seed_gives_other_figures():
    # A reader can check that nothing is tuned to one lucky draw.
    branch = make_branches(MONDAY)[-1]
    one, other = (
        list(RepairMaker(branch, WorkCalendar(MONDAY, seed), CustomerBook()).closed())
        for seed in (1, 2)
    )
    assert one != other


def test_the_time_zone_moves_the_shops_hours(server, monday, generated):
    # In Vladivostok the same morning is seven hours earlier.
    dsn = server.create_database("east")
    backups = Tables(backup_runs=generated.backup_runs)
    query = "select extract(epoch from min(started_at))::int from backup_runs"
    with psycopg.connect(dsn) as connection:
        create_schema(connection)
        copy_tables(connection, backups, "Asia/Vladivostok")
        (east,) = connection.execute(query).fetchone()
    assert monday.value(query) - east == 7 * 3600


def test_a_foreign_database_is_not_touched(server):
    # `--dsn` of the real CRM must not cost anybody their data.
    dsn = server.create_database("foreign")
    with psycopg.connect(dsn) as connection:
        connection.execute("create table customers as select 'important' as name")
    with pytest.raises(NotADemoDatabaseError, match="customers"):
        load_demo(dsn, today=MONDAY)
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select name from customers").fetchall() == [("important",)]


def test_the_indexes_exist_and_can_be_asked_for_twice(monday):
    # A DBA may run the file again without looking.
    create_indexes(monday.connection)
    rows = monday.rows(
        "select c.relname, pg_get_indexdef(i.indexrelid), i.indisvalid from pg_index i"
        " join pg_class c on c.oid = i.indexrelid where c.relname like '%%_idx'"
        " and c.relnamespace = 'public'::regnamespace"
    )
    assert {name: definition.split("btree ")[1] for name, definition, _ in rows} == INDEXES
    assert all(is_valid for *_, is_valid in rows)


def test_every_index_says_which_question_it_serves():
    # The file is read by a DBA who decides whether to run it.
    blocks = INDEXES_FILE.read_text(encoding="utf-8").strip().split("\n\n")[1:]
    assert len(blocks) == len(INDEXES)
    for block in blocks:
        comment, statement, *_ = block.splitlines()
        assert comment.startswith("-- ")
        assert "?" in comment
        assert statement.startswith("create index concurrently if not exists ")


def test_the_reader_reads_everything_and_changes_nothing(server, monday):
    # Not even after switching the session to writing.
    with psycopg.connect(reader_dsn(server, monday.name), autocommit=True) as connection:
        for table in TABLE_NAMES:
            assert connection.execute(f"select from {table} limit 1".encode()).rowcount == 1
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("delete from repairs")
        connection.execute("set default_transaction_read_only = off")
        for change in (
            "delete from repairs",
            "update rentals set total = 0",
            "truncate backup_runs",
            "create table mine ()",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(change.encode())


def test_the_reader_with_a_wrong_password_is_refused(server, monday):
    # The connection test of the reports relies on it.
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(reader_dsn(server, monday.name, password="wrong"))


def test_an_empty_schema_can_be_had_without_data(server):
    # SQL tests bring their own rows.
    with psycopg.connect(server.create_database("empty")) as connection:
        create_schema(connection)
        assert connection.execute("select from repairs").rowcount == 0
