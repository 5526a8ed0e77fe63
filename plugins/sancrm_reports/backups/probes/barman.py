"""What ``barman --format json list-backups SERVER`` means."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any

from sancrm_reports.backups.facts import Backup, BackupState, Facts
from sancrm_reports.backups.probes.errors import ToolError

STATES = {
    "DONE": BackupState.DONE,
    "FAILED": BackupState.FAILED,
    "STARTED": BackupState.RUNNING,
    "EMPTY": BackupState.RUNNING,
    "SYNCING": BackupState.RUNNING,
    "WAITING_FOR_WALS": BackupState.RUNNING,  # not restorable yet
}


def read(report: Any, server: str, observed_at: datetime, zone: tzinfo) -> Facts:
    """Return the facts of one server. A warning of its configuration adds a false one beside it.

    Raises:
        ToolError: there is no such server.
    """
    if server not in report:
        raise ToolError(f"Barman knows no server {server!r}.")
    return Facts(observed_at, tuple(_backup(one, server, zone) for one in report[server]))


def _backup(one: Any, server: str, zone: tzinfo) -> Backup:
    label, state = one["backup_id"], STATES[one["status"]]
    ended = one.get("end_time_timestamp")
    is_failed = state is BackupState.FAILED
    return Backup(
        label=label,
        state=state,
        # The id is when it began, by the clock of Barman's host; nothing else tells that.
        started_at=datetime.strptime(label, "%Y%m%dT%H%M%S").replace(tzinfo=zone),
        finished_at=datetime.fromtimestamp(int(ended), UTC) if ended else None,
        size=one.get("size_bytes"),
        kind="incremental" if one.get("backup_type") == "incremental" else "full",
        error=f"FAILED: barman show-backup {server} {label}" if is_failed else "",
    )
