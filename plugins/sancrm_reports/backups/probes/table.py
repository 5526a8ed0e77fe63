"""The table of backup runs in the CRM's database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sancrm_reports.backups.facts import Backup, BackupState, Facts
from sancrm_reports.backups.redaction import last_line
from sancrm_reports.settings import INCLUDE
from sancrm_reports.wire.crm import snapshot, sql_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sancrm_reports.settings import DatabaseSettings

STATES = {
    "running": BackupState.RUNNING,
    "succeeded": BackupState.DONE,
    "failed": BackupState.FAILED,
}


class BackupRunsTable:
    """The runs of one database, by ``include/sql/backup_runs.sql``."""

    def __init__(self, connection: DatabaseSettings, database: str) -> None:
        self.connection = connection
        self.database = database

    def look(self) -> Facts:
        """Read the newest runs. A CRM that is down is an error like any other."""
        with snapshot(self.connection) as cursor:
            cursor.execute(
                sql_text(INCLUDE / "sql", "backup_runs.sql"), {"database": self.database}
            )
            rows = cursor.fetchall()
        return Facts(datetime.now(UTC), tuple(_backup(row) for row in rows))


def _backup(row: Mapping[str, Any]) -> Backup:
    return Backup(
        label=f"№ {row['run_id']}",
        state=STATES[row["status"]],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        size=row["size_bytes"],
        where=row["location"] or "",
        error=last_line(row["error"] or ""),
    )
