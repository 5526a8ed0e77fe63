"""Restores a dump into an empty database, by PostgreSQL's own programs.

No password is an argument of a program, and nothing of what a program says about rows is told on.
"""

from __future__ import annotations

import gzip
import re
import subprocess
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import IO, Any

from sancrm_reports.pure.drill import DrillError, Trouble
from sancrm_reports.wire.dumps import Kind, kind_of
from sancrm_reports.wire.scratch_postgres import environment

VERSION = re.compile(rb"(?:Dumped from database|Dumped by pg_dump) version:? (\d+)")
FROM_VERSION = re.compile(r"Dumped from database version: (\d+)")
# Roles do not exist in the scratch database; pg_restore leaves such statements out by options.
OF_ROLES = re.compile(rb"(ALTER .* OWNER TO |GRANT |REVOKE |ALTER DEFAULT PRIVILEGES ).*;$")
OF_OTHER_DATABASES = re.compile(rb"(\\connect|CREATE DATABASE|DROP DATABASE|CREATE ROLE) ")
LAST_LINE = b"-- PostgreSQL database dump complete"


def restore(dump: Path, dsn: str, programs: Path, *, seconds: float) -> None:
    """Restore a dump; the first error ends it.

    Raises:
        DrillError: the dump is damaged, too new, not of one database or refused by the server, or
            the time is over.
    """
    kind = kind_of(dump)
    try:
        if kind is Kind.ARCHIVE:
            _restore_archive(dump, dsn, programs, seconds)
        else:
            with gzip.open(dump) if kind is Kind.GZIPPED_SQL else dump.open("rb") as lines:
                _restore_sql(dump.name, lines, dsn, programs, seconds)
    except subprocess.TimeoutExpired:
        raise DrillError(
            Trouble.TOO_LONG,
            f"{dump.name} was not restored within {seconds / 60:g} minutes, the limit "
            "restore_drill.time_limit_minutes.",
        ) from None


def _restore_archive(dump: Path, dsn: str, programs: Path, seconds: float) -> None:
    program = str(programs / "pg_restore")
    listed = _run([program, "--list", str(dump)], {}, seconds)
    _check(listed, dump.name)
    if version := FROM_VERSION.search(listed.stdout):
        _check_version(int(version[1]), dsn, dump.name)
    database, variables = _libpq(dsn)
    restored = _run(
        [
            program,
            "--no-owner",
            "--no-privileges",
            "--no-comments",
            "--no-publications",
            "--no-subscriptions",
            "--exit-on-error",
            f"--dbname={database}",
            str(dump),
        ],
        variables,
        seconds,
    )
    _check(restored, dump.name)


def _restore_sql(
    name: str, lines: IO[bytes] | Any, dsn: str, programs: Path, seconds: float
) -> None:
    database, variables = _libpq(dsn)
    command = [str(programs / "psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    with tempfile.TemporaryFile() as said:
        psql = subprocess.Popen(
            [*command, f"--dbname={database}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=said,
            env=environment() | variables,
        )
        is_late = Timer(seconds, psql.kill)
        is_late.start()
        try:
            _feed(psql, _checked(lines, dsn, name), name)
            psql.wait()
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise DrillError(
                Trouble.DAMAGED, f"{name} is damaged: it cannot be unpacked to its end."
            ) from None
        finally:
            is_late.cancel()
            psql.kill()
            psql.communicate()  # closes the pipe, and waits
        said.seek(0)
        text = said.read().decode(errors="replace")
    if psql.returncode == -9:
        raise subprocess.TimeoutExpired(command, seconds)
    _check(subprocess.CompletedProcess(command, psql.returncode, "", text), name)


def _feed(psql: subprocess.Popen[bytes], lines: Iterable[bytes], name: str) -> None:
    """Give psql the lines, unless it stops at an error, and make sure that none is missing."""
    is_whole = False
    pipe: Any = psql.stdin
    with suppress(BrokenPipeError):
        for line in lines:
            is_whole = is_whole or line.startswith(LAST_LINE)
            pipe.write(line)
        if not is_whole:
            raise DrillError(
                Trouble.DAMAGED, f"{name} is not whole: its last line is missing, it broke off."
            )
        pipe.close()


def _checked(lines: Iterable[bytes], dsn: str, name: str) -> Iterator[bytes]:
    """Leave out statements about roles, and refuse what would leave the scratch database.

    Rows are passed on as they are, whatever stands in them.
    """
    in_rows = False
    for line in lines:
        if in_rows:
            in_rows = line.rstrip() != b"\\."
        elif line.startswith(b"COPY ") and line.rstrip().endswith(b" FROM stdin;"):
            in_rows = True
        elif OF_OTHER_DATABASES.match(line):
            raise DrillError(
                Trouble.UNSUITABLE,
                f"{name} makes or enters databases or makes roles. Dump one database, by pg_dump "
                "without --create; a drill must not touch any other.",
            )
        elif version := line.startswith(b"-- ") and VERSION.search(line):
            _check_version(int(version[1]), dsn, name)
        elif OF_ROLES.match(line.rstrip()):
            continue
        yield line


def _check_version(major: int, dsn: str, name: str) -> None:
    from psycopg import connect

    with connect(dsn) as connection:
        ours = connection.info.server_version // 10_000
    if major > ours:
        raise DrillError(
            Trouble.NEWER,
            f"{name} comes from PostgreSQL {major}, and the scratch server is {ours}. Install at "
            f"least {major} on the worker, or name its folder in restore_drill.programs.",
        )


def _run(
    command: list[str], variables: dict[str, str], seconds: float
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=environment() | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds,
        check=False,
    )


def _check(done: subprocess.CompletedProcess[str], name: str) -> None:
    """Raise what a program says, if it failed; its words decide what kind of trouble it is."""
    if done.returncode == 0:
        return
    reason = reason_of(done.stderr)
    if "unsupported version" in reason:
        raise DrillError(
            Trouble.NEWER,
            f"{name} was made by a newer pg_dump than this worker's pg_restore: {reason}. Install "
            "that PostgreSQL on the worker, or name its folder in restore_drill.programs.",
        )
    if "No space left on device" in done.stderr:
        raise DrillError(Trouble.NO_SPACE, f"{name} does not fit: {reason}.")
    if "ERROR:" in reason:
        raise DrillError(
            Trouble.REFUSED,
            f"{name} cannot be restored, PostgreSQL refused a part of it: {reason}.",
        )
    if "connection" in reason:
        raise DrillError(Trouble.NO_SERVER, f"The scratch server was lost: {reason}.")
    raise DrillError(Trouble.DAMAGED, f"{name} is damaged: {reason}. Make a new dump at once.")


def reason_of(stderr: str) -> str:
    """Return the first line that says what is wrong, without values of rows.

    Details, contexts and statements that follow it quote rows; the line itself ends with a value
    after a colon, such as ``invalid input syntax for type bigint: "…"``.
    """
    lines = [line for line in stderr.splitlines() if re.search("error:|ERROR:", line)]
    reason = lines[0] if lines else "it gave no reason"
    return re.sub(r': ".*', ': "…"', reason).strip().rstrip(".")


def _libpq(dsn: str) -> tuple[str, dict[str, str]]:
    """Return the database's name, and all else as libpq's environment variables."""
    from psycopg.pq import Conninfo

    options = [option for option in Conninfo.parse(dsn.encode()) if option.envvar and option.val]
    variables = {
        (option.envvar or b"").decode(): (option.val or b"").decode() for option in options
    }
    return variables.pop("PGDATABASE", ""), variables
