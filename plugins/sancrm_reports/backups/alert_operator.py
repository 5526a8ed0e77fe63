"""The task that alerts about a backup: it runs whatever came before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.sdk import Asset

from sancrm_reports.backups.sensor import found_by
from sancrm_reports.backups.timetable import window_of
from sancrm_reports.backups.verdicts import Judgement, Verdict
from sancrm_reports.glue.params import params_of
from sancrm_reports.glue.telegram import (
    TelegramOperator,
    alerting,
    alerts_by,
    backup_route,
    email_routes,
    is_last_try,
    ledger_of,
    ops_route,
    second_way,
)
from sancrm_reports.settings import settings, templates

if TYPE_CHECKING:
    from airflow.sdk import Context

    from sancrm_reports.backups.alerts import BackupAlerts
    from sancrm_reports.backups.text import Subject
    from sancrm_reports.wire.chats import Address
    from sancrm_reports.wire.delivery import Outcome
    from sancrm_reports.wire.ledger.database import NoLedgerError
    from sancrm_reports.wire.ledger.ledger import Ledger
    from sancrm_reports.wire.telegram_hook import SancrmTelegramHook


def backup_asset(name: str) -> Asset:
    """Return the asset of a watched backup, whose events show in Airflow's UI."""
    return Asset(name=f"backup_{name}", uri=f"sancrm://backups/{name}")


def alerting_of(name: str) -> dict[str, Any]:
    """Return what the task that alerts must be given: as for any alert, and before all others."""
    given = alerting()
    outlets = [*given["outlets"], backup_asset(name)]
    return {**given, "outlets": outlets, "priority_weight": 100, "trigger_rule": "all_done"}


class PostBackupAlertOperator(TelegramOperator):
    """Alert once per incident, remind of it daily, and close it with the next good backup.

    :param backup: its name in the settings.
    """

    def __init__(self, *, backup: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.backup = backup

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Send what was found; that nothing could be found out, too."""
        from sancrm_reports.wire.ledger.database import NoLedgerError

        judgement, log_url = found_out(context)
        try:
            with ledger_of(context) as ledger:
                alerts = self._alerts(context, ledger)
                if params_of(context).rehearse:
                    outcomes = alerts.rehearse(judgement, run_id=context["run_id"], log_url=log_url)
                else:
                    today = datetime.now(ZoneInfo(settings().account.timezone)).date()
                    outcomes = alerts.notify(judgement, today=today, log_url=log_url)
                return self.show(context, outcomes, alerts.errors)
        except NoLedgerError as error:
            if not judgement.verdict.is_bad:
                raise  # that it is over can wait for the ledger
            return self.show(context, [self._tell_unlogged(context, judgement, log_url, error)])

    def _tell_unlogged(
        self, context: Context, judgement: Judgement, log_url: str, error: NoLedgerError
    ) -> Outcome:
        """Tell what is known without the ledger: that there is no good backup."""
        from sancrm_reports.backups.text import alert
        from sancrm_reports.wire.unlogged import send_unlogged

        folder = templates()
        message = alert(judgement, self._subject(context), templates=folder, log_url=log_url)
        return send_unlogged(message, [*_routes(), *email_routes()], error, folder)

    def _subject(self, context: Context) -> Subject:
        from sancrm_reports.backups.text import Subject

        watched = settings().backups[self.backup]
        return Subject(
            watched.database,
            watched.probe.kind,
            settings().account.timezone,
            window_of(context, self.backup, settings()),
            self.backup,
        )

    def _alerts(self, context: Context, ledger: Ledger) -> BackupAlerts:
        from sancrm_reports.backups.alerts import BackupAlerts

        return BackupAlerts(
            self.backup,
            self._subject(context),
            ledger=ledger,
            routes=[alerts_by(ledger, route) for route in _routes()],
            second=second_way(ledger, is_last_try=is_last_try(context)),
            templates=templates(),
        )


def _routes() -> list[Callable[[], tuple[SancrmTelegramHook, Address]]]:
    """Return where an alert goes, and where it goes if that chat refuses; opened when needed."""
    return [backup_route, ops_route]


def found_out(context: Context) -> tuple[Judgement, str]:
    """Return what the run found out, and the address of the log that explains it.

    A task that ended without a judgement knows nothing good: killed, or out of time. What
    verify_backup left counts only beside a good wait: after a clear it may be of the try before.
    """
    waited, verified = (found_by(context, task) for task in ("wait_for_backup", "verify_backup"))
    if waited is None:
        detail = "wait_for_backup ended without a judgement"
        return Judgement(
            Verdict.PROBE_BROKEN, datetime.now(UTC), detail=detail, cause="no_answer"
        ), ""
    judgement, log_url = waited
    if judgement.verdict is not Verdict.OK:
        return waited
    if verified is None:
        detail = "verify_backup ended without a judgement"
        unverified = replace(
            judgement, verdict=Verdict.UNVERIFIED, detail=detail, cause="no_answer"
        )
        return unverified, log_url
    return verified
