"""A report that waits for its data, by a real scheduler and triggerer."""

import shutil

import psycopg

from demo.postgres import EmbeddedPostgres
from sancrm_reports.settings import INCLUDE
from scheduler.conftest import DAG_ID, local_airflow, unpause, wait_until
from stage import CHAT, OPS_CHAT, in_chat, make_crm, telegram_with_chats


def test_a_report_waits_without_a_worker_and_goes_out_by_itself(tmp_path):
    # Deferred while the load is behind; its deadline tells ops nothing new; then all is posted.
    include = shutil.copytree(INCLUDE, tmp_path / "include")
    (include / "sql" / "freshness.sql").write_text(
        "select null::bigint as branch_id, loaded_until as complete_until from crm_loads"
    )
    environment = {
        "SANCRM_INCLUDE": str(include),
        "SANCRM__FRESHNESS__WHEN_STALE": "hold",
        "SANCRM__FRESHNESS__CHECK_SECONDS": "0.5",
        "SANCRM__DELIVERY__DEADLINE_MINUTES": "0.02",
    }
    with EmbeddedPostgres() as postgres, telegram_with_chats() as telegram:
        with psycopg.connect(make_crm(postgres), autocommit=True) as crm:
            crm.execute("create table crm_loads as select now() - interval '3 days' loaded_until")
            crm.execute("grant select on crm_loads to sancrm_reader")
            with local_airflow(postgres, telegram, tmp_path / "airflow", environment) as airflow:
                unpause(airflow, DAG_ID)
                wait_until(lambda: state_of(airflow, "wait_for_data") == "deferred")
                wait_until(lambda: in_chat(telegram, OPS_CHAT))
                assert in_chat(telegram, CHAT) == []
                crm.execute("update crm_loads set loaded_until = now()")
                airflow.wait_for_run(DAG_ID)
        told = [message for message in telegram.messages if message.chat_id == OPS_CHAT]
        assert len(in_chat(telegram, CHAT)) == 3
    (message,) = told
    assert message.text.startswith("✅ Решено")
    assert in_chat(telegram, OPS_CHAT)[0].text.startswith(("⏳ Ждём данных", "⏰ Опаздывает"))


def state_of(airflow, task_id):
    runs = airflow.api.get(f"/dags/{DAG_ID}/dagRuns").json()["dag_runs"]
    if not runs:
        return None
    run_id = runs[0]["dag_run_id"]
    path = f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/{task_id}"
    return airflow.api.get(path).json()["state"]
