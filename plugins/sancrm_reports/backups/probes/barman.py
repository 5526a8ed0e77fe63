"""What ``barman --format json list-backups SERVER`` means."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

from sancrm_reports.backups.facts import Backup, BackupState, Facts
from sancrm_reports.backups.probes.errors import ToolError

STATES = {
    "DONE": BackupState.DONE,
    "FAILED": BackupState.FAILED,
    "STARTED": BackupState.RUNNING,
    "EMPTY": BackupState.RUNNING,
    "SYNCING": BackupState.RUNNING,
    "WAITING_FOR_WALS": BackupState.NEEDS_WAL,
}
QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)  # zones differ by quarters of an hour
ID = "%Y%m%dT%H%M%S"


def read(report: Any, server: str, observed_at: datetime, zone: tzinfo) -> Facts:
    """Return the facts of one server. A warning of its configuration adds a false one beside it.

    Args:
        report: what Barman printed.
        server: its name of the database server.
        observed_at: when that was true.
        zone: of Barman's host, as far as is known.

    Raises:
        ToolError: there is no such server.
    """
    if server not in report:
        raise ToolError(f"Barman knows no server {server!r}.")
    rows = report[server]
    zone, is_sure = _clock(rows, zone)
    return Facts(observed_at, tuple(_backup(one, server, zone, is_sure) for one in rows))


def _clock(rows: Iterable[Any], zone: tzinfo) -> tuple[tzinfo, bool]:
    """Return the zone of Barman's host, and whether that is sure.

    An id is when the backup began, by the clock of that host. One that seems to have ended before
    gives away that the host is elsewhere: further east, where the shortest took almost no time. If
    none took less than an hour, the host may be further west. The report's end_time is no help:
    it is by the clock of PostgreSQL.
    """
    known = [
        (
            datetime.strptime(one["backup_id"], ID).replace(tzinfo=UTC),
            datetime.fromtimestamp(int(one["end_time_timestamp"]), UTC),
        )
        for one in rows
        if one.get("end_time_timestamp")
    ]
    took = [ended - began.replace(tzinfo=zone) for began, ended in known]
    if not took:
        return zone, True
    if min(took) >= timedelta():
        return zone, min(took) < HOUR
    ahead = max(began - ended for began, ended in known)
    return timezone(-(-ahead // QUARTER) * QUARTER), True


def _backup(one: Any, server: str, zone: tzinfo, is_sure: bool) -> Backup:
    label, state = one["backup_id"], STATES[one["status"]]
    ended = one.get("end_time_timestamp")
    is_failed = state is BackupState.FAILED
    began = datetime.strptime(label, ID).replace(tzinfo=zone)
    return Backup(
        label=label,
        state=state,
        started_at=began if is_sure or not ended else None,
        finished_at=datetime.fromtimestamp(int(ended), UTC) if ended else None,
        size=one.get("size_bytes"),
        kind="incremental" if one.get("backup_type") == "incremental" else "full",
        error=f"FAILED: barman show-backup {server} {label}" if is_failed else "",
    )
