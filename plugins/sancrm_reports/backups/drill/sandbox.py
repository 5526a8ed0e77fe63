"""How a drill runs PostgreSQL's programs: as nobody, without the worker's environment or network.

What a dump says is other people's code. It should not get this far (docs/threat-model-drill.md);
if it does, it finds nothing here.
"""

from __future__ import annotations

import logging
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sancrm_reports.backups.drill.result import DrillError, Trouble

log = logging.getLogger(__name__)

# Never postgres: on a machine with a server of its own, that user is let in as its superuser.
USERS = ("sancrm_drill", "nobody")
LIMITED = 'ulimit -c 0; ulimit -d "$0" 2>/dev/null; exec "$@"'


@dataclass(frozen=True)
class User:
    """Whom the programs run as."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Sandbox:
    """Runs a program with fewer rights than the worker's.

    ``user`` is None where the worker is an ordinary user and stays one; ``prefix`` is what takes
    rights and network away; ``memory_bytes`` is each process's limit.
    """

    user: User | None
    prefix: tuple[str, ...]
    is_offline: bool
    memory_bytes: int

    def popen(self, words: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start a program, found by its path."""
        limit = str(self.memory_bytes // 1024)
        command = [*self.prefix, "/bin/sh", "-c", LIMITED, limit, *words]
        if self.user and not self.prefix:
            options |= {"user": self.user.uid, "group": self.user.gid, "extra_groups": []}
        options["env"] = environment() | options.pop("variables", {})
        return subprocess.Popen(command, cwd="/", **options)

    def own(self, path: Path) -> None:
        """Give a file or a folder to the user of the programs."""
        if self.user:
            os.chown(path, self.user.uid, self.user.gid, follow_symlinks=False)

    def readable(self, dump: Path, folder: Path) -> Path:
        """Return where the programs can read a dump that is a folder: in its place, or a copy.

        Raises:
            DrillError: something in it isn't a file, such as a link to one elsewhere.
            OSError: it cannot be read.
        """
        for file in dump.iterdir():
            if file.is_symlink() or not file.is_file():
                raise DrillError(
                    Trouble.UNSUITABLE,
                    f"{file} is a link or no file: pg_dump makes none such, and what it leads to "
                    "would be read as a table.",
                )
        if not self.user or dump.is_relative_to(folder):
            copy = dump
        else:
            copy = folder / "dump"
            copy.mkdir(mode=0o700)
            for file in dump.iterdir():
                shutil.copyfile(file, copy / file.name, follow_symlinks=False)
        for path in (copy, *copy.iterdir()):
            self.own(path)
        return copy


def find_sandbox(*, offline: bool, memory_bytes: int) -> Sandbox:
    """Return the strictest sandbox that this system allows.

    Args:
        offline: without a network, which a program needs to reach a server elsewhere.
        memory_bytes: the limit of each process.

    Raises:
        DrillError: the worker is root, and there is nobody else to be.
    """
    user = _somebody_else() if os.geteuid() == 0 else None
    for prefix, is_offline in _prefixes(user):
        if is_offline == offline and _works(prefix):
            return Sandbox(user, prefix, is_offline, memory_bytes)
    if offline:
        log.warning(
            "This system gives the drill no network namespace (unshare --net): a dump that found a "
            "way to open connections could reach the worker's network. What would connect is left "
            "out all the same. docs/threat-model-drill.md says how to allow it."
        )
        return find_sandbox(offline=False, memory_bytes=memory_bytes)
    return Sandbox(user, (), False, memory_bytes)


def environment() -> dict[str, str]:
    """Return what PostgreSQL's programs may see: not the worker's connections, nor its locale."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "HOME": "/nonexistent",  # no .pgpass, .pg_service.conf or .psqlrc of the worker's user
    }


def _somebody_else() -> User:
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in USERS:
        if name in known and known[name].pw_uid != 0:
            return User(known[name].pw_uid, known[name].pw_gid)
    raise DrillError(
        Trouble.NO_SERVER,
        f"The worker is root, as which no dump is restored, and there is no user "
        f"{' or '.join(USERS)}. Run the worker as an ordinary user, or add that one.",
    )


def _prefixes(user: User | None) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Give the ways to take rights away, the strictest first, and whether they take the network."""
    unshare, setpriv = shutil.which("unshare"), shutil.which("setpriv")
    if not setpriv:
        return
    if user:
        ids = (f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups", "--inh-caps=-all")
        drop: tuple[str, ...] = (setpriv, *ids, "--no-new-privs")
        way: tuple[str, ...] = ("--net",)
    else:
        drop = (setpriv, "--no-new-privs")
        way = ("--user", f"--map-user={os.geteuid()}", f"--map-group={os.getegid()}", "--net")
    if unshare:
        yield (unshare, *way, *drop), True
    yield drop, False


def _works(prefix: Sequence[str]) -> bool:
    tried = subprocess.run(
        [*prefix, "/bin/sh", "-c", ":"],
        cwd="/",
        env=environment(),
        capture_output=True,
        check=False,
    )
    return tried.returncode == 0
