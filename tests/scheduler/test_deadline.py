"""Airflow's own deadline alerts, by a real scheduler and triggerer."""

import psycopg

from scheduler.conftest import DAG_ID, backfill, unpause, wait_until
from stage import OPS_CHAT, in_chat


def test_a_scheduled_run_past_its_deadline_is_told_and_then_solved(airflow, telegram):
    # In this Airflow a scheduled run has a second: ops read that it is late, then that it is over.
    (scheduled,) = [run for run in airflow.runs(DAG_ID) if run["run_type"] == "scheduled"]
    assert scheduled["state"] == "success"
    wait_until(lambda: len(in_chat(telegram, OPS_CHAT)) > 1)
    late, over = in_chat(telegram, OPS_CHAT)[:2]
    assert late.text.startswith("⏰ Опаздывает: ежедневный отчёт за ")
    assert f"/dags/{DAG_ID}/runs/scheduled" in late.buttons[0][0].url
    assert over.method == "editMessageText"
    assert over.text.startswith("✅ Решено: ежедневный отчёт за ")


def test_missed_calls_that_wait_for_a_slot_are_told_and_then_solved(airflow, telegram):
    # They cannot go on until the pool has its slot again. The scheduled run may be of a day before,
    # which comes too late and solves nothing: the run by hand does.
    def is_alerted(beginning):
        return any(message.text.startswith(beginning) for message in in_chat(telegram, OPS_CHAT))

    airflow.command("pools", "set", "telegram", "0", "No slot: nobody posts")
    unpause(airflow, "missed_calls")
    wait_until(lambda: is_alerted("⏰ Опаздывает: незвонки за "))
    airflow.command("pools", "set", "telegram", "1", "One slot: one sender at a time")
    airflow.trigger("missed_calls")
    wait_until(lambda: is_alerted("✅ Решено: незвонки за "))
    assert airflow.wait_for_run("missed_calls")["state"] == "success"


def test_a_backfill_has_no_deadline(airflow):
    # It is late by its nature, and a person is watching it.
    backfill(airflow, "2026-11-10", "2026-11-10")
    airflow.wait_for_run(DAG_ID)
    with psycopg.connect(airflow.metadata_dsn) as connection:
        types = connection.execute(
            "select run_type from deadline join dag_run on dag_run.id = deadline.dagrun_id"
        ).fetchall()
    assert {run_type for (run_type,) in types} <= {"scheduled"}
