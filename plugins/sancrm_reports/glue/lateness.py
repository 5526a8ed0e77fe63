"""How long after its scheduled time a report is posted, and the line that says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sancrm_reports.glue.timetable import timetable_of
from sancrm_reports.settings import settings, templates

if TYPE_CHECKING:
    from sancrm_reports.pure.period import Period


def how_late(report: str, period: Period) -> timedelta:
    """Return how long ago a period's report was due."""
    return datetime.now(UTC) - timetable_of(report, settings()).due_at(period)


def late_footer(late: timedelta) -> str:
    """Say how late a report is; empty if it is not, by the settings."""
    from sancrm_reports.pure.messages import lateness

    hours = settings().delivery.late_after_hours
    return lateness(late, after=timedelta(hours=hours), templates=templates())
