"""One Airflow home for the whole session, chosen before anything imports Airflow."""

import os
import tempfile
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

REPOSITORY = Path(__file__).parents[1]
LONG = ("scheduler", "distributed", "game_day", "demo_command", "page")  # they start Airflows
SLOWEST = (*LONG, "dags")  # folders
SHARED_OUT = "/dags"  # too much for one process, while others have an Airflow beside them

os.environ |= {
    "AIRFLOW_HOME": tempfile.mkdtemp(prefix="sancrm-airflow-"),
    "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
    # They have tests of their own, and would slow the others.
    "SANCRM__REPORTS__WEEKLY__PICTURE": "false",
    "SANCRM__REPORTS__MONTHLY__PICTURE": "false",
    "SANCRM__REPORTS__MONTHLY__WORKBOOK": "false",
}


class FolderScheduling(LoadScopeScheduling):
    """Gives each process of pytest-xdist whole folders of tests, the slowest folders first.

    A folder shares its servers: an Airflow or a PostgreSQL is started once for all its tests. Marks
    with ``--dist loadgroup`` would say the same, but pytest-xdist 3.8 loses them with pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        folder = file.rpartition("/")[0]
        return file if folder.endswith(SHARED_OUT) else folder


def pytest_xdist_make_scheduler(config, log):
    config.option.loadscopereorder = False  # by the number of tests, which says little
    return FolderScheduling(config, log)


@pytest.hookimpl(tryfirst=True)  # the marks must be there when pytest chooses by them
def pytest_collection_modifyitems(items):
    """Mark the long folders; put first what takes longest, so that no process ends alone."""
    for item in items:
        if item.path.parent.name in LONG:
            item.add_marker("long")
    items.sort(key=lambda item: (*SLOWEST, item.path.parent.name).index(item.path.parent.name))
