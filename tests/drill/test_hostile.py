"""Dumps that try to get out: of their database, the server, the drill. Nothing may come of it.

Each way out is tried by real programs; what must stay empty is a folder that everybody may write
to, and two doors that somebody would knock at. docs/threat-model-drill.md has the list in words.
"""

import gzip
import socket
import subprocess
import tempfile
import threading
from contextlib import contextmanager, nullcontext
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from demo.postgres import EmbeddedPostgres, system_bin_dirs
from drill.conftest import NEW, emptied, pg_dump, restore_into, running_server
from sancrm_reports.backups.drill import sandbox
from sancrm_reports.backups.drill.result import Drill, DrillError, Trouble
from sancrm_reports.backups.drill.run import run_drill
from sancrm_reports.backups.drill.sandbox import find_sandbox
from sancrm_reports.backups.drill.scratch_postgres import DATABASE, OWNER
from sancrm_reports.errors import ReportError
from sancrm_reports.pure.templates import Templates
from sancrm_reports.settings import INCLUDE, TEMPLATES
from stage import as_nobody

SQL = (INCLUDE / "sql" / "restore_drill.sql").read_text("utf-8")
WITH_CONTRIB = next(iter(system_bin_dirs()), None)


@pytest.fixture
def outside():
    """A folder that everybody may write to, and that must stay empty."""
    folder = Path(tempfile.mkdtemp(prefix="sancrm-outside-"))
    folder.chmod(0o777)
    yield folder
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


@pytest.fixture
def door(outside):
    """A port and a socket that somebody may knock at, and who did."""
    knocks, doors = [], []
    for family, place in (
        (socket.AF_INET, ("127.0.0.1", 0)),
        (socket.AF_UNIX, str(outside / ".s.PGSQL.5432")),
    ):
        listener = socket.socket(family)
        listener.bind(place)
        listener.listen()
        doors.append(listener)
        threading.Thread(target=_let_in, args=(listener, knocks), daemon=True).start()
    (outside / ".s.PGSQL.5432").chmod(0o777)
    yield doors[0].getsockname()[1], knocks
    for listener in doors:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _let_in(listener, knocks):
    while True:
        try:
            knocks.append(listener.accept())
        except OSError:
            return


@pytest.fixture(scope="module", params=["18", "system"])
def running(request):
    """A server of the drill's own, of each PostgreSQL that is here."""
    programs = NEW if request.param == "18" else WITH_CONTRIB
    if programs is None:
        pytest.skip("PostgreSQL is not installed on this system")
    with running_server(programs) as made:
        yield made, programs


@pytest.fixture
def victim(running, attacked):
    """Restore a dump into an empty database of that server."""
    emptied(running[0])
    return attacked


@pytest.fixture
def attacked(running):
    """Restore a dump into the database as it is, where nothing of it comes that far."""
    made, programs = running

    def restore(dump, **limits):
        return restore_into(made, dump, programs, **limits)

    restore.made, restore.programs = made, programs
    return restore


def write_sql(path, *lines):
    """A file as pg_dump begins and ends it."""
    begin, end = "-- PostgreSQL database dump", "-- PostgreSQL database dump complete"
    path.write_text("\n".join([begin, *lines, end, ""]))
    return path


COMMANDS = [
    r"SELECT 1 \! touch {outside}/x",
    r"\! touch {outside}/x",
    r"SELECT 1 \g |touch {outside}/x",
    r"SELECT 1 \g {outside}/x",
    r"SELECT 1 \gx |touch {outside}/x",
    r"SELECT 'select 1' \gexec",
    r"SELECT 1 AS x \gset",
    r"SELECT 1 \i /etc/passwd",
    r"\ir /etc/passwd",
    r"SELECT 1 \o {outside}/x",
    r"\o |touch {outside}/x",
    r"SELECT 1 \w {outside}/x",
    r"\copy (SELECT 1) TO PROGRAM 'touch {outside}/x'",
    r"\copy (SELECT 1) TO '{outside}/x'",
    r"SELECT 1 \copy (SELECT 1) TO '{outside}/x'",
    r"\set x `touch {outside}/x`",
    r"\setenv PAGER 'touch {outside}/x'",
    r"\getenv home HOME",
    r"\lo_import /etc/passwd",
    r"\lo_export 1 {outside}/x",
    r"\cd /",
    r"\s {outside}/x",
    r"\e {outside}/x",
    r"SELECT 1 \watch 1",
    r"SELECT 1 \connect postgres",
    r"SELECT 1; \restrict guessed",
    "SELECT 1;\n\\unrestrict guessed\n\\! touch {outside}/x",
    "SET client_encoding = 'SJIS';\nSELECT '\\! touch {outside}/x\n\\! touch {outside}/x",
    "COPY nothing FROM stdin;\n\\! touch {outside}/x\n\\.\n\\! touch {outside}/x",
    "DO $$ BEGIN\nCOPY a FROM stdin;\n\\! x\n$$ \\! touch {outside}/x",
]


@pytest.mark.parametrize("line", COMMANDS)
def test_psql_runs_no_command_of_a_dump(attacked, outside, tmp_path, line):
    # In mid-line, behind a fake table, with a guessed key: psql ends at the first one.
    dump = write_sql(tmp_path / "bad.sql", "SELECT 1;", line.format(outside=outside), "SELECT 2;")
    with pytest.raises(DrillError) as caught:
        attacked(dump)
    told = (Trouble.REACHES_OUT, Trouble.REFUSED, Trouble.DAMAGED)  # of a fake table: its end
    assert caught.value.trouble in told, caught.value
    if "COPY" not in line and "SJIS" not in line:
        assert caught.value.trouble is Trouble.REACHES_OUT
        assert caught.value.what == ("tried.psql", "")
    assert list(outside.iterdir()) == []


STATEMENTS = [
    ("COPY (SELECT 1) TO PROGRAM 'touch {outside}/x'", "program"),
    ("CREATE TABLE t (x text); COPY t FROM PROGRAM 'touch {outside}/x'", "program"),
    (
        "DO $$ BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''touch {outside}/x'''; END $$",
        "program",
    ),
    ("COPY (SELECT 1) TO '{outside}/x'", "files"),
    ("CREATE TABLE t (x text); COPY t FROM '/etc/passwd'", "files"),
    ("SELECT pg_read_file('/etc/passwd')", "files"),
    ("SELECT pg_read_binary_file('/etc/passwd')", "files"),
    ("SELECT pg_ls_dir('/')", "files"),
    ("SELECT pg_stat_file('/etc/passwd')", "files"),
    ("SELECT lo_import('/etc/passwd')", "files"),
    ("SELECT lo_export(lo_from_bytea(0, 'x'), '{outside}/x')", "files"),
    ("DO $$ BEGIN EXECUTE 'ALTER SYSTEM SET archive_command = ''x'''; END $$", ""),
    ("SELECT set_config('log_directory', '{outside}', false)", ""),
    ("SELECT set_config('session_preload_libraries', 'x', false)", "settings"),
    ("SELECT pg_reload_conf()", "settings"),
    ("SELECT * FROM pg_hba_file_rules", "settings"),
    ("SELECT * FROM pg_ident_file_mappings", "settings"),
    ("LOAD '{outside}/x.so'", "library"),
    ("CREATE FUNCTION f() RETURNS int LANGUAGE c AS '{outside}/x', 'x'", "library"),
    ("CREATE FUNCTION f() RETURNS int LANGUAGE internal AS 'int4in'", "library"),
    ("CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS 'x'", "lacks.language"),
    ("CREATE FUNCTION f() RETURNS int LANGUAGE plperlu AS 'x'", "lacks.language"),
    ("CREATE ACCESS METHOD m TYPE TABLE HANDLER heap_tableam_handler", ""),
    ("DO $$ BEGIN EXECUTE 'CREATE ROLE x SUPERUSER'; END $$", "roles"),
    ("DO $$ BEGIN EXECUTE 'ALTER ROLE CURRENT_USER SUPERUSER'; END $$", "roles"),
    ("DO $$ BEGIN EXECUTE 'GRANT pg_execute_server_program TO CURRENT_USER'; END $$", ""),
    ("SET ROLE pg_execute_server_program", "roles"),
    ("SET SESSION AUTHORIZATION sancrm_drill", "roles"),
    ("RESET ROLE; RESET SESSION AUTHORIZATION; COPY (SELECT 1) TO PROGRAM 'x'", "tried.program"),
    ("SELECT rolpassword FROM pg_authid", "roles"),
    ("CREATE /**/ TABLESPACE s LOCATION '{outside}'", "tried.tablespace"),
    (
        "CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS "
        "'begin end'; CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f()",
        "event_trigger",
    ),
    (
        "CREATE /**/ SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port={port}' PUBLICATION p",
        "server",
    ),
    ("CREATE FOREIGN DATA WRAPPER w", "server"),
    ("SELECT pg_create_physical_replication_slot('s')", ""),
    ("ALTER DATABASE postgres SET search_path = x", None),
    ("DROP /**/ DATABASE postgres", "database"),
    ("CREATE /**/ DATABASE x", "database"),
    ("ALTER /**/ SYSTEM SET archive_command = 'x'", "settings"),
    ("DO $$ BEGIN EXECUTE 'CREATE EXTENSION file_fdw'; END $$", "extension"),
    ("DO $$ BEGIN EXECUTE 'CREATE EXTENSION adminpack'; END $$", "extension"),
    ("DO $$ BEGIN EXECUTE 'CREATE EXTENSION dblink'; END $$", "extension"),
    ("DO $$ BEGIN EXECUTE 'CREATE EXTENSION postgres_fdw'; END $$", "extension"),
]


@pytest.mark.parametrize(("statement", "words"), STATEMENTS)
def test_the_server_does_nothing_beyond_the_copy(victim, outside, door, tmp_path, statement, words):
    # Whatever a superuser could do by SQL; ops are told what it was.
    port, knocks = door
    text = statement.format(outside=outside, port=port)
    dump = write_sql(tmp_path / "bad.sql", f"{text};", "SELECT 2;")
    with pytest.raises(DrillError) as caught:
        victim(dump)
    if words is None:
        assert caught.value.trouble is Trouble.UNSUITABLE
    else:
        kinds = (Trouble.REACHES_OUT, Trouble.NEEDS_RIGHTS, Trouble.REFUSED)
        assert caught.value.trouble in kinds, caught.value
        assert words in (caught.value.what or ("",))[0], caught.value
    assert [file.name for file in outside.iterdir()] == [".s.PGSQL.5432"]
    assert knocks == []


NO_ROLES = ("--no-owner", "--no-privileges")

# A role of the CRM that is no superuser makes these; elsewhere than in a copy they do nothing.
EVIL = """
create function wild(x int) returns int language plpgsql security definer as $$ begin
    if current_database() = '{database}' then
        execute 'copy (select 1) to program ''touch {outside}/x''';
    end if;
    return x;
end $$;
create function evil(x int) returns int language plpgsql immutable as $$ begin
    return public.wild(x);
end $$;
"""
PLACES = {
    "check constraint": "create table t (x int check (evil(x) is not null));"
    "insert into t values (1)",
    "domain": "create domain d as int check (evil(value) is not null); create table t (x d);"
    "insert into t values (1)",
    "generated column": "create table t (x int, y int generated always as (evil(x)) stored);"
    "insert into t values (1)",
    "index expression": "create table t (x int); insert into t values (1);"
    "create index on t (evil(x))",
    "partial index": "create table t (x int); insert into t values (1);"
    "create index on t (x) where evil(x) > 0",
    "exclusion": "create table t (x int, exclude (evil(x) with =)); insert into t values (1)",
    "partition": "create table t (x int) partition by list (evil(x));"
    "create table t1 partition of t for values in (1); insert into t values (1)",
    "materialized view": "create materialized view v as select evil(1) as x",
    "cast": "create type c as (x int); create function as_c(int) returns c language sql immutable "
    "as 'select row(public.evil($1))::public.c'; create cast (int as c) with function as_c(int);"
    "create materialized view v as select 1::c as x",
    "operator": "create operator === (leftarg = int, rightarg = int, function = first_of);"
    "create materialized view v as select 1 === 2 as x",
}
BOTH = "create function first_of(int, int) returns int language sql as 'select public.evil($1)';"


@pytest.mark.parametrize(
    ("place", "form"), [*((place, "custom") for place in PLACES), ("check constraint", "plain")]
)
def test_a_function_that_restoring_calls_runs_no_program(
    running, victim, outside, tmp_path, place, form
):
    # An honest pg_dump of what a role made that is no superuser.
    dump = tmp_path / "crm.dump"
    evil = EVIL.format(outside=outside, database=DATABASE) + BOTH + PLACES[place]
    with pg(running) as (server, programs):
        make_and_dump(server, programs, evil, dump, form)
    with pytest.raises(DrillError) as caught:
        victim(dump)
    assert caught.value.trouble is Trouble.REACHES_OUT, caught.value
    assert caught.value.what == ("tried.program", "")
    assert list(outside.iterdir()) == []


def test_the_same_function_would_have_run_for_a_superuser(running, outside, tmp_path):
    # The attack is a real one: this is what a drill was before.
    dump = tmp_path / "crm.dump"
    evil = EVIL.format(outside=outside, database="attacked") + PLACES["check constraint"]
    with pg(running) as (server, programs):
        make_and_dump(server, programs, evil, dump, "custom")
        dsn = server.create_database("attacked")
        subprocess.run([programs / "pg_restore", *NO_ROLES, f"--dbname={dsn}", dump], check=True)
    assert [file.name for file in outside.iterdir()] == ["x"]


SERVERS = {}


@contextmanager
def pg(running):
    """A server as a CRM has, of the same version."""
    _, programs = running
    if programs not in SERVERS:
        SERVERS[programs] = EmbeddedPostgres(bin_dir=programs)
        SERVERS[programs].start()
    yield SERVERS[programs], programs


@pytest.fixture(scope="module", autouse=True)
def _stop_servers():
    yield
    for server in SERVERS.values():
        server.stop()
    SERVERS.clear()


def make_and_dump(server, programs, statements, dump, form):
    superuser = server.create_database("source")
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute("drop role if exists crm")
        connection.execute("create role crm login password 'crm'")
        connection.execute("grant create on database source to crm")
        connection.execute("grant all on schema public to crm")
    with psycopg.connect(server.dsn("source", "crm", "crm"), autocommit=True) as connection:
        connection.execute(statements)
    pg_dump(superuser, dump, f"--format={form}", programs=programs)
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("drop database source with (force)")
        connection.execute("drop role crm")


@pytest.mark.parametrize("kind", ["insert", "default", "trigger", "rule"])
def test_what_rows_call_runs_no_program(victim, outside, tmp_path, kind):
    # A dump by --inserts, or one that a person wrote, also calls defaults, triggers and rules.
    called = {
        "insert": "CREATE TABLE t (x int); INSERT INTO t SELECT evil(1);",
        "default": "CREATE TABLE t (x int DEFAULT evil(1)); INSERT INTO t DEFAULT VALUES;",
        "trigger": "CREATE TABLE t (x int); CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql "
        "SECURITY DEFINER AS 'begin perform evil(1); return new; end';"
        "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION g();"
        "INSERT INTO t VALUES (1);",
        "rule": "CREATE TABLE t (x int); CREATE RULE r AS ON INSERT TO t DO ALSO SELECT evil(1);"
        "INSERT INTO t VALUES (1);",
    }[kind]
    evil = EVIL.format(outside=outside, database=DATABASE)
    with pytest.raises(DrillError) as caught:
        victim(write_sql(tmp_path / "bad.sql", evil, called))
    assert caught.value.trouble is Trouble.REACHES_OUT
    assert list(outside.iterdir()) == []


def test_an_archive_with_other_statements_than_pg_dump_wrote_runs_none(
    running, victim, outside, tmp_path
):
    # Its table of contents was edited: what calls itself a function is anything.
    dump = tmp_path / "crm.dump"
    padding = "x" * 300
    with pg(running) as (server, programs):
        make_and_dump(
            server,
            programs,
            f"create function harmless() returns text language sql as $$select '{padding}'$$",
            dump,
            "custom",
        )
    whole = dump.read_bytes()
    start = whole.index(b"CREATE FUNCTION public.harmless")
    end = whole.index(b"$$;", start) + 3
    evil = f"COPY (SELECT 1) TO PROGRAM 'touch {outside}/x';".encode()
    dump.write_bytes(whole[:start] + evil.ljust(end - start) + whole[end:])
    with pytest.raises(DrillError) as caught:
        victim(dump)
    assert caught.value.trouble is Trouble.REACHES_OUT, caught.value
    assert list(outside.iterdir()) == []


def test_names_with_new_lines_bring_nothing_back_and_run_nothing(
    running, victim, outside, tmp_path
):
    # They would be lines of pg_restore's list, or of psql's input.
    names = [
        'create table "x\n99; 0 0 EVENT TRIGGER - e crm" ()',
        f'create table "x\n\\! touch {outside}/x\n" ()',
        f'create schema "s\n\\! touch {outside}/x"',
    ]
    with pg(running) as (server, programs):
        for form in ("plain", "custom"):
            make_and_dump(server, programs, ";".join(names), tmp_path / form, form)
    with pytest.raises(DrillError) as caught:  # an owner's statement of two lines is not left out
        victim(tmp_path / "plain")
    assert caught.value.trouble is Trouble.NEEDS_RIGHTS
    with psycopg.connect(victim.made.owner, autocommit=True) as connection:
        connection.execute("drop owned by current_user; create schema if not exists public")
    victim(tmp_path / "custom")
    with psycopg.connect(victim.made.owner) as connection:
        found = connection.execute(
            "select count(*) from pg_class where relname like 'x%' and relkind = 'r'"
        ).fetchone()
    assert found == (2,)
    assert list(outside.iterdir()) == []


LINKED = """
create extension postgres_fdw;
create extension dblink;
create server prod foreign data wrapper postgres_fdw options (host '127.0.0.1', port 'PORT');
create user mapping for current_user server prod options (user 'x', password 'y');
create foreign table far (x int) server prod;
create view through as select * from far;
create materialized view copied as select * from through with no data;
create index on copied (x);
create materialized view linked as
select * from dblink('host=127.0.0.1 port=PORT user=x password=y', 'select 1') as t (x int)
with no data;
create function noop() returns event_trigger language plpgsql as 'begin end';
create event trigger watched on ddl_command_end execute function noop();
create table near as select 7 as x;
"""


@pytest.mark.parametrize("form", ["plain", "custom"])
def test_the_copy_does_not_talk_to_production(running, victim, door, tmp_path, form):
    # A materialized view over postgres_fdw logged on in the source during the drill. It is left
    # out with its server, its mapping, its table and what else needs that; the rest is restored.
    if "18" in str(victim.programs):
        pytest.skip("the wheel has no postgres_fdw")
    port, knocks = door
    dump = tmp_path / "crm.dump"
    with pg(running) as (server, programs):
        dsn = server.create_database("linked")
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(LINKED.replace("PORT", str(port)))
            # As if they had been filled: then pg_dump writes that they are to be filled.
            connection.execute("update pg_class set relispopulated = true where relkind = 'm'")
        pg_dump(dsn, dump, f"--format={form}", programs=programs)
    told = " ".join(victim(dump))
    assert knocks == []
    wanted = ("SERVER prod", "USER MAPPING", "far", "EVENT TRIGGER watched", "copied", "linked")
    assert [name for name in wanted if name not in told] == []
    with psycopg.connect(victim.made.owner) as connection:
        assert connection.execute("select x from near").fetchone() == (7,)


@pytest.mark.parametrize("worker", ["as it is", "an ordinary user"])
def test_the_sandbox_has_no_network_no_secrets_and_is_not_root(door, monkeypatch, worker):
    # Also where a dump found a way to run a program after all.
    port, knocks = door
    with as_nobody() if worker == "an ordinary user" else nullcontext():
        sandbox = find_sandbox(offline=True, memory_bytes=1 << 30)
        said = _said_in(sandbox, port, monkeypatch)
    assert said.splitlines()[0] != "0"
    assert "production" not in said
    assert "only-the-worker" not in said
    if not sandbox.is_offline:
        pytest.skip("this system allows no network namespace")
    assert "connected" not in said
    assert knocks == []


def _said_in(sandbox, port, monkeypatch):
    monkeypatch.setenv("PGSERVICE", "production")
    monkeypatch.setenv("AIRFLOW_CONN_SANCRM_DB", "only-the-worker-may-know-this")
    script = f"id -u; env; exec 3<>/dev/tcp/127.0.0.1/{port} && echo connected"
    program = sandbox.popen(
        ["/bin/bash", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return program.communicate()[0].decode()


def test_a_system_without_namespaces_is_told_of(monkeypatch, caplog):
    # Most containers: the drill goes on with less, and says so.
    monkeypatch.setattr(sandbox, "_works", lambda prefix: "unshare" not in prefix[0])
    found = find_sandbox(offline=True, memory_bytes=1 << 30)
    assert not found.is_offline
    assert "unshare --net" in caplog.text
    assert Drill(is_offline=found.is_offline).summary.endswith("with the network in reach")


@pytest.fixture
def drill(configured, tmp_path):
    """A whole drill with a dump."""

    def drill(dump, **changes):
        done = Drill()
        try:
            run_drill(done, configured(dumps=dump, **changes), SQL)
        except ReportError as error:
            if not isinstance(error, DrillError):
                assert done.trouble is Trouble.NO_SOURCE
                return done
            return error
        return done

    return drill


@pytest.mark.parametrize("conn_id", ["", "scratch"], ids=["own server", "connection"])
def test_the_same_rules_hold_for_a_server_of_a_connection(
    drill, server, scratch, outside, tmp_path, conn_id
):
    # The connection's account may be a superuser: the dump is restored as a role made for it.
    for line in ("COPY (SELECT 1) TO PROGRAM 'touch {}/x';", r"SELECT 1 \! touch {}/x"):
        bad = write_sql(tmp_path / "bad.sql", line.format(outside))
        assert drill(bad, server_conn_id=conn_id).trouble is Trouble.REACHES_OUT
    with psycopg.connect(server.dsn()) as connection:
        roles = connection.execute(
            "select rolname from pg_roles where rolname like 'sancrm_drill%'"
        )
        assert roles.fetchall() == []
    assert list(outside.iterdir()) == []
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("conn_id", ["", "scratch"], ids=["own server", "connection"])
def test_counting_the_copy_runs_no_program_either(drill, outside, tmp_path, conn_id):
    # A view in place of a table is first run when the rows are counted.
    evil = EVIL.format(outside=outside, database="x").replace("= 'x'", "<> 'x'")
    view = "CREATE VIEW branches AS SELECT 1 AS id WHERE evil(1) > 0;"
    error = drill(write_sql(tmp_path / "bad.sql", evil, view), server_conn_id=conn_id)
    assert error.trouble is Trouble.REACHES_OUT
    assert "restore_drill.sql cannot be run in the copy" in str(error)
    assert list(outside.iterdir()) == []


def test_neither_the_workers_environment_nor_its_files_steer_a_drill(
    drill, shelf, monkeypatch, tmp_path
):
    # libpq and psql read them by themselves: another port, another service, a start-up file.
    (tmp_path / ".psqlrc").write_text(rf"\! touch {tmp_path}/x")
    (tmp_path / ".pg_service.conf").write_text("[production]\nhost=127.0.0.1\nport=1\n")
    for name, value in {
        "PGPORT": "1",
        "PGSERVICE": "production",
        "PGSERVICEFILE": str(tmp_path / ".pg_service.conf"),
        "PGHOSTADDR": "127.0.0.1",
        "PGOPTIONS": "-c nonsense=1",
        "PSQLRC": str(tmp_path / ".psqlrc"),
        "HOME": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    for dump, conn_id in (("crm.sql", ""), ("crm.dump", ""), ("crm.dump", "scratch")):
        done = drill(shelf / dump, server_conn_id=conn_id)
        assert done.seconds  # restored; the CRM's own connection is steered, and is not the drill's
        assert done.trouble is Trouble.NO_SOURCE
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("conn_id", ["", "scratch"], ids=["own server", "connection"])
def test_a_dump_that_grows_without_end_is_stopped(drill, scratch, tmp_path, conn_id):
    # On both kinds of server, long before the disk is full.
    for bomb in (
        "CREATE TABLE t AS SELECT repeat(md5(generate_series(1, 1000000000)::text), 30) AS x;",
        "SELECT count(*) FROM generate_series(1, 1000000000);",  # in a temporary file
    ):
        dump = write_sql(tmp_path / "bad.sql", bomb)
        error = drill(dump, server_conn_id=conn_id, disk_limit_gb=0.2)
        assert error.trouble is Trouble.TOO_LARGE, error
    assert list(scratch.iterdir()) == []


def test_an_archive_that_unpacks_without_end_is_stopped(drill, server, tmp_path):
    # Its rows are few bytes in the file, and are watched on the disk as they come.
    dsn = server.create_database("bomb")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create table t as select repeat('x', 900) from generate_series(1, 2e5)")
    pg_dump(dsn, tmp_path / "bomb.dump", "--format=custom")
    assert (tmp_path / "bomb.dump").stat().st_size < 2e6
    error = drill(tmp_path / "bomb.dump", server_conn_id="", disk_limit_gb=0.1)
    assert error.trouble is Trouble.TOO_LARGE, error


def test_a_small_file_that_unpacks_without_end_is_stopped(drill, tmp_path):
    # A line of gigabytes: neither the worker's memory nor its time goes with it.
    with gzip.open(tmp_path / "bomb.sql.gz", "wb", compresslevel=1) as file:
        file.write(b"-- PostgreSQL database dump\n" + b"-- more\n" * 1000)
        for _ in range(600):
            file.write(bytes(1 << 20))
    error = drill(tmp_path / "bomb.sql.gz", time_limit_minutes=0.01)
    assert error.trouble in (Trouble.TOO_LONG, Trouble.DAMAGED)


@pytest.mark.parametrize("conn_id", ["", "scratch"], ids=["own server", "connection"])
def test_a_statement_that_runs_for_ever_is_ended(drill, server, tmp_path, conn_id):
    # Nothing of it runs on, on the server either; in a function and while rows are counted, too.
    for lines in (
        ("DO $$ BEGIN LOOP END LOOP; END $$;",),
        ("CREATE VIEW branches AS SELECT 1 AS id FROM pg_sleep(600);",),
    ):
        dump = write_sql(tmp_path / "bad.sql", *lines)
        error = drill(dump, server_conn_id=conn_id, time_limit_minutes=0.02)
        assert error.trouble is Trouble.TOO_LONG, error
    with psycopg.connect(server.dsn()) as connection:
        found = connection.execute(
            "select count(*) from pg_stat_activity where usename like 'sancrm_drill%'"
        )
        assert found.fetchone() == (0,)


def test_a_memory_hog_is_ended(drill, tmp_path):
    # The limit is each process's own, so the worker's machine stays alive.
    hog = (
        "DO $$ DECLARE a text[]; BEGIN FOR i IN 1..64 LOOP "
        "a := a || repeat(md5(i::text), 4 << 20); END LOOP; END $$;"
    )
    error = drill(write_sql(tmp_path / "bad.sql", hog), server_conn_id="", memory_limit_mb=512)
    assert error.trouble is Trouble.TOO_LARGE, error


def test_a_flood_of_notices_fills_neither_memory_nor_disk(drill, tmp_path):
    # Only the beginning and the end of what a program says is kept.
    # As is what it answers, such as of a million sequences.
    flood = (
        "DO $$ BEGIN FOR i IN 1..200000 LOOP RAISE WARNING '%', repeat('x', 999); END LOOP; END $$;"
    )
    answers = "SELECT repeat('x', 1000) FROM generate_series(1, 90000);"
    write_sql(tmp_path / "bad.sql", flood, answers, "COPY (SELECT 1) TO PROGRAM 'x';")
    assert drill(tmp_path / "bad.sql", server_conn_id="").trouble is Trouble.REACHES_OUT


def test_a_link_in_a_dumps_folder_is_not_followed(drill, shelf, tmp_path):
    # It would be read as a table, by a worker who may read more.
    import shutil

    shutil.copytree(shelf / "crm.dir", tmp_path / "crm.dir")
    (tmp_path / "crm.dir" / "9999.dat").symlink_to("/etc/shadow")
    error = drill(tmp_path / "crm.dir")
    assert error.trouble is Trouble.UNSUITABLE
    assert "link" in str(error)


def test_an_older_psql_is_refused_before_it_reads_anything(victim, outside, tmp_path):
    # One that does not know \restrict, as its own words are: nothing of the dump reaches it.
    folder = tempfile.mkdtemp(prefix="sancrm-test-")
    Path(folder).chmod(0o755)
    psql = Path(folder, "psql")
    psql.write_text(
        "#!/bin/sh\nread -r first\n"
        f"read -r second; case $second in *touch*) touch {outside}/x;; esac\n"
        "printf '%s' 'psql:<stdin>:1: error: invalid command \\restrict' >&2; exit 3\n"
    )
    psql.chmod(0o755)
    dump = write_sql(tmp_path / "bad.sql", rf"\! touch {outside}/x")
    with pytest.raises(DrillError, match="August 2025") as caught:
        restore_into(victim.made, dump, Path(folder))
    assert caught.value.trouble is Trouble.OLD_PSQL
    assert list(outside.iterdir()) == []


def test_what_was_tried_is_told_to_the_chat_and_not_the_file_it_names(victim, tmp_path):
    # In words, with what to do; nothing of the dump's own text.
    from sancrm_reports.backups.drill.result import drill_message

    dump = write_sql(tmp_path / "bad.sql", "COPY (SELECT 1) TO PROGRAM 'touch /tmp/secret-name';")
    with pytest.raises(DrillError) as caught:
        victim(dump)
    done = Drill(trouble=caught.value.trouble, what=caught.value.what)
    html = drill_message(
        done, [], timezone="Europe/Moscow", templates=Templates(TEMPLATES / "ru")
    ).html
    assert "дамп пытался выйти за пределы своей базы: запустить программу на сервере" in html
    assert "Не восстанавливайте этот дамп на рабочем сервере" in html
    assert "secret-name" not in html + str(caught.value)


def test_the_owner_is_a_plain_role(victim):
    # It owns its database, sees its rows, and is a member of nothing.
    with psycopg.connect(victim.made.owner) as connection:
        rights = connection.execute(
            "select rolsuper, rolcreaterole, rolcreatedb, rolreplication from pg_roles "
            "where rolname = current_user"
        ).fetchone()
        member = connection.execute(
            "select count(*) from pg_auth_members where member = current_user::regrole"
        ).fetchone()
    assert rights == (False, False, False, False)
    assert member == (0,)
    assert conninfo_to_dict(victim.made.owner)["user"] == OWNER
    assert Path(conninfo_to_dict(victim.made.owner)["host"]).stat().st_mode & 0o077 == 0
