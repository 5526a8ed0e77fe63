"""A timetable whose data interval is the window in which a backup is expected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.timetables.base import DagRunInfo, DataInterval, Timetable
from pendulum import DateTime, instance, now

from sancrm_reports.backups.facts import Window
from sancrm_reports.glue.airflow_private import CronTimetable

if TYPE_CHECKING:
    from airflow.timetables.base import TimeRestriction

    from sancrm_reports.settings import Settings


class BackupWindowTimetable(CronTimetable):
    """Fire when a window opens, so that its run waits inside it.

    The built-in one ends its interval at the fire time: its run would begin when all is over.

    :param cron: when a window opens.
    :param timezone: IANA name, for the cron expression.
    :param minutes: from opening to the deadline, with the grace.
    """

    def __init__(self, cron: str, *, timezone: str, minutes: float) -> None:
        super().__init__(cron, timezone=timezone)
        self._zone = timezone
        self._minutes = minutes

    def serialize(self) -> dict[str, Any]:
        """Return the arguments that ``deserialize`` needs."""
        return {"cron": self.expression, "timezone": self._zone, "minutes": self._minutes}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Timetable:
        """Make the timetable from what ``serialize`` returned."""
        return cls(**data)

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """Return the window that opened last: a run by hand watches the newest."""
        return self._interval_from(self.at_or_before(run_after))

    def next_dagrun_info_v2(
        self, *, last_dagrun_info: DagRunInfo | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Step from the last window to the next; without catch-up, to the newest."""
        if last_dagrun_info is not None:
            opens_at = self.after(last_dagrun_info.run_after)
        else:
            opens_at = self.at_or_after(restriction.earliest or now("UTC"))
        if not restriction.catchup:
            opens_at = max(opens_at, self.at_or_before(now("UTC")))
        if restriction.latest is not None and opens_at > restriction.latest:
            return None
        return DagRunInfo(run_after=opens_at, data_interval=self._interval_from(opens_at))

    def window(self, opens_at: datetime) -> Window:
        """Return the window that opens at an instant of the schedule.

        Its times are plain ones in UTC: a difference of pendulum's cannot be sent to Airflow.
        """
        interval = self._interval_from(instance(opens_at))
        times = (interval.start, interval.end, self.after(interval.start))
        return Window(*(datetime.fromtimestamp(time.timestamp(), UTC) for time in times))

    def _interval_from(self, opens_at: DateTime) -> DataInterval:
        return DataInterval(opens_at, instance(opens_at + timedelta(minutes=self._minutes)))


def window_timetable(name: str, configured: Settings) -> BackupWindowTimetable:
    """Return the timetable of a watched backup."""
    watched = configured.backups[name]
    return BackupWindowTimetable(
        watched.schedule,
        timezone=configured.account.timezone,
        minutes=watched.window_minutes + watched.grace_minutes,
    )


def window_of(context: Any, name: str, configured: Settings) -> Window:
    """Return the window that a run watches: its data interval, or the newest at its time.

    Never the clock: a run that is cleared a week later judges the same night.
    """
    timetable = window_timetable(name, configured)
    opens_at = context.get("data_interval_start")
    if opens_at is None:  # as a trigger without logical date makes it
        run_after = instance(context["dag_run"].run_after)
        opens_at = timetable.infer_manual_data_interval(run_after=run_after).start
    return timetable.window(opens_at)
