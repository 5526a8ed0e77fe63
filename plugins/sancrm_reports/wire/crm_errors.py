"""What an error of PostgreSQL means for a report, by its SQLSTATE: servers speak many languages."""

from __future__ import annotations

import re
import select
import tempfile
from typing import TYPE_CHECKING

from sancrm_reports.errors import PermanentError, ReportError

if TYPE_CHECKING:
    from psycopg import Error

    from sancrm_reports.settings import DatabaseSettings

# https://www.postgresql.org/docs/current/errcodes-appendix.html: a connection broken off, a
# conflict with recovery, no room, something in the way, an administrator's hand, the system; and
# a session or transaction that idled, or went on, for too long.
PASSING = ("08", "40", "53", "55", "57", "58", "25P03", "25P04")
# What a person must correct: login, password, database, the right to connect.
REFUSED = ("28", "3D000", "42501")
PATIENCE = 10  # seconds for each answer of a server that has just refused us
OF_THE_SQL_ITSELF = "42"  # syntax and rights: no row is quoted
# PgBouncer's own, of all kinds; in this mode it takes no transaction, and so no snapshot.
STATEMENT_POOLING = "transaction blocks not allowed in statement pooling mode"


class CrmUnreachableError(ReportError):
    """The database does not answer, or not in time; another try may succeed."""

    code = "crm_unreachable"


class CrmError(PermanentError):
    """The database answers that it cannot do what is asked."""

    code = "crm"


def unreachable(database: DatabaseSettings, error: Error) -> ReportError:
    """Return why there is no connection: refused, which a person mends, or down for now."""
    reason = " ".join(line.strip() for line in str(error).splitlines())
    if (refusal_of(error) or "").startswith(REFUSED):
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


def refusal_of(error: Error) -> str | None:
    """Return the SQLSTATE with which a server refused a connection; None where none did.

    libpq keeps no code of an error on the way to a connection, only its text, which is in the
    server's language. So the connection is tried once more, with libpq's trace switched on.
    """
    from psycopg import NotSupportedError, OperationalError
    from psycopg.conninfo import make_conninfo
    from psycopg.errors import FinishedPGconn

    if not isinstance(error.pgconn, FinishedPGconn):
        return error.sqlstate
    given = {one.keyword.decode(): one.val.decode() for one in error.pgconn.info if one.val}
    with tempfile.TemporaryFile() as trace:  # has no name: nobody else can read it
        try:
            _connect_traced(make_conninfo(**given), trace.fileno())
        except (NotSupportedError, OperationalError):  # libpq traces on Linux only
            return None
        trace.seek(0)
        return code_in(trace.read())


def code_in(trace: bytes) -> str | None:
    """Return the SQLSTATE of the error in libpq's trace of a connection."""
    found = re.search(rb'\tErrorResponse\t.*? C "([0-9A-Z]{5})"', trace, re.DOTALL)
    return found[1].decode() if found else None


def _connect_traced(conninfo: str, trace: int) -> None:
    """Connect as psycopg does, writing what is said into a file, and hang up."""
    from psycopg.pq import PGconn, PollingStatus

    connection = PGconn.connect_start(conninfo.encode())
    try:
        if connection.socket < 0:
            return
        connection.trace(trace)
        status = connection.connect_poll()
        while status in (PollingStatus.READING, PollingStatus.WRITING):
            wanted = select.POLLIN if status is PollingStatus.READING else select.POLLOUT
            waiting = select.poll()
            waiting.register(connection.socket, wanted)
            if not waiting.poll(PATIENCE * 1000):
                break
            status = connection.connect_poll()
        connection.untrace()
    finally:
        connection.finish()


def explained(database: DatabaseSettings, error: Error, *, is_private: bool = False) -> ReportError:
    """Return what a query's error means; of private rows, without a word that may quote one."""
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    code = error.sqlstate or ""
    if STATEMENT_POOLING in reason:
        return CrmError(
            "PgBouncer pools single statements (pool_mode = statement), and a report needs one "
            "snapshot over several. Set pool_mode = transaction, or session, for this database.",
            code="crm_pooling",
        )
    match code:
        case "42P01" | "42703" | "42883":
            return CrmError(
                f"The CRM's database is not as the SQL expects: {reason}. Change the file in "
                "include/sql/sources/ that reads it; nothing else knows the CRM's tables. In a "
                "schema of its own, name it, or set search_path under [database.session].",
                code="crm_schema",
                quote=reason,
            )
        case "42501" if error.diag.source_function == "check_enable_rls":
            return CrmError(
                f"Row security hides rows from the account of {database.conn_id!r}: {reason}. "
                "Let it see all: alter role … bypassrls. If it is to see only what a policy "
                'shows it, set row_security = "on" under [database.session].',
                code="crm_row_security",
                quote=reason,
            )
        case "42501":
            return CrmError(
                f"The account of {database.conn_id!r} may not read that: {reason}. "
                "Grant it select on the table.",
                code="crm_right",
                quote=reason,
            )
        case "57014":
            return CrmUnreachableError(
                f"The query was stopped: {reason}. The limit is statement_timeout in "
                "include/settings.toml; are the indexes of include/sql/indexes.sql there?",
                code="crm_timeout",
                quote=reason,
            )
        case "22021" | "22P05":
            return CrmError(
                "A text of the CRM's database is not in the encoding that the session expects. Set "
                "client_encoding under [database.session] to what the texts are in.",
                code="crm_encoding",
            )
        case "22012":
            return CrmError(
                "The SQL divided by zero. Write x / nullif(y, 0) for a ratio: its null is shown "
                "as a dash.",
                code="crm_zero",
            )
    if code.startswith(PASSING) or (not code and is_broken_off(error)):
        return CrmUnreachableError(f"The CRM's database broke off: {reason}.", quote=reason)
    if is_private and not code.startswith(OF_THE_SQL_ITSELF):
        return CrmError(
            f"The CRM's database refused the SQL ({type(error).__name__}). Its text is left "
            "out, because it may quote a customer: run the query by hand to see it."
        )
    return CrmError(f"The CRM's database refused the SQL: {reason}.", quote=reason)


def is_broken_off(error: Error) -> bool:
    """Whether an error without a code is of the connection, not of psycopg itself."""
    from psycopg import OperationalError

    return isinstance(error, OperationalError)
