"""A PostgreSQL server of the drill's own: no network, a password, and gone with its worker."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sancrm_reports.backups.drill.result import DrillError, Trouble
from sancrm_reports.backups.drill.sandbox import Sandbox
from sancrm_reports.backups.drill.scratch import Scratch
from sancrm_reports.wire.private_postgres import (
    THROWAWAY,
    ServerError,
    connected,
    has_programs,
    make_cluster,
    server_words,
    system_folders,
    wait_until_it_answers,
)

ADMIN, OWNER, DATABASE = "sancrm_drill", "sancrm_drill_owner", "copy"
STOP_SECONDS = 15.0
CLIENTS = ("pg_restore", "psql")
SERVER = ("initdb", "postgres")
OPTIONS = {
    **THROWAWAY,
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "10",
    "max_worker_processes": "4",
    "maintenance_work_mem": "128MB",
    "autovacuum": "off",
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
    on_path = [Path(name) for name in os.environ.get("PATH", "").split(os.pathsep)]
    for place in [Path(folder)] if folder else [*system_folders(wanted), *on_path]:
        if has_programs(place, wanted):
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
    try:
        make_cluster(sandbox, programs, data, superuser=ADMIN, password=passwords[ADMIN])
    except ServerError as error:
        raise DrillError(Trouble.NO_SERVER, f"initdb made no database: {error}") from None
    options = {**OPTIONS, "unix_socket_directories": str(home)}
    command = server_words(programs, data, options)
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
        try:
            wait_until_it_answers(keeper, dsn(ADMIN, "postgres"), log)
        except ServerError as error:
            raise DrillError(
                Trouble.NO_SERVER, f"The scratch PostgreSQL did not start: {error}"
            ) from None
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


def _bytes_in(folder: Path) -> int:
    """Return what a folder takes of the disk, while files come and go in it."""
    taken = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                taken += os.lstat(os.path.join(path, name)).st_blocks * 512  # noqa: PTH118
    return taken


def _stop(keeper: subprocess.Popen[bytes]) -> None:
    if keeper.stdin:
        keeper.stdin.close()
    try:
        keeper.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        keeper.kill()
        keeper.wait()
