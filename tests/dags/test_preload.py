"""What LocalExecutor's workers, forks of the scheduler, have imported before their first task."""

import subprocess
import sys

import pytest

from sancrm_reports.glue.preload import MODULES

STARTED = """
import sys
from airflow.jobs.job import Job
from airflow.sdk.execution_time.task_runner import TaskRunnerMarker
from airflow.listeners.listener import get_listener_manager
{started}
print(*sys.modules)
"""


@pytest.mark.parametrize(
    ("started", "are_imported"),
    [
        ("Job()", True),
        ("get_listener_manager().hook.on_starting(component=TaskRunnerMarker())", False),
    ],
)
def test_a_component_imports_what_its_tasks_need_and_a_task_does_not(
    airflow_database, started, are_imported
):
    # The real plugin, through Airflow's own manager of listeners.
    done = subprocess.run(
        [sys.executable, "-c", STARTED.format(started=started)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    imported = set(done.stdout.splitlines()[-1].split())
    assert (set(MODULES) <= imported) is are_imported
