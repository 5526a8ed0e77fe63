"""What ``wal-g backup-list --detail --json`` means. Running and failed backups are not in it."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any

from sancrm_reports.backups.facts import Backup, BackupState, Facts


def read(report: Any, server: str, observed_at: datetime, zone: tzinfo) -> Facts:
    """Return the facts; an empty storage is printed as null or an empty list."""
    return Facts(observed_at, tuple(_backup(one) for one in report or ()))


def _backup(one: Any) -> Backup:
    name = one["backup_name"]
    return Backup(
        label=name,
        state=BackupState.DONE,
        started_at=_time(one["start_time"]),
        finished_at=_time(one["finish_time"]),
        size=one.get("compressed_size") or None,
        kind="delta" if "_D_" in name else "full",
    )


def _time(text: str) -> datetime | None:
    """Read a time; the first year of the calendar is how Go writes that there is none."""
    time = datetime.fromisoformat(text)
    return None if time.year == 1 else time
