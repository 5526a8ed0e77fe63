"""Notices missing backups: one DAG per watched backup, one run per expected backup."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, Param

from sancrm_reports.backups.alert_operator import PostBackupAlertOperator, alerting_of
from sancrm_reports.backups.sensor import LATE, BackupSensor, VerifyBackupOperator
from sancrm_reports.backups.timetable import window_timetable
from sancrm_reports.glue.conclude import ConcludeRunOperator
from sancrm_reports.glue.defaults import on_queue, task_defaults
from sancrm_reports.glue.telegram_operator import alerting
from sancrm_reports.settings import settings

VERIFY_RETRIES = 1  # reading takes long, and the alert waits for it

PARAMS = {
    "rehearse": Param(
        False,
        type="boolean",
        title="Rehearse",
        description="Send an alert that is marked as a rehearsal through the whole path, and "
        "close it. Nothing is waited for, and no incident is opened.",
    ),
}

for name, watched in settings().backups.items():
    reading = timedelta(minutes=watched.verify.limit_minutes + 10)
    retries = settings().retries
    pauses = timedelta(seconds=retries.delay_seconds) * (3 * retries.count + VERIFY_RETRIES)
    with DAG(
        dag_id=f"backup_watch_{name}",
        description=f"Watches the backup of {watched.database}, and alerts where there is none",
        schedule=window_timetable(name, settings()),
        start_date=datetime.combine(
            watched.since or date(2025, 1, 1), time(), ZoneInfo(settings().account.timezone)
        ),
        catchup=watched.since is not None,  # then every night has its run, also after an outage
        max_active_runs=1,
        # What every task may take at most: a run that is stopped skips its alert.
        dagrun_timeout=watched.length
        + LATE
        + reading * (1 + VERIFY_RETRIES)
        + pauses
        + timedelta(hours=2),
        default_args=task_defaults(),
        params=PARAMS,
        tags=["sancrm", "backup"],
        doc_md=__doc__,
    ):
        queue = on_queue(watched.queue)
        wait = BackupSensor(task_id="wait_for_backup", backup=name, **queue)
        verify = VerifyBackupOperator(
            task_id="verify_backup",
            backup=name,
            retries=VERIFY_RETRIES,
            execution_timeout=reading,
            **queue,
        )
        alert = PostBackupAlertOperator(
            task_id="post_backup_alert", backup=name, **alerting_of(name)
        )
        conclude = ConcludeRunOperator(
            task_id="conclude_run",
            code="backup_watch",
            about=watched.database,
            trigger_rule="all_done",
            **alerting(),
        )

        # The alert goes out whatever happened before it; a bad night is red all the same, because
        # the last task fails wherever one failed.
        wait >> verify >> alert >> conclude
