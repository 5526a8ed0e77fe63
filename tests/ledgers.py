"""A real ledger for tests: one PostgreSQL in a process, emptied for each test, that can break."""

import atexit
from functools import cache

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from demo.ledger import create_ledger
from demo.postgres import EmbeddedPostgres
from sancrm_reports.settings import INCLUDE
from sancrm_reports.wire.ledger.database import LedgerDatabase

MIGRATIONS = INCLUDE / "sql" / "ledger"
TABLES = (
    "messages",
    "corrections",
    "expected",
    "incidents",
    "open_calls",
    "paces",
    "moved_groups",
    "notes",
    "horizon",
)


@cache
def ledger_dsn():
    """The DSN of this process's ledger; its server ends with the process."""
    server = EmbeddedPostgres()
    server.__enter__()
    atexit.register(server.__exit__, None, None, None)
    return create_ledger(server)


def empty_ledger():
    """Forget everything; return the DSN."""
    with psycopg.connect(ledger_dsn(), autocommit=True) as connection:
        for table in TABLES:
            connection.execute(sql.SQL("delete from {}").format(_named(table)))
    return ledger_dsn()


def rows(table):
    """All rows of a table, as mappings."""
    with psycopg.connect(ledger_dsn(), row_factory=dict_row) as connection:
        return connection.execute(sql.SQL("select * from {}").format(_named(table))).fetchall()


def _named(table):
    return sql.Identifier("sancrm_ledger", table)


def everything():
    """All that the ledger holds, as one text."""
    return "\n".join(repr(row) for table in TABLES for row in rows(table))


class BreakableDatabase(LedgerDatabase):
    """A ledger whose connection really breaks, before a statement or just after it.

    ``breaks`` is asked with each statement and its values; ``loses`` likewise, after it.
    """

    def __init__(self, dsn):
        super().__init__(_connected(dsn), "sancrm_ledger")
        self.dsn = dsn
        self.heal()

    def rows(self, statement, **values):
        if self._connection.closed:
            self._connection = _connected(self.dsn)
        if self.breaks(statement, values):
            self._connection.close()
        found = super().rows(statement, **values)
        if self.loses(statement, values):
            self._connection.close()
            super().rows("select 1")
        return found

    def heal(self):
        self.breaks = self.loses = lambda statement, values: False


def _connected(dsn):
    return psycopg.connect(dsn, autocommit=True, prepare_threshold=None)


def writes(*states):
    """Tells a statement that writes one of these states of a message; of any without one."""
    return lambda statement, values: (
        "set state = %(state)s" in statement and (not states or values["state"] in states)
    )


def changes(statement, values):
    """Tells a statement that changes anything."""
    return statement.startswith(("insert", "update", "delete", "with"))
