"""Makes the ledger and brings it up to date: the files of ``include/sql/ledger``, in order."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from sancrm_reports.wire.ledger.database import LedgerDatabase

LOCK = 7_266_726  # any number: two who migrate at once take turns


def applied(database: LedgerDatabase) -> int:
    """Return the ledger's version; 0 where there is none."""
    found = database.row("select to_regclass('sancrm_ledger.versions') is not null as is_there")
    if not (found and found["is_there"]):
        return 0
    row = database.row("select coalesce(max(number), 0) as number from sancrm_ledger.versions")
    return int(row["number"]) if row else 0


def migrate(database: LedgerDatabase, migrations: Path, posted_until: date | None) -> list[str]:
    """Apply what is missing; return the names of these files.

    Args:
        database: where the ledger is, or is to be.
        migrations: the folder of the files.
        posted_until: of a new ledger: up to which day reports were posted before.
    """
    done = []
    with database.transaction():
        database.rows("select pg_advisory_xact_lock(%(lock)s)", lock=LOCK)
        version = applied(database)
        for file in sorted(migrations.glob("[0-9]*_*.sql")):
            if int(file.name.partition("_")[0]) > version:
                database.script(file.read_text(encoding="utf-8"))
                done.append(file.name)
        if version == 0 and posted_until is not None:
            database.rows(
                "insert into sancrm_ledger.horizon (posted_until) values (%(day)s)",
                day=posted_until,
            )
    return done
