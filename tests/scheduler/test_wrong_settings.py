"""A mistake in the settings while Airflow runs: its DAG processor, and a listener in that."""

from scheduler.conftest import DAG_ID, wait_until
from stage import CHAT, OPS_CHAT, in_chat

MISTAKE = "account.timezone = 'Europe/Moskow'"


def test_ops_are_told_at_once_and_every_dag_stays(own):
    # Once, without a run; then a report goes out by the settings of before, and its note says so.
    settings = own.include / "settings.toml"
    sound = settings.read_text("utf-8")
    settings.write_text(sound.replace("Europe/Moscow", "Europe/Moskow"), "utf-8")
    try:
        [told] = wait_until(lambda: saying(own, MISTAKE, OPS_CHAT))
        assert "действуют прежние" in told.text
        [error] = own.airflow.api.get("/importErrors").json()["import_errors"]
        assert error["filename"] == "settings_check.py"
        own.airflow.trigger(DAG_ID, period="2026-11-12")
        own.airflow.unpause(DAG_ID)
        run = own.airflow.wait_for_run(DAG_ID)
    finally:
        settings.write_text(sound, "utf-8")
    assert run["run_type"] == "manual"
    assert run["state"] == "success"
    assert "действовали прежние" in run["note"]
    assert len(saying(own, "12 ноября", CHAT)) == 3
    assert len(saying(own, MISTAKE, OPS_CHAT)) == 1


def saying(own, text, chat):
    return [message for message in in_chat(own.telegram, chat) if text in message.text]
