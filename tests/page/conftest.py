"""Airflow's real API server, with three roles, over a ledger of three weeks of March 2025."""

import os
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest

from demo.ledger import CHAT, Written, daily_reports, entry, open_database, write
from demo.local_airflow import LocalAirflow
from demo.postgres import EmbeddedPostgres
from metadata import migrated_metadata
from sancrm_reports.pure.audit import DeliveryStatus
from sancrm_reports.pure.entry import MessageKey
from sancrm_reports.wire.ledger.ledger import Ledger
from stage import make_crm, reader_connection

DAG_ID = "profitability_daily"
USERS = {"ada": "admin", "oleg": "op", "vera": "viewer"}  # the names are the passwords, too
FIRST, LAST = date(2025, 3, 3), date(2025, 3, 23)  # Monday to Sunday
DAYS = [FIRST + timedelta(days=number) for number in range(21)]
NO_RUN = date(2025, 3, 13)
EVIL = '<img src=x onerror="window.hacked=true"><script>window.hacked=true</script>'
BRANCHES = {1: "Филиал на Ленина", 2: f"Сервис {EVIL}"}
STATUSES = {
    (date(2025, 3, 4), "branch-1"): DeliveryStatus.CORRECTED,
    (date(2025, 3, 5), "branch-1"): DeliveryStatus.LATE,
    (date(2025, 3, 6), "branch-1"): DeliveryStatus.FAILED,
    (date(2025, 3, 7), "branch-1"): DeliveryStatus.UNKNOWN,
    (date(2025, 3, 14), "branch-2"): DeliveryStatus.MISSING,
}
PHONE = "+79120000000"


def status(day, subject):
    if day.isoweekday() == 7:
        return DeliveryStatus.NOT_EXPECTED
    return (
        DeliveryStatus.MISSING
        if day == NO_RUN
        else STATUSES.get((day, subject), DeliveryStatus.SENT)
    )


def text(day, subject):
    """A report as the templates write it, and what no template writes."""
    return f"<b>{subject}</b> за {day}\nПрибыль <b>12 345 ₽</b> <i>на 18:00</i> &amp; {EVIL}"


def missed_calls():
    """Two calls of a day, of which one failed with a phone in its error."""
    day = date(2025, 3, 11)
    for number, what in ((11508, DeliveryStatus.SENT), (11509, DeliveryStatus.FAILED)):
        key = MessageKey("missed_calls", day.isoformat(), f"repair-{number}", CHAT)
        yield Written(key, replace(entry(what, day), error=f"cannot parse {PHONE}"))


def backup_alert():
    """An alert of the backup watch, whose period is a window of the night."""
    day = date(2025, 3, 18)
    key = MessageKey("backup_watch", f"{day}T2300Z", "crm", CHAT)
    yield Written(key, entry(DeliveryStatus.SENT, day), "Бэкапа нет", task_id="tell")


@pytest.fixture(scope="session")
def airflow(tmp_path_factory):
    home = tmp_path_factory.mktemp("airflow")
    with ExitStack() as stack:
        postgres = stack.enter_context(EmbeddedPostgres())
        make_crm(postgres)
        with pytest.MonkeyPatch.context() as environment:
            # What tests/conftest.py sets is for Airflow in this process.
            for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
                environment.delenv(name)
            with migrated_metadata(postgres):
                running = stack.enter_context(
                    LocalAirflow(
                        postgres,
                        home,
                        components=("api-server",),
                        users=USERS,
                        environment={"AIRFLOW_CONN_SANCRM_DB": reader_connection(postgres)},
                    )
                )
            running.command("dags", "reserialize")
        with open_database(running.ledger_dsn) as ledger:
            daily_reports(ledger, BRANCHES, DAYS, status, text)
            write(ledger, "missed_calls", missed_calls())
            write(ledger, "backup_watch_crm", backup_alert())
            Ledger(ledger).note_title(CHAT, "Отчёты")
        yield running


@pytest.fixture
def todays_calls(airflow):
    """Three missed calls of today, whichever day the account has."""
    today = datetime.now(ZoneInfo("Europe/Moscow")).date()
    keys = [MessageKey("missed_calls", f"{today}", f"repair-{n}", CHAT) for n in range(3)]
    calls = [Written(key, entry(DeliveryStatus.SENT, today)) for key in keys]
    with open_database(airflow.ledger_dsn) as ledger:
        write(ledger, "missed_calls", calls)
        yield today
        ledger.rows("delete from sancrm_ledger.messages where period = %(day)s", day=f"{today}")


@pytest.fixture(scope="session")
def client(airflow):
    """Give a client of the server for a user, or for nobody."""

    def client_of(user=None):
        headers = {"Authorization": f"Bearer {airflow.token(user)}"} if user else {}
        return httpx.Client(base_url=airflow.url, headers=headers, timeout=180)

    return client_of
