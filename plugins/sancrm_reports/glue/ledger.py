"""``make ledger``: make the delivery ledger or bring it up to date, and take over the old one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date

from sancrm_reports.errors import PermanentError, ReportError
from sancrm_reports.glue.airflow_connections import see_airflows_connections
from sancrm_reports.settings import INCLUDE, settings
from sancrm_reports.wire.ledger.database import LedgerDatabase, connect, versions
from sancrm_reports.wire.ledger.migrate import applied, migrate
from sancrm_reports.wire.ledger.takeover import take_over

MIGRATIONS = INCLUDE / "sql" / "ledger"
NEW_LEDGER = (
    "There is no ledger yet. Say what was posted before it, as the ledger cannot know:\n"
    "  POSTED_UNTIL=nothing      a new installation\n"
    "  POSTED_UNTIL={today}   the ledger was lost: reports of periods up to this day are left "
    "alone"
)


class AnswerNeededError(PermanentError):
    """Only a person knows what was posted before the ledger began."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was done; return 1 where something must be corrected first."""
    parser = argparse.ArgumentParser(prog="ledger", description=__doc__)
    parser.add_argument("--posted-until", default="", help="a day, or: nothing")
    parser.add_argument("--take-over", action="store_true", help="the old store's entries, too")
    options = parser.parse_args(arguments)
    see_airflows_connections()
    try:
        with connect(settings().ledger.conn_id) as connection:
            database = LedgerDatabase(connection, settings().ledger.conn_id)
            refuse_the_crm(database)
            print(prepare(database, options.posted_until))
            if options.take_over:
                print(take_over_from_airflow(database))
    except ReportError as error:
        print(f"✗ {error}", file=sys.stderr)
        return 1
    return 0


def prepare(database: LedgerDatabase, posted_until: str) -> str:
    """Make the ledger or bring it up to date; return what was done.

    Raises:
        AnswerNeededError: it is new, and nobody said what was posted before.
    """
    is_new = applied(database) == 0
    if is_new and not posted_until:
        raise AnswerNeededError(NEW_LEDGER.format(today=date.today().isoformat()))  # noqa: DTZ011
    try:
        until = None if posted_until in ("", "nothing") else date.fromisoformat(posted_until)
    except ValueError:
        raise AnswerNeededError(
            f"POSTED_UNTIL={posted_until} isn't a day. Write it as 2026-11-17, or: nothing."
        ) from None
    done = migrate(database, MIGRATIONS, until)
    version = versions(MIGRATIONS)[-1]
    if not done:
        return f"The ledger is of version {version}: nothing was to be done."
    before = f", which knows nothing of the reports up to {until}" if until else ""
    return f"Applied {', '.join(done)}: the ledger is of version {version}{before}."


def refuse_the_crm(database: LedgerDatabase) -> None:
    """Make sure that the ledger does not go into the CRM's database.

    Raises:
        PermanentError: its connection leads there.
    """
    from airflow.providers.postgres.hooks.postgres import PostgresHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    def place(conn_id: str) -> tuple[str | None, int, str | None]:
        connection = PostgresHook(postgres_conn_id=conn_id).connection
        return connection.host, connection.port or 5432, connection.schema

    ledger, crm = settings().ledger.conn_id, settings().database.conn_id
    try:
        is_crm = place(ledger) == place(crm)
    except AirflowNotFoundException:  # no CRM yet
        return
    if is_crm:
        raise PermanentError(
            f"The connections {ledger!r} and {crm!r} lead to the same database. The ledger belongs "
            "into one of its own: nothing of ours is written into the CRM's."
        )


def take_over_from_airflow(database: LedgerDatabase) -> str:
    """Copy what the asset state store of Airflow still holds; return what was done."""
    from airflow.models.asset import AssetModel
    from airflow.models.asset_state_store import AssetStateStoreModel as Stored
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        rows = session.execute(
            select(AssetModel.name, Stored.key, Stored.value).join(
                Stored, Stored.asset_id == AssetModel.id
            )
        ).all()
    messages = take_over(database, [(name, key, value) for name, key, value in rows])
    return f"Took over {messages} messages from Airflow's asset state store."


if __name__ == "__main__":
    sys.exit(main())
