"""Where Telegram is out of reach, whole runs reach ops by e-mail, and end what they said there."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from dags.conftest import by_itself, forget_deliveries
from mail import MailServer
from sancrm_reports.glue import deadline
from stage import (
    CALLBACKS,
    CHAT,
    OPS_CHAT,
    PERSONAL,
    in_chat,
    reader_connection,
    telegram_connection,
)


@pytest.fixture
def mails(configured, monkeypatch):
    """The second way is switched on; failed tasks are not tried again in these tests."""
    with MailServer().running() as server:
        monkeypatch.setenv("AIRFLOW_CONN_OPS_EMAIL", server.connection())
        configured(EMAIL__TO='["ops@example.com"]')
        yield server


@pytest.fixture
def blocked(telegram, monkeypatch):
    """Telegram is blocked in this country until it is called."""
    account = {**json.loads(telegram_connection(telegram)), "extra": {}}
    account["extra"]["base_url"] = "http://127.0.0.1:1/bot"
    for name in ("DEFAULT", "OPS"):
        monkeypatch.setenv(f"AIRFLOW_CONN_TELEGRAM_{name}", json.dumps(account))

    def free():
        monkeypatch.setenv("AIRFLOW_CONN_TELEGRAM_DEFAULT", telegram_connection(telegram))
        monkeypatch.setenv("AIRFLOW_CONN_TELEGRAM_OPS", telegram_connection(telegram, OPS_CHAT))

    return free


def test_a_failed_run_is_told_by_email_and_solved_there(run, mails, blocked, telegram):
    # With what fixes it; once Telegram is back, the reports go to it alone, and the e-mail is over.
    assert str(run().state) == "failed"
    (subject,) = mails.subjects
    assert subject.startswith("[вместо Telegram] 🔴 Сбой: ежедневный отчёт за вторник, 17 ноября")
    assert "airflow dags trigger profitability_daily" in mails.text()
    blocked()
    assert str(run().state) == "success"
    assert [text[:28] for text in mails.subjects[1:]] == ["[вместо Telegram] ✅ Решено: "]
    assert mails.accepted[1]["In-Reply-To"] == mails.accepted[0]["Message-ID"]
    assert len(in_chat(telegram, CHAT)) == 3
    assert in_chat(telegram, OPS_CHAT) == []


def test_customers_are_never_named_in_an_email(run, mails, blocked, crm):
    # Missed calls that could not be posted: ops read that, and nobody's name or phone.
    crm.execute(CALLBACKS)
    run("missed_calls")
    assert mails.accepted
    everything = "".join(mails.text(number) for number in range(len(mails.accepted)))
    assert not any(part in everything for part in PERSONAL)


def test_a_missing_backup_is_told_by_email_and_closed_there(
    airflow_database, crm, mails, blocked, telegram
):
    # Neither the backup chat nor ops' can be reached.
    forget_deliveries()

    def watch(night):
        opens = datetime(2025, 1, 9 + night, 23, tzinfo=UTC)
        return by_itself("backup_watch_sancrm", logical_date=opens, run_after=opens)

    watch(0)
    assert ["Нет резервной копии sancrm" in subject for subject in mails.subjects] == [True]
    blocked()
    crm.execute(
        "insert into backup_runs values (1, 'sancrm', '2025-01-10 23:30+00',"
        " '2025-01-10 23:40+00', 'succeeded', 3000000000, null, null)"
    )
    assert str(watch(1).state) == "success"
    assert ["снова в порядке" in subject for subject in mails.subjects] == [False, True]
    assert len(in_chat(telegram)) == 1  # that backups are made again is news to the chat as well


def test_the_audit_is_told_by_email(run, mails, blocked, telegram, monkeypatch):
    # What is missing, with the command that sends it.
    blocked()
    run()
    monkeypatch.setenv(
        "AIRFLOW_CONN_TELEGRAM_OPS",
        json.dumps({**json.loads(telegram_connection(telegram)), "password": "1:revoked"}),
    )
    run("delivery_audit", day=20)
    assert any("profitability_daily" in mails.text(n) for n in range(len(mails.accepted)))
    assert "бот" in mails.text(0)


def test_without_the_ledger_an_alert_still_finds_its_way(run, mails, blocked, monkeypatch):
    # Nobody knows how long Telegram was given: it is told at once.
    monkeypatch.setenv("AIRFLOW_CONN_SANCRM_LEDGER", "postgresql://nobody@127.0.0.1:1/none")
    run()
    assert "Журнал отправки недоступен" in mails.text()


def late_run():
    at = datetime(2026, 11, 18, 6, tzinfo=UTC).isoformat()
    run = {
        "dag_id": "profitability_daily",
        "dag_run_id": "scheduled__1",
        "run_after": at,
        "state": "running",
    }
    return {"dag_run": run, "deadline": {"deadline_time": at}}


@pytest.mark.parametrize("back_after", [2, None], ids=["telegram is back", "telegram stays away"])
def test_a_late_report_is_told_though_its_callback_has_no_retries(
    airflow_database, mails, blocked, telegram, monkeypatch, back_after
):
    # Airflow runs a deadline's callback once: it tries for five minutes by itself, then e-mails.
    forget_deliveries()
    waits = []

    async def wait(seconds):
        waits.append(seconds)
        if len(waits) == back_after:
            blocked()

    monkeypatch.setattr(deadline.asyncio, "sleep", wait)
    assert asyncio.run(deadline.tell_late(late_run(), report="daily")) == "alerted"
    assert sum(waits) == (120 if back_after else 300)
    assert len(in_chat(telegram, OPS_CHAT)) == bool(back_after)
    assert len(mails.accepted) == (not back_after)


def test_nothing_is_sent_by_email_by_default(run, mails, blocked, configured):
    # A connection alone switches nothing on.
    configured(EMAIL__TO="[]")
    assert str(run().state) == "failed"
    assert mails.accepted == []


def test_what_telegram_takes_is_no_email(run, mails, telegram, monkeypatch, postgres):
    # The usual case: Telegram takes it, and no e-mail is sent.
    monkeypatch.setenv("AIRFLOW_CONN_SANCRM_DB", reader_connection(postgres, port=1))
    run()
    assert len(in_chat(telegram, OPS_CHAT)) == 1
    assert mails.accepted == []
