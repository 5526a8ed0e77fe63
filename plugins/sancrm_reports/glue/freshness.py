"""Holds a report until the CRM's data are complete for its period."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sancrm_reports.glue.params import params_of
from sancrm_reports.glue.reported_period import reported_period
from sancrm_reports.glue.telegram import TelegramOperator, alert_ops, is_last_try
from sancrm_reports.settings import settings, templates

if TYPE_CHECKING:
    from airflow.sdk import Context

    from sancrm_reports.pure.freshness import Freshness
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

    def execute(self, context: Context) -> None:
        """Look once; where the data end too early, tell ops and defer."""
        from sancrm_reports.glue.freshness_trigger import FreshnessTrigger
        from sancrm_reports.wire.freshness import look

        period = reported_period(context, self.report, settings().account.timezone)
        if settings().freshness.when_stale != "hold":
            return
        found = look(period)
        self.log.info("%s", found)
        if found.is_complete:
            return
        deadline = datetime.now(UTC) + timedelta(hours=settings().freshness.longest_hours)
        if not params_of(context).dry_run:  # somebody is looking at that
            self._tell(context, period, found, deadline)
        self.defer(
            trigger=FreshnessTrigger(self.report, period.start.isoformat(), deadline.isoformat()),
            method_name="resume",
        )

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
        from sancrm_reports.pure.ops import RunPurpose

        purpose = RunPurpose.of_report(self.dag_id, period)
        message = waits_for_data(purpose, found, period, deadline=deadline, templates=templates())
        # Under the name of a report that is late: its deadline then tells nothing new, and the
        # end of the run solves it.
        name, is_last = f"{LATE}|{purpose.name}", is_last_try(context)
        self.show(context, alert_ops(context, name, message, is_last_try=is_last))
