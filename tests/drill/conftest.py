"""A real server with a small CRM, real dumps of it, and the settings of a drill."""

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from demo.postgres import EmbeddedPostgres, wheel_bin_dir
from sancrm_reports.backups.drill.guarded_program import Guard, RestoreLimits
from sancrm_reports.backups.drill.restore import restore
from sancrm_reports.backups.drill.restoring import Restore
from sancrm_reports.backups.drill.sandbox import find_sandbox
from sancrm_reports.backups.drill.scratch import Scratch
from sancrm_reports.backups.drill.scratch_postgres import DATABASE, OWNER, own_server
from sancrm_reports.backups.drill.workspace import workspace
from sancrm_reports.settings import settings
from stage import make_crm, reader_connection

NEW = wheel_bin_dir()
OLD = NEW.parents[1] / "pginstall" / "bin"  # the wheel holds two major versions
LONG_AGO = 1_700_000_000
SANDBOX = find_sandbox(offline=True, memory_bytes=2 << 30)


@pytest.fixture(scope="session")
def server():
    with EmbeddedPostgres(bin_dir=NEW) as running:
        yield running


@pytest.fixture(scope="session")
def source(server):
    """The DSN of the CRM's superuser, who makes the dumps."""
    return make_crm(server)


@pytest.fixture(scope="session")
def shelf(source, tmp_path_factory):
    """One dump in each format, as pg_dump makes them."""
    folder = tmp_path_factory.mktemp("dumps")
    for name, option in (("crm.dump", "c"), ("crm.dir", "d"), ("crm.tar", "t"), ("crm.sql", "p")):
        pg_dump(source, folder / name, f"--format={option}")
    subprocess.run(["gzip", "--keep", folder / "crm.sql"], check=True)
    return folder


def pg_dump(dsn, target, *options, programs=NEW):
    subprocess.run([programs / "pg_dump", *options, f"--file={target}", dsn], check=True)


@pytest.fixture
def scratch():
    """A folder that the server's user may enter, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="sancrm-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def configured(monkeypatch, server, source, scratch):
    """Settings of a drill, changed by what a test gives.

    It restores into the server that is there, which is faster than to start one each time.
    """
    monkeypatch.setenv("AIRFLOW_CONN_SANCRM_DB", reader_connection(server))
    monkeypatch.setenv("AIRFLOW_CONN_SCRATCH", scratch_connection(server))

    def configure(**changes):
        values = {
            "quiet_seconds": 0,
            "programs": NEW,
            "scratch_folder": scratch,
            "server_conn_id": "scratch",
            "newest_row_hours": 1e6,  # the small CRM's rows are of one year for good
            **changes,
        }
        for name, value in values.items():
            monkeypatch.setenv(f"SANCRM__RESTORE_DRILL__{name.upper()}", str(value))
        settings.cache_clear()
        return settings()

    yield configure
    monkeypatch.undo()
    settings.cache_clear()


def restore_into(made, dump, programs=NEW, **limits):
    """Restore a dump into a scratch database; its DSN does where one account may do all."""
    if isinstance(made, str):
        sandbox = find_sandbox(offline=False, memory_bytes=2 << 30)
        made = Scratch(made, made, sandbox, lambda: 0, has_roles_of_its_own=False)
    guard = Guard(RestoreLimits(**{"seconds": 60, "disk_bytes": 1e9} | limits), made.used)
    with tempfile.TemporaryDirectory() as folder:
        made.sandbox.own(Path(folder))
        return restore(dump, Restore(made, programs, guard, Path(folder), ["pg_stat_statements"]))


@contextmanager
def running_server(programs):
    """A server of the drill's own, for many restores: see ``emptied``."""
    parent = Path(tempfile.mkdtemp(prefix="sancrm-test-"))
    parent.chmod(0o711)
    with workspace(parent) as folder, own_server(folder, programs, SANDBOX) as made:
        yield made
    parent.rmdir()


def emptied(made):
    """Make the database of such a server anew."""
    admin = make_conninfo(made.admin, dbname="postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"drop database {DATABASE} with (force)")
        connection.execute(f"alter role {OWNER} reset all")
        connection.execute(f"create database {DATABASE} owner {OWNER} template template0")


def scratch_connection(server, **changes):
    """The connection of a server that drills may use."""
    login = {"schema": "postgres", "login": server.superuser, "password": server.password}
    return reader_connection(server, **login | changes)


@contextmanager
def changed(source, statement, undo):
    """Change the source for a while."""
    with psycopg.connect(source, autocommit=True) as connection:
        connection.execute(statement)
        try:
            yield
        finally:
            connection.execute(undo)


def age(path, timestamp=LONG_AGO):
    os.utime(path, (timestamp, timestamp))
