"""What is true of every DAG, whatever it does."""

import json
import os
import subprocess
import sys

import pytest

REPORTS = {"profitability_daily", "profitability_weekly", "profitability_monthly"}
REPORTING = (
    *("post_branch_report", "post_network_report", "post_missed_calls"),
    *("post_picture", "post_workbook"),
)
DAG_IDS = REPORTS | {
    "backup_watch_sancrm",
    "delivery_audit",
    "missed_calls",
    "recheck",
    "restore_drill",
}


def test_the_set_of_dags_is_exactly_this(dags):
    # A new DAG is added here on purpose, and a lost one is noticed. No file fails to import.
    assert set(dags) == DAG_IDS


@pytest.mark.parametrize("dag_id", sorted(DAG_IDS))
def test_a_dag_says_explicitly_what_must_not_be_left_to_chance(dags, dag_id):
    # Catch-up, parallel runs, limits, retries and words for the UI.
    dag = dags[dag_id]
    assert dag.catchup is False
    assert dag.max_active_runs == 1
    assert dag.dagrun_timeout is not None
    assert "sancrm" in dag.tags
    assert dag.description
    assert dag.doc_md
    assert dag.timezone.name == "Europe/Moscow"
    assert all(dag.params.get_param(name).description for name in dag.params)


@pytest.mark.parametrize("dag_id", sorted(DAG_IDS))
def test_what_alerts_never_waits_for_what_posts(dags, dag_id):
    # Pools of their own, also as the scheduler sees it, after serialization: mapped tasks have
    # their own traps.
    from airflow.serialization.serialized_objects import DagSerialization

    dag = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dags[dag_id]))
    posting = [
        task
        for task in dag.tasks
        if task.task_id.startswith(("post_", "conclude_", "audit_", "alert_"))
    ]
    assert posting
    for task in posting:
        posts = task.task_id in REPORTING
        assert task.pool == ("telegram" if posts else "telegram_alerts")
        assert "telegram_deliveries" in repr(task.outlets)


@pytest.mark.parametrize("dag_id", sorted(DAG_IDS))
def test_a_run_ends_with_a_task_that_tells_ops(dags, dag_id):
    # Whatever failed before it; and every task leaves it the reason.
    dag = dags[dag_id]
    assert [task.task_id for task in dag.leaves] == ["conclude_run"]
    assert dag.task_dict["conclude_run"].trigger_rule == "all_done"
    assert all(task.on_failure_callback for task in dag.tasks)


def test_importing_the_dags_loads_no_heavy_library():
    # pandas, FastAPI, clients and database drivers cost every parse and every task.
    code = (
        "import sys, json, airflow.sdk; before = set(sys.modules);"
        "import backup_watch, delivery_audit, missed_calls, profitability, recheck, restore_drill;"
        "print(json.dumps(sorted({name.partition('.')[0] for name in set(sys.modules) - before})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": "dags:plugins"},
        check=True,
    )
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    heavy = {"pandas", "fastapi", "telegram", "httpx", "psycopg", "babel"}
    assert loaded.isdisjoint({*heavy, "holidays", "phonenumbers"})


def test_only_the_plugin_file_is_executed_as_a_plugin():
    # A module of the package, run as a top-level one, would shadow a library of its name.
    from airflow.plugins_manager import get_plugin_info

    sources = [plugin for plugin in get_plugin_info() if plugin["name"] == "sancrm_reports"]
    assert len(sources) == 1
    package = f"plugins{os.sep}sancrm_reports{os.sep}"
    strays = [
        name
        for name, module in list(sys.modules.items())
        if package in (getattr(module, "__file__", None) or "")
        and not name.startswith("sancrm_reports")
    ]
    assert strays == []
