"""The task that tells of a backup: it runs whatever came before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.sdk import Asset

from sancrm_reports.glue.backup_sensor import found_by
from sancrm_reports.glue.backup_window import window_of
from sancrm_reports.glue.telegram import (
    TelegramOperator,
    address,
    backup_hook,
    delivery_of,
    ops_hook,
    posting,
)
from sancrm_reports.pure.verdicts import Judgement, Verdict
from sancrm_reports.settings import settings, templates

if TYPE_CHECKING:
    from airflow.sdk import Context

    from sancrm_reports.wire.backup_alerts import BackupAlerts, Route
    from sancrm_reports.wire.telegram_hook import SancrmTelegramHook


def backup_asset(name: str) -> Asset:
    """Return the asset of a watched backup; its state store remembers the incident."""
    return Asset(name=f"backup_{name}", uri=f"sancrm://backups/{name}")


def alerting(name: str) -> dict[str, Any]:
    """Return what the task that alerts must be given: as for posting, and before any report."""
    given = posting()
    outlets = [*given["outlets"], backup_asset(name)]
    return {**given, "outlets": outlets, "priority_weight": 100, "trigger_rule": "all_done"}


class PostBackupAlertOperator(TelegramOperator):
    """Tell an incident once, remind of it daily, and close it with the next good backup.

    :param backup: its name in the settings.
    """

    def __init__(self, *, backup: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.backup = backup

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Tell what was found; that nothing was found out is told, too."""
        alerts = self._alerts(context)
        judgement, log_url = found_out(context)
        if context["params"].get("rehearse"):
            outcomes = alerts.rehearse(judgement, run_id=context["run_id"], log_url=log_url)
        else:
            today = datetime.now(ZoneInfo(settings().account.timezone)).date()
            outcomes = alerts.tell(judgement, today=today, log_url=log_url)
        return self.show(context, outcomes, alerts.errors)

    def _alerts(self, context: Context) -> BackupAlerts:
        from sancrm_reports.pure.backup_messages import Subject
        from sancrm_reports.wire.backup_alerts import BackupAlerts

        watched, chats = settings().backups[self.backup], settings().chats
        subject = Subject(
            watched.database,
            watched.probe.kind,
            settings().account.timezone,
            window_of(context, self.backup, settings()),
        )

        def route(make: Callable[[], SancrmTelegramHook], chat: str) -> Route:
            def open_route() -> Any:
                hook = make()
                return delivery_of(context, hook, resend=True), address(chat, hook)

            return open_route

        return BackupAlerts(
            self.backup,
            subject,
            store=context["asset_state_store"][backup_asset(self.backup)],
            routes=[route(backup_hook, chats.backups), route(ops_hook, chats.failures)],
            templates=templates(),
        )


def found_out(context: Context) -> tuple[Judgement, str]:
    """Return what the run found out, and the address of the log that explains it.

    A task that ended without a judgement knows nothing good: killed, or out of time. What
    verify_backup left counts only beside a good wait: after a clear it may be of the try before.
    """
    waited, verified = (found_by(context, task) for task in ("wait_for_backup", "verify_backup"))
    if waited is None:
        detail = "wait_for_backup ended without a judgement"
        return Judgement(Verdict.PROBE_BROKEN, datetime.now(UTC), detail=detail), ""
    judgement, log_url = waited
    if judgement.verdict is not Verdict.OK:
        return waited
    if verified is None:
        detail = "verify_backup ended without a judgement"
        return replace(judgement, verdict=Verdict.UNVERIFIED, detail=detail), log_url
    return verified
