"""Real dumps, whole and broken, restored by PostgreSQL's own programs."""

import gzip
import os
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from drill.conftest import NEW, OLD, SANDBOX, changed, pg_dump, restore_into
from sancrm_reports.backups.drill.restoring import reason_of
from sancrm_reports.backups.drill.result import (
    Drill,
    DrillError,
    Trouble,
    problems_of,
    shrunk_tables,
)
from sancrm_reports.backups.drill.run import run_drill
from sancrm_reports.backups.drill.sandbox import find_sandbox
from sancrm_reports.backups.drill.scratch_postgres import own_server
from sancrm_reports.backups.drill.workspace import workspace
from sancrm_reports.errors import ReportError
from sancrm_reports.settings import INCLUDE
from stage import as_nobody, reader_connection

LATER = datetime(2026, 12, 10, tzinfo=UTC)  # than every row of the small CRM
SQL = (INCLUDE / "sql" / "restore_drill.sql").read_text("utf-8")


@pytest.fixture
def drill(configured):
    """Drill with a dump; return what became known of it, also where it failed."""

    def drill(dump, **changes):
        done = Drill(started_at=LATER)
        try:
            run_drill(done, configured(dumps=dump, **changes), SQL)
        except ReportError as error:
            done.trouble = getattr(error, "trouble", done.trouble)
            return done, error
        return done, None

    return drill


@pytest.fixture
def unreachable_source(configured, monkeypatch, server):
    monkeypatch.setenv("AIRFLOW_CONN_SANCRM_DB", reader_connection(server, port=1))


def write_sql(path, lines):
    """A file as pg_dump begins and ends it, with these lines of a person's in between."""
    begin, end = "-- PostgreSQL database dump", "-- PostgreSQL database dump complete"
    path.write_text("\n".join([begin, *lines, end, ""]))


def wrong(drill):
    return [
        problem.english for problem in problems_of(drill, tolerance_percent=5, newest_row_hours=1e6)
    ]


@pytest.mark.parametrize("conn_id", ["", "scratch"], ids=["own server", "connection"])
@pytest.mark.parametrize("name", ["crm.dump", "crm.dir", "crm.tar", "crm.sql", "crm.sql.gz"])
def test_every_format_is_restored_and_counted(drill, shelf, scratch, name, conn_id):
    # All rows are there, the newest row's time is known, and nothing is left behind.
    done, error = drill(shelf / name, server_conn_id=conn_id)
    assert error is None
    assert wrong(done) == []
    rows = {table.name: (table.source_rows, table.restored_rows) for table in done.tables}
    assert rows["repairs"] == (260, 260)
    assert done.newest_at.isoformat() == "2026-12-09T09:00:00+00:00"
    assert 0 < done.seconds < 60
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("program", ["zstd", "xz", "bzip2", "lz4"])
def test_plain_sql_is_restored_whatever_packed_it(drill, shelf, tmp_path, program):
    # By the same libraries that the watch reads it with; one that was cut is damaged.
    path = tmp_path / "crm.sql.x"
    with path.open("wb") as output:
        subprocess.run([program, "-q", "-c", shelf / "crm.sql"], stdout=output, check=True)
    done, error = drill(path)
    assert error is None
    assert done.restored_rows
    os.truncate(path, path.stat().st_size - 100)
    _, error = drill(path)
    assert error.trouble is Trouble.DAMAGED


def test_rows_that_came_since_are_tolerated_and_lost_ones_are_not(drill, shelf, source):
    # The source grew by a customer in one; a table whose rows went is told of.
    more = "insert into customers values (2, 'Пётр', '+79120000001', null)"
    with changed(source, more, "delete from customers where id = 2"):
        assert wrong(drill(shelf / "crm.dump")[0]) == []
    fewer = "create table kept as select * from fixed_costs; delete from fixed_costs where id = 1"
    back = "insert into fixed_costs select * from kept where id = 1; drop table kept"
    with changed(source, fewer, back):
        done, _ = drill(shelf / "crm.dump")
    assert wrong(done) == []  # one row of one: rounded up, it is tolerated
    assert shrunk_tables(done) == [("fixed_costs", 1)]


def test_a_dump_without_rows_or_tables_is_found_out(drill, source, tmp_path):
    # As a backup makes it that was told to leave out what it must not.
    options = ("--exclude-table-data=repair_parts", "--exclude-table=fixed_costs", "--format=c")
    pg_dump(source, tmp_path / "part.dump", *options)
    done, error = drill(tmp_path / "part.dump")
    assert error is None
    assert wrong(done) == [
        "repair_parts has 0 rows in the copy and 260 in the source",
        "the copy has no table 'fixed_costs'",
    ]


def test_every_kind_of_damage_is_found(drill, shelf, scratch, tmp_path):
    # Cut or changed files, of which --list sees nothing; the error names the dump.
    whole = {name: (shelf / name).read_bytes() for name in ("crm.dump", "crm.sql", "crm.sql.gz")}
    middle = len(whole["crm.dump"]) * 3 // 4
    flipped = bytes(255 - byte for byte in whole["crm.dump"][middle : middle + 200])
    broken = {
        "cut.dump": whole["crm.dump"][:-400],
        "flipped.dump": whole["crm.dump"][:middle] + flipped + whole["crm.dump"][middle + 200 :],
        "cut.sql": whole["crm.sql"][: len(whole["crm.sql"]) * 9 // 10],
        "cut.sql.gz": whole["crm.sql.gz"][: len(whole["crm.sql.gz"]) * 9 // 10],
        "died.sql.gz": gzip.compress(b"-- PostgreSQL database dump\n"),
        "nothing.sql.gz": gzip.compress(b""),
    }
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
        done, error = drill(tmp_path / name)
        assert done.trouble is Trouble.DAMAGED, (name, error)
        assert name in str(error)
        assert done.dump.name == name
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("name", ["crm.dump", "crm.sql.gz", "crm.dir"])
def test_a_worker_that_is_not_root_restores_too(shelf, name):
    # As itself, in a user namespace where the system allows one.
    parent = Path(tempfile.mkdtemp(prefix="sancrm-test-"))
    (shutil.copytree if name == "crm.dir" else shutil.copyfile)(shelf / name, parent / name)
    for path in (parent, *parent.rglob("*")):
        path.chmod(0o777)
    with as_nobody():
        sandbox = find_sandbox(offline=True, memory_bytes=2 << 30)
        with workspace(parent) as folder, own_server(folder, NEW, sandbox) as made:
            assert restore_into(made, parent / name) == []
            with psycopg.connect(made.owner) as connection:
                rows = connection.execute("select count(*) from repairs").fetchone()
    assert rows == (260,)
    shutil.rmtree(parent)


@pytest.mark.parametrize("name", ["crm.dump", "crm.sql", "crm.dir"])
def test_a_dump_that_the_worker_may_not_read_is_told(shelf, scratch, server, name):
    # With its path and the reason: a file, or one in a folder.
    dsn = server.create_database("empty")
    if name == "crm.dir":
        shutil.copytree(shelf / name, scratch / name).chmod(0o755)
        max((scratch / name).glob("*.gz")).chmod(0)
    else:
        shutil.copyfile(shelf / name, scratch / name).chmod(0)
    with as_nobody(), pytest.raises(DrillError, match="Permission denied") as caught:
        restore_into(dsn, scratch / name)
    assert caught.value.trouble is Trouble.UNREADABLE
    assert str(scratch / name) in str(caught.value)


@pytest.mark.parametrize(
    ("program", "how"),
    [
        ("kill -KILL $$", "signal 9"),
        ("echo 'psql: error while loading shared libraries: libpq.so.5' >&2; exit 127", "code 127"),
        ("echo 'Error: You must install at least one postgresql-client' >&2; exit 1", "code 1"),
    ],
)
@pytest.mark.parametrize("name", ["crm.dump", "crm.sql"])
def test_a_program_that_itself_fails_calls_no_dump_damaged(
    shelf, server, scratch, name, program, how
):
    # Killed by the machine that has no memory, which is not the time limit; or not even begun.
    for path in (scratch / "pg_restore", scratch / "psql"):
        path.write_text(f"#!/bin/sh\n{program}\n")
        path.chmod(0o755)
    with pytest.raises(DrillError, match=how) as caught:
        restore_into(server.dsn(), shelf / name, scratch)
    assert caught.value.trouble is Trouble.BROKEN_OFF


def test_an_archive_in_gzip_is_no_damage(drill, shelf, tmp_path):
    # pg_restore does not read it, and it is compressed already: the error says what to do.
    (tmp_path / "crm.dump.gz").write_bytes(gzip.compress((shelf / "crm.dump").read_bytes()))
    done, error = drill(tmp_path / "crm.dump.gz")
    assert done.trouble is Trouble.UNSUITABLE
    assert "leave gzip out" in str(error)


def test_a_dump_of_a_newer_postgresql_is_told_from_a_damaged_one(shelf, scratch):
    # The scratch server is of an older major version, or pg_restore cannot read the format yet.
    tries = [(name, NEW) for name in ("crm.dump", "crm.dir", "crm.sql", "crm.sql.gz")]
    with workspace(scratch) as folder, own_server(folder, OLD, SANDBOX) as made:
        for name, programs in [*tries, ("crm.dump", OLD)]:
            with pytest.raises(DrillError, match=r"restore_drill\.programs") as caught:
                restore_into(made, shelf / name, programs)
            assert caught.value.trouble is Trouble.NEWER


def test_a_dump_of_an_older_postgresql_is_restored_without_its_roles(drill, tmp_path):
    # The worker may be ahead of the database's server; roles do not exist there.
    lines = (
        "-- Dumped from database version 9.6",
        "CREATE TABLE branches (id bigint);",
        "ALTER TABLE branches OWNER TO someone;",
        "GRANT SELECT ON TABLE branches TO someone;",
        "COPY branches (id) FROM stdin;",
        "1",
        "\\.",
    )
    write_sql(tmp_path / "old.sql", lines)
    done, error = drill(tmp_path / "old.sql")
    assert error is None
    assert done.tables[0].restored_rows == 1


def test_rows_that_look_like_statements_stay_rows(drill, tmp_path):
    # What people type is neither left out nor taken for a command.
    rows = ("GRANT x;", "CREATE DATABASE x", "-- Dumped from database version 99", r"\\connect x")
    start = ("CREATE TABLE branches (name text);", "COPY branches (name) FROM stdin;")
    write_sql(tmp_path / "odd.sql", (*start, *rows, "\\."))
    done, error = drill(tmp_path / "odd.sql")
    assert error is None
    assert done.tables[0].restored_rows == 4


def test_a_dump_that_enters_other_databases_is_refused(drill, source, server, tmp_path):
    # pg_dump --create and pg_dumpall, on a server that holds other databases.
    pg_dump(source, tmp_path / "create.sql", "--create", "--clean", "--if-exists")
    cluster = [NEW / "pg_dumpall", f"--dbname={source}", f"--file={tmp_path / 'all.sql'}"]
    subprocess.run(cluster, check=True, env=os.environ | {"PGPASSWORD": server.password})
    for name in ("create.sql", "all.sql"):
        done, _ = drill(tmp_path / name)
        assert done.trouble is Trouble.UNSUITABLE
    with psycopg.connect(source) as connection:
        assert connection.execute("select count(*) from repairs").fetchone() == (260,)


@pytest.mark.parametrize(
    "line",
    [
        "DROP ROLE bystander;",
        "drop user bystander;",
        "  Alter  Group bystander RENAME TO gone;",
        "ALTER DATABASE crm SET work_mem = '1MB';",
        "ALTER SYSTEM SET work_mem = '1MB';",
        "CREATE TABLESPACE elsewhere LOCATION '/tmp';",
        "SELECT 1; DROP ROLE bystander;",
        "create subscription s connection 'dbname=crm'",
        r"\c crm",
        r"\connect crm",
    ],
)
def test_what_reaches_out_of_the_database_is_refused_before_anything_is_done(
    drill, source, tmp_path, line
):
    # The file is read to its end first: psql would still be sleeping when its time is over.
    write_sql(tmp_path / "odd.sql", ("CREATE TABLE branches ();", "SELECT pg_sleep(60);", line))
    done, error = drill(tmp_path / "odd.sql", time_limit_minutes=0.02)
    assert done.trouble is Trouble.UNSUITABLE
    assert "in line 4" in str(error)


def test_subscriptions_and_publications_are_left_out(drill, tmp_path):
    # As pg_dump writes them. A copy must not subscribe, and could not be dropped.
    lines = (
        "CREATE TABLE branches (id bigint);",
        "CREATE PUBLICATION news WITH (publish = 'insert');",
        "ALTER PUBLICATION news ADD TABLE ONLY branches;",
        "CREATE SUBSCRIPTION feed CONNECTION 'dbname=crm' PUBLICATION news WITH (connect = false);",
        "COMMENT ON SUBSCRIPTION feed IS 'gone';",
        "CREATE FUNCTION count_them() RETURNS bigint LANGUAGE sql",
        "    AS 'select count(*) from pg_subscription';",
        "INSERT INTO branches SELECT 1 WHERE count_them() = 0;",
    )
    write_sql(tmp_path / "subscribed.sql", lines)
    done, error = drill(tmp_path / "subscribed.sql")
    assert error is None
    assert done.tables[0].restored_rows == 1


def test_what_the_server_refuses_is_told_without_rows(drill, tmp_path):
    # A row that does not fit its column: the reason is told, what stands in the row is not.
    start = ("CREATE TABLE customers (id bigint);", "COPY customers FROM stdin;")
    write_sql(tmp_path / "bad.sql", (*start, "Иван +79120000000", "\\."))
    done, error = drill(tmp_path / "bad.sql")
    assert done.trouble is Trouble.REFUSED
    assert "invalid input syntax for type bigint" in str(error)
    assert "Иван" not in str(error)
    assert "7912" not in str(error)


def test_a_reason_is_one_line_without_values():
    # As pg_restore writes them: what follows the first line quotes rows and statements.
    stderr = (
        "pg_restore: while PROCESSING TOC:\n"
        'pg_restore: error: COPY failed for table "customers": ERROR:  invalid input syntax for '
        'type bigint: "Иван"\nCONTEXT:  COPY customers, line 1, column id: "Иван"\n'
    )
    assert reason_of(stderr) == (
        'pg_restore: error: COPY failed for table "customers": ERROR:  invalid input syntax for '
        'type bigint: "…"'
    )


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            'value "79120000000" is out of range for type integer',
            'value "…" is out of range for type integer',
        ),
        ("syntax error at or near \"', NULL);", 'syntax error at or near "…"'),
        (
            "unterminated quoted string at or near \"'Иванов Иван, +79120000000",
            'unterminated quoted string at or near "…"',
        ),
        (
            'invalid input syntax for type integer: "a "type" Иван "b"',
            'invalid input syntax for type integer: "…"',
        ),
        ('value "Иван "Ваня" Иванов', 'value "…"'),
        (r"invalid command \NИван", 'invalid command "…"'),
        (
            'new row for relation "repairs" violates check constraint "has_number"',
            'new row for relation "repairs" violates check constraint "has_number"',
        ),
        (
            'could not open extension control file "/usr/postgis.control": No such file',
            'could not open extension control file "/usr/postgis.control": No such file',
        ),
        ('type "geometry" does not exist', 'type "geometry" does not exist'),
    ],
)
def test_a_reason_quotes_names_and_no_rows(said, told):
    # Whatever stands in a value, quotes too, and where it breaks off; names are what helps.
    assert (
        reason_of(f"psql:<stdin>:7: ERROR:  {said}\nLINE 1: …") == f"psql:<stdin>:7: ERROR:  {told}"
    )


def test_a_restore_that_takes_too_long_is_ended(drill, shelf, scratch, tmp_path):
    # By the limit of the settings, for both programs; nothing is left running.
    write_sql(tmp_path / "slow.sql", ["SELECT pg_sleep(60);"])
    done, error = drill(tmp_path / "slow.sql", time_limit_minutes=0.01)
    assert done.trouble is Trouble.TOO_LONG
    done, error = drill(shelf / "crm.dump", time_limit_minutes=0.00001)
    assert done.trouble is Trouble.TOO_LONG
    assert "time_limit_minutes" in str(error)
    assert list(scratch.iterdir()) == []


def test_missing_programs_and_missing_room_are_told(drill, shelf, scratch, monkeypatch, tmp_path):
    # Before anything is made. The room that is needed follows the database, not its small dump.
    done, error = drill(shelf / "crm.dump", programs=tmp_path)
    assert done.trouble is Trouble.NO_PROGRAMS
    assert "restore_drill.programs" in str(error)
    factor = shutil.disk_usage(scratch).free / 1e6
    monkeypatch.setattr("sancrm_reports.backups.drill.run.SPACE_FACTOR", factor)
    done, error = drill(shelf / "crm.dump", server_conn_id="")
    assert done.trouble is Trouble.NO_SPACE
    assert "MB free" in str(error)
    assert done.dump.size_bytes < 1e6


def test_a_source_that_is_down_keeps_no_dump_from_being_tried(drill, shelf, unreachable_source):
    # That is when the dump is needed: it is restored, and only the comparison is missing.
    done, error = drill(shelf / "crm.dump")
    assert done.trouble is Trouble.NO_SOURCE
    assert "does not answer" in str(error)
    assert done.seconds


def test_passwords_are_in_no_command_line(drill, shelf, server, monkeypatch):
    # Anyone on the machine can read those.
    words = []
    real = subprocess.Popen

    class Watched(real):
        def __init__(self, command, **options):
            words.extend(command)
            super().__init__(command, **options)

    passwords = []
    monkeypatch.setattr("secrets.token_urlsafe", lambda length: passwords.append("p4ss") or "p4ss")
    monkeypatch.setattr(subprocess, "Popen", Watched)
    assert drill(shelf / "crm.sql.gz", server_conn_id="")[1] is None
    assert drill(shelf / "crm.dump")[1] is None
    assert passwords
    assert {"initdb", "postgres", "psql", "pg_restore"} <= {Path(word).name for word in words}
    for secret in ("p4ss", server.password):
        assert not [word for word in words if secret in word]
