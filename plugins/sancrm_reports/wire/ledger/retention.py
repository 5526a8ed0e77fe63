"""What the ledger forgets: what is old and has no consequences any more."""

from __future__ import annotations

from datetime import date, timedelta

from sancrm_reports.wire.ledger.database import LedgerDatabase


def prune(database: LedgerDatabase, *, before: date, texts_before: date) -> int:
    """Forget what is older than these days; return how many messages were forgotten.

    A message stays while its status is unknown, or while it says "call" and nobody has called. What
    is forgotten counts as posted from then on: its report is not posted again by itself.
    """
    with database.transaction():
        gone = database.rows(
            "delete from sancrm_ledger.messages where day < %(before)s"
            " and state in ('sent', 'failed') and not exists (select from sancrm_ledger.open_calls"
            " where messages.report = 'missed_calls' and open_calls.day = messages.day"
            " and messages.subject = 'repair-' || open_calls.repair_id) returning id",
            before=before,
        )
        if gone:
            database.rows(
                "insert into sancrm_ledger.horizon (posted_until) values (%(last)s)"
                " on conflict (is_only) do update"
                " set posted_until = greatest(horizon.posted_until, excluded.posted_until)",
                last=before - timedelta(days=1),
            )
        for statement in (
            "delete from sancrm_ledger.expected where day < %(before)s",
            "delete from sancrm_ledger.incidents where not is_open and updated_at < %(before)s",
            "delete from sancrm_ledger.notes where updated_at < %(before)s"
            " and (name like 'lines|%%' or name like 'not_taken|%%')",
        ):
            database.rows(statement, before=before)
        database.rows(
            "update sancrm_ledger.messages set html = null where day < %(before)s"
            " and html is not null",
            before=texts_before,
        )
    return len(gone)
