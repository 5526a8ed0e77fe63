"""Verifies the backup that a probe found, in its tool's own way, and judges what came of it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from sancrm_reports.backups.dumps.files import storage_path
from sancrm_reports.backups.dumps.format import DamagedError
from sancrm_reports.backups.dumps.verifier import StillWrittenError, Verifier
from sancrm_reports.backups.facts import Backup
from sancrm_reports.backups.settings import FilesProbe, ToolProbe
from sancrm_reports.backups.verdicts import Judgement, Verdict
from sancrm_reports.errors import ReportError

if TYPE_CHECKING:
    from sancrm_reports.backups.settings import WatchedBackup


def verify_backup(watched: WatchedBackup, found: Judgement) -> Judgement:
    """Return the judgement after reading the backup.

    Raises:
        StillWrittenError: the backup changed meanwhile; another try reads it again.
    """
    if found.backup is None or watched.verify.level == "none":
        return found
    try:
        _verify(watched, found.backup)
    except StillWrittenError:
        raise
    except DamagedError as error:
        return replace(found, verdict=Verdict.DAMAGED).because(error)
    except ReportError as error:  # that it could not be read is not that it is whole
        return replace(found, verdict=Verdict.UNVERIFIED).because(error)
    return found


def _verify(watched: WatchedBackup, backup: Backup) -> None:
    seconds = watched.verify.limit_minutes * 60
    match watched.probe:
        case FilesProbe() as files:
            path = storage_path(backup.where or files.path, files.conn_id)
            Verifier(path, full=watched.verify.level == "full", seconds=seconds).verify()
        case ToolProbe() as tool:
            from sancrm_reports.backups.probes.tool_report import run

            said = run(watched.verify.command, ssh_conn_id=tool.ssh_conn_id, seconds=seconds)
            # pgBackRest exits with 0 whatever it found, and prints only what is wrong. WAL-G
            # says "integrity check status: FAILURE".
            if wrong := re.search(r"(?im)^.*status: *(error|invalid|fail).*$", said):
                line = " ".join(said[wrong.start() :].split())
                raise DamagedError(line, quote=line)
