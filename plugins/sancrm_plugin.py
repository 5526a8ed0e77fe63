"""What Airflow must be told about this package; nothing else is in this file."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from sancrm_reports.glue.backup_window import BackupWindowTimetable
from sancrm_reports.glue.timetable import CalendarPeriodTimetable


class SancrmReportsPlugin(AirflowPlugin):
    """Registers the timetables, so that serialized DAGs can be read back."""

    name = "sancrm_reports"
    timetables = [CalendarPeriodTimetable, BackupWindowTimetable]  # noqa: RUF012 - Airflow types it as an instance's
