"""Which period a run reports. Glue: only here and in the operators is Airflow's context known."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pendulum import instance

from sancrm_reports.errors import PermanentError
from sancrm_reports.glue.airflow_private import CronTimetable
from sancrm_reports.glue.params import params_of
from sancrm_reports.glue.timetable import timetable_of
from sancrm_reports.pure.kinds import REPORT_KINDS
from sancrm_reports.pure.period import Period, parse_day
from sancrm_reports.settings import settings


class PeriodError(PermanentError):
    """The run names no period that can be reported."""

    code = "period"


def reported_period(context: Any, report: str, timezone: str) -> Period:
    """Return the period that a run of the report (``daily``, …) is about.

    The param ``period`` (a day inside it) wins; then the run's data interval, which the timetable
    makes a whole period in scheduled, backfill and manual runs; a run without one, as a trigger
    without logical date makes, reports the last whole period before it. Never the clock.

    Raises:
        PeriodError: the day isn't a date, the period isn't over, the interval isn't a period, the
            run is in the place of a scheduled one, or its conf names a param that does not exist.
    """
    refuse_unknown_params(context)
    refuse_taken_place(context, timetable_of(report, settings()))
    kind = REPORT_KINDS[report].period
    run_after = context["dag_run"].run_after
    named = params_of(context).period
    if named:
        try:
            period = Period.containing(parse_day(named), kind=kind, timezone=timezone)
        except ValueError as error:
            raise PeriodError(
                f"The param period is wrong: {error}", code="period_date", quote=named
            ) from None
    elif interval := _data_interval(context):
        period = Period.last_whole_before(interval[1], kind=kind, timezone=timezone)
        if (period.starts_at, period.ends_at) != interval:
            raise PeriodError(
                f"The run's data interval, {interval[0]} to {interval[1]}, isn't a whole {kind} in "
                f"{timezone}. Trigger it without an interval, and name a day in the param period.",
                code="period_interval",
            )
    else:
        period = Period.last_whole_before(run_after, kind=kind, timezone=timezone)
    if period.ends_at > run_after:
        raise PeriodError(
            f"The {kind} {period.key} is not over: it ends at {period.ends_at:%Y-%m-%d %H:%M} UTC, "
            f"and this run is of {run_after:%Y-%m-%d %H:%M} UTC. Name an earlier day in the param "
            "period.",
            code="period_not_over",
            quote=period.key,
        )
    return period


def refuse_taken_place(context: Any, timetable: CronTimetable) -> None:
    """Refuse a run by hand that has the logical date of one that the schedule is still to make.

    Airflow makes no second run of a logical date: the scheduled one would never come, and nobody
    would know. A run by hand begins at once, even if its logical date is yet to come.

    Raises:
        PeriodError: it is so.
    """
    run = context["dag_run"]
    if run.run_type != "manual" or run.logical_date is None:
        return
    due = timetable.due_of(instance(run.logical_date))
    if due is not None and due > datetime.now(UTC):
        raise PeriodError(
            f"The logical date {run.logical_date} is that of the scheduled run of {due}, which "
            "cannot be made while this one is there. Delete this run in Airflow; then trigger the "
            "DAG without a logical date.",
            code="period_place",
            quote=run.run_id,
        )


def refuse_unknown_params(context: Any) -> None:
    """Refuse a param that does not exist: Airflow takes any, and «dry_rnu» would send.

    Raises:
        PeriodError: the run's conf names one.
    """
    known = context["dag"].params
    if unknown := sorted(set(context["dag_run"].conf or {}) - set(known)):
        raise PeriodError(
            f"There is no param {', '.join(unknown)}. Allowed: {', '.join(known)}. "
            "Trigger the run again.",
            code="param_unknown",
            quote=", ".join(unknown),
        )


def _data_interval(context: Any) -> tuple[datetime, datetime] | None:
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    return (start, end) if start and end else None
