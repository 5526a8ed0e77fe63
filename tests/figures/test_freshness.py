"""Until when the data are complete: a real streaming replica, and a primary that tells by lag."""

import os
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from psycopg.rows import dict_row

from demo import postgres
from demo.crm.load import create_reader, create_schema, load_demo
from figures.test_bad_input import DAY, ONE_REPAIR
from replica import ended, streaming, wait_until
from sancrm_reports.pure.freshness import Freshness
from sancrm_reports.pure.language import language_of
from sancrm_reports.pure.messages import until_when
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.pure.templates import Templates
from sancrm_reports.settings import INCLUDE, DatabaseSettings
from sancrm_reports.wire.crm import snapshot
from sancrm_reports.wire.crm_errors import CrmUnreachableError
from sancrm_reports.wire.freshness import look, read_freshness

RUSSIAN = language_of(Templates(INCLUDE / "templates" / "ru"))


@pytest.fixture
def pair(tmp_path_factory, monkeypatch):
    if os.environ.get(postgres.DSN_VARIABLE):
        pytest.skip("two servers of our own are needed")
    with streaming(tmp_path_factory, monkeypatch, one_repair) as made:
        yield made


def one_repair(server):
    with psycopg.connect(server.create_database("crm"), autocommit=True) as connection:
        create_schema(connection)
        connection.execute(ONE_REPAIR)
        create_reader(connection, "reader")


def test_a_replica_that_is_behind_says_how_far(pair):
    # Twenty periods that ended while its replay was paused: none is called complete; and each is
    # once it has caught up.
    pair.commit()
    pair.await_replay()
    pair.at(pair.replica, "select pg_wal_replay_pause()")
    ends = [pair.commit() for _ in range(20)]
    found = [look(ended(at)) for at in ends]
    assert not any(one.is_complete for one in found)
    assert all(one.until < ends[0] for one in found)
    pair.at(pair.replica, "select pg_wal_replay_resume()")
    pair.await_replay()
    assert all(look(ended(at)).is_complete for at in ends)


def test_a_replica_that_has_replayed_past_the_periods_end_need_not_have_caught_up(pair):
    # It is behind, but not so far: yesterday is complete.
    pair.commit()
    pair.await_replay()
    pair.at(pair.replica, "select pg_wal_replay_pause()")
    pair.commit()
    long_ago = datetime.now(UTC) - timedelta(hours=9)
    assert look(ended(long_ago)).is_complete


def test_a_quiet_primary_makes_no_replica_stale(pair):
    # Nothing was committed for long, and the replica streams: it has all that there is.
    assert look(ended(datetime.now(UTC) - timedelta(seconds=1))).is_complete


def test_a_replica_that_lost_its_primary_is_as_old_as_what_it_replayed(pair):
    # What it has received is replayed, but nothing more comes.
    last = pair.commit()
    pair.await_replay()
    pair.primary.stop()
    gone = "select count(*) from pg_stat_wal_receiver"
    wait_until(lambda: pair.at(pair.replica, gone) == 0)
    found = look(ended(datetime.now(UTC)))
    assert not found.is_complete
    assert found.until <= last


def test_a_standby_that_is_promoted_while_a_report_is_read_goes_on(pair):
    # The snapshot stays; from then on it is judged as a primary.
    with snapshot(DatabaseSettings()) as cursor:
        cursor.execute("select pg_is_in_recovery() as is_replica")
        assert cursor.fetchone()["is_replica"]
        pair.at(pair.replica, "select pg_promote()")
        assert read_freshness(cursor, DAY).is_complete
    assert look(DAY).is_complete


def test_a_conflict_with_recovery_is_tried_again(pair):
    # The primary cleaned up rows that the report's snapshot still sees.
    def report():
        with snapshot(DatabaseSettings()) as cursor:
            cursor.execute("select count(*) from repair_services")
            pair.at(pair.primary, "delete from repair_services")
            pair.at(pair.primary, "vacuum (freeze) repair_services")
            pair.commit()
            pair.await_replay()
            cursor.execute("select count(*) from repair_services")

    with pytest.raises(CrmUnreachableError):
        report()


@pytest.fixture(scope="module")
def demo(server):
    """A connection to the demo network, which is a primary."""
    dsn = server.create_database("demo_freshness")
    load_demo(dsn, today=date(2026, 11, 25), reader_password="reader")
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        yield connection


def at_night(cursor, day, hours_undone=0):
    """What is known at the end of a day, if the load missed its last hours."""
    period = Period(PeriodKind.DAY, day, "Europe/Moscow")
    until = period.ends_at - timedelta(hours=hours_undone)
    cursor.execute("delete from repair_status_changes where changed_at >= %s", [until])
    cursor.execute(
        "update repairs set closed_at = null, status_id = 1 where closed_at >= %s", [until]
    )
    cursor.execute(
        "update rentals set ended_at = null, status = 'rented' where ended_at >= %s", [until]
    )
    return read_freshness(cursor, period)


@pytest.mark.parametrize(
    "day", [date(2026, 10, 20) + timedelta(days=n) for n in range(14)], ids=str
)
def test_a_load_that_ran_is_not_called_stale_and_one_that_missed_half_a_day_is(demo, day):
    # Fourteen days in a row, with nothing after them: what the shops did tells.
    try:
        assert at_night(demo.cursor(), day).is_complete
        found = at_night(demo.cursor(), day, hours_undone=12)
        assert not found.is_complete
        assert found.until < Period(PeriodKind.DAY, day, "Europe/Moscow").ends_at
    finally:
        demo.rollback()


def test_a_movement_after_the_period_says_that_it_is_over(demo):
    # Whatever the lag was: the load has gone on.
    with demo.cursor() as cursor:
        cursor.execute("update repairs set closed_at = null where closed_at < '2026-11-18'")
        assert read_freshness(cursor, DAY).is_complete
    demo.rollback()


def test_a_crm_without_a_history_is_not_held(server):
    # The first weeks of an installation.
    with psycopg.connect(server.create_database("new_crm"), row_factory=dict_row) as connection:
        create_schema(connection)
        assert read_freshness(connection.cursor(), DAY).is_complete


def test_the_earliest_branch_decides():
    # A row per branch, as a load of several databases may give; null is unknown, and not complete.
    end = DAY.ends_at
    rows = [{"complete_until": end}, {"complete_until": end - timedelta(hours=3)}]
    assert Freshness.of_rows(rows, DAY) == Freshness(False, end - timedelta(hours=3))
    assert Freshness.of_rows(rows[:1], DAY).is_complete
    assert Freshness.of_rows([*rows, {"complete_until": None}], DAY) == Freshness(False)
    assert Freshness.of_rows([], DAY) == Freshness(False)


def test_a_time_is_named_by_the_accounts_clock():
    # Of the last day its hour, of another day with the day.
    assert until_when(datetime(2026, 11, 17, 15, tzinfo=UTC), DAY, RUSSIAN) == "18:00"
    assert until_when(datetime(2026, 11, 15, 15, tzinfo=UTC), DAY, RUSSIAN) == "15 ноября, 18:00"
    assert until_when(None, DAY, RUSSIAN) == ""
