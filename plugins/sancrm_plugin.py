"""What Airflow must be told about this package; nothing else is in this file."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from sancrm_reports.glue import notes
from sancrm_reports.glue.backup_window import BackupWindowTimetable
from sancrm_reports.glue.deadline import ScheduledTimeReference
from sancrm_reports.glue.timetable import CalendarPeriodTimetable


class SancrmReportsPlugin(AirflowPlugin):
    """Registers what serialized DAGs name, and what writes the notes of runs."""

    name = "sancrm_reports"
    # Airflow types these as an instance's.
    timetables = [CalendarPeriodTimetable, BackupWindowTimetable]  # noqa: RUF012
    deadline_references = [ScheduledTimeReference]  # noqa: RUF012
    listeners = [notes]  # noqa: RUF012
