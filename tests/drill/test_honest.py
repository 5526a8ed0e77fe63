"""Honest dumps that a plain owner can restore only with some help: they pass, with all rows."""

import psycopg
import pytest

from demo.postgres import EmbeddedPostgres, system_bin_dirs
from drill.conftest import NEW, emptied, pg_dump, restore_into, running_server
from sancrm_reports.backups.drill.result import DrillError, Trouble

PROGRAMS = next(iter(system_bin_dirs()), NEW)
HAS_EXTENSIONS = PROGRAMS != NEW  # the wheel has none

ROLES = """
create role manager;
create role "Старший менеджер";
create table seen (x int, who regrole);
insert into seen values (1, 'manager'), (2, '"Старший менеджер"');
alter table seen enable row level security;
alter table seen force row level security;
create policy own on seen for select to manager, "Старший менеджер" using (x > 1);
grant select on seen to manager;
alter table seen owner to manager;
alter default privileges for role manager grant select on tables to "Старший менеджер";
"""
KINDS = {
    "roles": ROLES,
    "tablespace": "create table seen tablespace elsewhere as select generate_series(1, 2) as x;"
    "create index on seen (x) tablespace elsewhere",
    "event trigger": "create table seen as select generate_series(1, 2) as x;"
    "create function noop() returns event_trigger language plpgsql as 'begin end';"
    "create event trigger watched on ddl_command_end execute function noop()",
    "comments": "create table seen as select generate_series(1, 2) as x;"
    "comment on table seen is 'x'; comment on extension plpgsql is 'y';"
    "comment on schema public is 'z'",
    "large objects": "create table seen as select generate_series(1, 2) as x;"
    "select lo_from_bytea(0, 'abc')",
    "views": "create table seen as select generate_series(1, 2) as x;"
    "create view v as select x from seen; create materialized view m as select x from v;"
    "create rule r as on insert to v do instead insert into seen values (new.x)",
    "publication": "create table seen as select generate_series(1, 2) as x;"
    "create publication news for all tables",
    "own schema": "create schema app; create table seen as select generate_series(1, 2) as x;"
    "create table app.t as select 1 as x",
}
if HAS_EXTENSIONS:
    KINDS["trusted extensions"] = (
        'create schema ext; create extension hstore schema ext; create extension "uuid-ossp";'
        "create table seen as select x, ext.hstore('a', 'b') as h, uuid_generate_v4() as u"
        " from generate_series(1, 2) as x"
    )
    KINDS["statistics of statements"] = (
        "create extension pg_stat_statements; create table seen as select generate_series(1, 2) x"
    )


@pytest.fixture(scope="module")
def crm():
    with EmbeddedPostgres(bin_dir=PROGRAMS) as running:
        yield running


@pytest.fixture
def dumped(crm, tmp_path):
    """Dump a database of one kind."""

    def dump(statements, form, *options):
        dsn = crm.create_database("honest")
        with psycopg.connect(dsn, autocommit=True) as connection:
            if "tablespace" in statements:
                connection.execute("set allow_in_place_tablespaces = on")
                connection.execute("create tablespace elsewhere location ''")
            connection.execute(statements)
        path = tmp_path / "crm.dump"
        pg_dump(dsn, path, f"--format={form}", *options, programs=PROGRAMS)
        return path

    yield dump
    with psycopg.connect(crm.dsn(), autocommit=True) as connection:
        connection.execute("drop database honest with (force)")
        connection.execute('drop role if exists manager, "Старший менеджер"')
        connection.execute("drop tablespace if exists elsewhere")


@pytest.fixture(scope="module")
def running():
    with running_server(PROGRAMS) as made:
        yield made


@pytest.fixture
def restored_rows(running):
    """Restore into a server of the drill's own; return the rows, and what was left out."""
    emptied(running)

    def restored_rows(dump):
        left = restore_into(running, dump, PROGRAMS)
        with psycopg.connect(running.owner) as connection:
            return connection.execute("select count(*) from seen").fetchone()[0], left

    return restored_rows


@pytest.mark.parametrize("form", ["custom", "plain"])
@pytest.mark.parametrize("kind", KINDS)
def test_it_passes_and_all_rows_are_there(dumped, restored_rows, kind, form):
    # Also rows that a forced policy hides from their owner.
    rows, left = restored_rows(dumped(KINDS[kind], form))
    assert rows == 2
    assert left == (["EVENT TRIGGER watched"] if kind == "event trigger" else [])


@pytest.mark.parametrize("options", [["-n", "public"], ["--clean"], ["--clean", "--if-exists"]])
@pytest.mark.parametrize("form", ["custom", "plain"])
def test_a_dump_that_makes_or_removes_what_is_there_passes(dumped, restored_rows, form, options):
    # The schema public is there already, and nothing is there yet to be removed.
    assert restored_rows(dumped(KINDS["views"], form, *options)) == (2, [])


@pytest.mark.skipif(not HAS_EXTENSIONS, reason="the wheel has no extensions")
@pytest.mark.parametrize("form", ["custom", "plain"])
def test_an_extension_that_is_not_harmless_is_left_out_and_told(dumped, restored_rows, form):
    # One that reads files: whoever needs it for tables reads why they cannot be made.
    left = restored_rows(dumped(f"create extension file_fdw; {KINDS['views']}", form))[1]
    assert left == ["EXTENSION file_fdw"]


def test_a_role_that_is_not_there_is_told_by_its_name(restored_rows, tmp_path):
    # On a server of a connection no roles are made: the chat reads which one is missing.
    dump = tmp_path / "crm.sql"
    dump.write_text(
        "-- PostgreSQL database dump\nSELECT 'nobody_such'::regrole;\n"
        "-- PostgreSQL database dump complete\n"
    )
    with pytest.raises(DrillError) as caught:
        restored_rows(dump)
    assert (caught.value.trouble, caught.value.what) == (
        Trouble.REFUSED,
        ("lacks.role", "nobody_such"),
    )
