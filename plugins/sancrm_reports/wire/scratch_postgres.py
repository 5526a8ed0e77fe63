"""A PostgreSQL server of the drill's own: no network, a password, and gone with its worker."""

from __future__ import annotations

import os
import pwd
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sancrm_reports.pure.drill import DrillError, Trouble

USER = "sancrm_drill"
START_SECONDS = 60.0
STOP_SECONDS = 15.0
CLIENTS = ("pg_restore", "psql")
SERVER = ("initdb", "postgres")
OPTIONS = {
    "listen_addresses": "",
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
def own_server(home: Path, programs: Path) -> Iterator[str]:
    """Run a server in a folder, reached by a socket in it; gives the DSN of an empty database.

    Raises:
        DrillError: it does not start.
    """
    from psycopg.conninfo import make_conninfo

    identity, password = _identity(), secrets.token_urlsafe(18)
    data, log = home / "data", home / "postgres.log"
    if identity:
        os.chown(home, identity["user"], identity["group"])
    _initialise(data, programs, password, identity)
    options = {**OPTIONS, "unix_socket_directories": str(home)}
    command = [str(programs / "postgres"), "-D", str(data)]
    command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    with log.open("wb") as output:
        keeper = subprocess.Popen(
            ["sh", "-c", KEEPER, str(data), *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=environment(),
            start_new_session=True,  # a signal to the worker's group must not reach it
            **identity,
        )
    try:
        dsn = make_conninfo(host=str(home), user=USER, password=password, dbname="postgres")
        _wait(keeper, dsn, log)
        yield dsn
    finally:
        _stop(keeper)


def environment() -> dict[str, str]:
    """Return what PostgreSQL's programs may see: not the worker's connections, nor its locale."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def _identity() -> dict[str, Any]:
    """Return whom the server runs as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in known:
            user, group = known[name].pw_uid, known[name].pw_gid
            return {"user": user, "group": group, "extra_groups": []}
    raise DrillError(
        Trouble.NO_SERVER,
        "The worker is root, as which PostgreSQL does not run, and there is no user postgres or "
        "nobody. Run the worker as an ordinary user, or set restore_drill.server_conn_id.",
    )


def _initialise(data: Path, programs: Path, password: str, identity: dict[str, Any]) -> None:
    password_file = data.with_suffix(".password")
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    if identity:
        os.chown(password_file, identity["user"], identity["group"])
    done = subprocess.run(
        [
            str(programs / "initdb"),
            f"--pgdata={data}",
            f"--username={USER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
            "--no-instructions",
        ],
        capture_output=True,
        text=True,
        cwd="/",
        env=environment(),
        check=False,
        **identity,
    )
    password_file.unlink()
    if done.returncode != 0:
        raise DrillError(
            Trouble.NO_SERVER, f"initdb made no database: {(done.stderr or done.stdout).strip()}"
        )


def _wait(keeper: subprocess.Popen[bytes], dsn: str, log: Path) -> None:
    from psycopg import OperationalError, connect

    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            connect(dsn, connect_timeout=5).close()
        except OperationalError as error:
            if keeper.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace").strip() or str(error)
                raise DrillError(
                    Trouble.NO_SERVER, f"The scratch PostgreSQL did not start: {said}"
                ) from None
        else:
            return
        time.sleep(0.02)


def _stop(keeper: subprocess.Popen[bytes]) -> None:
    if keeper.stdin:
        keeper.stdin.close()
    try:
        keeper.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        keeper.kill()
        keeper.wait()
