"""A real scheduler with workers of its own, between a small CRM and the Telegram stand-in."""

import json
import os
import shutil
import time
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace

import psutil
import psycopg
import pytest

from demo.local_airflow import LocalAirflow
from demo.postgres import EmbeddedPostgres
from metadata import migrated_metadata
from sancrm_reports.settings import INCLUDE
from stage import (
    OPS_CHAT,
    in_chat,
    make_crm,
    reader_connection,
    telegram_connection,
    telegram_with_chats,
)

DAG_ID = "profitability_daily"
PATIENCE = 1200  # seconds: some machines take ten times as long as others

# Ten backups of one window that has opened and is not over, whatever today is: this year.
WAITED_FOR = {
    f"db{number}": {
        "database": f"db{number}",
        "schedule": "0 0 1 1 *",
        "window_minutes": 365 * 24 * 60,
        "grace_minutes": 0,
        "poll_seconds": 2,
        "probe": {"kind": "table"},
    }
    for number in range(10)
}


@pytest.fixture(scope="package")
def postgres():
    with EmbeddedPostgres() as server:
        make_crm(server)
        yield server


@pytest.fixture(scope="package")
def telegram():
    with telegram_with_chats() as server:
        yield server


@pytest.fixture(scope="package")
def airflow(postgres, telegram, tmp_path_factory):
    """Airflow with the daily reports switched on, whose first scheduled run is over."""
    environment = {
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",  # what may leak the token
        "SANCRM__DELIVERY__DEADLINE_MINUTES": "0.02",  # every scheduled run is late
        "SANCRM__MISSED_CALLS__DEADLINE_MINUTES": "0.02",
        "SANCRM__BACKUPS": json.dumps(WAITED_FOR),
        "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "1",
    }
    home = tmp_path_factory.mktemp("airflow")
    with local_airflow(postgres, telegram, home, environment) as running:
        unpause(running, DAG_ID)
        running.wait_for_run(DAG_ID)
        yield running


@pytest.fixture(scope="package")
def own(tmp_path_factory):
    """Another Airflow, whose files, settings, pools and CRM a test may break, and mends."""
    place = tmp_path_factory.mktemp("own")
    include = shutil.copytree(INCLUDE, place / "include")
    environment = {
        "SANCRM_INCLUDE": str(include),
        "SANCRM__FRESHNESS__WHEN_STALE": "hold",
        "SANCRM__FRESHNESS__CHECK_SECONDS": "0.5",
        "SANCRM__DELIVERY__DEADLINE_MINUTES": "0.02",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "10",
    }
    (include / "sql" / "freshness.sql").write_text(
        "select null::bigint as branch_id, loaded_until as complete_until from crm_loads"
    )
    with (
        EmbeddedPostgres() as postgres,
        telegram_with_chats() as telegram,
        psycopg.connect(make_crm(postgres), autocommit=True) as crm,
    ):
        crm.execute("create table crm_loads as select now() loaded_until")
        crm.execute("grant select on crm_loads to sancrm_reader")
        with local_airflow(postgres, telegram, place / "airflow", environment) as airflow:
            yield SimpleNamespace(airflow=airflow, include=include, crm=crm, telegram=telegram)


@contextmanager
def local_airflow(postgres, telegram, home, environment, **options):
    """An Airflow of its own between the small CRM and the stand-in, with every DAG paused."""
    # What tests/conftest.py sets is for Airflow in this process.
    own = [name for name in os.environ if name.startswith("AIRFLOW")]
    kept = {name: os.environ.pop(name) for name in own}
    ours = {
        "AIRFLOW_CONN_SANCRM_DB": reader_connection(postgres),
        "AIRFLOW_CONN_TELEGRAM_DEFAULT": telegram_connection(telegram),
        "AIRFLOW_CONN_TELEGRAM_OPS": telegram_connection(telegram, OPS_CHAT),
        "SANCRM__DELIVERY__GROUP_MESSAGES_PER_MINUTE": "0",  # the stand-in keeps no pace
        "SANCRM__RETRIES__DELAY_SECONDS": "5",
        # Several of them wait beside each other: as they come, each takes a third of a core for it.
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "1",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
        "SANCRM__FRESHNESS__WHEN_STALE": "ignore",  # the small CRM ends on a day, whatever today is
    }
    try:
        with ExitStack() as stack:
            with migrated_metadata(postgres):
                running = stack.enter_context(
                    LocalAirflow(
                        postgres,
                        home,
                        environment=ours | environment,
                        patience=PATIENCE,
                        **options,
                    )
                )
            wait_until(lambda: running.api.get(f"/dags/{DAG_ID}").status_code == 200)
            yield running
    finally:
        os.environ |= kept


def told(telegram, beginning):
    """What ops were told first with such a beginning, once they are told."""

    def found():
        alerts = in_chat(telegram, OPS_CHAT)
        return next((alert for alert in alerts if alert.text.startswith(beginning)), None)

    return wait_until(found)


def unpause(airflow, dag_id):
    airflow.unpause(dag_id)


def wait_until(condition):
    """Wait for what another process does; the limit only ends a hopeless wait."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError("it did not come about")
        time.sleep(0.2)
    return found


def backfill(airflow, first, last):
    """Make a backfill, once Airflow has noticed that the one before is over: up to 30 s later."""
    wait_until(lambda: backfills_over(airflow))
    airflow.command(
        "backfill", "create", "--dag-id", DAG_ID, "--from-date", first, "--to-date", last
    )  # fmt: skip


def backfills_over(airflow):
    backfills = airflow.api.get("/backfills", params={"dag_id": DAG_ID}).json()["backfills"]
    return all(made["completed_at"] for made in backfills)


def senders(airflow, telegram):
    """The worker processes that are talking to Telegram just now."""
    port = int(telegram.page_url.rstrip("/").rpartition(":")[2])
    scheduler = psutil.Process(airflow.pid("scheduler"))
    return [
        process
        for process in scheduler.children(recursive=True)
        if any(c.raddr and c.raddr.port == port for c in connections_of(process))
    ]


def connections_of(process):
    try:
        return process.net_connections(kind="tcp")
    except psutil.Error:
        return []
