"""A mistake in the settings while Airflow runs: its DAG processor, and a listener in that."""

import shutil

from demo.postgres import EmbeddedPostgres
from sancrm_reports.settings import INCLUDE
from scheduler.conftest import DAG_ID, local_airflow, wait_until
from stage import CHAT, OPS_CHAT, in_chat, make_crm, telegram_with_chats


def test_ops_are_told_at_once_and_every_dag_stays(tmp_path):
    # Once, without a run; then a report goes out by the settings of before, and its note says so.
    include = shutil.copytree(INCLUDE, tmp_path / "include")
    settings = include / "settings.toml"
    environment = {
        "SANCRM_INCLUDE": str(include),
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "10",
    }
    with EmbeddedPostgres() as postgres, telegram_with_chats() as telegram:
        make_crm(postgres)
        with local_airflow(postgres, telegram, tmp_path / "airflow", environment) as airflow:
            sound = settings.read_text("utf-8")
            settings.write_text(sound.replace("Europe/Moscow", "Europe/Moskow"), "utf-8")
            [told] = wait_until(lambda: in_chat(telegram, OPS_CHAT))
            assert "account.timezone = 'Europe/Moskow'" in told.text
            assert "действуют прежние" in told.text
            [error] = airflow.api.get("/importErrors").json()["import_errors"]
            assert error["filename"] == "settings_check.py"
            airflow.unpause(DAG_ID)
            run = airflow.wait_for_run(DAG_ID)
            assert run["state"] == "success"
            assert "действовали прежние" in run["note"]
            assert len(in_chat(telegram, CHAT)) == 3
            assert len(in_chat(telegram, OPS_CHAT)) == 1
