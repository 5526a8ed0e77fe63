"""One look at a backup: what its probe sees, and what that means."""

from __future__ import annotations

from datetime import UTC, datetime

from sancrm_reports.backups.facts import Memory, Window
from sancrm_reports.backups.probes import probe_of
from sancrm_reports.backups.probes.bounded import look_within
from sancrm_reports.backups.redaction import last_line
from sancrm_reports.backups.settings import ToolProbe, WatchedBackup
from sancrm_reports.backups.verdicts import NOTHING_KNOWN, Judgement, judge
from sancrm_reports.errors import ReportError
from sancrm_reports.settings import settings

LOOK_SECONDS = 120.0  # at most; what stalls, as an NFS may, must not silence the alert


def look(name: str, window: Window, errors: int = 0, memory: Memory = NOTHING_KNOWN) -> Judgement:
    """Look once, and judge; what the probe cannot do is a part of the judgement.

    Args:
        name: the backup's name in the settings.
        window: which backup is expected.
        errors: how many looks in a row could not be made before this one.
        memory: what is known from earlier nights.
    """
    configured = settings()
    watched = configured.backups[name]
    facts, error = None, None
    try:
        facts = look_within(longest_look(watched), name, lambda: probe_of(name, configured).look())
    except ReportError as failure:
        error = failure
    except Exception as failure:  # whatever it is: that nobody knows must be told
        kind = type(failure).__name__
        error = ReportError(last_line(str(failure)) or kind, code="look", quote=kind)
    return judge(
        facts,
        window=window,
        now=datetime.now(UTC),
        limits=watched.limits,
        error=error,
        errors=errors + 1,
        memory=memory,
    )


def longest_look(watched: WatchedBackup) -> float:
    """Return the seconds after which a look is given up: a tool's own limit comes first."""
    probe = watched.probe
    return LOOK_SECONDS + (probe.timeout_seconds if isinstance(probe, ToolProbe) else 0)
