"""A timetable whose data interval is the calendar period that a run reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.timetables.base import DagRunInfo, DataInterval, Timetable
from pendulum import DateTime, instance, now

from sancrm_reports.glue.airflow_private import CronTimetable
from sancrm_reports.pure.kinds import REPORT_KINDS
from sancrm_reports.pure.period import Period, PeriodKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime

    from airflow.timetables.base import TimeRestriction

    from sancrm_reports.settings import Settings


class CalendarPeriodTimetable(CronTimetable):
    """Fire by a cron expression; report the last whole period before.

    No built-in timetable does this: an interval of ``CronTriggerTimetable`` ends at the fire time,
    and ``CronDataIntervalTimetable`` goes from tick to tick, wrong for "not on Monday".

    A DAG's start and end and a backfill's window are compared with the reported period's first
    day, not with the fire time: a backfill from 1 to 7 November is the reports of those days.

    :param cron: when to fire.
    :param timezone: IANA name, for the cron expression and the periods.
    :param period: a ``PeriodKind``: ``day``, ``week`` (from Monday), ``month``, …
    """

    def __init__(self, cron: str, *, timezone: str, period: str) -> None:
        super().__init__(cron, timezone=timezone)
        self._zone = timezone
        self._kind = PeriodKind(period)

    def serialize(self) -> dict[str, Any]:
        """Return the arguments that ``deserialize`` needs."""
        return {"cron": self.expression, "timezone": self._zone, "period": self._kind.value}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Timetable:
        """Make the timetable from what ``serialize`` returned."""
        return cls(**data)

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """Return the last whole period before the run."""
        period = self.reported_at(run_after)
        return DataInterval(instance(period.starts_at), instance(period.ends_at))

    def next_dagrun_info_v2(
        self, *, last_dagrun_info: DagRunInfo | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Step from the last run's fire time to the next whose period is wanted."""
        if last_dagrun_info is not None:
            fire = self.after(last_dagrun_info.run_after)
        else:
            fire = self.at_or_after(restriction.earliest or now("UTC"))
        if not restriction.catchup:
            fire = max(fire, self.at_or_before(now("UTC")))
        # A schedule that was moved on the day of a run wants its report again: Airflow would try to
        # make that run, which is there, for as long as the time has not passed.
        if last_dagrun_info is not None and last_dagrun_info.data_interval:
            reported = last_dagrun_info.data_interval.start
            while self.reported_at(fire).starts_at <= reported:
                fire = self.after(fire)
        if restriction.earliest is not None:
            earliest = self._local_date(restriction.earliest)
            while self.reported_at(fire).start < earliest:
                fire = self.after(fire)
        if restriction.latest is not None:
            latest = self._local_date(restriction.latest)
            if self.reported_at(fire).start > latest:
                return None
        return DagRunInfo(
            run_after=fire, data_interval=self.infer_manual_data_interval(run_after=fire)
        )

    def due_between(self, after: datetime, until: datetime) -> Iterator[tuple[DateTime, Period]]:
        """Yield each time of the schedule in ``(after, until]``, and what is reported then."""
        fire = self.after(instance(after))
        while fire <= until:
            yield fire, self.reported_at(fire)
            fire = self.after(fire)

    def due_at(self, period: Period) -> DateTime:
        """Return when the schedule wants the report of a period."""
        return self.at_or_after(instance(period.ends_at))

    def due_of(self, logical_date: DateTime) -> DateTime | None:
        """Return when the report of the period is due that begins then."""
        day = self._local_date(logical_date)
        period = Period.containing(day, kind=self._kind, timezone=self._zone)
        return self.due_at(period) if period.starts_at == logical_date else None

    def reported_at(self, fire: DateTime) -> Period:
        """Return the period that a run fired then reports."""
        return Period.last_whole_before(fire, kind=self._kind, timezone=self._zone)

    def _local_date(self, instant: DateTime) -> date:
        return instant.astimezone(ZoneInfo(self._zone)).date()


def cron_timetable(expression: str, configured: Settings) -> CronTimetable:
    """Return when a DAG is run that has nothing to do with periods."""
    return CronTimetable(expression, timezone=configured.account.timezone)


def timetable_of(report: str, configured: Settings) -> CalendarPeriodTimetable:
    """Return the timetable of a report (``daily``, …), as the settings schedule it."""
    return CalendarPeriodTimetable(
        configured.schedule(report),
        timezone=configured.account.timezone,
        period=REPORT_KINDS[report].period.value,
    )
