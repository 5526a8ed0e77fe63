"""Reads from the CRM's database: one snapshot, read-only, with a time limit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sancrm_reports.errors import PermanentError, ReportError
from sancrm_reports.pure.figures import Figures

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg import Error

    from sancrm_reports.pure.missed_calls import MissedCall
    from sancrm_reports.pure.period import Period
    from sancrm_reports.settings import Database


# What a person must correct; all else, such as a server that is starting up, may pass.
_REFUSED = re.compile(
    r'password authentication failed|no password supplied|(role|database) ".*" does not exist'
    "|not permitted to log in|no pg_hba.conf entry"
)
_OF_THE_SQL_ITSELF = "42"  # the class of SQLSTATE for syntax and rights: no row is quoted


class CrmUnreachableError(ReportError):
    """The database does not answer, or not in time; another try may succeed."""

    code = "crm_unreachable"


class CrmError(PermanentError):
    """The database answers that it cannot do what is asked."""

    code = "crm"


@contextmanager
def snapshot(database: Database, *, is_private: bool = False) -> Iterator[Any]:
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
        connection = PostgresHook(postgres_conn_id=database.conn_id).get_conn()
    except AirflowNotFoundException:
        raise CrmError(
            f"There is no Airflow connection {database.conn_id!r}. Create it under Admin > "
            "Connections (type Postgres, a read-only account); README.md says how.",
            code="crm_no_connection",
        ) from None
    except psycopg.Error as error:
        raise _unreachable(database, error) from None
    try:
        with connection, connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute("set transaction isolation level repeatable read, read only")
            _configure(cursor, database)
            yield cursor
    except psycopg.Error as error:
        if is_private:
            raise _explained(database, error, is_private=True) from None
        raise _explained(database, error) from error


def _configure(cursor: Any, database: Database) -> None:
    from psycopg import Error

    for name, value in database.session.items():
        try:
            cursor.execute("select set_config(%s, %s, true)", (name, value))
        except Error as error:
            raise CrmError(
                f"PostgreSQL does not take {name} = {value!r}: {str(error).splitlines()[0]}. "
                "Correct it in include/settings.toml under [database.session].",
                code="crm_session",
                quote=str(error).splitlines()[0],
            ) from None


def sql_text(folder: Path, name: str = "profitability.sql") -> str:
    """Return a query with its sources put in, for use outside of Airflow's templates."""
    from jinja2 import Environment, FileSystemLoader

    # Nothing is escaped: this is SQL, and holds no values.
    environment = Environment(loader=FileSystemLoader(folder), autoescape=False)
    return environment.get_template(name).render()


def read_profitability(cursor: Any, sql: str, period: Period) -> list[Figures]:
    """Run the formulas for one period: branches, then not allocated, then the network."""
    cursor.execute(
        sql,
        {
            "period_start": period.starts_at,
            "period_end": period.ends_at,
            "first_day": period.start,
            "end_day": period.end,
        },
    )
    return [Figures.from_row(row) for row in cursor.fetchall()]


def read_days(cursor: Any, sql: str, period: Period) -> list[Sequence[Figures]]:
    """Run the formulas for each day of a period."""
    return [read_profitability(cursor, sql, day) for day in period.days]


def read_missed_calls(cursor: Any, sql: str, statuses: Sequence[str]) -> list[MissedCall]:
    """Read whom to call back, the longest wait first."""
    from sancrm_reports.pure.missed_calls import MissedCall

    # The joins stand in the right order: to look for another takes as long as the query itself.
    cursor.execute("set local join_collapse_limit = 1")
    cursor.execute(sql, {"statuses": list(statuses)})
    return [MissedCall.from_row(row) for row in cursor.fetchall()]


def read_statuses(cursor: Any, sql: str) -> list[str]:
    """Read the names of the statuses that there are."""
    cursor.execute(sql)
    return [row["status_name"] for row in cursor.fetchall()]


def _unreachable(database: Database, error: Exception) -> ReportError:
    reason = " ".join(line.strip() for line in str(error).splitlines())
    if _REFUSED.search(reason):
        return CrmError(
            f"The CRM's database refused the connection {database.conn_id!r}: {reason}. "
            "Correct login, password or schema under Admin > Connections.",
            code="crm_login",
            quote=reason,
        )
    return CrmUnreachableError(
        f"The CRM's database does not answer on the connection {database.conn_id!r}: {reason}. "
        "Is the server up, and can this machine reach it?",
        quote=reason,
    )


def _explained(database: Database, error: Error, *, is_private: bool = False) -> ReportError:
    from psycopg import OperationalError, errors

    reason = str(error).strip().splitlines()[0]
    match error:
        case errors.UndefinedTable() | errors.UndefinedColumn() | errors.UndefinedFunction():
            return CrmError(
                f"The CRM's database is not as the SQL expects: {reason}. Change the file in "
                "include/sql/sources/ that reads it; nothing else knows the CRM's tables.",
                code="crm_schema",
                quote=reason,
            )
        case errors.InsufficientPrivilege():
            return CrmError(
                f"The account of {database.conn_id!r} may not read that: {reason}. "
                "Grant it select on the table.",
                code="crm_right",
                quote=reason,
            )
        case errors.QueryCanceled():
            return CrmUnreachableError(
                f"The query was stopped: {reason}. The limit is statement_timeout in "
                "include/settings.toml; are the indexes of include/sql/indexes.sql there?",
                code="crm_timeout",
                quote=reason,
            )
        case errors.DivisionByZero():
            return CrmError(
                "The SQL divided by zero. Write x / nullif(y, 0) for a ratio: its null is shown "
                "as a dash.",
                code="crm_zero",
            )
        case OperationalError():
            return CrmUnreachableError(f"The CRM's database broke off: {reason}.", quote=reason)
        case _ if is_private and not (error.sqlstate or "").startswith(_OF_THE_SQL_ITSELF):
            return CrmError(
                f"The CRM's database refused the SQL ({type(error).__name__}). Its text is left "
                "out, because it may quote a customer: run the query by hand to see it."
            )
        case _:
            return CrmError(f"The CRM's database refused the SQL: {reason}.", quote=reason)
