"""When customers are called back: by the calendar of working days."""

from datetime import UTC, date, datetime

import pytest
from airflow.exceptions import AirflowTimetableInvalid
from airflow.timetables.base import TimeRestriction
from pendulum import instance

from sancrm_reports.glue.workdays import WorkdayTimetable
from sancrm_reports.pure.workdays import Workdays


def timetable(country="RU", *, zone="Europe/Moscow", **days):
    return WorkdayTimetable("10:00", timezone=zone, workdays=Workdays(country, **days))


def moment(text):
    return instance(datetime.fromisoformat(text).astimezone(UTC))


def fires(timetable, earliest, latest):
    """The runs of a window, in the account's zone."""
    restriction = TimeRestriction(moment(earliest), moment(latest), catchup=True)
    info, found = None, []
    while info := timetable.next_dagrun_info_v2(last_dagrun_info=info, restriction=restriction):
        found.append(info.run_after.in_tz(timetable.serialize()["timezone"]))
    return found


def test_it_fires_on_working_days_only_also_on_moved_ones():
    # The turn of October 2025: Saturday the 1st is worked, Monday the 3rd and Tuesday are not.
    runs = fires(timetable(), "2025-10-30T00:00+03:00", "2025-11-06T00:00+03:00")
    assert [run.format("DD.MM HH:mm") for run in runs] == [
        "30.10 10:00",
        "31.10 10:00",
        "01.11 10:00",
        "05.11 10:00",
    ]


def test_the_settings_move_days_that_the_package_does_not_know():
    # A day off more, and a Sunday that is worked.
    moved = timetable(days_off=[date(2026, 11, 24)], working_days=[date(2026, 11, 22)])
    runs = fires(moved, "2026-11-20T11:00+03:00", "2026-11-25T23:00+03:00")
    assert [run.day for run in runs] == [22, 23, 25]


def test_the_time_is_of_the_accounts_zone():
    # Also on the days around a change of clocks.
    runs = fires(timetable("DE", zone="Europe/Berlin"), "2026-10-22T12:00Z", "2026-10-28T12:00Z")
    assert [run.format("DD HH:mm") for run in runs] == [
        f"{day} 10:00" for day in ("23", "26", "27", "28")
    ]


@pytest.mark.parametrize(
    ("now", "newest"),
    [
        ("2026-11-24T09:59+03:00", "2026-11-23T10:00+03:00"),
        ("2026-11-24T10:00+03:00", "2026-11-24T10:00+03:00"),
        ("2026-11-29T12:00+03:00", "2026-11-27T10:00+03:00"),  # a Sunday
        ("2027-01-09T12:00+03:00", "2026-12-30T10:00+03:00"),  # the long holidays
    ],
)
def test_without_catch_up_the_newest_working_day_is_made(monkeypatch, now, newest):
    # After an outage; the run then finds that its day is over.
    monkeypatch.setattr("airflow.timetables.trigger.utcnow", lambda: moment(now))
    restriction = TimeRestriction(moment("2025-01-01T00:00+03:00"), None, catchup=False)
    info = timetable().next_dagrun_info_v2(last_dagrun_info=None, restriction=restriction)
    assert info.run_after == moment(newest)


def test_a_run_by_hand_may_be_on_any_day():
    # A Saturday: its interval is its own moment.
    saturday = moment("2026-11-28T12:00+03:00")
    interval = timetable().infer_manual_data_interval(run_after=saturday)
    assert interval.start == interval.end == saturday


def test_it_survives_airflows_serialization():
    # The scheduler works with what was read back from the database.
    made = timetable(days_off=[date(2026, 11, 24)], working_days=[date(2026, 11, 22)])
    again = WorkdayTimetable.deserialize(made.serialize())
    assert again.serialize() == made.serialize()
    window = ("2026-11-20T11:00+03:00", "2026-11-25T23:00+03:00")
    assert fires(again, *window) == fires(made, *window)


def test_a_country_that_nobody_knows_is_an_import_error():
    # With the setting and the countries that are known.
    with pytest.raises(AirflowTimetableInvalid, match=r"workdays\.country"):
        timetable("XX").validate()
