"""Holds a report until the CRM's data are complete for its period."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sancrm_reports.errors import PermanentError
from sancrm_reports.glue.check_sources import problems_of
from sancrm_reports.glue.params import params_of
from sancrm_reports.glue.reported_period import reported_period
from sancrm_reports.glue.telegram_operator import TelegramOperator, alert_ops, is_last_try
from sancrm_reports.pure.kinds import report_of
from sancrm_reports.pure.source_contract import refuse
from sancrm_reports.settings import settings, templates

if TYPE_CHECKING:
    from airflow.sdk import Context

    from sancrm_reports.pure.freshness import Freshness
    from sancrm_reports.pure.ops import RunPurpose
    from sancrm_reports.pure.period import Period

LONGEST_ELSE = timedelta(hours=3)  # what a run may take without waiting for data


def longest_run() -> timedelta:
    """Return what a run of a report may take, waiting for data included."""
    return LONGEST_ELSE + timedelta(hours=settings().freshness.longest_hours)


class WaitForDataOperator(TelegramOperator):
    """Go on once the data are complete; waits without a worker, and tells ops of it once.

    Give it ``**alerting()``. It goes on at once where the settings want reports marked in place of
    held, or ignore the matter.

    :param report: ``daily``, …: the id of a ``ReportKind``.
    """

    def __init__(self, *, report: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.report = report

    def period(self, context: Context) -> Period | None:
        """Return whose data are waited for; None: there is nothing to wait for."""
        return reported_period(context, self.report, settings().account.timezone)

    def purpose(self, context: Context, period: Period) -> RunPurpose:
        """Return what ops are told is waiting."""
        from sancrm_reports.pure.ops import RunPurpose

        return RunPurpose.of_report(self.dag_id, period)

    def execute(self, context: Context) -> None:
        """Look once; where the data end too early, tell ops and defer."""
        from sancrm_reports.glue.freshness_trigger import FreshnessTrigger

        period = self.period(context)
        if period is None or settings().freshness.when_stale != "hold":
            return
        found = self._look(period)
        self.log.info("%s", found)
        if found.is_complete:
            return
        deadline = datetime.now(UTC) + timedelta(hours=settings().freshness.longest_hours)
        if not params_of(context).dry_run:  # somebody is looking at that
            self._tell(context, period, found, deadline)
        self.defer(
            trigger=FreshnessTrigger(
                report_of(period).id, period.start.isoformat(), deadline.isoformat()
            ),
            method_name="resume",
        )

    def _look(self, period: Period) -> Freshness:
        """Look; where that cannot work, name the source file that is to blame, if one is."""
        from jinja2 import TemplateError

        from sancrm_reports.wire.freshness import look

        try:
            return look(period)
        except (PermanentError, TemplateError):
            refuse(problems_of(period, settings().database))
            raise

    def resume(self, context: Context, event: Mapping[str, Any]) -> None:
        """Go on: the data have caught up.

        Raises:
            NeverFreshError: they have not, for as long as the settings allow.
        """
        from sancrm_reports.pure.freshness import NeverFreshError

        self.log.info("%s", event["heard"])
        if not event["is_complete"]:
            raise NeverFreshError(
                f"Waited {settings().freshness.longest_hours:g} hours (freshness.longest_hours) in "
                f"vain. {event['heard']} Mend the replica or the load, then run the report again; "
                'or post it marked, with when_stale = "mark" under [freshness].',
                quote=event["heard"],
            )

    def _tell(self, context: Context, period: Period, found: Freshness, deadline: datetime) -> None:
        from sancrm_reports.glue.conclude import LATE
        from sancrm_reports.pure.freshness import waits_for_data

        purpose = self.purpose(context, period)
        message = waits_for_data(purpose, found, period, deadline=deadline, templates=templates())
        # Under the name of a report that is late: its deadline then tells nothing new, and the
        # end of the run solves it.
        name, is_last = f"{LATE}|{purpose.name}", is_last_try(context)
        self.show(context, alert_ops(context, name, message, is_last_try=is_last))
