"""A timetable that knows which days are worked."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.exceptions import AirflowTimetableInvalid
from airflow.timetables.base import Timetable

from sancrm_reports.glue.airflow_private import CronTimetable
from sancrm_reports.pure.workdays import Workdays

if TYPE_CHECKING:
    from pendulum import DateTime

    from sancrm_reports.settings import Settings


class WorkdayTimetable(CronTimetable):
    """Fire at a time of each working day of a country; a run by hand may be on any day.

    :param time: of the day, such as ``10:00``.
    :param timezone: IANA name, for the time and the days.
    :param workdays: which days are worked.
    """

    def __init__(self, time: str, *, timezone: str, workdays: Workdays) -> None:
        hour, minute = time.split(":")
        super().__init__(f"{int(minute)} {int(hour)} * * *", timezone=timezone)
        self._time = time
        self._zone = timezone
        self._workdays = workdays
        self.description = f"{self.description}, on working days ({workdays.country})"

    @property
    def summary(self) -> str:
        """What the list of DAGs shows."""
        return f"{self._time}, working days"

    def serialize(self) -> dict[str, Any]:
        """Return the arguments that ``deserialize`` needs."""
        return {
            "time": self._time,
            "timezone": self._zone,
            "country": self._workdays.country,
            "days_off": sorted(map(date.isoformat, self._workdays.days_off)),
            "working_days": sorted(map(date.isoformat, self._workdays.working_days)),
        }

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Timetable:
        """Make the timetable from what ``serialize`` returned."""
        days_off, working_days = (
            frozenset(map(date.fromisoformat, data[name])) for name in ("days_off", "working_days")
        )
        workdays = Workdays(data["country"], days_off, working_days)
        return cls(data["time"], timezone=data["timezone"], workdays=workdays)

    def validate(self) -> None:
        """Make sure that the country's calendar is known.

        Raises:
            AirflowTimetableInvalid: it is not; shown as an import error of the DAG.
        """
        super().validate()
        try:
            self._workdays.check()
        except ValueError as error:
            raise AirflowTimetableInvalid(str(error)) from None

    def skips(self, fire: DateTime) -> bool:
        """Whether a day is not worked."""
        return fire.astimezone(ZoneInfo(self._zone)).date() not in self._workdays


def workdays_of(configured: Settings) -> Workdays:
    """Return which days are worked, as the settings say."""
    return Workdays(
        configured.workdays.country or configured.account.country,
        frozenset(configured.workdays.days_off),
        frozenset(configured.workdays.working_days),
    )


def workday_timetable(configured: Settings) -> WorkdayTimetable:
    """Return when customers are called back, as the settings say."""
    return WorkdayTimetable(
        configured.missed_calls.time,
        timezone=configured.account.timezone,
        workdays=workdays_of(configured),
    )
