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
from threading import Event, Timer
from typing import Any

from sancrm_reports.pure.drill import DrillError, Trouble
from sancrm_reports.wire.dump_format import DamagedError, Layout, UnknownFormatError, format_of
from sancrm_reports.wire.output import ending
from sancrm_reports.wire.scratch_postgres import environment

VERSION = re.compile(rb"(?:Dumped from database|Dumped by pg_dump) version:? (\d+)")
FROM_VERSION = re.compile(r"Dumped from database version: (\d+)")
# Roles do not exist in the scratch database, and a copy must not subscribe to anything; pg_restore
# leaves such statements out by options.
LEFT_OUT = re.compile(
    rb"(ALTER .* OWNER TO |GRANT |REVOKE |ALTER DEFAULT PRIVILEGES "
    rb"|(CREATE|ALTER|DROP|COMMENT ON) (SUBSCRIPTION|PUBLICATION) ).*;$"
)
# What reaches beyond the scratch database, or out of it, also in files that people wrote. pg_dump
# of one database writes of it only \restrict, which keeps psql from other such commands.
REACHES_OUT = re.compile(
    rb"(?:^|;)\s*(\\(?!(un)?restrict\b|\.)"
    rb"|(CREATE|DROP|ALTER)\s+(DATABASE|ROLE|USER(?!\s+MAPPING)|GROUP|TABLESPACE|SUBSCRIPTION)\b"
    rb"|ALTER\s+SYSTEM\b)",
    re.IGNORECASE,
)
A_REASON = re.compile("error:|ERROR:")
# Quotes after these words hold names of the schema or of the machine; all others may hold rows.
NAMED = (
    "relation|table|column|index|constraint|schema|extension|function|type|language|role|user"
    "|operator class|access method|database|parameter|encoding|file|directory|socket|server at"
)
# A value may itself hold quotes, or go on in the next line, so it ends with the line; but for the
# one end that helps. psql quotes what it takes for a command without quotes, after a backslash.
A_VALUE = re.compile(
    rf'^((?:\b(?:{NAMED}) "[^"]*"|[^"\\])*+)(?:".*"(?= is out of range for type [a-z ]+$)|["\\].*)'
)
LAST_LINE = b"-- PostgreSQL database dump complete"


def restore(dump: Path, dsn: str, programs: Path, *, seconds: float) -> None:
    """Restore a dump; the first error ends it.

    Raises:
        DrillError: the dump is damaged, too new, not of one database, not to be read or refused by
            the server, or the time is over.
    """
    try:
        found = format_of(dump)
        if found.layout is not Layout.PLAIN:
            if found.is_packed:
                raise UnknownFormatError(
                    f"{dump.name} is {found}: leave gzip out, pg_dump --format=custom compresses."
                )
            _restore_archive(dump, dsn, programs, seconds)
        else:
            with gzip.open(dump) if found.is_packed else dump.open("rb") as lines:
                _check_sql(lines, dsn, dump.name)
                lines.seek(0)
                _restore_sql(dump.name, lines, dsn, programs, seconds)
    except UnknownFormatError as error:
        raise DrillError(Trouble.UNSUITABLE, str(error)) from None
    except DamagedError as error:
        raise DrillError(Trouble.DAMAGED, f"{dump.name} is damaged: {error}.") from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise DrillError(
            Trouble.DAMAGED, f"{dump.name} is damaged: it cannot be unpacked to its end."
        ) from None
    except OSError as error:  # after a broken gzip, which is one too
        raise DrillError(Trouble.UNREADABLE, f"{dump} cannot be read: {error}.") from None
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


def _check_sql(lines: Iterable[bytes], dsn: str, name: str) -> None:
    """Read the whole file before psql starts: one that is refused has done nothing yet."""
    is_whole = False
    for number, (line, is_row) in enumerate(_marked(lines), 1):
        if is_row or LEFT_OUT.match(line.rstrip()):
            continue
        is_whole = is_whole or line.startswith(LAST_LINE)
        if REACHES_OUT.search(line):
            raise DrillError(
                Trouble.UNSUITABLE,
                f"{name} reaches out of its database in line {number}: by a command of psql, or a "
                "statement about databases, roles, tablespaces or the server. Dump one database, "
                "by pg_dump without --create; a drill must not touch any other.",
            )
        if version := line.startswith(b"-- ") and VERSION.search(line):
            _check_version(int(version[1]), dsn, name)
    if not is_whole:
        raise DrillError(
            Trouble.DAMAGED, f"{name} is not whole: its last line is missing, it broke off."
        )


def _restore_sql(
    name: str, lines: Iterable[bytes], dsn: str, programs: Path, seconds: float
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
        is_late = Event()

        def end() -> None:
            is_late.set()
            psql.kill()

        timer = Timer(seconds, end)
        timer.start()
        try:
            _feed(psql, lines)
            psql.wait()
        finally:
            timer.cancel()
            psql.kill()
            psql.communicate()  # closes the pipe, and waits
        said.seek(0)
        text = said.read().decode(errors="replace")
    if is_late.is_set() and psql.returncode:
        raise subprocess.TimeoutExpired(command, seconds)
    _check(subprocess.CompletedProcess(command, psql.returncode, "", text), name)


def _feed(psql: subprocess.Popen[bytes], lines: Iterable[bytes]) -> None:
    """Give psql the lines, unless it stops at an error."""
    pipe: Any = psql.stdin
    with suppress(BrokenPipeError):
        for line, is_row in _marked(lines):
            if is_row or not LEFT_OUT.match(line.rstrip()):
                pipe.write(line)
        pipe.close()


def _marked(lines: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Give each line, and whether it is a row, which stays as it is, whatever stands in it."""
    is_row = False
    for line in lines:
        yield line, is_row
        if is_row:
            is_row = line.rstrip() != b"\\."
        else:
            is_row = line.startswith(b"COPY ") and line.rstrip().endswith(b" FROM stdin;")


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
    if done.returncode < 0 or not A_REASON.search(done.stderr):
        raise DrillError(
            Trouble.BROKEN_OFF,
            f"{name} was not restored: {Path(done.args[0]).name} itself failed, with "
            f"{ending(done.returncode)}. This says nothing about the dump.",
        )
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
    if "Permission denied" in reason:  # a file in a folder
        raise DrillError(Trouble.UNREADABLE, f"{name} cannot be read: {reason}.")
    if "connection" in reason:
        raise DrillError(Trouble.NO_SERVER, f"The scratch server was lost: {reason}.")
    raise DrillError(Trouble.DAMAGED, f"{name} is damaged: {reason}. Make a new dump at once.")


def reason_of(stderr: str) -> str:
    """Return the first line that says what is wrong, without values of rows.

    Details, contexts and statements that follow it quote rows, and the line itself may, too:
    ``invalid input syntax for type bigint: "…"``, ``syntax error at or near "…"``.
    """
    lines = [line for line in stderr.splitlines() if A_REASON.search(line)]
    reason = lines[0] if lines else "it gave no reason"
    return A_VALUE.sub(r'\1"…"', reason).strip().rstrip(".")


def _libpq(dsn: str) -> tuple[str, dict[str, str]]:
    """Return the database's name, and all else as libpq's environment variables."""
    from psycopg.pq import Conninfo

    options = [option for option in Conninfo.parse(dsn.encode()) if option.envvar and option.val]
    variables = {
        (option.envvar or b"").decode(): (option.val or b"").decode() for option in options
    }
    return variables.pop("PGDATABASE", ""), variables
