"""A mistake in the settings silences nobody: neither the reports, nor those that watch."""

import shutil
import subprocess
import sys

import pytest

from sancrm_reports import settings as module
from sancrm_reports.glue import settings_alert
from sancrm_reports.settings import INCLUDE, settings
from stage import CHAT, OPS_CHAT, in_chat, telegram_connection

MISTAKE = 'timezone = "Europe/Moskow"'


@pytest.fixture
def file(tmp_path, monkeypatch):
    """The settings file, which a test may spoil."""
    path = shutil.copy(INCLUDE / "settings.toml", tmp_path)
    monkeypatch.setattr(module, "FILE", tmp_path / "settings.toml")
    monkeypatch.setattr(settings_alert, "FILE", tmp_path / "settings.toml")
    monkeypatch.setattr(module, "KEPT", tmp_path / "kept.toml")
    settings.cache_clear()
    settings()
    yield tmp_path / "settings.toml"
    monkeypatch.undo()
    settings.cache_clear()
    assert path


def spoil(file):
    sound = file.read_text("utf-8")
    file.write_text(sound.replace('timezone = "Europe/Moscow"', MISTAKE), "utf-8")
    settings.cache_clear()
    return sound


def ops(telegram):
    return [message.text for message in telegram.messages if message.chat_id == OPS_CHAT]


def test_runs_go_on_and_ops_are_told_once_and_when_it_is_over(run, telegram, file):
    # Reports by the settings of before; each run's note says so; one alert, with the mistake.
    sound = spoil(file)
    notes = [note_of(run()), note_of(run(period="2026-11-16"))]
    assert len(in_chat(telegram, CHAT)) == 6
    assert all("действовали прежние" in note for note in notes)
    (told,) = ops(telegram)
    assert told.startswith("⚠️ Ошибка в настройках отчётов")
    assert "account.timezone = 'Europe/Moskow'" in told
    file.write_text(sound, "utf-8")
    settings.cache_clear()
    assert note_of(run(period="2026-11-15")) is None
    assert ops(telegram) == ["✅ Решено: настройки отчётов исправлены"]


def test_a_dry_run_tells_nobody(run, telegram, file):
    # Somebody is looking at it.
    spoil(file)
    run(dry_run=True)
    assert telegram.accepted == []


def test_the_mistake_stays_among_the_import_errors(airflow_database, file):
    # Where people look; the DAGs are all there.
    from airflow.dag_processing.dagbag import DagBag

    spoil(file)
    bag = DagBag()
    assert set(bag.dags) == settings().dag_ids
    [(path, text)] = bag.import_errors.items()
    assert path.endswith("settings_check.py")
    assert "Europe/Moskow" in text


@pytest.mark.parametrize("broken", ["value", "toml"])
def test_ops_are_told_although_there_are_no_settings_of_before(telegram, file, broken):
    # As after a restart with a wrong image: to the ops chat, by what can be read of the file.
    spoil(file)
    if broken == "toml":
        file.write_text("account = {", "utf-8")
    module.KEPT.unlink()
    settings_alert.alert_to_wrong_settings()
    (told,) = in_chat(telegram, OPS_CHAT)
    assert "settings.toml" in told.text
    assert "Прежних настроек на этой машине нет" in told.text


def test_what_can_be_read_of_the_file_says_where_ops_are(telegram, file, monkeypatch):
    # Another connection, chat and language than those as delivered.
    telegram.chats.add(-1009, "supergroup", "Ops")
    monkeypatch.setenv("AIRFLOW_CONN_OTHER_BOT", telegram_connection(telegram))
    spoil(file)
    text = file.read_text("utf-8").replace('"telegram_ops"', '"other_bot"')
    text = text.replace('failures = ""', 'failures = "-1009"').replace('"ru"', '"en"')
    file.write_text(text, "utf-8")
    module.KEPT.unlink()
    settings_alert.alert_to_wrong_settings()
    (told,) = in_chat(telegram, -1009)
    assert told.text.startswith("⚠️ A mistake in the reports' settings")


def test_the_plugin_loads_with_a_mistake_from_the_start(airflow_database, monkeypatch):
    # Otherwise Airflow's API server would not start, with everybody's DAGs.
    monkeypatch.setenv("SANCRM__ACCOUNT__TIMEZONE", "Europe/Moskow")
    code = "from airflow.plugins_manager import get_plugin_info; print(get_plugin_info())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "sancrm_reports" in done.stdout


def note_of(done):
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        return session.get_one(DagRun, done.id).note
