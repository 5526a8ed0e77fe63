"""Runs one program of PostgreSQL to its end, or to the end of its time, room and output."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread
from typing import IO, Any

from sancrm_reports.backups.drill.result import DrillError, Trouble
from sancrm_reports.backups.drill.sandbox import Sandbox

INTERVAL = 0.25  # seconds between looks at time and room
MESSAGES = 64 * 1024  # bytes of what a program says that are kept, of each end
LONGEST_LIST = 64 << 20  # bytes of a table of contents, or of a schema


@dataclass(frozen=True)
class RestoreLimits:
    """How long a restore may take, and how much room."""

    seconds: float
    disk_bytes: float


@dataclass(frozen=True)
class Done:
    """A program that ended: its exit code, what it printed, and what it said of errors."""

    name: str
    code: int
    output: str
    said: str


class Guard:
    """Ends what runs when the time or the room of a drill is used up. The time starts with it.

    Args:
        limits: the time and the room.
        used: returns how many bytes the copy takes.
    """

    def __init__(self, limits: RestoreLimits, used: Callable[[], int]) -> None:
        self.limits = limits
        self.used = used
        self.ends_at = time.monotonic() + limits.seconds

    @property
    def seconds_left(self) -> float:
        """The rest of the time, at least a moment."""
        return max(self.ends_at - time.monotonic(), 0.001)

    def check_time(self) -> None:
        """Look at the time alone, which costs nothing.

        Raises:
            DrillError: it is over.
        """
        if time.monotonic() > self.ends_at:
            raise DrillError(
                Trouble.TOO_LONG,
                f"The dump was not restored within {self.limits.seconds / 60:g} minutes, the limit "
                "restore_drill.time_limit_minutes.",
            )

    def check(self) -> None:
        """Look once at time and room.

        Raises:
            DrillError: it is too long, or too much.
        """
        self.check_time()
        if (used := self.used()) > self.limits.disk_bytes:
            raise DrillError(
                Trouble.TOO_LARGE,
                f"The copy takes {used / 1e6:.0f} MB, above the limit of "
                f"{self.limits.disk_bytes / 1e6:.0f} MB. Is this the right dump? If it is, raise "
                "restore_drill.disk_limit_gb.",
            )

    @contextmanager
    def over(self, program: subprocess.Popen[bytes]) -> Iterator[None]:
        """Kill the program once it is too long or too much.

        Raises:
            DrillError: it was.
        """
        is_over, caught = Event(), []

        def look() -> None:
            while not is_over.wait(INTERVAL):
                try:
                    self.check()
                except DrillError as error:
                    caught.append(error)
                    program.kill()
                    return

        thread = Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            program.kill()  # harmless once it has ended
            program.wait()
            is_over.set()
            thread.join()
            if caught:
                raise caught[0]


def run(
    words: Sequence[str],
    *,
    sandbox: Sandbox,
    guard: Guard,
    variables: Mapping[str, str] | None = None,
    stdin: Any = subprocess.DEVNULL,
    feed: Callable[[IO[bytes]], None] | None = None,
    pass_fds: Sequence[int] = (),
) -> Done:
    """Run a program in the sandbox.

    Args:
        words: its path and arguments.
        sandbox: what it may do.
        guard: its limits.
        variables: of its environment.
        stdin: a file that it reads.
        feed: writes what it reads, in place of a file.
        pass_fds: of files that it may read, too.

    Raises:
        DrillError: it took too long, or too much.
    """
    guard.check()
    program = sandbox.popen(
        words,
        variables=dict(variables or {}),
        stdin=subprocess.PIPE if feed else stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=pass_fds,
    )
    printed, said = _Kept(program.stdout, LONGEST_LIST), _Kept(program.stderr, MESSAGES)
    with guard.over(program):
        if feed and program.stdin:
            with suppress(BrokenPipeError):  # it stopped at an error
                feed(program.stdin)
            with suppress(BrokenPipeError):
                program.stdin.close()
        program.wait()
    if printed.is_cut:
        raise DrillError(
            Trouble.TOO_LARGE,
            f"The dump's list of contents is longer than {LONGEST_LIST >> 20} MB: it is no CRM's.",
        )
    name = words[0].rpartition("/")[2]
    return Done(name, program.returncode, printed.text(), said.text())


class _Kept:
    """What a pipe brought: so much of its beginning, and a little of its end."""

    def __init__(self, pipe: IO[bytes] | None, limit: int) -> None:
        self._pipe: Any = pipe
        self._limit = limit
        self._head, self._tail = bytearray(), bytearray()
        self._thread = Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def is_cut(self) -> bool:
        self._thread.join()
        return bool(self._tail)

    def text(self) -> str:
        self._thread.join()
        return bytes(self._head + self._tail).decode(errors="replace")

    def _read(self) -> None:
        with self._pipe:
            while chunk := self._pipe.read1(1 << 16):
                room = self._limit - len(self._head)
                self._head += chunk[:room]
                self._tail = (self._tail + chunk[room:])[-MESSAGES:]
