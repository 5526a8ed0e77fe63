"""Verifies the backup that a probe found, in its tool's own way, and judges what came of it."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sancrm_reports.backups.dumps.faults import DamagedError, StillWrittenError
from sancrm_reports.backups.dumps.files import storage_path
from sancrm_reports.backups.dumps.verifier import Verifier
from sancrm_reports.backups.facts import Backup
from sancrm_reports.backups.settings import FilesProbe, ToolProbe
from sancrm_reports.backups.verdicts import Judgement, Verdict
from sancrm_reports.errors import ReportError

if TYPE_CHECKING:
    from sancrm_reports.backups.settings import WatchedBackup

NAMED = re.compile(r"backup: (\S+), status: ([a-z -]+)")
WRONG = re.compile(r"(?im)^.*status: *(error|invalid|fail).*$")


class OlderDamagedError(ReportError):
    """Another backup is damaged than the one that is asked about."""

    code = "damaged"


def verify_backup(watched: WatchedBackup, found: Judgement) -> Judgement:
    """Return the judgement after reading the backup.

    Raises:
        StillWrittenError: the backup changed meanwhile; another try reads it again.
    """
    if found.backup is None or watched.verify.level in (None, "none"):
        return found
    try:
        notes = _verify(watched, found.backup, found.repositories)
    except StillWrittenError:
        raise
    except OlderDamagedError as error:
        return replace(
            found, verdict=Verdict.OLDER_DAMAGED, last_good=found.backup, detail=error.quote
        )
    except DamagedError as error:
        return replace(found, verdict=Verdict.DAMAGED).because(error)
    except ReportError as error:  # that it could not be read is not that it is whole
        return replace(found, verdict=Verdict.UNVERIFIED).because(error)
    return replace(found, detail="; ".join(filter(None, (found.detail, *notes))))


def _verify(watched: WatchedBackup, backup: Backup, repositories: Sequence[str]) -> list[str]:
    """Read it; returns what is odd, but not wrong."""
    seconds = watched.verify.limit_minutes * 60
    match watched.probe:
        case FilesProbe() as files:
            verifier = Verifier(
                storage_path(backup.where or files.path, files.conn_id),
                full=watched.verify.level == "full",
                seconds=seconds,
                unpack=shlex.split(files.unpack),
            )
            verifier.verify()
            return verifier.notes
        case ToolProbe() as tool:
            _verify_by_tool(tool, watched.verify.command, backup, repositories, seconds)
    return []


def _verify_by_tool(
    tool: ToolProbe,
    command: list[str],
    backup: Backup,
    repositories: Sequence[str],
    seconds: float,
) -> None:
    """Let the tool verify each repository: pgBackRest by itself verifies the first one only.

    Damage to the backup that is asked about comes before that of others.
    """
    from sancrm_reports.backups.probes.tools import run

    ends_at = time.monotonic() + seconds
    places = [] if any(word.startswith("--repo=") for word in command) else repositories
    older = []
    for place in places or [""]:
        where = [f"--repo={place.removeprefix('repo')}"] if place else []
        left = max(ends_at - time.monotonic(), 1.0)
        said = run([*command, *where], ssh_conn_id=tool.ssh_conn_id, seconds=left)
        try:
            judge_words(said, backup, place)
        except OlderDamagedError as error:
            older.append(error)
    if older:
        raise older[0]


def judge_words(said: str, backup: Backup, place: str = "") -> None:
    """Judge what a tool printed: pgBackRest exits with 0 whatever it found.

    Args:
        said: WAL-G says "integrity check status: FAILURE", pgBackRest names each backup that is
            invalid, and with --verbose also those that are valid.
        backup: the one that is asked about.
        place: the repository that this is about, empty where there is one.

    Raises:
        DamagedError: this backup is, or nothing says which one is; or it is not there any more.
        OlderDamagedError: only others are.
    """
    named = dict(NAMED.findall(said))
    invalid = [label for label, status in named.items() if status not in ("valid", "in-progress")]
    mark = f"{place}: " if place else ""
    is_here = not place or place == backup.where
    if is_here and "valid" in named.values() and backup.label not in named:
        line = f"{mark}{backup.label}"
        raise DamagedError(f"{line} is not in the repository", code="backup_gone", quote=line)
    if invalid and backup.label not in invalid:
        line = f"{mark}{', '.join(invalid)}"
        raise OlderDamagedError(line, quote=line)
    if wrong := WRONG.search(said):
        line = mark + " ".join(said[wrong.start() :].split())
        raise DamagedError(line, quote=line)
