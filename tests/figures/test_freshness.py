"""Until when the data are complete: a real streaming replica, and a primary that tells by lag."""

import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

from demo import postgres
from demo.crm.load import create_reader, create_schema, load_demo
from demo.postgres import EmbeddedPostgres, find_bin_dir
from figures.test_bad_input import DAY, ONE_REPAIR
from sancrm_reports.pure.freshness import Freshness
from sancrm_reports.pure.language import language_of
from sancrm_reports.pure.messages import until_when
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.settings import INCLUDE, DatabaseSettings
from sancrm_reports.wire.crm import snapshot
from sancrm_reports.wire.crm_errors import CrmUnreachableError
from sancrm_reports.wire.freshness import look, read_freshness

RUSSIAN = language_of(INCLUDE / "templates" / "ru")
REPLICATED = {
    "wal_level": "replica",
    "max_wal_senders": "4",
    "max_standby_streaming_delay": "0",
    "synchronous_commit": "on",  # the position that is waited for is then past the commit
}


@dataclass(frozen=True)
class Ended(Period):
    """A period that ended at any instant, not only at a midnight."""

    at: datetime | None = None

    @property
    def ends_at(self):
        return self.at


def ended(at):
    return Ended(PeriodKind.DAY, date(2026, 11, 17), "Europe/Moscow", at)


class Pair:
    """A primary and its replica on loopback, reached as the product reaches them."""

    def __init__(self, primary, replica, monkeypatch):
        self.primary, self.replica, self.monkeypatch = primary, replica, monkeypatch
        self.ask(replica)

    def ask(self, server):
        dsn = server.dsn("crm", user="sancrm_reader", password="reader")
        self.monkeypatch.setenv("AIRFLOW_CONN_SANCRM_DB", dsn)

    def at(self, server, statement, *values):
        with psycopg.connect(server.dsn("crm"), autocommit=True) as admin:
            cursor = admin.execute(statement, values)
            return cursor.fetchone()[0] if cursor.description else None

    def commit(self):
        """Change something on the primary; return when, by its clock, it was done."""
        self.at(self.primary, "update repairs set model = clock_timestamp()::text")
        return self.at(self.primary, "select clock_timestamp()")

    def await_replay(self):
        position = self.at(self.primary, "select pg_current_wal_lsn()")
        caught_up = "select pg_last_wal_replay_lsn() >= %s::pg_lsn"
        wait_until(lambda: self.at(self.replica, caught_up, position))


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def streaming(tmp_path_factory):
    """A primary with one repair, and a replica of it that streams."""
    folder = Path(tmp_path_factory.mktemp("replica"))
    for parent in (folder, *folder.parents):  # the server's user passes through
        if os.geteuid() == 0 and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    with EmbeddedPostgres() as primary:
        with psycopg.connect(primary.create_database("crm"), autocommit=True) as connection:
            create_schema(connection)
            connection.execute(ONE_REPAIR)
            create_reader(connection, "reader")
        version = postgres._major_version(find_bin_dir())
        copy = folder / f"postgres-{version}"
        subprocess.run(
            [
                find_bin_dir() / "pg_basebackup",
                "-D",
                copy,
                "-R",
                "-X",
                "stream",
                "-c",
                "fast",
                "-c",
                "fast",
                "-d",
                primary.dsn(),
            ],
            check=True,
            capture_output=True,
        )
        with EmbeddedPostgres(folder) as replica:
            yield primary, replica
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def pair(tmp_path_factory, monkeypatch):
    if os.environ.get(postgres.DSN_VARIABLE):
        pytest.skip("two servers of our own are needed")
    monkeypatch.setattr(postgres, "SETTINGS", postgres.SETTINGS | REPLICATED)
    with streaming(tmp_path_factory) as servers:
        made = Pair(*servers, monkeypatch)
        made.await_replay()
        yield made


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
