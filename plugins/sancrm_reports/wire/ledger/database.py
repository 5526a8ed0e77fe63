"""The ledger's database: PostgreSQL, by an Airflow connection; its version is checked when opened.

Every statement stands by itself or in a short transaction, so that PgBouncer may be in between in
any mode but ``statement``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import psycopg
from psycopg.rows import dict_row, tuple_row

from sancrm_reports.errors import PermanentError, ReportError

Row = dict[str, Any]

HOW_TO_CREATE = (
    "Run `make ledger`, or let a DBA run the files in include/sql/ledger/ (docs/ledger.md)."
)
CONNECTING = {
    "connect_timeout": 10,
    # A server that vanished is noticed in half a minute, not in the two hours of TCP.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "application_name": "sancrm_reports",
    "autocommit": True,
    "prepare_threshold": None,  # behind PgBouncer the next statement may meet another server
}
# What a person must correct; all else, such as a server that is starting up, may pass.
_REFUSED = (
    "28",  # password, role
    "3D",  # no such database
    "42501",  # may not connect
)


class NoLedgerError(ReportError):
    """The ledger cannot be used: no report is sent without it, an alert is."""


class LedgerUnreachableError(NoLedgerError):
    """The ledger does not answer: nothing may be sent without it, and a retry may find it."""

    code = "ledger_unreachable"


class LedgerError(NoLedgerError, PermanentError):
    """The ledger answers, and cannot be used as it is; the text says what to correct."""

    code = "ledger"


class LedgerDatabase:
    """A connection to the ledger, whose errors say what they mean for a message.

    Args:
        connection: in autocommit mode.
        name: what people call it in errors: the Airflow connection.
    """

    def __init__(self, connection: psycopg.Connection[Any], name: str) -> None:
        self._connection = connection
        self._name = name

    def rows(self, statement: str, **values: Any) -> list[Row]:
        """Run a statement with ``%(name)s`` in it; return its rows, none where it gives none.

        Raises:
            LedgerUnreachableError: whether it was carried out is unknown.
            LedgerError: it cannot be.
        """
        with self._explained(), self._connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(statement, values)  # type: ignore[arg-type]  # literals of this package
            return cursor.fetchall() if cursor.description else []

    def tuples(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Return plain rows, where there are very many; raises as ``rows``."""
        with self._explained(), self._connection.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(statement, values)  # type: ignore[arg-type]
            return cursor.fetchall()

    def row(self, statement: str, **values: Any) -> Row | None:
        """Return the first row, None without one; raises as ``rows``."""
        return next(iter(self.rows(statement, **values)), None)

    def script(self, statements: str) -> None:
        """Run several statements without values, such as a file of SQL; raises as ``rows``."""
        with self._explained(), self._connection.cursor() as cursor:
            cursor.execute(statements)  # type: ignore[arg-type]  # a file of this package

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements of the block, or none; a process that freezes in it is thrown out."""
        with self._explained(), self._connection.transaction():
            self.rows("set local idle_in_transaction_session_timeout = '10s'")
            yield

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            raise explained(error, self._name) from None


class Clock:
    """The time, in seconds since the epoch, and waiting; tests have one that they move.

    ``offset`` is how far the database is ahead of this machine: all workers share its time.
    """

    def __init__(self, offset: float = 0.0) -> None:
        self._offset = offset

    def now(self) -> float:
        """Return the time."""
        return time.time() + self._offset

    def wait(self, seconds: float) -> None:
        """Return after so many seconds."""
        time.sleep(seconds)


def explained(error: psycopg.Error, name: str) -> ReportError:
    """Return what an error of PostgreSQL means; told by SQLSTATE, whatever the server speaks."""
    code = error.sqlstate or ""
    reason = " ".join(str(error).split())
    if code.startswith(_REFUSED):
        return LedgerError(
            f"The ledger's database refused the connection {name!r}: {reason}. Correct it under "
            "Admin > Connections. Nothing is sent without the ledger.",
            code="ledger_login",
            quote=reason,
        )
    if code in ("42P01", "3F000"):  # undefined table, schema
        return LedgerError(
            f"The database of {name!r} has no ledger ({reason}). {HOW_TO_CREATE}",
            code="ledger_missing",
        )
    if isinstance(error, psycopg.OperationalError) or not code:
        return LedgerUnreachableError(
            f"The ledger does not answer on the connection {name!r}: {reason}. Nothing is sent "
            "without it. Is the server up, and can this machine reach it?",
            quote=reason,
        )
    return LedgerError(f"The ledger on {name!r} refused a statement: {reason}.", quote=reason)


def connect(conn_id: str) -> psycopg.Connection[Any]:
    """Connect by an Airflow connection; its extra may say otherwise than ``CONNECTING``.

    Raises:
        LedgerUnreachableError, LedgerError: as ``explained`` tells them apart.
    """
    from airflow.providers.postgres.hooks.postgres import PostgresHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    hook = PostgresHook(postgres_conn_id=conn_id)
    try:
        extra = hook.connection.extra_dejson
        hook.connection.extra = json.dumps({**CONNECTING, **extra})
        return cast("psycopg.Connection[Any]", hook.get_conn())
    except AirflowNotFoundException:
        raise LedgerError(
            f"There is no Airflow connection {conn_id!r}, which leads to the ledger of what was "
            "sent. Create it under Admin > Connections (type Postgres); docs/ledger.md says how.",
            code="ledger_no_connection",
        ) from None
    except psycopg.Error as error:
        raise explained(error, conn_id) from None


def check_version(database: LedgerDatabase, migrations: Path, name: str) -> Clock:
    """Make sure that the ledger is as this package expects; return its clock.

    Raises:
        LedgerError: it was never made, or is older or newer.
    """
    row = database.row(
        "select max(number) as version, extract(epoch from clock_timestamp())::float8 as now"
        " from sancrm_ledger.versions"
    )
    found, wanted = row and row["version"], versions(migrations)[-1]
    if row is None or found != wanted:
        advice = HOW_TO_CREATE if (found or 0) < wanted else "Update this package."
        raise LedgerError(
            f"The ledger on {name!r} is of version {found}, this package needs {wanted}. {advice}",
            code="ledger_version",
        )
    return Clock(offset=row["now"] - time.time())


def versions(migrations: Path) -> list[int]:
    """Return the numbers of the files that make the ledger, in order."""
    return sorted(int(file.name.partition("_")[0]) for file in migrations.glob("[0-9]*_*.sql"))
