"""Ops are told of a failed run once, in their own chat, and once that it is over."""

import json
import re

import pytest

from dags.conftest import states
from stage import CHAT, OPS_CHAT, in_chat, reader_connection


@pytest.fixture
def down(monkeypatch, postgres):
    """The CRM's database does not answer until it is called."""
    monkeypatch.setenv("AIRFLOW_CONN_SANCRM_DB", reader_connection(postgres, port=1))
    return lambda: monkeypatch.setenv("AIRFLOW_CONN_SANCRM_DB", reader_connection(postgres))


def test_a_failed_run_is_told_once_with_what_mends_it(run, telegram, down):
    # Which report and period, which step, why, the command and the run; not one per failed task.
    done = run()
    assert str(done.state) == "failed"
    (told,) = in_chat(telegram, OPS_CHAT)
    assert told.text.startswith("🔴 Сбой: ежедневный отчёт за вторник, 17 ноября")
    assert "wait_for_data: база CRM не отвечает\nconnection failed: " in told.text
    command = """airflow dags trigger profitability_daily --conf '{"period": "2026-11-17"}'"""
    assert command in told.text
    assert "/tasks/wait_for_data" in told.text  # the log; localhost is no button
    assert not told.silent


def test_a_second_failure_of_the_same_period_edits_the_message(run, telegram, down):
    # Cleared or triggered again while the trouble lasts: still one message.
    run()
    run()
    shown = [message for message in telegram.messages if message.chat_id == OPS_CHAT]
    assert len(shown) == 1


def test_a_run_that_recovers_edits_the_message_into_solved(run, telegram, down):
    # Whatever run of the period it is; the staff's chat has the report, ops' chat that it is over.
    run()
    down()
    assert str(run().state) == "success"
    (shown,) = [message for message in telegram.messages if message.chat_id == OPS_CHAT]
    assert shown.text.startswith("✅ Решено: ежедневный отчёт за вторник, 17 ноября")
    run()
    assert len(in_chat(telegram, OPS_CHAT)) == 2  # the alert and its edit


@pytest.mark.parametrize("conf", [{"dry_run": True}, {"backfill_mode": "silent"}])
def test_a_run_that_sends_nothing_solves_nothing(run, telegram, down, conf):
    # A look at the messages is not their sending.
    run()
    down()
    assert str(run(**conf).state) == "success"
    (told,) = in_chat(telegram, OPS_CHAT)
    assert told.text.startswith("🔴")


def test_a_failure_after_a_solved_one_is_a_new_message_with_sound(
    run, telegram, down, monkeypatch, postgres
):
    # An edit makes no sound, and this is news.
    run()
    down()
    run()
    monkeypatch.setenv("AIRFLOW_CONN_SANCRM_DB", reader_connection(postgres, port=1))
    run()
    shown = [message for message in telegram.messages if message.chat_id == OPS_CHAT]
    assert [message.text[:8] for message in shown] == ["✅ Решено", "🔴 Сбой: "]


def typed(telegram, which):
    """The conf of each command of the last alert that has this word, by the message it is about."""
    told = in_chat(telegram, OPS_CHAT)[-1].text
    confs = [json.loads(conf) for conf in re.findall(r"--conf '(.*)'", told)]
    return {conf[which][0]: conf for conf in confs if which in conf}


@pytest.mark.parametrize("arrived", [(0,), (1,), (0, 2), (1, 2), ()])
def test_messages_of_unknown_status_are_decided_one_by_one(run, telegram, arrived):
    # Three answers are lost, some of the messages arrived. Who looks and types what the alert says,
    # a command for each message, ends with each of them once.
    for number in range(3):
        if number in arrived:
            telegram.faults.drop_after()
        else:
            telegram.faults.drop_before()
    run()
    assert "Посмотрите в чат" in in_chat(telegram, OPS_CHAT)[-1].text
    there = [message.text for message in in_chat(telegram, CHAT)]
    assert len(there) == len(arrived)
    names = {"network": "Вся сеть", "branch-1": "Ленина", "branch-2": "Юг"}
    undecided = typed(telegram, "resend")
    assert len(undecided) == 3
    for name in undecided:
        is_there = any(names[name.partition("@")[0]] in text.splitlines()[0] for text in there)
        run(**typed(telegram, "arrived" if is_there else "resend")[name])
    assert in_chat(telegram, OPS_CHAT)[-1].text.startswith("✅ Решено")
    shown = [message.text for message in in_chat(telegram, CHAT)]
    assert len(shown) == len(set(shown)) == 3


def test_an_alert_whose_answer_never_came_is_told_again(run, telegram, down):
    # Better told twice than not at all.
    telegram.faults.drop_after(times=1)
    run()
    assert len(in_chat(telegram, OPS_CHAT)) == 2


def test_a_run_is_red_and_says_so_where_telegram_is_down(run, telegram, down):
    # Nobody can be told, so Airflow shows it: in the state and in the task that could not tell.
    telegram.faults.drop_before(times=20)
    done = run()
    assert str(done.state) == "failed"
    assert states(done)["conclude_run"] == "failed"
    assert in_chat(telegram, OPS_CHAT) == []


def test_a_broken_schema_is_told_with_the_file_to_change(run, telegram, crm):
    # The alert says what a person can do; what PostgreSQL said is quoted.
    crm.execute("alter table branches rename to filialy")
    run()
    (told,) = in_chat(telegram, OPS_CHAT)
    assert "файл в include/sql/sources" in told.text
    assert 'relation "branches" does not exist' in told.text
