"""One Airflow home for the whole session, chosen before anything imports Airflow."""

import os
import tempfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]

os.environ |= {
    "AIRFLOW_HOME": tempfile.mkdtemp(prefix="sancrm-airflow-"),
    "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
}


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(items):
    """Keep a folder's tests in one of the processes that pytest-xdist starts.

    A folder shares its servers: an Airflow or a PostgreSQL is started once for all its tests. The
    slowest folders come first, so that no process is left alone with one in the end.
    """
    slowest = ("scheduler", "dags")
    items.sort(key=lambda item: item.path.parent.name not in slowest)
    for item in items:
        item.add_marker(pytest.mark.xdist_group(item.path.parent.name))
