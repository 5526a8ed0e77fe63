"""Airflow's own deadline alerts: «not posted by 09:20» is told without anybody looking."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import DAG
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import BaseDeadlineReference, DeadlineAlert

from sancrm_reports.errors import PermanentError, ReportError
from sancrm_reports.settings import settings, templates

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from sancrm_reports.pure.ops import RunPurpose

log = logging.getLogger(__name__)

TRIES, PAUSE = 6, 60  # of telling that a run is late; seconds between them


class ScheduledTimeReference(BaseDeadlineReference):
    """Counts from when the schedule made the run; backfills and runs by hand have no deadline.

    Airflow's own references do not do: the logical date is the start of the reported period, so
    that a month's distance varies, and being queued happens to backfills too.
    """

    required_kwargs: ClassVar[set[str]] = {"dag_id", "run_id"}

    def _evaluate_with(self, *, session: Session, dag_id: str, run_id: str) -> datetime | None:
        from airflow.models import DagRun
        from sqlalchemy import select

        run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
        if run is None or run.run_type != "scheduled":
            return None
        # After an outage, or when a DAG is switched on, the run is made long after its time.
        made: datetime = max(run.run_after, run.queued_at or datetime.now(UTC))
        return made


def report_deadline(report: str) -> DeadlineAlert:
    """Return the deadline of a report (``daily``, …)."""
    return _deadline(f"{report} report", settings().delivery.deadline_minutes, report=report)


def missed_calls_deadline() -> DeadlineAlert:
    """Return the deadline of the missed calls."""
    return _deadline("missed calls", settings().missed_calls.deadline_minutes)


def _deadline(what: str, minutes: float, **callback_kwargs: str) -> DeadlineAlert:
    return DeadlineAlert(
        reference=ScheduledTimeReference(),
        interval=timedelta(minutes=minutes),
        callback=AsyncCallback(tell_late, kwargs=callback_kwargs),
        name=f"{what} posted",
    )


class DagWithDeadline(DAG):
    """A DAG that can be run by ``airflow dags test`` although it has a deadline.

    Airflow 3.3.2 looks for a tested DAG's deadlines in its database, where they are not, and ends
    in a StatementError. A test has no deadline anyway.
    """

    def test(self, *args: Any, **kwargs: Any) -> Any:
        """Run without the deadline."""
        self.deadline = None
        return super().test(*args, **kwargs)


async def tell_late(context: dict[str, Any], report: str = "") -> str:
    """Tell ops, once, that a run has not done its work although it should; runs in the triggerer.

    The run is of a report (``daily``, …), or of what is done once a day. Of one that failed
    ``conclude_run`` has told, unless Telegram was down, or a person ended the run. Airflow does not
    repeat a callback that failed, so what may pass is tried again here.
    """
    from asgiref.sync import sync_to_async

    run = context["dag_run"]
    if run["state"] == "success":
        return "the run is over"
    tell = partial(_tell_late, _purpose(run, report), run, context["deadline"])
    for _ in range(TRIES - 1):
        try:
            return await sync_to_async(tell)(is_last_try=False)
        except PermanentError:
            raise
        except ReportError as error:
            log.warning("Ops were not told; it is tried again: %s", error)
        await asyncio.sleep(PAUSE)
    return await sync_to_async(tell)(is_last_try=True)


def _purpose(run: dict[str, Any], report: str) -> RunPurpose:
    from zoneinfo import ZoneInfo

    from sancrm_reports.pure.kinds import REPORT_KINDS
    from sancrm_reports.pure.ops import RunPurpose
    from sancrm_reports.pure.period import Period

    zone = settings().account.timezone
    fired_at = _instant(run["run_after"])
    if not report:
        day = fired_at.astimezone(ZoneInfo(zone)).date()
        return RunPurpose.of_day(run["dag_id"], run["dag_id"], day)
    period = Period.last_whole_before(fired_at, kind=REPORT_KINDS[report].period, timezone=zone)
    return RunPurpose.of_report(run["dag_id"], period)


def _tell_late(
    purpose: RunPurpose, run: dict[str, Any], deadline: dict[str, Any], *, is_last_try: bool
) -> str:
    from zoneinfo import ZoneInfo

    from sancrm_reports.glue.conclude import FAILURE, LATE, run_url
    from sancrm_reports.glue.telegram_operator import alert_ops
    from sancrm_reports.pure.ops import report_late

    is_failed = run["state"] == "failed"
    if _is_alerted(purpose, FAILURE if is_failed else LATE):
        return "ops know that it failed" if is_failed else "ops know that it waits for data"
    zone = ZoneInfo(settings().account.timezone)
    message = report_late(
        purpose,
        due=_instant(deadline["deadline_time"]).astimezone(zone),
        is_failed=is_failed,
        run_url=run_url(run["dag_id"], run["dag_run_id"]),
        templates=templates(),
    )
    alert_ops(None, f"{LATE}|{purpose.name}", message, is_last_try=is_last_try)
    return "alerted"


def _is_alerted(purpose: RunPurpose, kind: str) -> bool:
    """Whether a task of the run has told of it; without the ledger nobody can say so."""
    from sancrm_reports.glue.telegram_operator import incidents_of, ledger_of
    from sancrm_reports.wire.ledger.database import NoLedgerError

    try:
        with ledger_of(None) as ledger:
            incidents = incidents_of(ledger, is_last_try=True)
            return incidents.is_alerted(f"{kind}|{purpose.name}")
    except NoLedgerError:
        return False


def _instant(value: datetime | str) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)
