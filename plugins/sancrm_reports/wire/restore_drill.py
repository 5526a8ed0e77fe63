"""One restore drill: the newest dump into a scratch database, counted against the source."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sancrm_reports.errors import ReportError
from sancrm_reports.pure.drill import Drill, DrillError, Dump, Table, Trouble
from sancrm_reports.settings import RestoreDrill, Settings
from sancrm_reports.wire.crm import snapshot
from sancrm_reports.wire.dump_files import DumpFile
from sancrm_reports.wire.newest_dump import newest_dump
from sancrm_reports.wire.restore import restore
from sancrm_reports.wire.scratch_database import scratch_database
from sancrm_reports.wire.scratch_postgres import find_programs, own_server
from sancrm_reports.wire.workspace import check_space, workspace

SPACE_FACTOR = 2.5  # of the database's size, with the log of its changes; measured


def carry_out(drill: Drill, configured: Settings, sql: str) -> None:
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
    with workspace(Path(wanted.scratch_folder or tempfile.gettempdir())) as folder:
        check_space(folder, needed_bytes=_needed_bytes(configured, found))
        dump = found.fetch(folder)
        with _scratch(wanted, folder, programs) as dsn:
            restore(dump, dsn, programs, seconds=wanted.time_limit_minutes * 60)
            drill.seconds = time.monotonic() - begun
            restored = _restored_rows(dsn, sql)
    drill.tables = _compared(drill, configured, sql, restored)
    drill.trouble = None


def _needed_bytes(configured: Settings, found: DumpFile) -> int:
    """Return what the drill will write: a copy of a dump from afar, and a server of its own."""
    copy = 0 if found.is_local else found.size
    if configured.restore_drill.server_conn_id:
        return copy
    return copy + int(SPACE_FACTOR * max(found.size, _source_bytes(configured)))


def _source_bytes(configured: Settings) -> int:
    """Return the size of the source, as a dump is compressed; 0 if it does not answer now.

    A database that is down is when a dump is needed most: it must not keep the drill from trying.
    """
    with suppress(ReportError), snapshot(configured.database) as cursor:
        row = cursor.execute("select pg_database_size(current_database()) as bytes").fetchone()
        return int(row["bytes"])
    return 0


@contextmanager
def _scratch(wanted: RestoreDrill, folder: Path, programs: Path) -> Iterator[str]:
    """Give the DSN of an empty database."""
    if wanted.server_conn_id:
        with scratch_database(wanted.server_conn_id, dead_after=wanted.longest) as dsn:
            yield dsn
    else:
        with own_server(folder, programs) as dsn:
            yield dsn


def _restored_rows(dsn: str, sql: str) -> list[Mapping[str, Any] | None]:
    """Return one row per statement; None where the copy lacks the table.

    Raises:
        DrillError: the copy cannot be asked.
    """
    from psycopg import Error, connect, errors
    from psycopg.rows import dict_row

    rows: list[Mapping[str, Any] | None] = []
    with connect(dsn, autocommit=True, row_factory=dict_row) as connection:
        for statement in _statements(sql):
            try:
                rows.append(connection.execute(statement).fetchone())
            except errors.UndefinedTable:
                rows.append(None)
            except Error as error:
                raise DrillError(
                    Trouble.REFUSED,
                    f"restore_drill.sql cannot be run in the copy: {str(error).splitlines()[0]}.",
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
