"""Puts the demo's tables into a database: schema, data, indexes, the reading role."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from demo.crm.generate import generate
from demo.crm.rows import Tables

SCHEMA_FILE = Path(__file__).parent / "schema.sql"
INDEXES_FILE = Path(__file__).parents[2] / "sql" / "indexes.sql"
TABLE_NAMES = tuple(field.name for field in fields(Tables))

READER = "sancrm_reader"
READER_PASSWORD = "sancrm-demo-reader"
DEMO_MARK = "SanCRM demo"

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class NotADemoDatabaseError(RuntimeError):
    """The database has tables of the same names that the demo did not make."""


def load_demo(
    dsn: str,
    *,
    today: date,
    timezone: str = "Europe/Moscow",
    seed: int = 1,
    reader_password: str = READER_PASSWORD,
) -> None:
    """Put the demo of a day into a database, replacing the demo that is there.

    `dsn` is of a role that may create tables and roles; `timezone` is the account's, in which
    the shops' hours are meant. The same day, zone and seed give the same rows.

    Raises `NotADemoDatabaseError` rather than touch tables that are not the demo's.
    """
    with psycopg.connect(dsn) as connection:
        _drop_demo(connection)
        create_schema(connection)
        copy_tables(connection, generate(today, seed), timezone)
    with psycopg.connect(dsn, autocommit=True) as connection:
        create_indexes(connection)
        create_reader(connection, reader_password)
        connection.execute("analyze")


def create_schema(connection: psycopg.Connection[Any]) -> None:
    """Create the empty tables of the reference schema."""
    connection.execute(SCHEMA_FILE.read_bytes())


def create_indexes(connection: psycopg.Connection[Any]) -> None:
    """Run `include/sql/indexes.sql`; the connection must be in autocommit mode."""
    lines = INDEXES_FILE.read_text(encoding="utf-8").splitlines()
    script = "\n".join(line for line in lines if not line.startswith("--"))
    # One by one: several statements in one message would be a transaction.
    for statement in script.split(";"):
        if statement.strip():
            connection.execute(statement.encode())


def create_reader(connection: psycopg.Connection[Any], password: str) -> None:
    """Create the role `sancrm_reader`, which may read all tables and change none."""
    role = sql.Identifier(READER)
    exists = connection.execute("select from pg_roles where rolname = %s", [READER]).rowcount
    verb = sql.SQL("alter" if exists else "create")
    statements = (
        sql.SQL("{} role {} login nosuperuser nocreatedb nocreaterole password {}").format(
            verb, role, sql.Literal(password)
        ),
        sql.SQL("alter role {} set default_transaction_read_only = on").format(role),
        sql.SQL("revoke create on schema public from public"),
        sql.SQL("grant usage on schema public to {}").format(role),
        sql.SQL("grant select on {} to {}").format(
            sql.SQL(", ").join(map(sql.Identifier, TABLE_NAMES)), role
        ),
    )
    for statement in statements:
        connection.execute(statement)


def copy_tables(connection: psycopg.Connection[Any], tables: Tables, timezone: str) -> None:
    """Copy all rows into the empty tables, reading their times as local ones of the zone.

    Foreign keys are not checked row by row, which would take a third of the whole time: the
    rows keep them by the way they are made, and a test looks that they do.
    """
    connection.execute("select set_config('timezone', %s, true)", [timezone])
    connection.execute("set local session_replication_role = replica")
    for name in TABLE_NAMES:
        rows = getattr(tables, name)
        if not rows:
            continue
        command = sql.SQL("copy {} ({}) from stdin").format(
            sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, rows[0]._fields))
        )
        with connection.cursor() as cursor, cursor.copy(command) as copy:
            for block in _blocks(rows):
                copy.write(block)


def _drop_demo(connection: psycopg.Connection[Any]) -> None:
    found = connection.execute(
        "select relname, obj_description(oid, 'pg_class') from pg_class"
        " where relnamespace = 'public'::regnamespace and relkind = 'r' and relname = any(%s)",
        [list(TABLE_NAMES)],
    ).fetchall()
    foreign = sorted(name for name, comment in found if comment != DEMO_MARK)
    if foreign:
        raise NotADemoDatabaseError(
            f"this database has tables that the demo did not make: {', '.join(foreign)}"
        )
    for name in reversed(TABLE_NAMES):
        connection.execute(sql.SQL("drop table if exists {}").format(sql.Identifier(name)))


def _blocks(rows: Sequence[tuple[Any, ...]], size: int = 5_000) -> Iterator[str]:
    """Yield rows in COPY's text format, some thousands at a time."""
    for start in range(0, len(rows), size):
        lines = ("\t".join([_text(value) for value in row]) for row in rows[start : start + size])
        yield "\n".join(lines) + "\n"


def _text(value: object) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    return str(value)
