"""A PostgreSQL server that only its maker uses: of the demo, the tests and the restore drill.

Each decides by itself who it runs as, how it is reached and when it ends; the rest is here.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

START_SECONDS = 60.0
# Its data can be made again: nothing has to survive a crash.
THROWAWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "128MB",
}


class ServerError(RuntimeError):
    """A server could not be made or started; the text is PostgreSQL's own."""


class ServerAccount(Protocol):
    """Whom a server runs as: PostgreSQL refuses to run as root."""

    def popen(self, words: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start a program as that account."""

    def own(self, path: Path) -> None:
        """Give it a file or a folder."""


def system_folders(programs: Iterable[str]) -> list[Path]:
    """Return the folders of Debian's PostgreSQL with these programs, the newest first."""
    found = [
        folder
        for folder in Path("/usr/lib/postgresql").glob("*/bin")
        if folder.parent.name.isdigit() and has_programs(folder, programs)
    ]
    return sorted(found, key=lambda folder: int(folder.parent.name), reverse=True)


def has_programs(folder: Path, programs: Iterable[str]) -> bool:
    """Whether these programs can be run from a folder."""
    return all(os.access(folder / program, os.X_OK) for program in programs)


def make_cluster(
    account: ServerAccount, programs: Path, cluster: Path, *, superuser: str, password: str
) -> None:
    """Make a cluster that asks everybody for a password.

    Raises:
        ServerError: initdb failed.
        OSError: initdb cannot be run.
    """
    password_file = cluster.with_suffix(".password")
    password_file.touch(mode=0o600)
    try:
        password_file.write_text(password)
        account.own(password_file)
        initdb = account.popen(
            [
                str(programs / "initdb"),
                f"--pgdata={cluster}",
                f"--username={superuser}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                f"--locale={'C.UTF-8' if sys.platform == 'linux' else 'C'}",
                "--no-sync",
                "--no-instructions",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said, _ = initdb.communicate()
    finally:
        password_file.unlink()
    if initdb.returncode != 0:
        raise ServerError(said.decode(errors="replace").strip())


def server_words(programs: Path, cluster: Path, options: Mapping[str, str]) -> list[str]:
    """Return the command that serves a cluster."""
    words = [str(programs / "postgres"), "-D", str(cluster)]
    return words + [word for item in options.items() for word in ("-c", "=".join(item))]


def wait_until_it_answers(server: subprocess.Popen[bytes], dsn: str, log: Path) -> None:
    """Wait until a server that was just started takes connections.

    Raises:
        ServerError: it ended, or did not answer in time.
    """
    from psycopg import OperationalError

    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with connected(dsn, connect_timeout=5):
                return
        except OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace").strip()
                raise ServerError(said or str(error)) from None
        time.sleep(0.02)


@contextmanager
def without_variables() -> Iterator[None]:
    """Keep PGPORT, PGSERVICE and the like of the environment from steering a connection."""
    theirs = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("PG")}
    try:
        yield
    finally:
        os.environ |= theirs


@contextmanager
def connected(dsn: str, **options: Any) -> Iterator[Any]:
    """Connect as the DSN says, whatever the environment says."""
    from psycopg import connect

    with without_variables():
        connection = connect(dsn, **{"autocommit": True, "connect_timeout": 60, **options})
    with connection:
        yield connection
