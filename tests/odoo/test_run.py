"""Whole runs from Odoo's database: a report, its audit, the recheck, and the calls are posted."""

import json
import os
import random
import shutil
import subprocess
import sys
from datetime import date

import psycopg
import pytest
from psycopg.rows import dict_row

from demo.ledger import ledger_connection
from demo.postgres import EmbeddedPostgres
from ledgers import empty_ledger
from odoo.test_odoo import ODOO, figures_of, load, make_repairs
from sancrm_reports.settings import INCLUDE
from stage import OPS_CHAT, in_chat, telegram_connection, telegram_with_chats

DAY = date(2026, 11, 17)

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def include(tmp_path_factory):
    """A copy of include/ with the example over it, made as its README says."""
    made = shutil.copytree(INCLUDE, tmp_path_factory.mktemp("odoo") / "include")
    shutil.copytree(ODOO / "sources", made / "sql" / "sources", dirs_exist_ok=True)
    for file in ("indexes.sql", "restore_drill.sql"):
        shutil.copy(ODOO / file, made / "sql")
    settings = made / "settings.toml"
    text = settings.read_text("utf-8")
    text = text.replace("has_rentals = true", "has_rentals = false")
    settings.write_text(text.replace('["Готов", "Подбор"]', '["Готов"]'), "utf-8")
    return made


@pytest.fixture(scope="module")
def telegram():
    with telegram_with_chats() as server:
        yield server


@pytest.fixture(scope="module")
def odoo():
    """Odoo's database, with the account of grants.sql."""
    with EmbeddedPostgres() as server:
        dsn = server.create_database("odoo")
        with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as dba:
            load(dba, make_repairs(random.Random(16)))
            dba.execute((ODOO / "grants.sql").read_text())
            yield server, dba
            dba.execute("drop owned by sancrm_reports; drop role sancrm_reports")


@pytest.fixture(scope="module")
def airflow(odoo, telegram, include, tmp_path_factory):
    """Run a DAG in a process of its own, whose include/ is the example's."""
    server, _ = odoo
    crm = {"conn_type": "postgres", "host": server.host, "port": server.port, "schema": "odoo"}
    account = {"login": "sancrm_reports", "password": "choose-one"}
    environment = os.environ | {
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
        # Another folder's tests in this process may have taken these away.
        "AIRFLOW__CORE__DAGS_FOLDER": str(INCLUDE.parent / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(INCLUDE.parent / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "SANCRM_INCLUDE": str(include),
        "AIRFLOW_CONN_SANCRM_DB": json.dumps(crm | account),
        "AIRFLOW_CONN_SANCRM_LEDGER": ledger_connection(empty_ledger()),
        "AIRFLOW_CONN_TELEGRAM_DEFAULT": telegram_connection(telegram),
        "AIRFLOW_CONN_TELEGRAM_OPS": telegram_connection(telegram, OPS_CHAT),
    }

    def command(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    def run(dag_id, at, **conf):
        command("dags", "test", dag_id, at, "--conf", json.dumps(conf))

    command("db", "migrate")
    return run


def test_the_example_posts_a_report_and_corrects_it(airflow, odoo, telegram):
    # Each active company and the network; without a word about rentals; the figures are those of
    # the computation by hand. A price that changes later corrects the messages in the night.
    airflow("profitability_daily", "2026-11-18T06:00:00+00:00")
    posted = [message.text.replace("\N{NO-BREAK SPACE}", " ") for message in in_chat(telegram)]
    wanted = figures_of(list(make_repairs(random.Random(16))), {DAY})
    assert in_chat(telegram, OPS_CHAT) == []
    assert len(posted) == len({1, 2, *wanted}) + 1  # the archived company where it had movements
    assert not any("рокат" in text for text in posted)
    repairs = sum(row[3] for row in wanted.values())
    assert f"Ремонтов: {repairs}" in posted[-1]
    _, dba = odoo
    dba.execute("update repair_fee set price_subtotal = price_subtotal + 100")
    airflow("recheck", "2026-11-19T02:30:00+00:00")
    corrected = [message for message in telegram.messages if message.edited]
    assert corrected
    assert all("изменены суммы закрытых ремонтов" in message.text for message in corrected)


def test_the_example_tells_whom_to_call(airflow, telegram):
    # A message for each repair that is ready and has an open activity of a call.
    before = len(in_chat(telegram))
    airflow("missed_calls", "2026-11-18T07:00:00+00:00")
    told = in_chat(telegram)[before:]
    ready = [one for one in make_repairs(random.Random(16)) if one["state"] == "ready"]
    calls = [repair["id"] for repair in ready if repair["id"] % 2 == 0]
    assert in_chat(telegram, OPS_CHAT) == []
    assert len(told) == len(calls) > 0
    assert all("+7 912 345-67-89" in message.text for message in told)
