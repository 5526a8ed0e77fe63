"""A scratch database on a server that an Airflow connection names; no other database is touched."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sancrm_reports.pure.drill import DrillError, Trouble

log = logging.getLogger(__name__)

PREFIX = "sancrm_drill_"
NAME = re.compile(rf"{PREFIX}(\d{{8}}t\d{{6}})_[0-9a-f]{{6}}")
STAMP = "%Y%m%dt%H%M%S"  # UTC, by the server's clock


@contextmanager
def scratch_database(conn_id: str, *, dead_after: timedelta) -> Iterator[str]:
    """Make an empty database and drop it at the end; gives its DSN.

    Databases of our name that are older than that are dropped first: their drill was killed.

    Raises:
        DrillError: the server cannot be reached, its account may not create databases, or the
            database could not be dropped.
    """
    from psycopg import Error, sql
    from psycopg.conninfo import make_conninfo

    try:
        with closing(_admin(conn_id)) as admin:
            now = _now(admin)
            for dead in _older_than(admin, now - dead_after):
                _try_to_drop(admin, dead)
            name = f"{PREFIX}{now:{STAMP}}_{secrets.token_hex(3)}"
            command = sql.SQL("create database {} template template0").format(sql.Identifier(name))
            admin.execute(command)
            info = admin.info
            dsn = make_conninfo(info.dsn, password=info.password, dbname=name)
    except Error as error:
        raise DrillError(
            Trouble.NO_SERVER,
            f"The connection {conn_id!r} gives no scratch database: {_first_line(error)}. "
            "Its account needs the right to create databases (alter role … createdb).",
        ) from None
    try:
        yield dsn
    finally:
        try:
            with closing(_admin(conn_id)) as admin:  # anew: the first would have idled so long
                _drop(admin, name)
        except Error as error:
            raise DrillError(
                Trouble.NOT_DROPPED,
                f"The scratch database {name} stays on the server of {conn_id!r}, with a copy of "
                f"all data: {_first_line(error)}. Drop it by hand; later drills try it, too.",
            ) from error


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


def _try_to_drop(admin: Any, name: str) -> None:
    """Drop what a killed drill left; if that fails, the drill of today goes on all the same."""
    from psycopg import Error

    try:
        _drop(admin, name)
    except Error as error:
        log.warning("%s stays, drop it by hand: %s", name, _first_line(error))


def _drop(admin: Any, name: str) -> None:
    from psycopg import sql

    _drop_subscriptions(admin, name)
    command = sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
    admin.execute(command)


def _drop_subscriptions(admin: Any, name: str) -> None:
    """Drop a copy's subscriptions: with them it cannot be dropped. No publisher is spoken to."""
    from psycopg import connect, sql
    from psycopg.conninfo import make_conninfo

    found = admin.execute(
        "select subname from pg_subscription join pg_database on pg_database.oid = subdbid "
        "where datname = %s",
        [name],
    ).fetchall()
    if not found:
        return
    dsn = make_conninfo(admin.info.dsn, password=admin.info.password, dbname=name)
    with connect(dsn, autocommit=True) as inside:
        for (subscription,) in found:
            for words in (
                "alter subscription {} disable",
                "alter subscription {} set (slot_name = none)",
                "drop subscription {}",
            ):
                inside.execute(sql.SQL(words).format(sql.Identifier(subscription)))


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
