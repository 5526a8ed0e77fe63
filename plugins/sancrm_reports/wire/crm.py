"""Reads from the CRM's database: one snapshot, read-only, with a time limit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from sancrm_reports.pure.figures import Figures
from sancrm_reports.wire.crm_errors import (
    PASSING,
    CrmError,
    explained,
    unreachable,
)

if TYPE_CHECKING:
    from pathlib import Path

    from jinja2 import Environment

    from sancrm_reports.pure.missed_calls import CallList
    from sancrm_reports.pure.period import Days, Period
    from sancrm_reports.settings import DatabaseSettings


# What each session is: settings of [database.session] win. Without row_security PostgreSQL says
# where a policy hides rows, in place of hiding them; the zone is nobody's, so that none matters.
SESSION = {"timezone": "UTC", "row_security": "off"}


@contextmanager
def snapshot(database: DatabaseSettings, *, is_private: bool = False) -> Iterator[Any]:
    """Open a cursor on one unchanging, read-only view of the CRM; rows are mappings.

    Where private rows are read, no error quotes a value, as PostgreSQL's own texts do.

    Raises:
        CrmUnreachableError: no server, no answer, or a wrong password.
        CrmError: no such connection, or a query that cannot work.
    """
    import psycopg
    from airflow.providers.postgres.hooks.postgres import PostgresHook
    from airflow.sdk.exceptions import AirflowNotFoundException
    from psycopg.rows import dict_row

    try:
        connection: Any = PostgresHook(postgres_conn_id=database.conn_id).get_conn()
    except AirflowNotFoundException:
        raise CrmError(
            f"There is no Airflow connection {database.conn_id!r}. Create it under Admin > "
            "Connections (type Postgres, a read-only account); docs/installation.md says how.",
            code="crm_no_connection",
        ) from None
    except psycopg.Error as error:
        raise unreachable(database, error) from None
    connection.prepare_threshold = None  # PgBouncer gives each transaction another session
    try:
        with connection, connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute("set transaction isolation level repeatable read, read only")
            _configure(cursor, database)
            yield cursor
    except psycopg.Error as error:
        if is_private:
            raise explained(database, error, is_private=True) from None
        raise explained(database, error) from error


def _configure(cursor: Any, database: DatabaseSettings) -> None:
    from psycopg import Error

    for name, value in (SESSION | database.session).items():
        try:
            cursor.execute("select set_config(%s, %s, true)", (name, value))
        except Error as error:
            if (error.sqlstate or "").startswith(PASSING):
                raise
            raise CrmError(
                f"PostgreSQL does not take {name} = {value!r}: {str(error).splitlines()[0]}. "
                "Correct it in include/settings.toml under [database.session].",
                code="crm_session",
                quote=str(error).splitlines()[0],
            ) from None
    if cursor.connection.info.parameter_status("client_encoding") == "SQL_ASCII":
        raise CrmError(
            "The CRM's database has the encoding SQL_ASCII: PostgreSQL does not know what "
            'its texts are in. Under [database.session] set client_encoding: "UTF8" or "WIN1251".',
            code="crm_encoding",
        )


def sql_text(folder: Path, name: str = "profitability.sql") -> str:
    """Return a query with its sources put in, for use outside of Airflow's templates."""
    return _environment(folder).get_template(name).render()


@cache
def _environment(folder: Path) -> Environment:
    """Jinja keeps what it has compiled, and looks whether a file has changed."""
    from jinja2 import Environment, FileSystemLoader

    # Nothing is escaped: this is SQL, and holds no values.
    return Environment(loader=FileSystemLoader(folder), autoescape=False)


def parameters(period: Period | Days) -> dict[str, Any]:
    """Return a period as the SQL has it: two instants, and two dates."""
    return {
        "period_start": period.starts_at,
        "period_end": period.ends_at,
        "first_day": period.start,
        "end_day": period.end,
    }


def read_profitability(cursor: Any, sql: str, period: Period | Days) -> list[Figures]:
    """Run the formulas for one period: branches, then not allocated, then the network."""
    cursor.execute(sql, parameters(period))
    return [Figures.from_row(row) for row in cursor.fetchall()]


def read_days(cursor: Any, sql: str, period: Period) -> list[Sequence[Figures]]:
    """Run the formulas for each day of a period."""
    return [read_profitability(cursor, sql, day) for day in period.days]


def read_silent(
    cursor: Any, sql: str, day: Period, now: Sequence[Figures], weeks: int
) -> list[str]:
    """Return the names of branches without movements on a day, which are never so on its weekday.

    That is: they had some on this weekday in each of so many weeks before. Reads earlier days only
    where a branch has none.
    """
    quiet = {
        row.key: row.branch_name or ""
        for row in now
        if row.subject == "branch" and not row.has_movements
    }
    for week in range(1, weeks + 1):
        if not quiet:
            break
        earlier = read_profitability(cursor, sql, day.before(7 * week))
        moved = {row.key for row in earlier if row.has_movements}
        quiet = {key: name for key, name in quiet.items() if key in moved}
    return list(quiet.values()) if weeks else []


def read_missed_calls(cursor: Any, sql: str, statuses: Sequence[str]) -> CallList:
    """Read whom to call back, the longest wait first."""
    from psycopg import DataError
    from psycopg.types.datetime import TimestamptzLoader

    from sancrm_reports.pure.missed_calls import CallList

    class AnyTime(TimestamptzLoader):
        """Leaves as a text what Python has no time for: infinity, the year 20226."""

        def load(self, data: Any) -> Any:
            try:
                return super().load(data)
            except DataError:
                return bytes(data).decode()

    cursor.adapters.register_loader("timestamptz", AnyTime)
    # The joins stand in the right order: to look for another takes as long as the query itself.
    cursor.execute("set local join_collapse_limit = 1")
    cursor.execute(sql, {"statuses": list(statuses)})
    return CallList.from_rows(cursor.fetchall())


def read_statuses(cursor: Any, sql: str) -> list[str]:
    """Read the names of the statuses that there are."""
    cursor.execute(sql)
    return [row["status_name"] for row in cursor.fetchall()]
