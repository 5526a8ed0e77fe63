"""Alerts ops, once, to a mistake in the settings: as soon as the DAG processor has seen it.

``dags/settings_check.py`` shows a mistake as an import error. A listener in the DAG processor hears
of a new one, and starts this module as a process of its own, because the processor's must not wait
for Telegram, and has read other settings when it started. The last task of each run looks, too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.listeners import hookimpl

from sancrm_reports.chat_settings import ChatsSettings
from sancrm_reports.pure.templates import Templates
from sancrm_reports.setting_types import Section
from sancrm_reports.settings import (
    FILE,
    TEMPLATES,
    SettingsError,
    TelegramSettings,
    settings,
    settings_error,
    templates,
)

if TYPE_CHECKING:
    from sancrm_reports.wire.incidents import Incidents

Kind = TypeVar("Kind", bound=Section)
INCIDENT = "settings|settings.toml"
CHECK = "settings_check.py"
PLUGINS = Path(__file__).parents[2]


@hookimpl
def on_new_dag_import_error(filename: str, stacktrace: str) -> None:
    """Start the alert; called by Airflow once for each new error."""
    if Path(filename).name == CHECK:
        start_alone(__name__)


def start_alone(module: str, *arguments: str) -> None:
    """Run a module of the package as a process that nobody waits for."""
    subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, "PYTHONPATH": str(PLUGINS)},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def alert_to_wrong_settings(context: Any = None) -> list[Any]:
    """Alert ops if the file has a mistake now; return what was sent."""
    from sancrm_reports.glue.telegram_operator import alert_ops
    from sancrm_reports.pure.ops import settings_wrong

    error = settings_error()
    if error is None:
        return []
    try:
        settings()
    except SettingsError:
        return _alert_without_settings(error)
    message = settings_wrong(str(error), are_kept=True, templates=templates())
    return alert_ops(context, INCIDENT, message, is_last_try=True)


def solve_wrong_settings(incidents: Incidents) -> list[Any]:
    """Say that the mistake is mended, if there was one."""
    from sancrm_reports.pure.ops import settings_right

    if settings_error():
        return []
    return incidents.solve(INCIDENT, settings_right(templates=templates()))


def _alert_without_settings(error: SettingsError) -> list[Any]:
    """Alert by what can be read of the file, and else by the names of an installation as delivered.

    Nothing else works then, not even the ledger, whose connection is a setting.
    """
    from sancrm_reports.pure.ops import settings_wrong
    from sancrm_reports.wire.chats import Address
    from sancrm_reports.wire.telegram_hook import SancrmTelegramHook

    telegram, chats = _readable(TelegramSettings, "telegram"), _readable(ChatsSettings, "chats")
    hook = SancrmTelegramHook.first_of(telegram.ops_conn_id, telegram.conn_id)
    to = Address.parse(chats.failures) if chats.failures else hook.default_address
    message = settings_wrong(str(error), are_kept=False, templates=_language())
    return [hook.send(to, message)]


def _readable(section: type[Kind], name: str) -> Kind:
    try:
        return section(**_raw().get(name, {}))
    except (TypeError, ValueError):  # pydantic's is one
        return section()


def _language() -> Templates:
    account = _raw().get("account", {})
    folder = TEMPLATES / str(account.get("language", "ru") if isinstance(account, dict) else "ru")
    return Templates(folder if (folder / "words.po").exists() else TEMPLATES / "ru")


def _raw() -> dict[str, Any]:
    try:
        return tomllib.loads(FILE.read_text("utf-8"))
    except (OSError, ValueError):
        return {}


if __name__ == "__main__":
    from sancrm_reports.glue.airflow_connections import see_airflows_connections

    see_airflows_connections()
    alert_to_wrong_settings()
