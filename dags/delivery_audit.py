"""Every morning after the reports: was everything sent that the last days' reports owed?

Nothing missing: no message, a green run, and a table in its note. Something missing: one message to
ops with what, why where it can be known, and the command that sends it; the run is red.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, CronTriggerTimetable

from sancrm_reports.glue.audit import AuditDeliveriesOperator
from sancrm_reports.glue.conclude import ConcludeRunOperator
from sancrm_reports.glue.defaults import task_defaults
from sancrm_reports.glue.telegram_operator import alerting
from sancrm_reports.settings import INCLUDE, settings

with DAG(
    dag_id="delivery_audit",
    description="Compares the reports of the last days with what was sent",
    schedule=CronTriggerTimetable(settings().audit.schedule, timezone=settings().account.timezone),
    start_date=datetime(2025, 1, 1, tzinfo=ZoneInfo(settings().account.timezone)),
    catchup=False,  # it looks back over days by itself
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=1),
    default_args={**task_defaults(), "priority_weight": 10},
    template_searchpath=[str(INCLUDE / "sql")],
    tags=["sancrm", "operations"],
    doc_md=__doc__,
):
    audit = AuditDeliveriesOperator(task_id="audit_deliveries", **alerting())
    conclude = ConcludeRunOperator(task_id="conclude_run", trigger_rule="all_done", **alerting())

    audit >> conclude
