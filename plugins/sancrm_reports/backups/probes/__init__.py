"""Probes: each looks at one kind of backup, and gives the same facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sancrm_reports.backups.settings import FilesProbe, TableProbe, ToolProbe

if TYPE_CHECKING:
    from sancrm_reports.backups.facts import Facts
    from sancrm_reports.settings import Settings


class Probe(Protocol):
    """Looks at the backups of one database."""

    def look(self) -> Facts:
        """Return what is there now.

        Raises:
            ReportError: it could not look; this says nothing about the backup.
        """


def probe_of(name: str, configured: Settings) -> Probe:
    """Return the probe of a watched backup, as the settings describe it."""
    watched = configured.backups[name]
    match watched.probe:
        case TableProbe():
            from sancrm_reports.backups.probes.table import BackupRunsTable

            return BackupRunsTable(configured.database, watched.database)
        case FilesProbe() as files:
            from sancrm_reports.backups.probes.files import DumpFiles

            return DumpFiles(
                files,
                database=watched.database if files.dbname is None else files.dbname,
                timezone=configured.account.timezone,
            )
        case ToolProbe() as tool:
            from sancrm_reports.backups.probes.tools import ToolReport

            return ToolReport(tool, timezone=configured.account.timezone)
