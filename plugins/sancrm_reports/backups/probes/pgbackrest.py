"""What ``pgbackrest info --output=json`` means."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any

from sancrm_reports.backups.facts import Backup, BackupState, Facts
from sancrm_reports.backups.probes.errors import ToolError

OK, NO_BACKUP = 0, 2  # status codes that are an answer, not a trouble
MIXED = 4  # of a stanza only: its repositories differ, and each has a code of its own
TIMELINE = 8  # characters of a WAL segment's name; those after it tell the order


def read(report: Any, stanza: str, observed_at: datetime, zone: tzinfo) -> Facts:
    """Return the facts of one stanza.

    The command exits with 0 whatever it found, so its codes are judged. A backup that failed
    leaves no trace here: only the lack of a newer one tells.

    Raises:
        ToolError: there is no such stanza, or it or all of its repositories cannot be read.
    """
    found = next((one for one in report if one["name"] == stanza), None)
    if found is None:
        raise ToolError(f"pgBackRest knows no stanza {stanza!r}.")
    _check("stanza", found["status"], (OK, NO_BACKUP, MIXED))
    repositories = {f"repo{one['key']}": one["status"] for one in found.get("repo", ())}
    gone = [
        place for place, status in repositories.items() if status["code"] not in (OK, NO_BACKUP)
    ]
    if gone and len(gone) == len(repositories):
        _check(gone[0], repositories[gone[0]], (OK, NO_BACKUP))
    backups = [_backup(one) for one in found["backup"]]
    lock = found["status"].get("lock", {}).get("backup", {})
    if lock.get("held"):
        whole, copied = lock.get("size"), lock.get("size-cplt")
        share = copied / whole if whole and copied is not None else None
        backups.append(Backup("", BackupState.RUNNING, size=copied, progress=share))
    return Facts(
        observed_at,
        tuple(backups),
        repositories=tuple(repositories) if len(repositories) > 1 else (),
        gone=gone[0] if gone else "",
        gone_because=_words(gone[0], repositories[gone[0]]) if gone else "",
        wal=_stalled_wal(found),
    )


def _check(place: str, status: Any, answers: tuple[int, ...]) -> None:
    if status["code"] not in answers:
        words = _words(place, status)
        raise ToolError(f"pgBackRest, {words}.", quote=words)


def _words(place: str, status: Any) -> str:
    return f"{place}: {status['message']} (code {status['code']})"


def _stalled_wal(stanza: Any) -> str:
    """Say where the newest WAL is older than what the database had written by its last backup.

    Where the archive takes all WAL, a backup's last segment is in it: in each repository, since
    WAL goes to all of them. Nothing is said where the versions differ or nothing is archived.
    """
    stops = [
        (one["database"]["id"], one["archive"]["stop"])
        for one in stanza["backup"]
        if one.get("archive", {}).get("stop") and "id" in one.get("database", {})
    ]
    if not stops:
        return ""
    current = max(version for version, _ in stops)
    written = max((stop for version, stop in stops if version == current), key=_position)
    for one in stanza.get("archive", ()):
        newest, database = one.get("max"), one.get("database", {})
        is_current = database.get("id") == current
        if is_current and newest and _position(newest) < _position(written):
            place = database.get("repo-key", 1)
            return f"repo{place}: {newest} < {written}"
    return ""


def _position(segment: str) -> str:
    return segment[TIMELINE:]


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
