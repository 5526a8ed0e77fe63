"""Ten backups that are being waited for, by a real scheduler and a real triggerer."""

import signal

import psutil
import psycopg
import pytest

from scheduler.conftest import WAITED_FOR, unpause, wait_until

DAG_IDS = [f"backup_watch_{name}" for name in WAITED_FOR]
GROWTH = 50_000_000  # bytes, of the triggerer with ten waits


def triggerer(airflow):
    """The processes of the triggerer."""
    main = psutil.Process(airflow.pid("triggerer"))
    return [main, *main.children(recursive=True)]


def memory(airflow):
    return sum(process.memory_info().rss for process in triggerer(airflow))


def tasks(airflow, dag_id, state=None):
    """The tasks of a DAG's runs, by id."""
    params = {"state": state} if state else {}
    answer = airflow.api.get(f"/dags/{dag_id}/dagRuns/~/taskInstances", params=params)
    return {task["task_id"]: task for task in answer.json().get("task_instances", [])}


def log_of(airflow, task):
    """What a try of a task left in its log, also from the triggerer."""
    return airflow.api.get(
        f"/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}/logs/"
        f"{max(1, task['try_number'])}",
        params={"full_content": True},
    ).text


@pytest.fixture(scope="module")
def waiting(airflow):
    """Ten waits, each in the triggerer; with the memory from before them."""
    wait_until(lambda: len(triggerer(airflow)) > 1)
    before = memory(airflow)
    wait_until(lambda: airflow.api.get(f"/dags/{DAG_IDS[-1]}").status_code == 200)
    for dag_id in DAG_IDS:
        unpause(airflow, dag_id)
    wait_until(lambda: all(tasks(airflow, dag_id, "deferred") for dag_id in DAG_IDS))
    yield before
    for dag_id in DAG_IDS:  # they would keep scheduler and triggerer busy beside the other tests
        for run in airflow.runs(dag_id):
            if run["state"] == "running":
                path = f"/dags/{dag_id}/dagRuns/{run['dag_run_id']}"
                airflow.api.patch(path, json={"state": "failed"}).raise_for_status()


@pytest.fixture
def crm(postgres):
    with psycopg.connect(postgres.dsn("crm"), autocommit=True) as connection:
        yield connection


def start(crm, database, **row):
    """A row of a backup that began just now."""
    values = {"status": "running", "finished_at": None, "size_bytes": None, "error": None, **row}
    crm.execute(
        "insert into backup_runs select coalesce(max(id), 0) + 1, %(database)s, now(),"
        " case when %(status)s <> 'running' then now() end, %(status)s, %(size_bytes)s, null,"
        " %(error)s from backup_runs",
        {"database": database, **values},
    )


def test_ten_waits_hold_no_worker_and_little_memory(airflow, waiting, crm):
    # All deferred: no slot is taken; the triggerer has looked for each of them, and grew little.
    start(crm, "db9")
    [last] = tasks(airflow, DAG_IDS[9], "deferred").values()
    wait_until(lambda: "is running since" in log_of(airflow, last))
    pools = {pool["name"]: pool for pool in airflow.api.get("/pools").json()["pools"]}
    assert pools["default_pool"]["deferred_slots"] == 10
    assert pools["default_pool"]["occupied_slots"] == 0
    grown = memory(airflow) - waiting
    print(f"\nThe triggerer grew by {grown / 1e6:.1f} MB with ten waits.")
    assert grown < GROWTH


def test_a_good_backup_ends_its_wait_and_a_failed_one_is_told(airflow, waiting, crm, telegram):
    # Each by the triggerer; the others wait on.
    before = len(telegram.accepted)
    start(crm, "db0", status="succeeded", size_bytes=1_000_000)
    start(crm, "db1", status="failed", error="pg_dump: error: disk full")
    assert airflow.wait_for_run(DAG_IDS[0])["state"] == "success"
    assert airflow.wait_for_run(DAG_IDS[1])["state"] == "failed"
    [alert] = telegram.accepted[before:]
    assert alert.text.startswith("🔴 Сбой резервного копирования db1")
    assert tasks(airflow, DAG_IDS[2], "deferred")


def test_a_stopped_triggerer_does_not_look_like_a_missing_backup(
    airflow, waiting, crm, postgres, telegram
):
    # The wait times out, the worker looks once more, and finds the backup that is there.
    before = len(telegram.accepted)
    stopped = triggerer(airflow)
    for process in stopped:
        process.send_signal(signal.SIGSTOP)
    try:
        start(crm, "db2", status="succeeded", size_bytes=1_000_000)
        with psycopg.connect(postgres.dsn("airflow"), autocommit=True) as metadata:
            metadata.execute(
                "update task_instance set trigger_timeout = now() where dag_id = %s"
                " and trigger_timeout is not null",
                (DAG_IDS[2],),
            )
        assert airflow.wait_for_run(DAG_IDS[2])["state"] == "success"
    finally:
        for process in stopped:
            process.send_signal(signal.SIGCONT)
    assert "looking here" in log_of(airflow, tasks(airflow, DAG_IDS[2])["wait_for_backup"])
    assert len(telegram.accepted) == before
