"""Ends what this process started, whatever ends this process, SIGKILL too.

A program cannot clean up after its own SIGKILL. So a second one, started beside it, reads from a
pipe which process groups there are; when the pipe closes, its maker is gone, and it ends those that
are left. It is in a session of its own: a Ctrl-C or a closed terminal does not reach it.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import cache


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Let signals wait for the end of the block: what it starts is noted before any of them acts.

    Otherwise a Ctrl-C between a program's start and its place in a list leaves it to nobody.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: came.append(number))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not None
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for caught in came:
        signal.raise_signal(caught)


def watch(process: subprocess.Popen[bytes]) -> None:
    """Let the group that a process leads end with this program."""
    _tell(f"+{process.pid}")


def forget(process: subprocess.Popen[bytes]) -> None:
    """Leave the group alone: it is over, and its number may be another's by now."""
    _tell(f"-{process.pid}")


def _tell(line: str) -> None:
    stdin = _guard().stdin
    if stdin:
        with contextlib.suppress(BrokenPipeError):  # somebody ended the guard
            stdin.write(f"{line}\n".encode())
            stdin.flush()


@cache
def _guard() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-S", "-E", __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def main() -> None:
    """Read the groups until the pipe closes; then end those that are left."""
    groups: set[int] = set()
    for line in sys.stdin:
        change = groups.add if line[0] == "+" else groups.discard
        change(int(line[1:]))
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
