"""The example for a second CRM: Odoo's tables, the figures, the calls, and what a DBA runs."""

import random
import shutil
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg.rows import dict_row

from demo.postgres import EmbeddedPostgres
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.settings import INCLUDE
from sancrm_reports.wire.crm import parameters, read_missed_calls, read_profitability, sql_text
from sancrm_reports.wire.sources import check_all_sources, check_report_sources

ODOO = INCLUDE.parent / "examples" / "odoo"
ZONE = ZoneInfo("Europe/Moscow")
DAYS = [date(2026, 11, 9) + timedelta(days=n) for n in range(14)]
STATES = ("draft", "confirmed", "under_repair", "ready", "2binvoiced", "done", "done", "done")


def make_repairs(dice):
    """Random repairs as plain facts: what a person would see in Odoo."""
    for number in range(1, 201):
        midnight = datetime.combine(dice.choice(DAYS), datetime.min.time(), ZONE)
        closed_at = midnight + timedelta(minutes=dice.choice((0, -1, 90, 600, 1439)))
        yield {
            "id": number,
            "company": dice.randint(1, 3),
            "state": dice.choice((*STATES, "cancel")),
            "at": closed_at.astimezone(UTC).replace(tzinfo=None),
            "fees": [Decimal(dice.randint(0, 500_000)) / 100 for _ in range(dice.randint(0, 2))],
            "parts": [
                {
                    "type": dice.choice(("add", "add", "add", "remove")),
                    "state": dice.choice(("done", "done", "confirmed", "cancel", None)),
                    "subtotal": Decimal(dice.randint(1, 300_000)) / 100,
                    "cost": dice.choice((None, Decimal(dice.randint(1, 200_000)) / 100)),
                }
                for _ in range(dice.randint(0, 3))
            ],
        }


def load(connection, repairs):
    connection.execute((Path(__file__).parent / "schema.sql").read_text())
    connection.execute(
        "insert into res_company values (1, 'Ленина', true), (2, 'Садовая', null),"
        " (3, 'Юг', false);"
        "insert into res_partner (id, name, phone) values (1, 'ООО «Кровля»', null);"
        "insert into res_partner (id, name, phone, mobile, parent_id, active) values"
        " (2, 'Иван', '112', '+79123456789', 1, false);"
        "insert into product_category values (1, 'Инструмент');"
        """insert into product_template values (1, '{"en_US": "Drill", "ru_RU": "Дрель"}', 1);"""
        "insert into product_product values (1, 1);"
        "insert into ir_model_fields values (7, 'repair.order', 'state'),"
        " (8, 'repair.order', 'partner_id');"
        """insert into mail_activity_type values (1, '{"en_US": "Call"}', 'phonecall'),"""
        """ (2, '{"en_US": "To-Do"}', 'default')"""
    )
    for repair in repairs:
        connection.execute(
            "insert into repair_order values (%(id)s, 'RO/' || %(id)s, %(company)s, 2, 1,"
            " %(state)s, %(at)s - interval '3 days', %(at)s + interval '9 days')",
            repair,
        )
        connection.execute(
            "insert into mail_activity (res_model, res_id, activity_type_id, create_date)"
            " values ('repair.order', %(id)s, 1 + %(id)s %% 2, %(at)s)",
            repair,
        )
        # The state changed twice, and later something else did.
        for field, earlier in ((7, "2 days"), (7, "0 days"), (8, "-1 day")):
            connection.execute(
                "with message as (insert into mail_message (model, res_id, date) values"
                " ('repair.order', %s, %s - %s::interval) returning id)"
                "insert into mail_tracking_value (field, new_value_char, mail_message_id)"
                " select %s, 'Repaired', id from message",
                (repair["id"], repair["at"], earlier, field),
            )
        for price in repair["fees"]:
            connection.execute(
                "insert into repair_fee (repair_id, name, price_unit, product_uom_qty,"
                " price_subtotal) values (%s, 'Работа', %s, 2, %s)",
                (repair["id"], price * Decimal("0.6"), price),
            )
        for part in repair["parts"]:
            add_part(connection, repair["id"], part)


def add_part(connection, repair_id, part):
    move = connection.execute("insert into stock_move (state) values ('done') returning id")
    move_id = move.fetchone()["id"]
    if part["cost"] is not None:  # in two layers, as a first-in-first-out stock gives it
        connection.execute(
            "insert into stock_valuation_layer (stock_move_id, value, quantity) values"
            " (%(move)s, -(%(cost)s - 0.01), -1), (%(move)s, -0.01, -1)",
            {"move": move_id, "cost": part["cost"]},
        )
    connection.execute(
        "insert into repair_line (repair_id, name, type, state, price_unit, product_uom_qty,"
        " price_subtotal, move_id) values (%s, 'Щётка', %s, %s, 1, 2, %s, %s)",
        (repair_id, part["type"], part["state"], part["subtotal"], move_id),
    )


def figures_of(repairs, days):
    """Revenue, costs, lines without a cost and repairs of each company, worked out by hand."""
    found = defaultdict(lambda: [Decimal(0), Decimal(0), 0, 0])
    for repair in repairs:
        day = repair["at"].replace(tzinfo=UTC).astimezone(ZONE).date()
        if repair["state"] not in ("done", "cancel") or day not in days:
            continue
        is_success = repair["state"] == "done"
        row = found[repair["company"]]
        put_in = [p for p in repair["parts"] if p["type"] == "add" and p["state"] != "cancel"]
        used = [part for part in put_in if is_success or part["state"] == "done"]
        row[1] += sum((part["cost"] or Decimal(0) for part in used), Decimal(0))
        row[2] += sum(part["cost"] is None for part in used)
        if is_success:
            row[0] += sum(repair["fees"], Decimal(0))
            row[0] += sum((part["subtotal"] for part in put_in), Decimal(0))
            row[3] += 1
    return dict(found)


@pytest.fixture(scope="module")
def repairs():
    return list(make_repairs(random.Random(16)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of include/sql with the example over it, as its README says."""
    made = shutil.copytree(INCLUDE / "sql", tmp_path_factory.mktemp("odoo") / "sql")
    shutil.copytree(ODOO / "sources", made / "sources", dirs_exist_ok=True)
    return made


@pytest.fixture(scope="module")
def odoo(repairs):
    """Odoo's database, read by the account of grants.sql; the server's zone is another."""
    with EmbeddedPostgres() as server:
        dsn = server.create_database("odoo")
        with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as dba:
            dba.execute("alter database odoo set timezone = 'Asia/Vladivostok'")
            load(dba, repairs)
            dba.execute((ODOO / "grants.sql").read_text())
            lines = (ODOO / "indexes.sql").read_text().splitlines()
            script = "\n".join(line for line in lines if not line.startswith("--"))
            for statement in filter(str.strip, script.split(";")):
                dba.execute(statement)
            login = server.dsn("odoo", user="sancrm_reports", password="choose-one")
            with psycopg.connect(login, row_factory=dict_row) as connection:
                yield connection.cursor()
            dba.execute("drop owned by sancrm_reports; drop role sancrm_reports")


def test_the_sources_keep_the_contract(odoo, folder):
    # As make check-sources and a run look at them.
    assert check_all_sources(odoo, folder) == []
    for kind in PeriodKind:
        period = Period.containing(DAYS[7], kind=kind, timezone=str(ZONE))
        assert check_report_sources(odoo, folder, parameters(period)) == []


@pytest.mark.parametrize("kind", PeriodKind)
@pytest.mark.parametrize("day", [DAYS[0], DAYS[7], DAYS[13]], ids=str)
def test_the_figures_are_those_of_a_computation_of_its_own(odoo, folder, repairs, kind, day):
    # Closings around midnight in Moscow, several companies, an archived one, cancelled lines.
    period = Period.containing(day, kind=kind, timezone=str(ZONE))
    wanted = figures_of(repairs, {one.start for one in period.days})
    rows = read_profitability(odoo, sql_text(folder), period)
    found = {
        row.branch_id: [
            row.repair_revenue,
            row.variable_costs,
            row.parts_without_cost,
            row.repair_count,
        ]
        for row in rows
        if row.subject == "branch" and row.has_movements
    }
    assert found == {company: row for company, row in wanted.items() if any(row)}
    network = rows[-1]
    assert network.revenue == sum((row[0] for row in wanted.values()), Decimal(0))
    assert network.fixed_costs is None
    assert network.rental_count == 0


def test_who_is_to_be_called_is_read(odoo, folder, repairs):
    # By an open activity of the kind «call»; the product's name in Russian, out of jsonb.
    found = read_missed_calls(odoo, sql_text(folder, "missed_calls.sql"), ["Готов"])
    ready = {repair["id"]: repair["at"] for repair in repairs if repair["state"] == "ready"}
    assert found.unreadable == {}
    assert {call.repair_id: call.since for call in found.calls} == {
        id_: at.replace(tzinfo=UTC) for id_, at in ready.items() if id_ % 2 == 0
    }
    assert {(call.model, call.phone, call.company) for call in found.calls} == {
        ("Дрель", "+79123456789", "ООО «Кровля»")
    }


def test_the_restore_drill_counts(odoo):
    # Each statement with the rights of the account.
    statements = (ODOO / "restore_drill.sql").read_text().split(";")
    rows = [odoo.execute(text).fetchone() for text in statements if text.strip()]
    assert rows[0]["row_count"] == 200
    assert rows[0]["newest_at"].tzinfo is not None
