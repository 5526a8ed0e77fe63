"""``make check-telegram``, over real HTTP."""

import json
import os
import subprocess
import sys

import pytest

from sancrm_reports.glue.check_telegram import main
from stage import CHAT, telegram_connection


def test_every_chat_is_asked_and_nothing_is_sent(telegram, configured, capsys):
    # One line a chat, with its name; people see no message.
    telegram.chats.add(-1002, "supergroup", "Юг")
    configured(CHATS__BRANCHES='{"2": ["-1002", "default"]}')
    assert main() == 0
    printed = capsys.readouterr().out
    assert "chats.reports: «Отчёты»" in printed
    assert "chats.branches.2: «Юг» (-1002)" in printed
    assert telegram.accepted == []


def test_readers_bounds_and_quiet_hours_are_asked_about(telegram, configured, capsys):
    # A person's chat by its id, never by the name; hours of a chat that gets nothing are a mistake.
    telegram.chats.add(501, "private", "Анна Петрова")
    configured(
        CHATS__REPORTS="none",
        CHATS__SUMMARY="501",
        CHATS__READERS='[{"chat": "-1009", "branches": "all"}, {"chat": "501", "branches": "3"}]',
        CHATS__QUIET_HOURS='{"": "22:00-08:00", "501": "22:00-08:00", "-1007": "22:00-08:00"}',
        BOUNDS__CHAT="501:7",
    )
    assert main() == 1
    printed = capsys.readouterr().out
    assert "chats.reports" not in printed
    assert "✓ chats.summary: a person's chat (501)" in printed
    assert "✗ chats.readers.0: -1009" in printed
    assert "✓ chats.readers.1: a person's chat (501)" in printed
    assert "bounds.chat: 501:7" in printed
    assert printed.count("chats.quiet_hours") == 1
    assert "✗ chats.quiet_hours: -1007" in printed
    assert "Петрова" not in printed
    assert telegram.accepted == []


def test_a_wrong_chat_is_found_with_what_to_do(telegram, configured, capsys):
    # All chats are told of, not only the first that is wrong.
    configured(CHATS__SUMMARY="-1009", CHATS__FAILURES="-1008")
    assert main() == 1
    printed = capsys.readouterr().out
    assert printed.count("add the bot to the chat") == 2
    assert f"({CHAT})" in printed


def test_a_wrong_token_and_a_removed_bot_are_found(telegram, configured, capsys):
    # Without the token in what is printed.
    telegram.chats[CHAT].condition = "kicked"
    assert main() == 1
    printed = capsys.readouterr().out
    assert "add it to the chat again" in printed
    assert telegram.token not in printed


def test_the_backup_chat_is_asked_about_by_its_own_connection(
    telegram, configured, capsys, monkeypatch
):
    # Another bot, perhaps, and another default chat.
    own = {**json.loads(telegram_connection(telegram)), "host": "-1003"}
    monkeypatch.setenv("AIRFLOW_CONN_TELEGRAM_BACKUP", json.dumps(own))
    assert main() == 1
    assert "✗ chats.backups" in capsys.readouterr().out
    telegram.chats.add(-1003, "supergroup", "Копии")
    assert main() == 0
    assert "chats.backups: «Копии» (-1003), connection telegram_backup" in capsys.readouterr().out


def test_an_address_that_makes_no_button_is_found(telegram, configured, capsys):
    # Telegram would refuse the whole message.
    configured(ACCOUNT__CRM_URL="http://localhost:8080/")
    assert main() == 1
    assert "a line of text" in capsys.readouterr().out


@pytest.mark.parametrize("url", ["http://crm:8080/repairs/{id}", "sancrm://repair/{id}"])
def test_a_card_that_makes_no_button_is_found(telegram, configured, capsys, url):
    # No dot in the host, or a scheme that Telegram does not take; with what the line will show.
    configured(MISSED_CALLS__CARD_URL=url)
    assert main() == 1
    printed = capsys.readouterr().out
    assert "missed_calls.card_url" in printed
    assert url.format(id=1) in printed


def test_a_connection_in_airflows_database_is_found(airflow_database, telegram, monkeypatch):
    # As it is in an installation: a process of its own, and nothing in the environment.
    monkeypatch.delenv("AIRFLOW_CONN_TELEGRAM_DEFAULT")
    name = "telegram_in_the_database"
    add = ["connections", "add", name, "--conn-json", telegram_connection(telegram)]
    subprocess.run([sys.executable, "-m", "airflow", *add], check=True, capture_output=True)
    monkeypatch.setenv("SANCRM__TELEGRAM__CONN_ID", name)
    done = subprocess.run(
        [sys.executable, "-m", "sancrm_reports.glue.check_telegram"],
        env={**os.environ, "PYTHONPATH": "plugins"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "chats.reports: «Отчёты»" in done.stdout
