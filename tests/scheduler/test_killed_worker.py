"""A worker that is killed between Telegram's answer and the ledger."""

from scheduler.conftest import DAG_ID, senders, wait_until
from stage import in_chat


def task_of(airflow, run_id, state):
    answer = airflow.api.get(f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances")
    tasks = [
        task
        for task in answer.json()["task_instances"]
        if task["state"] == state and task["task_id"].startswith("post_")
    ]
    return tasks[0] if tasks else None


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
    killed = wait_until(lambda: task_of(airflow, run_id, "up_for_retry"))
    airflow.api.post(
        f"/dags/{DAG_ID}/clearTaskInstances",
        json={
            "dry_run": False,
            "dag_run_id": run_id,
            "task_ids": [[killed["task_id"], killed["map_index"]]],
            "only_failed": False,
        },
    ).raise_for_status()
    run = airflow.wait_for_run(DAG_ID)
    assert run["state"] == "failed"
    assert len(in_chat(telegram)) - before == 3  # its message once, and the two others
    unknown = task_of(airflow, run_id, "failed")
    assert unknown["map_index"] == killed["map_index"]
    log = airflow.api.get(
        f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/{unknown['task_id']}/logs/"
        f"{unknown['try_number']}",
        params={"map_index": unknown["map_index"], "full_content": True},
    ).text
    assert "airflow dags trigger profitability_daily" in log  # the command that sends it again
    assert "resend" in log
