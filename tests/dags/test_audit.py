"""The audit of deliveries: what the reports owed against what was sent."""

from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
import pytest
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from psycopg.types.json import Jsonb
from sqlalchemy import select

from ledgers import ledger_dsn
from sancrm_reports.settings import settings
from stage import CHAT, OPS_CHAT, in_chat, reader_connection, telegram_connection

DAILY, WEEKLY = "profitability_daily", "profitability_weekly"
NEW_CHAT = "-1003333333333"


@pytest.fixture(autouse=True)
def two_days(monkeypatch):
    """Run on 18 November at nine, so of 16 November (a Monday) and of the week 9 to 15."""
    monkeypatch.setenv("SANCRM__AUDIT__DAYS", "2")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def audit(run, on=18):
    done = run("delivery_audit", day=on)
    return str(done.state), note_of(done)


def note_of(done):
    with create_session() as session:
        return session.scalar(select(DagRun).where(DagRun.id == done.id)).note


def in_ops_chat(telegram):
    return [message.text for message in telegram.messages if message.chat_id == OPS_CHAT]


def test_nothing_missing_is_a_green_run_with_a_table_and_no_message(run, telegram):
    # Two branches and the network, of the day and of the week.
    run(DAILY, period="2026-11-16")
    run(WEEKLY, period="2026-11-10")
    state, note = audit(run)
    assert state == "success"
    assert "| ежедневный отчёт за понедельник, 16 ноября | с опозданием: 3 |" in note
    assert "| еженедельный отчёт за неделю 9–15 ноября 2026 | с опозданием: 3 |" in note
    assert in_ops_chat(telegram) == []


def test_a_report_that_never_ran_is_told_with_the_backfill_that_sends_it(run, telegram):
    # The branches that were open come from the CRM, as no run has said which there are.
    run(DAILY, period="2026-11-12")
    state, note = audit(run)
    assert state == "failed"
    assert "| ежедневный отчёт за понедельник, 16 ноября | не отправлено: 3 |" in note
    (told,) = in_ops_chat(telegram)
    assert "понедельник, 16 ноября: нет ни одного сообщения (запуска по расписанию" in told
    assert (
        "airflow backfill create --dag-id profitability_daily --from-date 2026-11-16 "
        "--to-date 2026-11-16 --reprocess-behavior completed"
    ) in told
    assert "еженедельный" not in told  # it was never switched on


def test_what_was_repaired_since_edits_the_message(run, telegram):
    # The next audit, of the same or of another day, says that it is over.
    run(DAILY, period="2026-11-12")
    audit(run)
    run(DAILY, period="2026-11-16")
    state, _ = audit(run)
    assert state == "success"
    assert in_ops_chat(telegram) == ["✅ Решено: все отчёты отправлены"]


def test_a_failed_branch_is_named_with_the_reason(run, telegram, monkeypatch):
    # Its chat was deleted: the others were sent and are not listed.
    monkeypatch.setenv("SANCRM__CHATS__BRANCHES", '{"1": ["-1009999999999"]}')
    settings.cache_clear()
    run(DAILY, period="2026-11-16")
    audit(run)
    told = in_ops_chat(telegram)[-1]
    assert "нет: Филиал на Ленина (" in told
    assert "chat not found" in told.lower()
    assert "Сервис" not in told


def test_an_unknown_status_comes_with_the_resending_command_only(run, telegram):
    # A backfill would not send it again, and a person must look first.
    telegram.faults.drop_after(times=1)
    run(DAILY, period="2026-11-16")
    audit(run)
    told = in_ops_chat(telegram)[-1]
    lost = "branch-1" if "на Ленина" in telegram.accepted[0].text else "branch-2"
    assert "сначала посмотрите в чат" in told
    assert f'{{"period": "2026-11-16", "resend": ["{lost}@{CHAT}"]}}' in told
    assert "backfill create" not in told


@pytest.mark.parametrize("by", ["settings", "connection"])
def test_what_was_sent_to_a_chat_of_before_is_not_missing(run, telegram, monkeypatch, by):
    # Another chat since then: the reports of the last days are not owed to it.
    run(DAILY, period="2026-11-16")
    if by == "settings":
        monkeypatch.setenv("SANCRM__CHATS__REPORTS", NEW_CHAT)
        settings.cache_clear()
    else:
        elsewhere = telegram_connection(telegram, NEW_CHAT)
        monkeypatch.setenv("AIRFLOW_CONN_TELEGRAM_DEFAULT", elsewhere)
    state, note = audit(run)
    assert state == "success"
    assert "| ежедневный отчёт за понедельник, 16 ноября | с опозданием: 3 |" in note
    assert in_ops_chat(telegram) == []


def test_a_topic_is_looked_for_as_it_was_sent_to(run, telegram, monkeypatch):
    # The ledger and the settings write a topic differently.
    monkeypatch.setenv("SANCRM__CHATS__REPORTS", f"{CHAT}:12")
    settings.cache_clear()
    run(DAILY, period="2026-11-16")
    monkeypatch.setenv("SANCRM__CHATS__REPORTS", NEW_CHAT)
    settings.cache_clear()
    assert audit(run)[0] == "success"


def test_a_task_that_was_cleared_sends_to_the_new_chat_and_that_is_enough(run, telegram):
    # Only the failed task was repeated, so the expected messages have the chat that was deleted.
    run(DAILY, period="2026-11-16")
    with psycopg.connect(ledger_dsn()) as ledger:
        changed = ledger.execute(
            "update sancrm_ledger.expected set chats = chats || %s where period = '2026-11-16'",
            [Jsonb({"branch-1": [NEW_CHAT]})],
        )
    assert changed.rowcount == 1
    assert audit(run)[0] == "success"


def test_a_digest_owes_nothing(run, telegram):
    # A person chose that these periods are told of in one message.
    run(DAILY, period="2026-11-16", backfill_mode="digest")
    state, note = audit(run)
    assert state == "success"
    assert "| ежедневный отчёт за понедельник, 16 ноября | не ожидалось |" in note


def test_an_audit_without_the_crm_still_looks_for_the_network(run, telegram, monkeypatch, postgres):
    # The database is down, and that is when reports are missing.
    run(DAILY, period="2026-11-12")
    monkeypatch.setenv("AIRFLOW_CONN_SANCRM_DB", reader_connection(postgres, port=1))
    state, note = audit(run)
    assert state == "failed"
    assert "| ежедневный отчёт за понедельник, 16 ноября | не отправлено: 1 |" in note
    assert len(in_chat(telegram, OPS_CHAT)) == 1


def test_what_left_the_days_that_are_looked_at_is_not_called_solved(run, telegram):
    # Nobody sent it: the message stays as it is, until somebody does.
    run(DAILY, period="2026-11-12")
    audit(run)
    for period in ("2026-11-21", "2026-11-23"):
        run(DAILY, period=period, day=24)
    state, _ = audit(run, on=24)
    assert state == "success"
    (told,) = in_ops_chat(telegram)
    assert told.startswith("⚠️")


def test_the_messages_of_every_morning_are_closed_in_the_end(run, telegram):
    # Missing on two mornings, so told twice; sent in the end.
    run(DAILY, period="2026-11-12")
    audit(run)
    audit(run, on=19)
    assert [text[:2] for text in in_ops_chat(telegram)] == ["⚠️", "⚠️"]
    for period in ("2026-11-16", "2026-11-17", "2026-11-18"):
        run(DAILY, period=period, day=19)
    audit(run, on=19)
    assert in_ops_chat(telegram) == ["✅ Решено: все отчёты отправлены"] * 2


def test_a_failed_correction_is_not_closed_by_the_audit(run, telegram, monkeypatch, postgres):
    # The report was sent, but is wrong still: only a run that succeeds says that it is over.
    run(DAILY, period="2026-11-16")
    monkeypatch.setenv("AIRFLOW_CONN_SANCRM_DB", reader_connection(postgres, port=1))
    run(DAILY, period="2026-11-16")
    audit(run)
    (told,) = in_ops_chat(telegram)
    assert told.startswith("🔴 Сбой")


def test_a_run_that_stays_queued_is_missing_once_none_may_take_so_long(run, telegram, monkeypatch):
    # Of a cancelled backfill: the first audit believes it, the next morning's tells.
    monkeypatch.setenv("SANCRM__AUDIT__DAYS", "3")
    settings.cache_clear()
    run(DAILY, period="2026-11-15")
    run(DAILY, period="2026-11-17")
    with queued(DAILY, datetime(2026, 11, 15, 21, tzinfo=UTC)):
        state, note = audit(run)
        assert state == "success"
        assert "запуск ещё идёт" in note
        state, note = audit(run, on=19)
        assert state == "failed"
    (told,) = in_ops_chat(telegram)
    assert "понедельник, 16 ноября: нет ни одного сообщения (запуск давно стоит" in told
    assert """airflow dags trigger profitability_daily --conf '{"period": "2026-11-16"}'""" in told


@contextmanager
def queued(dag_id, logical_date):
    """A run that no scheduler will ever start."""
    from airflow.utils.types import DagRunTriggeredByType, DagRunType

    with create_session() as session:
        made = DagRun(
            dag_id=dag_id,
            run_id="backfill__lost",
            logical_date=logical_date,
            run_after=logical_date,
            run_type=DagRunType.BACKFILL_JOB,
            triggered_by=DagRunTriggeredByType.BACKFILL,
            state="queued",
        )
        session.add(made)
    yield
    with create_session() as session:
        session.delete(session.get_one(DagRun, made.id))
