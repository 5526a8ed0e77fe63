"""A worker that is killed between Telegram's answer and the ledger."""

from scheduler.conftest import DAG_ID, senders, wait_until
from stage import in_chat


def failed_post(airflow, run_id):
    answer = airflow.api.get(
        f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances", params={"state": "failed"}
    )
    [task] = [
        task for task in answer.json()["task_instances"] if task["task_id"].startswith("post_")
    ]
    return task


def test_a_killed_worker_repeats_nothing(airflow, telegram):
    # Killed while Telegram's answer is on its way: the next try must not send it again.
    before = len(in_chat(telegram))
    hanging = telegram.faults.hang_after(times=1)
    run_id = airflow.api.post(
        f"/dags/{DAG_ID}/dagRuns", json={"logical_date": None, "conf": {"period": "2026-11-11"}}
    ).json()["dag_run_id"]
    wait_until(lambda: len(in_chat(telegram)) > before)
    for process in wait_until(lambda: senders(airflow, telegram)):
        process.kill()
    hanging.release()
    run = airflow.wait_for_run(DAG_ID)
    assert run["state"] == "failed"
    assert len(in_chat(telegram)) - before == 3  # its message once, and the two others
    unknown = failed_post(airflow, run_id)
    assert unknown["try_number"] == 2
    log = airflow.api.get(
        f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/{unknown['task_id']}/logs/"
        f"{unknown['try_number']}",
        params={"map_index": unknown["map_index"], "full_content": True},
    ).text
    assert "airflow dags trigger profitability_daily" in log  # the command that sends it again
    assert "resend" in log
