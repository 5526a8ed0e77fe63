"""What a drill makes is closed to others, and goes, however the drill ends."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from drill.conftest import NEW, SANDBOX, scratch_connection
from sancrm_reports.backups.drill.result import DrillError, Trouble
from sancrm_reports.backups.drill.scratch_database import scratch_database
from sancrm_reports.backups.drill.scratch_postgres import find_programs, own_server
from sancrm_reports.backups.drill.workspace import workspace

HOUR = timedelta(hours=1)
SECRET = "only-the-worker-may-know-this"


@pytest.fixture
def scratch_server(server, monkeypatch):
    """The connection of a server that drills may use."""

    def connect(**changes):
        monkeypatch.setenv("AIRFLOW_CONN_SCRATCH", scratch_connection(server, **changes))

    connect()
    return connect


@pytest.fixture
def kill_in_the_middle():
    """Start a drill in a process of its own, and end it; return its database's DSN."""

    def kill(*arguments, how=signal.SIGKILL):
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("victim.py")), *map(str, arguments)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": "plugins"},
        )
        with process:
            dsn = process.stdout.readline().strip()
            assert answers(dsn)
            process.send_signal(how)
        return dsn

    return kill


def answers(dsn):
    try:
        psycopg.connect(dsn).close()
    except psycopg.OperationalError:
        return False
    return True


def eventually(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def names(server):
    with psycopg.connect(server.dsn()) as connection:
        rows = connection.execute("select datname from pg_database").fetchall()
    return {name for (name,) in rows if name.startswith("sancrm_drill_")}


def test_the_server_is_closed_to_others(scratch, monkeypatch):
    # No network, a password, not root, and nothing of the worker's environment.
    monkeypatch.setenv("AIRFLOW_CONN_SANCRM_DB", SECRET)
    with workspace(scratch) as folder, own_server(folder, NEW, SANDBOX) as made:
        dsn = made.owner
        with psycopg.connect(dsn) as connection:
            listens = connection.execute("show listen_addresses").fetchone()
            pid = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        assert listens == ("",)
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(dsn, password="wrong")
        assert Path(f"/proc/{pid}").stat().st_uid != 0
        assert SECRET not in Path(f"/proc/{pid}/environ").read_text()
        assert conninfo_to_dict(dsn)["password"] not in Path(f"/proc/{pid}/cmdline").read_text()
        assert folder.stat().st_mode & 0o077 == 0
    assert not Path(f"/proc/{pid}").exists()
    assert list(scratch.iterdir()) == []


def test_a_drill_that_fails_leaves_nothing(scratch):
    # The error passes through every clean-up.
    with (
        pytest.raises(ZeroDivisionError),
        workspace(scratch) as folder,
        own_server(folder, NEW, SANDBOX),
    ):
        raise ZeroDivisionError
    assert list(scratch.iterdir()) == []


def test_a_killed_worker_takes_its_server_along_and_the_next_drill_its_folder(
    scratch, kill_in_the_middle
):
    # SIGKILL: no clean-up runs in the worker. Server and rows go at once, the rest later.
    dsn = kill_in_the_middle(scratch, NEW)
    [left] = scratch.iterdir()
    eventually(lambda: not (left / "data").exists())
    assert not answers(dsn)
    with workspace(scratch) as folder:
        assert list(scratch.iterdir()) == [folder]
    assert list(scratch.iterdir()) == []


def test_a_task_that_is_stopped_cleans_up_at_once(scratch, kill_in_the_middle):
    # Marked as failed in Airflow, or a worker that shuts down: SIGTERM, which calls on_kill.
    dsn = kill_in_the_middle(scratch, NEW, how=signal.SIGTERM)
    assert list(scratch.iterdir()) == []
    assert not answers(dsn)


def test_a_drill_that_goes_on_is_left_alone(scratch):
    # Two at once, as on a worker that serves two installations.
    with workspace(scratch) as first:
        (first / "kept").touch()
        with workspace(scratch) as second:
            assert first != second
        assert (first / "kept").exists()


def test_a_scratch_database_comes_and_goes(scratch_server, server):
    # On a server that others use too: only this one database is made, and dropped.
    with scratch_database("scratch", dead_after=HOUR, sandbox=SANDBOX) as made:
        dsn = made.owner
        assert names(server) == {conninfo_to_dict(dsn)["dbname"]}
        assert answers(dsn)
        with (
            pytest.raises(ZeroDivisionError),
            scratch_database("scratch", dead_after=HOUR, sandbox=SANDBOX),
        ):
            raise ZeroDivisionError
    assert names(server) == set()


@pytest.fixture
def plain_account(server, scratch_server):
    """An account of the server that is no superuser, with these rights."""
    with psycopg.connect(server.dsn(), autocommit=True) as admin:

        def account(rights):
            admin.execute(f"create role drill_account login password 'p4ss' {rights}")
            scratch_server(login="drill_account", password="p4ss")

        yield account
        admin.execute("drop role drill_account")


def test_an_account_that_may_make_databases_and_roles_is_enough(plain_account, server):
    # No superuser: the copy is its own role's, which can do nothing else, and both go.
    plain_account("createdb createrole")
    with scratch_database("scratch", dead_after=HOUR, sandbox=SANDBOX) as made:
        with psycopg.connect(made.owner, autocommit=True) as owner:
            owner.execute("create table t as select 1 as x")
            for forbidden in ("create database x", "create role x", "copy t to program 'true'"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    owner.execute(forbidden)
        assert made.used() > 1e6
    with psycopg.connect(server.dsn()) as connection:
        left = connection.execute("select rolname from pg_roles where rolname like 'sancrm_drill%'")
        assert left.fetchall() == []


def test_an_account_that_may_make_no_roles_is_refused(plain_account, server):
    # A dump would be restored as that account, with its other databases in reach.
    plain_account("createdb")
    before = names(server)
    with (
        pytest.raises(DrillError, match="createrole") as caught,
        scratch_database("scratch", dead_after=HOUR, sandbox=SANDBOX),
    ):
        pass
    assert caught.value.trouble is Trouble.NO_SERVER
    assert names(server) == before


def test_the_next_drill_drops_the_database_of_a_killed_one(
    scratch_server, server, kill_in_the_middle
):
    # Only when it is older than any drill can be, and only what bears our kind of name.
    dsn = kill_in_the_middle("scratch", "")
    killed = conninfo_to_dict(dsn)["dbname"]
    server.create_database("sancrm_drill_results")
    with scratch_database("scratch", dead_after=HOUR, sandbox=SANDBOX):
        assert killed in names(server)
    with scratch_database("scratch", dead_after=-HOUR, sandbox=SANDBOX):
        assert killed not in names(server)
    assert names(server) == {"sancrm_drill_results"}


SUBSCRIBE = (
    "create subscription feed connection 'host=127.0.0.1 port=1' publication news "
    "with (connect = false, slot_name = 'feed')"
)


def test_a_scratch_database_that_subscribed_is_dropped_too(scratch_server, server):
    # However it came to that: PostgreSQL drops none that still has subscriptions.
    with (
        scratch_database("scratch", dead_after=HOUR, sandbox=SANDBOX) as made,
        psycopg.connect(made.admin, autocommit=True) as connection,
    ):
        connection.execute(SUBSCRIBE)
    assert not names(server) & {conninfo_to_dict(made.owner)["dbname"]}


MAY_NOT_DROP = "must be owner of database"


def test_a_dead_database_that_stays_keeps_no_drill_from_its_work(plain_account, server, caplog):
    # It is named in the log, and the new one comes and goes.
    plain_account("createdb createrole")
    others = "sancrm_drill_20200101t000000_abcdef"
    server.create_database(others)
    with scratch_database("scratch", dead_after=HOUR, sandbox=SANDBOX) as made:
        assert answers(made.owner)
    assert names(server) >= {others}
    assert conninfo_to_dict(made.owner)["dbname"] not in names(server)
    assert others in caplog.text
    assert MAY_NOT_DROP in caplog.text
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        admin.execute(f"drop database {others}")


def test_a_scratch_database_that_cannot_be_dropped_is_told(plain_account, server):
    # A copy of all customers stays: a person must know its name.
    plain_account("createdb createrole")
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        scratch = scratch_database("scratch", dead_after=HOUR, sandbox=SANDBOX)
        name = conninfo_to_dict(scratch.__enter__().owner)["dbname"]
        admin.execute(f"alter database {name} owner to {server.superuser}")
        with pytest.raises(DrillError, match=MAY_NOT_DROP) as caught:
            scratch.__exit__(None, None, None)
        admin.execute(f"drop database {name}")
        admin.execute(f"drop role {name}")
    assert caught.value.trouble is Trouble.NOT_DROPPED
    assert name in str(caught.value)


def test_a_copy_that_its_dump_made_a_template_is_dropped_all_the_same(scratch_server, server):
    # Its owner may do that, and PostgreSQL drops no template.
    with (
        scratch_database("scratch", dead_after=HOUR, sandbox=SANDBOX) as made,
        psycopg.connect(made.owner, autocommit=True) as owner,
    ):
        name = conninfo_to_dict(made.owner)["dbname"]
        owner.execute(f"alter database {name} with is_template true connection limit 0")
    assert name not in names(server)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"login": "sancrm_reader", "password": "reader"}, "cannot execute CREATE ROLE"),
        ({"port": 1}, "refused"),
        ({"password": "p4ssw0rd"}, "password authentication failed"),
    ],
)
def test_a_server_that_gives_no_database_is_explained(source, scratch_server, changes, reason):
    # What it said, and what its account needs; never the password.
    scratch_server(**changes)
    with (
        pytest.raises(DrillError, match=reason) as caught,
        scratch_database("scratch", dead_after=HOUR, sandbox=SANDBOX),
    ):
        pass
    assert caught.value.trouble is Trouble.NO_SERVER
    assert "createdb" in str(caught.value)
    assert "p4ssw0rd" not in str(caught.value)


def test_a_connection_that_is_not_there_is_named(scratch_server):
    # With the other way out.
    with (
        pytest.raises(DrillError, match="'nowhere'"),
        scratch_database("nowhere", dead_after=HOUR, sandbox=SANDBOX),
    ):
        pass


def test_a_server_that_cannot_start_says_why(scratch):
    # Here the socket's path is longer than the system takes.
    deep = scratch / ("d" * 100)
    deep.mkdir(mode=0o711)
    with (
        pytest.raises(DrillError, match="too long") as caught,
        workspace(deep) as folder,
        own_server(folder, NEW, SANDBOX),
    ):
        pass
    assert caught.value.trouble is Trouble.NO_SERVER
    assert list(deep.iterdir()) == []


def test_the_named_folder_of_programs_wins_and_a_server_needs_more_than_a_client(tmp_path):
    # A worker that only restores into another machine's server needs no server of its own.
    assert find_programs(str(NEW), server=True) == NEW
    for name in ("pg_restore", "psql"):
        (tmp_path / name).touch(mode=0o755)
    assert find_programs(str(tmp_path), server=False) == tmp_path
    with pytest.raises(DrillError, match="initdb"):
        find_programs(str(tmp_path), server=True)
