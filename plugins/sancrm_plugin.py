"""What Airflow must be told about this package; nothing else is in this file."""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from sancrm_reports.backups.timetable import BackupWindowTimetable
from sancrm_reports.glue import notes, pool_alert, preload, settings_alert
from sancrm_reports.glue.deadline import ScheduledTimeReference
from sancrm_reports.glue.timetable import CalendarPeriodTimetable
from sancrm_reports.glue.workdays import WorkdayTimetable


class SancrmReportsPlugin(AirflowPlugin):
    """Registers what serialized DAGs name, what writes the notes of runs, and the page."""

    name = "sancrm_reports"
    # Airflow types these as an instance's.
    timetables = [  # noqa: RUF012
        BackupWindowTimetable,
        CalendarPeriodTimetable,
        WorkdayTimetable,
    ]
    deadline_references = [ScheduledTimeReference]  # noqa: RUF012
    listeners = [notes, pool_alert, preload, settings_alert]  # noqa: RUF012

    @property
    def react_apps(self) -> list[Any]:  # type: ignore[override]
        """The page, by its name in the language that people read."""
        from sancrm_reports.pure.language import language_of
        from sancrm_reports.settings import SettingsError, templates

        try:
            title = language_of(templates()).word("page.title")
        except SettingsError:  # Airflow's API server must start all the same
            return []
        return [
            {
                "name": title,
                "bundle_url": "sancrm/page/reports.js",
                "url_route": "sancrm-reports",
                "destination": "nav",
                "nav_top_level": True,
                "icon": "sancrm/page/icon.svg",
                "icon_dark_mode": "sancrm/page/icon-dark.svg",
            }
        ]

    @property
    def fastapi_apps(self) -> list[Any]:  # type: ignore[override]
        """What the page asks for; imported by the API server alone, FastAPI is slow to import."""
        from sancrm_reports.glue.page import app

        return [{"app": app, "url_prefix": "/sancrm", "name": "SanCRM reports"}]
