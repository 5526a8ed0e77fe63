"""The restore drill: can the newest dump of the CRM's database be restored, and is all in it?

Restores it into a scratch PostgreSQL, counts rows against the database, tells the chat of the
backup, and removes what it made. By hand, or weekly where the settings enable it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from airflow.sdk import DAG

from sancrm_reports.backups.drill.operators import (
    PostRestoreDrillOperator,
    RestoreDumpOperator,
    drill_timetable,
)
from sancrm_reports.glue.conclude import ConcludeRunOperator
from sancrm_reports.glue.defaults import on_queue, task_defaults
from sancrm_reports.glue.telegram_operator import alerting
from sancrm_reports.settings import INCLUDE, settings

RETRIES = 2  # each try restores from the beginning
TRY = settings().restore_drill.longest
PAUSE = timedelta(seconds=settings().retries.delay_seconds)

with DAG(
    dag_id="restore_drill",
    description="Restores the newest dump of the CRM's database into a scratch one, and compares",
    schedule=drill_timetable(settings()),
    start_date=datetime(2025, 1, 1, tzinfo=ZoneInfo(settings().account.timezone)),
    catchup=False,  # a drill that was missed says nothing that the next does not
    max_active_runs=1,
    # What all tries may take at most: a run that is stopped skips its message.
    dagrun_timeout=TRY * (1 + RETRIES) + PAUSE * RETRIES + timedelta(hours=2),
    default_args=task_defaults(),
    template_searchpath=[str(INCLUDE / "sql")],
    tags=["sancrm", "backup"],
    doc_md=__doc__,
):
    restore = RestoreDumpOperator(
        task_id="restore_newest_dump",
        execution_timeout=TRY,
        retries=RETRIES,
        **on_queue(settings().restore_drill.queue),
    )
    post = PostRestoreDrillOperator(
        task_id="post_restore_drill",
        drilled_by=restore.task_id,
        trigger_rule="all_done",
        **alerting(),
    )
    conclude = ConcludeRunOperator(
        task_id="conclude_run",
        trigger_rule="all_done",
        **alerting(),
    )

    # The chat is told whatever came of it; the last task makes the run red if it did not pass.
    restore >> post >> conclude
