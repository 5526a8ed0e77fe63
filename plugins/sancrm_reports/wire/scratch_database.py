"""A scratch database on a server that an Airflow connection names; no other database is touched."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sancrm_reports.pure.drill import DrillError, Trouble

PREFIX = "sancrm_drill_"
NAME = re.compile(rf"{PREFIX}(\d{{8}}t\d{{6}})_[0-9a-f]{{6}}")
STAMP = "%Y%m%dt%H%M%S"  # UTC, by the server's clock


@contextmanager
def scratch_database(conn_id: str, *, dead_after: timedelta) -> Iterator[str]:
    """Make an empty database and drop it at the end; gives its DSN.

    Databases of our name that are older than that are dropped first: their drill was killed.

    Raises:
        DrillError: the server cannot be reached, or its account may not create databases.
    """
    from psycopg import Error, sql
    from psycopg.conninfo import make_conninfo

    try:
        with closing(_admin(conn_id)) as admin:
            now = _now(admin)
            for dead in _older_than(admin, now - dead_after):
                _drop(admin, dead)
            name = f"{PREFIX}{now:{STAMP}}_{secrets.token_hex(3)}"
            command = sql.SQL("create database {} template template0").format(sql.Identifier(name))
            admin.execute(command)
            info = admin.info
            dsn = make_conninfo(info.dsn, password=info.password, dbname=name)
    except Error as error:
        reason = str(error).strip().splitlines()[0]
        raise DrillError(
            Trouble.NO_SERVER,
            f"The connection {conn_id!r} gives no scratch database: {reason}. Its account needs "
            "the right to create databases (alter role … createdb).",
        ) from None
    try:
        yield dsn
    finally:
        with closing(_admin(conn_id)) as admin:  # anew: the first would have idled all the time
            _drop(admin, name)


def _admin(conn_id: str) -> Any:
    from airflow.providers.postgres.hooks.postgres import PostgresHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        admin: Any = PostgresHook(postgres_conn_id=conn_id).get_conn()
    except AirflowNotFoundException:
        raise DrillError(
            Trouble.NO_SERVER,
            f"There is no Airflow connection {conn_id!r}. Create it under Admin > Connections, or "
            "leave restore_drill.server_conn_id empty for a server on the worker.",
        ) from None
    admin.autocommit = True
    return admin


def _now(admin: Any) -> datetime:
    now: datetime = admin.execute("select now()").fetchone()[0]
    return now.astimezone(UTC)


def _older_than(admin: Any, moment: datetime) -> list[str]:
    names = [name for (name,) in admin.execute("select datname from pg_database").fetchall()]
    ours = [match for match in map(NAME.fullmatch, names) if match]
    return [
        match[0]
        for match in ours
        if datetime.strptime(match[1], STAMP).replace(tzinfo=UTC) < moment
    ]


def _drop(admin: Any, name: str) -> None:
    from psycopg import sql

    command = sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
    admin.execute(command)
