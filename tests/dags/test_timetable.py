"""When reports are due, and of which period."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from airflow.timetables.base import DagRunInfo, TimeRestriction
from pendulum import instance

from sancrm_reports.glue.timetable import CalendarPeriodTimetable

DAILY = CalendarPeriodTimetable("0 9 * * 0,2-6", timezone="Europe/Moscow", period="day")
WEEKLY = CalendarPeriodTimetable("30 9 * * 1", timezone="Europe/Moscow", period="week")
MONTHLY = CalendarPeriodTimetable("30 9 1 * *", timezone="Europe/Moscow", period="month")


def moment(text):
    return instance(datetime.fromisoformat(text).astimezone(UTC))


def runs(timetable, earliest, latest):
    """What a backfill makes of a window."""
    restriction = TimeRestriction(moment(earliest), moment(latest), catchup=True)
    info, found = None, []
    while info := timetable.next_dagrun_info_v2(last_dagrun_info=info, restriction=restriction):
        found.append(info)
    return found


def local_days(info):
    zone = "Europe/Moscow"
    interval = info.data_interval
    return interval.start.in_tz(zone).date().isoformat(), interval.end.in_tz(
        zone
    ).date().isoformat()


def test_a_daily_report_is_of_the_day_before_and_not_made_on_monday():
    # Fire times of a week, and the days they report: Sunday is left to the weekly report.
    week = runs(DAILY, "2026-11-09T00:00+03:00", "2026-11-15T23:00+03:00")
    fires = [info.run_after.in_tz("Europe/Moscow").format("ddd HH:mm") for info in week]
    assert fires == [f"{day} 09:00" for day in ("Tue", "Wed", "Thu", "Fri", "Sat", "Sun")]
    assert [local_days(info)[0] for info in week] == [f"2026-11-{day:02}" for day in range(9, 15)]


def test_a_week_is_reported_on_monday_and_a_month_on_the_first():
    # The interval is the whole period, in the account's zone.
    [week] = runs(WEEKLY, "2026-11-09T00:00+03:00", "2026-11-09T00:00+03:00")
    assert local_days(week) == ("2026-11-09", "2026-11-16")
    assert week.run_after == moment("2026-11-16T09:30+03:00")
    [month] = runs(MONTHLY, "2026-10-01T00:00+03:00", "2026-10-31T00:00+03:00")
    assert local_days(month) == ("2026-10-01", "2026-11-01")
    assert month.run_after == moment("2026-11-01T09:30+03:00")


@pytest.mark.parametrize("offset", ["+03:00", "+00:00"], ids=["with the zone", "naive is UTC"])
def test_a_backfill_window_means_the_reported_days(offset):
    # From 1 to 7 November is the reports of those days, also with dates that Airflow reads as UTC.
    week = runs(DAILY, f"2026-11-01T00:00{offset}", f"2026-11-07T00:00{offset}")
    days = [local_days(info)[0][-2:] for info in week]
    assert days == ["02", "03", "04", "05", "06", "07"]  # 1 November is a Sunday


def test_without_catch_up_only_the_newest_report_is_made(monkeypatch):
    # After a weekend off, the report of the last fire time; the others are a person's decision.
    now = moment("2026-11-19T12:00+03:00")
    monkeypatch.setattr("sancrm_reports.glue.timetable.now", lambda zone: now)
    restriction = TimeRestriction(moment("2025-01-01T00:00+03:00"), None, catchup=False)
    old = DAILY.infer_manual_data_interval(run_after=moment("2026-11-12T09:00+03:00"))
    last = DagRunInfo(run_after=moment("2026-11-12T09:00+03:00"), data_interval=old)
    info = DAILY.next_dagrun_info_v2(last_dagrun_info=last, restriction=restriction)
    assert info.run_after == moment("2026-11-19T09:00+03:00")
    after = DAILY.next_dagrun_info_v2(last_dagrun_info=info, restriction=restriction)
    assert after.run_after == moment("2026-11-20T09:00+03:00")


@pytest.mark.parametrize("hour", [8, 11], ids=["earlier", "later"])
def test_a_schedule_that_is_moved_on_the_day_reports_no_period_twice(monkeypatch, hour):
    # Airflow would try to make the run that is there, four times a second, until the new time.
    now = moment("2026-11-18T10:00+03:00")
    monkeypatch.setattr("sancrm_reports.glue.timetable.now", lambda zone: now)
    restriction = TimeRestriction(moment("2025-01-01T00:00+03:00"), None, catchup=False)
    fired = moment("2026-11-18T09:00+03:00")
    last = DagRunInfo(
        run_after=fired, data_interval=DAILY.infer_manual_data_interval(run_after=fired)
    )
    moved = CalendarPeriodTimetable(f"0 {hour} * * *", timezone="Europe/Moscow", period="day")
    info = moved.next_dagrun_info_v2(last_dagrun_info=last, restriction=restriction)
    assert info.run_after == moment(f"2026-11-19T{hour:02}:00+03:00")
    assert local_days(info) == ("2026-11-18", "2026-11-19")


@pytest.mark.parametrize("zone", ["America/New_York", "Africa/Cairo", "Australia/Lord_Howe"])
def test_days_follow_each_other_through_a_year_of_clock_changes(zone):
    # Each interval begins where the one before ended, and no day is lost or doubled.
    daily = CalendarPeriodTimetable("0 9 * * *", timezone=zone, period="day")
    year = runs(daily, "2026-01-01T12:00+00:00", "2026-12-31T12:00+00:00")
    intervals = [info.data_interval for info in year]
    assert len(year) == 365
    assert all(one.end == other.start for one, other in pairwise(intervals))


def test_a_run_by_hand_reports_the_last_whole_period():
    # In the middle of a Wednesday: Tuesday, last week, last month.
    noon = moment("2026-11-18T12:00+03:00")
    spans = [t.infer_manual_data_interval(run_after=noon) for t in (DAILY, WEEKLY, MONTHLY)]
    starts = [span.start.in_tz("Europe/Moscow").date().isoformat() for span in spans]
    assert starts == ["2026-11-17", "2026-11-09", "2026-10-01"]


def test_it_survives_airflows_serialization():
    # The scheduler works with what was read back from the database.
    again = CalendarPeriodTimetable.deserialize(WEEKLY.serialize())
    assert again.serialize() == WEEKLY.serialize()
    assert runs(again, "2026-11-09T00:00+03:00", "2026-11-09T00:00+03:00") == runs(
        WEEKLY, "2026-11-09T00:00+03:00", "2026-11-09T00:00+03:00"
    )
