"""The last task of every run: it alerts ops once to what failed, and says when that is over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sancrm_reports.errors import AlreadyAlertedError, PermanentError
from sancrm_reports.glue.params import params_of
from sancrm_reports.glue.pool_alert import solve_missing_pools
from sancrm_reports.glue.reported_period import reported_period
from sancrm_reports.glue.settings_alert import alert_to_wrong_settings, solve_wrong_settings
from sancrm_reports.glue.telegram_operator import (
    TelegramOperator,
    alert_ops,
    incidents_of,
    is_last_try,
    ledger_of,
)
from sancrm_reports.settings import settings, templates

if TYPE_CHECKING:
    from airflow.sdk import Context

    from sancrm_reports.pure.ops import Failure, RunPurpose
    from sancrm_reports.wire.incidents import Incidents

ERROR = "error"  # the XCom in which a failed task leaves what conclude_run reports
FAILURE, LATE = "failure", "late"  # kinds of incidents
DAYS_SOLVED = 15  # by a run of what is done once a day or a week; holidays may take eleven


def remember_error(context: Context) -> None:
    """Leave a task's error for ``conclude_run``: the callback of every task that fails."""
    from sancrm_reports.pure.ops import Failure

    ti: Any = context["ti"]
    error: Any = context.get("exception")
    about = getattr(ti, "rendered_map_index", None) or ""
    ti.xcom_push(key=ERROR, value=Failure.describe(error, about))


def run_day(context: Context) -> date:
    """Return the day of what is done once a day, in the account's zone."""
    run: Any = context["dag_run"]
    zone = ZoneInfo(settings().account.timezone)
    day: date = (run.data_interval_start or run.run_after).astimezone(zone).date()
    return day


class ConcludeRunOperator(TelegramOperator):
    """Alert ops to failed tasks by one message; edit it once a run with the same purpose succeeds.

    The last task of a DAG, with ``**alerting()`` and the trigger rule ``all_done``. It fails where
    a task failed, so that the run is red, and clearing what failed clears this as well. Failures
    that alerted people by a message of their own (``AlreadyAlertedError``) cause no other alert.

    :param code: what the run is for, by its code in words.po (``run.…``); by default the DAG's id.
    :param about: what more is said there, such as the database of a backup.
    """

    def __init__(self, *, code: str = "", about: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.code = code
        self.about = about

    def purpose(self, context: Context) -> RunPurpose:
        """Return what the run was for; by default its day in the account's zone."""
        return self._of_day(context)

    def fulfilled_purposes(self, context: Context) -> list[RunPurpose]:
        """Return what a successful run is the end of: its own day, and those just before.

        What is done once a day is done for the days that failed, too.
        """
        return [self._of_day(context, back) for back in range(DAYS_SOLVED)]

    def _of_day(self, context: Context, days_before: int = 0) -> RunPurpose:
        from sancrm_reports.pure.ops import RunPurpose

        day = run_day(context) - timedelta(days=days_before)
        return RunPurpose.of_day(self.dag_id, self.code or self.dag_id, day, about=self.about)

    def has_sent(self, context: Context) -> bool:
        """Whether the run was to send what it is for: a dry, silent or rehearsing one was not."""
        params = params_of(context)
        is_play = params.dry_run or params.rehearse
        return not is_play and params.backfill_mode != "silent"

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Look how the run went, and alert ops to what they do not know yet.

        Raises:
            AlreadyAlertedError: a task failed.
        """
        from sancrm_reports.pure.ops import failed_otherwise, run_failed

        purpose = self.purpose(context)
        failed = failed_tasks(context)
        if not params_of(context).dry_run:
            alert_to_wrong_settings(context)
        if not failed:
            return self.show(context, self._solve(context) if self.has_sent(context) else [])
        failures = [why_failed(context, *task) for task in failed]
        is_alerted = all(failure.is_alerted for failure in failures)
        if not is_alerted and not params_of(context).dry_run:  # somebody is looking at that
            message = run_failed(
                purpose,
                failures,
                log_url=log_url(self.dag_id, context["dag_run"].run_id, *failed[0]),
                templates=templates(),
            )
            outcomes = alert_ops(
                context,
                f"{FAILURE}|{purpose.name}",
                message,
                replaced=failed_otherwise(purpose, templates=templates()),
                is_last_try=is_last_try(context),
            )
            self.show(context, outcomes)
        raise AlreadyAlertedError(
            f"{len(failed)} failed: {', '.join(task_id for task_id, _ in failed)}."
        )

    def _solve(self, context: Context) -> list[Any]:
        with ledger_of(context) as ledger:
            incidents = incidents_of(ledger, is_last_try=is_last_try(context))
            solve_wrong_settings(incidents)
            solve_missing_pools(incidents, (task.pool for task in context["dag"].tasks))
            return [
                outcome
                for purpose in self.fulfilled_purposes(context)
                for outcome in solve(incidents, purpose)
            ]


class ConcludeReportOperator(ConcludeRunOperator):
    """Conclude a run of a profitability report.

    :param report: ``daily``, …: the id of a ``ReportKind``.
    """

    def __init__(self, *, report: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.report = report

    def purpose(self, context: Context) -> RunPurpose:
        """Return the period that the run was to report, or that its params were refused."""
        from sancrm_reports.pure.kinds import REPORT_KINDS
        from sancrm_reports.pure.ops import RunPurpose
        from sancrm_reports.pure.period import Period

        try:
            period = reported_period(context, self.report, settings().account.timezone)
        except PermanentError:  # that no period can be told is what failed
            example = Period.last_whole_before(
                context["dag_run"].run_after,
                kind=REPORT_KINDS[self.report].period,
                timezone=settings().account.timezone,
            )
            conf = {"period": example.start.isoformat()}
            return RunPurpose(self.dag_id, context["dag_run"].run_id, conf=conf)
        return RunPurpose.of_report(self.dag_id, period)

    def fulfilled_purposes(self, context: Context) -> list[RunPurpose]:
        """Return the period only: no other's report was sent."""
        return [self.purpose(context)]


def failed_tasks(context: Context) -> list[tuple[str, int]]:
    """Return what failed in this run: ids of tasks, and their map index, -1 where there is none."""
    ti: Any = context["ti"]
    return [
        (crumb["task_id"], crumb["map_index"])
        for crumb in ti.get_task_breadcrumbs(ti.dag_id, ti.run_id)
        if crumb["state"] == "failed" and crumb["task_id"] != ti.task_id
    ]


def why_failed(context: Context, task_id: str, map_index: int) -> Failure:
    """Return what a failed task left of its error."""
    from sancrm_reports.pure.ops import Failure

    left = context["ti"].xcom_pull(task_ids=task_id, key=ERROR, map_indexes=map_index)
    return Failure.from_json(task_id, left)


def solve(
    incidents: Incidents, purpose: RunPurpose, kinds: Sequence[str] = (FAILURE, LATE)
) -> list[Any]:
    """Edit the alerts about this purpose: it is over."""
    from sancrm_reports.pure.ops import solved

    outcomes: list[Any] = []
    for kind in kinds:
        message = solved(
            purpose,
            kind,
            at=datetime.now(UTC),
            zone=settings().account.timezone,
            templates=templates(),
        )
        outcomes += incidents.solve(f"{kind}|{purpose.name}", message)
    return outcomes


def run_url(dag_id: str, run_id: str) -> str:
    """Return the address of a run's page in Airflow."""
    from urllib.parse import quote

    from airflow.sdk.configuration import conf

    base = conf.get("api", "base_url", fallback="http://localhost:8080").rstrip("/")
    return f"{base}/dags/{dag_id}/runs/{quote(run_id)}"


def log_url(dag_id: str, run_id: str, task_id: str, map_index: int) -> str:
    """Return the address of a task's log in Airflow."""
    task = f"{run_url(dag_id, run_id)}/tasks/{task_id}"
    return task if map_index < 0 else f"{task}/mapped/{map_index}"
