"""What we use of Airflow that is private to it: if a new version changes it, then only this file.

A timetable that fires by cron has no public way to ask when that is.
"""

from __future__ import annotations

from airflow.timetables.trigger import CronTriggerTimetable
from pendulum import DateTime

PROCESS_CONTEXT = "_AIRFLOW_PROCESS_CONTEXT"  # a variable; "server" may read Airflow's database


class CronTimetable(CronTriggerTimetable):
    """Fires by a cron expression; subclasses may skip times, and have intervals of their own."""

    def skips(self, fire: DateTime) -> bool:
        """Whether a time of the expression is none of this timetable's."""
        return False

    @property
    def expression(self) -> str:
        """The cron expression."""
        return str(self._expression)

    def due_of(self, logical_date: DateTime) -> DateTime | None:
        """Return when the run of a logical date is made; None if there is no such run."""
        return logical_date if self.at_or_after(logical_date) == logical_date else None

    def after(self, moment: DateTime) -> DateTime:
        """Return the next time, later than a moment."""
        return self._get_next(moment)

    def at_or_after(self, moment: DateTime) -> DateTime:
        """Return the next time, or the moment itself."""
        return self._align_to_next(moment)

    def at_or_before(self, moment: DateTime) -> DateTime:
        """Return the last time, or the moment itself."""
        return self._align_to_prev(moment)

    def _get_next(self, current: DateTime) -> DateTime:
        fire: DateTime = super()._get_next(current)
        while self.skips(fire):
            fire = super()._get_next(fire)
        return fire

    def _get_prev(self, current: DateTime) -> DateTime:
        fire: DateTime = super()._get_prev(current)
        while self.skips(fire):
            fire = super()._get_prev(fire)
        return fire
