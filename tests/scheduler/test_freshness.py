"""A report that waits for its data, by a real scheduler and triggerer."""

from scheduler.conftest import DAG_ID, unpause, wait_until
from stage import CHAT, OPS_CHAT, in_chat


def test_a_report_waits_without_a_worker_and_goes_out_by_itself(own):
    # Deferred while the load is behind; its deadline tells ops nothing new; then all is posted.
    own.crm.execute("update crm_loads set loaded_until = now() - interval '3 days'")
    unpause(own.airflow, DAG_ID)
    wait_until(lambda: state_of(own.airflow, "wait_for_data") == "deferred")
    first = wait_until(lambda: in_chat(own.telegram, OPS_CHAT))[0]
    assert first.text.startswith(("⏳ Ждём данных", "⏰ Опаздывает"))
    assert in_chat(own.telegram, CHAT) == []
    own.crm.execute("update crm_loads set loaded_until = now()")
    own.airflow.wait_for_run(DAG_ID)
    assert len(in_chat(own.telegram, CHAT)) == 3
    (message,) = [one for one in own.telegram.messages if one.chat_id == OPS_CHAT]
    assert message.text.startswith("✅ Решено")


def state_of(airflow, task_id):
    runs = airflow.runs(DAG_ID)
    if not runs:
        return None
    run_id = runs[0]["dag_run_id"]
    path = f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/{task_id}"
    return airflow.api.get(path).json()["state"]
