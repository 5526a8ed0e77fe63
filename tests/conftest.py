"""One Airflow home for the whole session, chosen before anything imports Airflow."""

import os
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]

os.environ |= {
    "AIRFLOW_HOME": tempfile.mkdtemp(prefix="sancrm-airflow-"),
    "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
}
