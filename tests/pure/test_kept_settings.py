"""A mistake in the settings while everything runs: those of before stay in force."""

import os

import pytest

from sancrm_reports import settings as module
from sancrm_reports.settings import SettingsError, settings, settings_error

SOUND = """
account.timezone = "Asia/Omsk"
missed_calls.statuses = ["Готов"]
reports.daily.schedule = "0 9 * * *"
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    """The settings file; ``settings`` reads it anew each time, as another process does."""
    for name in [name for name in os.environ if name.startswith("SANCRM__")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(module, "FILE", tmp_path / "settings.toml")
    monkeypatch.setattr(module, "KEPT", tmp_path / "kept.toml")
    monkeypatch.setattr(module, "settings", settings.__wrapped__)
    return tmp_path / "settings.toml"


@pytest.mark.parametrize(
    "mistake", ['timezone = "Europe/Moskow"', "account = {", "", "[nobody]\nknows = 1"]
)
def test_a_mistake_leaves_what_was_in_force(file, mistake):
    # A wrong value, no TOML, nothing at all, an unknown key; the mistake itself is still told.
    file.write_text(SOUND)
    assert module.settings().account.timezone == "Asia/Omsk"
    assert settings_error() is None
    file.write_text(mistake)
    assert module.settings().account.timezone == "Asia/Omsk"
    assert "settings.toml" in str(settings_error())


def test_what_is_corrected_is_in_force_and_is_kept_from_then_on(file):
    # The last without a mistake, not the first.
    for zone in ("Asia/Omsk", "Asia/Tomsk"):
        file.write_text(SOUND.replace("Asia/Omsk", zone))
        assert module.settings().account.timezone == zone
    file.write_text("mistake")
    assert module.settings().account.timezone == "Asia/Tomsk"


def test_a_mistake_from_the_start_is_an_error(file):
    # Nobody knows what else should be in force.
    file.write_text("mistake")
    with pytest.raises(SettingsError, match=r"settings\.toml is not valid TOML"):
        module.settings()


def test_the_environment_still_wins_and_is_never_kept(file, monkeypatch):
    # A person's shell with another chat must not decide where reports go.
    file.write_text(SOUND)
    monkeypatch.setenv("SANCRM__CHATS__REPORTS", "-1009")
    assert module.settings().chats.reports == "-1009"
    monkeypatch.delenv("SANCRM__CHATS__REPORTS")
    file.write_text("mistake")
    assert module.settings().chats.reports == ""


def test_a_folder_that_cannot_be_written_to_keeps_nothing_and_breaks_nothing(file, monkeypatch):
    # As of a container that is read-only.
    monkeypatch.setattr(module, "KEPT", file.parent / "nowhere" / "kept.toml")
    file.write_text(SOUND)
    assert module.settings().account.timezone == "Asia/Omsk"
