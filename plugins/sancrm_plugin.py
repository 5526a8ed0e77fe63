"""What Airflow must be told about this package; nothing else is in this file."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from sancrm_reports.glue.timetable import CalendarPeriodTimetable
from sancrm_reports.glue.workdays import WorkdayTimetable


class SancrmReportsPlugin(AirflowPlugin):
    """Registers the timetables, so that serialized DAGs can be read back."""

    name = "sancrm_reports"
    timetables = [CalendarPeriodTimetable, WorkdayTimetable]  # noqa: RUF012 - Airflow types it as an instance's
