"""Missed calls: on working days the staff's chat is told whom to call back, a message a repair."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from airflow.sdk import Param

from sancrm_reports.glue.deadline import DagWithDeadline, missed_calls_deadline
from sancrm_reports.glue.defaults import task_defaults
from sancrm_reports.glue.missed_calls import ConcludeMissedCallsOperator, PostMissedCallsOperator
from sancrm_reports.glue.params import UNKNOWN_STATUS
from sancrm_reports.glue.telegram_operator import alerting, posting
from sancrm_reports.glue.workdays import workday_timetable
from sancrm_reports.settings import INCLUDE, settings
from sancrm_reports.version import version_tag

PARAMS = {
    **UNKNOWN_STATUS,
    "removed": Param(
        [],
        type="array",
        items={"type": "string"},
        title="Deleted in the chat by hand",
        description="Names of messages that named a customer, could not be edited, and are gone.",
    ),
    "day": Param(
        None,
        type=["null", "string"],
        format="date",
        title="Day",
        description="A past day, as 2026-11-17, for what is decided of its messages: nothing else "
        "is sent. Empty: today.",
    ),
    "dry_run": Param(
        False,
        type="boolean",
        title="Dry run",
        description="Write the repairs' ids into the task's log and send nothing.",
    ),
}

with DagWithDeadline(
    dag_id="missed_calls",
    description="Tells the staff's chat which customers are to be called back",
    schedule=workday_timetable(settings()),
    start_date=datetime(2025, 1, 1, tzinfo=ZoneInfo(settings().account.timezone)),
    catchup=False,  # whom to call is known for today only
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=3),
    deadline=missed_calls_deadline(),
    default_args=task_defaults(),
    template_searchpath=[str(INCLUDE / "sql")],
    params=PARAMS,
    tags=["sancrm", "missed_calls", version_tag()],
    doc_md=__doc__,
):
    calls = PostMissedCallsOperator(task_id="post_missed_calls", **posting())
    conclude = ConcludeMissedCallsOperator(
        task_id="conclude_run", trigger_rule="all_done", **alerting()
    )

    calls >> conclude
