"""One restore drill: the newest dump into a scratch database, counted against the source."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sancrm_reports.backups.drill.guarded_program import Guard, RestoreLimits
from sancrm_reports.backups.drill.refusals import meaning_of
from sancrm_reports.backups.drill.restore import restore
from sancrm_reports.backups.drill.restoring import Restore, reason_of
from sancrm_reports.backups.drill.result import Drill, DrillError, Dump, Table, Trouble
from sancrm_reports.backups.drill.sandbox import Sandbox, find_sandbox
from sancrm_reports.backups.drill.scratch import Scratch
from sancrm_reports.backups.drill.scratch_database import scratch_database
from sancrm_reports.backups.drill.scratch_postgres import find_programs, own_server
from sancrm_reports.backups.drill.workspace import check_space, workspace
from sancrm_reports.backups.dumps.faults import DamagedError
from sancrm_reports.backups.dumps.files import DumpFile
from sancrm_reports.backups.dumps.newest import newest_dump
from sancrm_reports.errors import ReportError
from sancrm_reports.settings import RestoreDrillSettings, Settings
from sancrm_reports.wire.crm import snapshot
from sancrm_reports.wire.private_postgres import connected

log = logging.getLogger(__name__)

SPACE_FACTOR = 2.5  # of the database's size, with the log of its changes; measured
UNPACKED_FACTOR = 20  # a dump's size, unpacked, at most, where the database cannot be asked
MOST_TOLD = 1000  # things that were left out
SPARE = 2e9  # bytes that a copy may take whatever its size


def run_drill(drill: Drill, configured: Settings, sql: str) -> None:
    """Do a drill; what becomes known is written into it as it goes, also if it then fails.

    Raises:
        DrillError: the dump cannot be restored.
        ReportError: the source cannot be read.
    """
    wanted = configured.restore_drill
    begun = time.monotonic()
    found = newest_dump(wanted.dumps, quiet_seconds=wanted.quiet_seconds, now=drill.started_at)
    drill.dump = Dump(name=found.name, size_bytes=found.size, finished_at=found.written_at)
    programs = find_programs(wanted.programs, server=not wanted.server_conn_id)
    sandbox = find_sandbox(
        offline=not wanted.server_conn_id, memory_bytes=wanted.memory_limit_mb << 20
    )
    drill.is_offline = sandbox.is_offline
    with workspace(Path(wanted.scratch_folder or tempfile.gettempdir())) as folder:
        source_bytes = _source_bytes(configured)
        check_space(folder, needed_bytes=_needed_bytes(wanted, found, source_bytes))
        try:
            dump = found.fetch(folder)
        except DamagedError as error:
            raise DrillError(Trouble.DAMAGED, f"{found.name} is damaged: {error}.") from None
        limits = _limits(wanted, found, source_bytes, shutil.disk_usage(folder).free)
        with _scratch(wanted, folder, programs, sandbox, limits) as scratch:
            guard = Guard(limits, scratch.used)
            how = Restore(scratch, programs, guard, folder, wanted.extensions)
            drill.left_out = restore(dump, how)[:MOST_TOLD]
            log.info("Not restored: %s.", ", ".join(drill.left_out) or "nothing that matters")
            drill.seconds = time.monotonic() - begun
            restored = _restored_rows(scratch, sql, guard.seconds_left)
    drill.tables = _compared(drill, configured, sql, restored)
    drill.trouble = None


def _needed_bytes(wanted: RestoreDrillSettings, found: DumpFile, source_bytes: int) -> int:
    """Return what the drill will write: a copy of a dump from afar, and a server of its own."""
    is_copied = not found.is_local or found.path.is_dir()
    copy = found.size if is_copied else 0
    if wanted.server_conn_id:
        return copy
    return copy + int(SPACE_FACTOR * max(found.size, source_bytes))


def _limits(
    wanted: RestoreDrillSettings, found: DumpFile, source_bytes: int, free: int
) -> RestoreLimits:
    """Return how far a restore may go: what the settings say, or twice what is to be expected."""
    expected = source_bytes or UNPACKED_FACTOR * found.size
    disk = wanted.disk_limit_gb * 1e9 or SPARE + 2 * SPACE_FACTOR * max(found.size, expected)
    if not wanted.server_conn_id:
        disk = min(disk, 0.95 * free)  # a full disk stops others, too
    return RestoreLimits(seconds=wanted.time_limit_minutes * 60, disk_bytes=disk)


def _source_bytes(configured: Settings) -> int:
    """Return the size of the source, as a dump is compressed; 0 if it does not answer now.

    A database that is down is when a dump is needed most: it must not keep the drill from trying.
    """
    with suppress(ReportError), snapshot(configured.database) as cursor:
        row = cursor.execute("select pg_database_size(current_database()) as bytes").fetchone()
        return int(row["bytes"])
    return 0


@contextmanager
def _scratch(
    wanted: RestoreDrillSettings,
    folder: Path,
    programs: Path,
    sandbox: Sandbox,
    limits: RestoreLimits,
) -> Iterator[Scratch]:
    """Give an empty database."""
    if wanted.server_conn_id:
        sandbox.own(folder)
        with scratch_database(
            wanted.server_conn_id,
            dead_after=wanted.longest,
            sandbox=sandbox,
            temporary_bytes=limits.disk_bytes,
        ) as scratch:
            yield scratch
    else:
        with own_server(folder, programs, sandbox) as scratch:
            yield scratch


def _restored_rows(scratch: Scratch, sql: str, seconds: float) -> list[Mapping[str, Any] | None]:
    """Return one row per statement; None where the copy lacks the table.

    Counting runs code of the dump, too, where it made a view of a table: so it is done as the
    plain owner, within the same time, and without settings that came with the dump.

    Raises:
        DrillError: the copy cannot be asked.
    """
    from psycopg import Error, errors
    from psycopg.rows import dict_row

    options = f"-c statement_timeout={int(seconds * 1000) + 1} -c search_path=public"
    rows: list[Mapping[str, Any] | None] = []
    try:
        with connected(scratch.owner, row_factory=dict_row, options=options) as connection:
            for statement in _statements(sql):
                try:
                    rows.append(connection.execute(statement).fetchone())
                except errors.UndefinedTable:
                    rows.append(None)
    except errors.QueryCanceled:
        raise DrillError(
            Trouble.TOO_LONG,
            "The rows of the copy were not counted within restore_drill.time_limit_minutes.",
        ) from None
    except Error as error:
        reason = reason_of(f"ERROR:  {error}")
        trouble, what = meaning_of(reason)
        raise DrillError(
            trouble, f"restore_drill.sql cannot be run in the copy: {reason}.", what=what
        ) from None
    return rows


def _compared(
    drill: Drill, configured: Settings, sql: str, restored: Sequence[Mapping[str, Any] | None]
) -> list[Table]:
    try:
        with snapshot(configured.database) as cursor:
            source = [cursor.execute(text).fetchone() for text in _statements(sql)]
    except ReportError:
        drill.trouble = Trouble.NO_SOURCE
        raise
    return [
        Table(
            name=now["table_name"],
            source_rows=now["row_count"],
            restored_rows=copied["row_count"] if copied else None,
            newest_at=copied["newest_at"] if copied else None,
        )
        for now, copied in zip(source, restored, strict=True)
    ]


def _statements(sql: str) -> list[bytes]:
    return [statement.encode() for statement in sql.split(";") if statement.strip()]
