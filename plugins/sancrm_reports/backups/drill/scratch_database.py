"""A scratch database on a server that an Airflow connection names; no other database is touched.

It belongs to a role that is made for it, which can do nothing but own it.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from sancrm_reports.backups.drill.result import DrillError, Trouble
from sancrm_reports.backups.drill.sandbox import Sandbox
from sancrm_reports.backups.drill.scratch import Scratch
from sancrm_reports.wire.private_postgres import connected, without_variables

log = logging.getLogger(__name__)

PREFIX = "sancrm_drill_"
NAME = re.compile(rf"{PREFIX}(\d{{8}}t\d{{6}})_[0-9a-f]{{6}}")
STAMP = "%Y%m%dt%H%M%S"  # UTC, by the server's clock


@contextmanager
def scratch_database(
    conn_id: str, *, dead_after: timedelta, sandbox: Sandbox, temporary_bytes: float = 1e9
) -> Iterator[Scratch]:
    """Make an empty database and its owner, and drop both at the end.

    Databases and roles of our name that are older than that are dropped first: their drill was
    killed.

    Args:
        conn_id: of the server.
        dead_after: how old a database of ours must be.
        sandbox: how clients run.
        temporary_bytes: what a process of the role may put into temporary files.

    Raises:
        DrillError: the server cannot be reached, its account may not create databases or roles, or
            the database could not be dropped.
    """
    from psycopg import Error
    from psycopg.conninfo import make_conninfo

    try:
        with closing(_admin(conn_id)) as admin:
            now = _now(admin)
            for dead in _older_than(admin, now - dead_after):
                _try_to_drop(admin, dead)
            name = f"{PREFIX}{now:{STAMP}}_{secrets.token_hex(3)}"
            password = secrets.token_urlsafe(18)
            _make(admin, name, password, temporary_bytes)
            info = admin.info
            admin_dsn = make_conninfo(info.dsn, password=info.password, dbname=name)
            owner_dsn = make_conninfo(admin_dsn, user=name, password=password)
    except Error as error:
        raise DrillError(
            Trouble.NO_SERVER,
            f"The connection {conn_id!r} gives no scratch database: {_first_line(error)}. "
            "Its account needs the rights to create databases and roles (alter role … createdb "
            "createrole): a dump is restored as a role that can do nothing else.",
        ) from None
    try:
        with closing(_admin(conn_id)) as watcher:
            yield Scratch(
                owner=owner_dsn,
                admin=admin_dsn,
                sandbox=sandbox,
                used=lambda: _size(watcher, name),
                has_roles_of_its_own=False,
            )
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


def _make(admin: Any, name: str, password: str, temporary_bytes: float) -> None:
    """Make the role and its database, which have one name.

    The role has no right but those that everybody has, and is a member of nothing; from PostgreSQL
    16 on, who makes a role must let itself in to give it a database. Its temporary files are
    limited where the account may do that: their size is not the database's, so nobody sees it.
    """
    from psycopg import Error, errors, sql

    statements = (
        "create role {name} login password {password} nosuperuser nocreatedb nocreaterole "
        "noreplication connection limit 10",
        "grant {name} to current_user",
        "create database {name} owner {name} template template0",
    )
    try:
        for statement in statements:
            admin.execute(
                sql.SQL(statement).format(name=sql.Identifier(name), password=sql.Literal(password))
            )
        with suppress(errors.InsufficientPrivilege):
            words = "alter role {} set temp_file_limit = {}"
            limit = sql.Literal(f"{int(temporary_bytes / 1000)}kB")
            admin.execute(sql.SQL(words).format(sql.Identifier(name), limit))
    except Error:
        with suppress(Error):
            admin.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(name)))
        raise


def _size(watcher: Any, name: str) -> int:
    """Return the size of the copy; 0 if the server does not tell."""
    from psycopg import Error

    with suppress(Error):
        return int(watcher.execute("select pg_database_size(%s::name)", [name]).fetchone()[0])
    return 0


def _admin(conn_id: str) -> Any:
    from airflow.providers.postgres.hooks.postgres import PostgresHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        with without_variables():
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
    """Return the names of databases and roles, each once."""
    names = admin.execute(
        "select datname from pg_database union select rolname from pg_roles"
    ).fetchall()
    ours = [match for match in (NAME.fullmatch(name) for (name,) in names) if match]
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
    statements = ["drop database if exists {} with (force)", "drop role if exists {}"]
    if admin.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
        # Its owner, so a dump, may have made it a template, which is not dropped.
        statements.insert(0, "alter database {} with is_template false")
    for statement in statements:
        admin.execute(sql.SQL(statement).format(sql.Identifier(name)))


def _drop_subscriptions(admin: Any, name: str) -> None:
    """Drop a copy's subscriptions: with them it cannot be dropped. No publisher is spoken to."""
    from psycopg import sql
    from psycopg.conninfo import make_conninfo

    found = admin.execute(
        "select subname from pg_subscription join pg_database on pg_database.oid = subdbid "
        "where datname = %s",
        [name],
    ).fetchall()
    if not found:
        return
    dsn = make_conninfo(admin.info.dsn, password=admin.info.password, dbname=name)
    with connected(dsn) as inside:
        for (subscription,) in found:
            for words in (
                "alter subscription {} disable",
                "alter subscription {} set (slot_name = none)",
                "drop subscription {}",
            ):
                inside.execute(sql.SQL(words).format(sql.Identifier(subscription)))


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
