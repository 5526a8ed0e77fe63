"""Each night: do the reports that were posted still say what the CRM says?

Computes the newest ones anew, and edits in place, without a sound, those whose figures changed. Too
many at once, or of a frozen month: nothing is edited, and ops decide.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, CronTriggerTimetable, Param

from sancrm_reports.glue.conclude import ConcludeRunOperator
from sancrm_reports.glue.defaults import task_defaults
from sancrm_reports.glue.freshness import longest_run
from sancrm_reports.glue.recheck import RecheckReportsOperator, WaitForRecheckDataOperator
from sancrm_reports.glue.telegram import alerting, posting
from sancrm_reports.settings import INCLUDE, settings

PARAMS = {
    "most_changes": Param(
        None,
        type=["null", "integer"],
        minimum=0,
        title="How many messages may change",
        description="Instead of recheck.most_changes of the settings, for this run.",
    ),
    "dry_run": Param(
        False,
        type="boolean",
        title="Dry run",
        description="Write what would change into the task's log, and edit nothing.",
    ),
}

if settings().recheck.schedule:
    with DAG(
        dag_id="recheck",
        description="Computes posted reports anew, and corrects those that changed since",
        schedule=CronTriggerTimetable(
            settings().recheck.schedule, timezone=settings().account.timezone
        ),
        start_date=datetime(2025, 1, 1, tzinfo=ZoneInfo(settings().account.timezone)),
        catchup=False,  # the newest recheck finds what a missed one would have found
        max_active_runs=1,
        dagrun_timeout=longest_run(),
        default_args=task_defaults(),
        template_searchpath=[str(INCLUDE / "sql")],
        params=PARAMS,
        tags=["sancrm", "profitability"],
        doc_md=__doc__,
    ):
        data_complete = WaitForRecheckDataOperator(task_id="wait_for_data", **alerting())
        recheck = RecheckReportsOperator(task_id="recheck_reports", **posting())
        conclude = ConcludeRunOperator(
            task_id="conclude_run", trigger_rule="all_done", **alerting()
        )

        data_complete >> recheck >> conclude
