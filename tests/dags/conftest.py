"""A real Airflow database, a real PostgreSQL with a small CRM, and the Telegram stand-in."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from jsonschema import Draft202012Validator

from demo.ledger import ledger_connection
from demo.postgres import EmbeddedPostgres
from ledgers import empty_ledger
from sancrm_reports.settings import settings, settings_error
from stage import OPS_CHAT, make_crm, reader_connection, telegram_connection, telegram_with_chats


@pytest.fixture(scope="session", autouse=True)
def schemas_checked_once():
    """Airflow checks the schema of each param of each task each time: a third of a run."""
    check, checked = Draft202012Validator.check_schema, set()

    def check_once(schema, **options):
        if repr(schema) not in checked:
            check(schema, **options)
            checked.add(repr(schema))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Draft202012Validator, "check_schema", check_once)
        yield


@pytest.fixture(scope="session")
def airflow_database():
    done = subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.fixture(scope="session")
def postgres():
    with EmbeddedPostgres() as server:
        yield server


@pytest.fixture
def crm(postgres, monkeypatch):
    """A small CRM that a test may change; the connection reads it as the reader."""
    with psycopg.connect(make_crm(postgres), autocommit=True) as connection:
        monkeypatch.setenv("AIRFLOW_CONN_SANCRM_DB", reader_connection(postgres))
        yield connection


@pytest.fixture
def configured(monkeypatch):
    """Set settings by their environment variables."""

    def configure(**values):
        for name, value in values.items():
            monkeypatch.setenv(f"SANCRM__{name}", value)
        settings.cache_clear()

    yield configure
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def telegram(monkeypatch):
    """A Telegram that wants no pace, nor do we: pacing has tests of its own, with its own clock."""
    with telegram_with_chats() as server:
        monkeypatch.setenv("AIRFLOW_CONN_TELEGRAM_DEFAULT", telegram_connection(server))
        monkeypatch.setenv("AIRFLOW_CONN_TELEGRAM_OPS", telegram_connection(server, OPS_CHAT))
        monkeypatch.setenv("SANCRM__DELIVERY__GROUP_MESSAGES_PER_MINUTE", "0")
        settings.cache_clear()
        yield server
        settings.cache_clear()


@pytest.fixture
def dags(airflow_database):
    """The DAGs as Airflow imports them."""
    return import_dags()


def import_dags():
    """Import the DAGs; a failed task is not tried again, so that tests need not wait."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag()
    mistaken = {"settings_check.py"} if settings_error() else set()
    assert {Path(file).name for file in bag.import_errors} == mistaken, bag.import_errors
    for dag in bag.dags.values():
        for task in dag.tasks:
            if hasattr(task, "partial_kwargs"):
                task.partial_kwargs["retries"] = 0
            else:
                task.retries = 0
    return bag.dags


@pytest.fixture
def run(airflow_database, crm, telegram):
    """Run a DAG as a person would by hand in November 2026 at nine, by default on the 18th."""
    minutes = iter(range(60))

    def run_dag(dag_id="profitability_daily", *, logical_date=True, day=18, about_day=None, **conf):
        if about_day:  # the run's param day, not the day of the run
            conf["day"] = about_day
        moment = datetime(2026, 11, day, 6, next(minutes), tzinfo=UTC)
        return by_itself(
            dag_id,
            logical_date=moment if logical_date else None,
            run_after=moment,
            run_conf=conf,
        )

    forget_deliveries()
    return run_dag


def by_itself(dag_id, **options):
    """Run a DAG to its end in this process; ``dag.test()`` alone reads every DAG anew.

    It is imported anew, as by a worker: a run's params stay in the DAG object.
    """
    from airflow.dag_processing import dagbag

    every = dagbag.BundleDagBag
    dag = import_dags()[dag_id]

    def only_this(**place):
        bag = every(**place, collect_dags=False)
        bag.dags[dag_id] = dag
        return bag

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dagbag, "BundleDagBag", only_this)
        return dag.test(**options)


def forget_deliveries():
    """Empty the ledger, so that tests do not see each other's messages."""
    os.environ["AIRFLOW_CONN_SANCRM_LEDGER"] = ledger_connection(empty_ledger())


def states(run):
    """The state of each task of a run; of a mapped one a list."""
    found = {}
    for task in sorted(run.get_task_instances(), key=lambda task: task.map_index):
        if task.map_index < 0:
            found[task.task_id] = str(task.state)
        else:
            found.setdefault(task.task_id, []).append(str(task.state))
    return found
