"""What ``pgbackrest info --output=json`` means."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any

from sancrm_reports.backups.facts import Backup, BackupState, Facts
from sancrm_reports.backups.probes.errors import ToolError

OK, NO_BACKUP = 0, 2  # status codes that are an answer, not a trouble
MIXED = 4  # of a stanza only: its repositories differ, and each has a code of its own


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
    _check("stanza", found["status"], (OK, NO_BACKUP, MIXED))
    for one in found.get("repo", ()):
        _check(f"repo{one['key']}", one["status"], (OK, NO_BACKUP))
    backups = [_backup(one) for one in found["backup"]]
    lock = found["status"].get("lock", {}).get("backup", {})
    if lock.get("held"):
        whole, copied = lock.get("size"), lock.get("size-cplt")
        share = copied / whole if whole and copied is not None else None
        backups.append(Backup("", BackupState.RUNNING, size=copied, progress=share))
    repositories = tuple(f"repo{one['key']}" for one in found.get("repo", ()))
    return Facts(observed_at, tuple(backups), repositories if len(repositories) > 1 else ())


def _check(place: str, status: Any, answers: tuple[int, ...]) -> None:
    if status["code"] not in answers:
        raise ToolError(
            f"pgBackRest, {place}: {status['message']} (code {status['code']}).",
            quote=f"{place}: {status['message']} (code {status['code']})",
        )


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
