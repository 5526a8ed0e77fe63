"""What ``wal-g backup-list --detail --json`` means. Running and failed backups are not in it."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any

from sancrm_reports.backups.facts import Backup, BackupState, Facts

# When it ended: with --detail, or without when its last file was written, by an old word or a new.
ENDS = ("finish_time", "time", "modification_time")


def read(report: Any, server: str, observed_at: datetime, zone: tzinfo) -> Facts:
    """Return the facts; an empty storage is printed as null or an empty list."""
    return Facts(observed_at, tuple(_backup(one) for one in report or ()))


def _backup(one: Any) -> Backup:
    name = one["backup_name"]
    return Backup(
        label=name,
        state=BackupState.DONE,
        started_at=_time(one.get("start_time")),
        finished_at=_time(next((one[word] for word in ENDS if word in one), None)),
        size=one.get("compressed_size") or None,
        kind="delta" if "_D_" in name else "full",
    )


def _time(text: str | None) -> datetime | None:
    """Read a time; the first year of the calendar is how Go writes that there is none."""
    if text is None:
        return None
    time = datetime.fromisoformat(text)
    return None if time.year == 1 else time
