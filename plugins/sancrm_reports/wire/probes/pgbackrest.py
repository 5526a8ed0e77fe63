"""What ``pgbackrest info --output=json`` means."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any

from sancrm_reports.pure.backups import Backup, BackupState, Facts
from sancrm_reports.wire.probes.errors import ToolError

NO_BACKUP = 2  # a status code that is an answer, not a trouble


def read(report: Any, stanza: str, observed_at: datetime, zone: tzinfo) -> Facts:
    """Return the facts of one stanza.

    The command exits with 0 whatever it found, so its codes are judged. A backup that failed
    leaves no trace here: only the lack of a newer one tells.

    Raises:
        ToolError: there is no such stanza, or it or one of its repositories cannot be read.
    """
    found = next((one for one in report if one["name"] == stanza), None)
    if found is None:
        raise ToolError(f"pgBackRest knows no stanza {stanza!r}.")
    places = [("stanza", found), *((f"repo{one['key']}", one) for one in found.get("repo", ()))]
    for place, one in places:
        status = one["status"]
        if status["code"] not in (0, NO_BACKUP):
            raise ToolError(f"pgBackRest, {place}: {status['message']} (code {status['code']}).")
    backups = [_backup(one) for one in found["backup"]]
    lock = found["status"].get("lock", {}).get("backup", {})
    if lock.get("held"):
        whole, copied = lock.get("size"), lock.get("size-cplt")
        share = copied / whole if whole and copied is not None else None
        backups.append(Backup("", BackupState.RUNNING, size=copied, progress=share))
    repositories = tuple(f"repo{one['key']}" for one in found.get("repo", ()))
    return Facts(observed_at, tuple(backups), repositories if len(repositories) > 1 else ())


def _backup(one: Any) -> Backup:
    label = one["label"]
    return Backup(
        label=label,
        state=BackupState.DONE,
        started_at=datetime.fromtimestamp(one["timestamp"]["start"], UTC),
        finished_at=datetime.fromtimestamp(one["timestamp"]["stop"], UTC),
        size=one["info"]["repository"].get("delta"),
        kind=one["type"],
        where=f"repo{one.get('database', {}).get('repo-key', 1)}",
        damage="page checksum errors" if one.get("error") else "",
    )
