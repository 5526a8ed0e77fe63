"""Whatever becomes of Airflow, the ledger knows what was sent."""

from demo.ledger import ledger_connection
from scheduler.conftest import DAG_ID, local_airflow, unpause, wait_until
from stage import in_chat


def test_a_new_airflow_and_a_deleted_dag_post_nothing_again(airflow, postgres, telegram, tmp_path):
    # Another metadata database, as after `airflow db reset`; then the DAG is deleted in the UI with
    # all its runs, and comes back as its file is read again. Both make the newest run again, which
    # finds its messages sent.
    before = [message.text for message in in_chat(telegram)]
    environment = {
        "AIRFLOW_CONN_SANCRM_LEDGER": ledger_connection(airflow.ledger_dsn),
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "10",
    }
    with local_airflow(postgres, telegram, tmp_path, environment, database="second") as second:
        unpause(second, DAG_ID)
        assert second.wait_for_run(DAG_ID)["state"] == "success"
        second.api.delete(f"/dags/{DAG_ID}").raise_for_status()
        wait_until(lambda: second.api.get(f"/dags/{DAG_ID}").status_code == 200)
        unpause(second, DAG_ID)
        assert second.wait_for_run(DAG_ID)["state"] == "success"
    assert len(before) >= 3
    after = [message.text for message in in_chat(telegram)[len(before) :]]
    assert not set(after) & set(before)
