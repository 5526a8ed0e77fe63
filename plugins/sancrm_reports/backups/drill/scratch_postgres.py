"""A PostgreSQL server of the drill's own: no network, a password, and gone with its worker."""

from __future__ import annotations

import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sancrm_reports.backups.drill.result import DrillError, Trouble
from sancrm_reports.backups.drill.sandbox import Sandbox
from sancrm_reports.backups.drill.scratch import Scratch, connected

ADMIN, OWNER, DATABASE = "sancrm_drill", "sancrm_drill_owner", "copy"
START_SECONDS = 60.0
STOP_SECONDS = 15.0
CLIENTS = ("pg_restore", "psql")
SERVER = ("initdb", "postgres")
OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "10",
    "max_worker_processes": "4",
    "shared_buffers": "128MB",
    "maintenance_work_mem": "128MB",
    "autovacuum": "off",
    # Nothing has to survive a crash.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    # Errors stay out of the server's log: they quote rows, so customers' names and phones.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
}
# The server lives as long as somebody holds the other end of the pipe. A worker that is killed
# lets go of it, too: then the server ends, and its data goes.
KEEPER = """
exec 3<&0
"$@" 3<&- & server=$!
{ read -r _ <&3; kill -QUIT $server; } &
wait $server
rm -rf "$0"
"""


def find_programs(folder: str, *, server: bool) -> Path:
    """Return the folder of PostgreSQL's programs: the one that is named, or the newest there is.

    Raises:
        DrillError: a program is missing.
    """
    wanted = CLIENTS + SERVER if server else CLIENTS
    debian = sorted(
        (path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()),
        key=lambda path: int(path.parent.name),
        reverse=True,
    )
    on_path = [Path(name) for name in os.environ.get("PATH", "").split(os.pathsep)]
    places = [Path(folder)] if folder else [*debian, *on_path]
    for place in places:
        if all(os.access(place / program, os.X_OK) for program in wanted):
            return place
    raise DrillError(
        Trouble.NO_PROGRAMS,
        f"{', '.join(wanted)} are not in {folder or 'any usual place of this worker'}. Install "
        "PostgreSQL (Debian: apt-get install postgresql), or name the folder in "
        "restore_drill.programs.",
    )


@contextmanager
def own_server(home: Path, programs: Path, sandbox: Sandbox) -> Iterator[Scratch]:
    """Run a server in a folder, reached by a socket in it; gives an empty database.

    Raises:
        DrillError: it does not start.
    """
    from psycopg.conninfo import make_conninfo

    data, log = home / "data", home / "postgres.log"
    passwords = {name: secrets.token_urlsafe(18) for name in (ADMIN, OWNER)}
    sandbox.own(home)
    _initialise(data, programs, passwords[ADMIN], sandbox)
    options = {**OPTIONS, "unix_socket_directories": str(home)}
    command = [str(programs / "postgres"), "-D", str(data)]
    command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    with log.open("wb") as output:
        keeper = sandbox.popen(
            ["/bin/sh", "-c", KEEPER, str(data), *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a signal to the worker's group must not reach it
        )

    def dsn(user: str, database: str = DATABASE) -> str:
        return make_conninfo(
            host=str(home), port=5432, user=user, password=passwords[user], dbname=database
        )

    try:
        _wait(keeper, dsn(ADMIN, "postgres"), log)
        _make_database(dsn(ADMIN, "postgres"), passwords[OWNER])
        yield Scratch(
            owner=dsn(OWNER),
            admin=dsn(ADMIN),
            sandbox=sandbox,
            used=lambda: _bytes_in(data),
            has_roles_of_its_own=True,
        )
    finally:
        _stop(keeper)


def _make_database(admin_dsn: str, password: str) -> None:
    """Make the database and its owner, who may do nothing else but see all rows of the copy."""
    from psycopg import sql

    with connected(admin_dsn) as admin:
        for words in (
            "create role {owner} login bypassrls password {password}",
            "create database {database} owner {owner}",
        ):
            admin.execute(
                sql.SQL(words).format(
                    owner=sql.Identifier(OWNER),
                    database=sql.Identifier(DATABASE),
                    password=sql.Literal(password),
                )
            )


def _initialise(data: Path, programs: Path, password: str, sandbox: Sandbox) -> None:
    password_file = data.with_suffix(".password")
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    sandbox.own(password_file)
    initdb = sandbox.popen(
        [
            str(programs / "initdb"),
            f"--pgdata={data}",
            f"--username={ADMIN}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
            "--no-instructions",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said, _ = initdb.communicate()
    password_file.unlink()
    if initdb.returncode != 0:
        raise DrillError(
            Trouble.NO_SERVER,
            f"initdb made no database: {said.decode(errors='replace').strip()}",
        )


def _bytes_in(folder: Path) -> int:
    """Return what a folder takes of the disk, while files come and go in it."""
    taken = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                taken += os.lstat(os.path.join(path, name)).st_blocks * 512  # noqa: PTH118
    return taken


def _wait(keeper: subprocess.Popen[bytes], dsn: str, log: Path) -> None:
    from psycopg import OperationalError

    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with connected(dsn, connect_timeout=5):
                return
        except OperationalError as error:
            if keeper.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace").strip() or str(error)
                raise DrillError(
                    Trouble.NO_SERVER, f"The scratch PostgreSQL did not start: {said}"
                ) from None
        time.sleep(0.02)


def _stop(keeper: subprocess.Popen[bytes]) -> None:
    if keeper.stdin:
        keeper.stdin.close()
    try:
        keeper.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        keeper.kill()
        keeper.wait()
