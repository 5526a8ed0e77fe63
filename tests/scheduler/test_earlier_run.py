"""Backfills and runs at once, by a real scheduler: each message once, and in order."""

from itertools import groupby

from scheduler.conftest import DAG_ID, backfill, wait_until
from stage import in_chat


def first_lines(telegram, since):
    return [message.text.splitlines()[0] for message in in_chat(telegram)[since:]]


def day(line):
    return line.split(", ")[2].split(" 2026")[0]


def test_a_backfill_posts_each_report_once_in_order_with_its_own_period(airflow, telegram):
    # Over the turn of a month, with the ten runs at once that the command starts by itself.
    before = len(in_chat(telegram))
    backfill(airflow, "2026-10-28", "2026-11-03")
    airflow.wait_for_run(DAG_ID)
    lines = first_lines(telegram, before)
    days = [key for key, _ in groupby(lines, key=day)]
    expected = ["28 октября", "29 октября", "30 октября", "31 октября", "2 ноября", "3 ноября"]
    assert days == expected  # 1 November is a Sunday: the weekly report covers it
    assert len(lines) == 3 * 6
    assert all("Вся сеть" in line for line in lines[2::3])


def test_two_runs_of_one_period_started_together_post_one_set(airflow, telegram):
    # A backfill and a run by hand: max_active_runs does not keep these two apart.
    before = len(in_chat(telegram))
    earlier = {run["dag_run_id"] for run in airflow.runs(DAG_ID)}

    def new_runs():
        return [run for run in airflow.runs(DAG_ID) if run["dag_run_id"] not in earlier]

    backfill(airflow, "2026-11-12", "2026-11-12")
    airflow.api.post(
        f"/dags/{DAG_ID}/dagRuns", json={"logical_date": None, "conf": {"period": "2026-11-12"}}
    ).raise_for_status()
    wait_until(lambda: len(new_runs()) == 2)
    airflow.wait_for_run(DAG_ID)
    assert len(in_chat(telegram)) - before == 3
    assert [run["state"] for run in new_runs()] == ["success", "success"]
