"""Runs pg_restore over a dump, and tells what is of the dump from what is of the program."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sancrm_reports.backups.dumps.faults import DamagedError, VerificationError
from sancrm_reports.backups.redaction import ending, last_line

PROGRESS_SECONDS = 10.0
# What pg_restore says of a dump, before version 12 in brackets. Debian's wrapper and the loader of
# libraries have other words.
OF_THE_DUMP = re.compile(r"(?m)^pg_restore: (error: |fatal: |\[)(?!.*Permission denied)")
# The libraries that it was built without: the dump may be whole.
LACKS = re.compile(r"does not support compression with (?P<name>\w+)")


@contextmanager
def pg_restore(arguments: list[str], **pipes: Any) -> Iterator[Any]:
    """Start pg_restore; what it says goes to a file, so that no full pipe can stop it."""
    with tempfile.TemporaryFile() as output:
        try:
            program: Any = subprocess.Popen(
                ["pg_restore", *arguments],
                stderr=output,
                env={**os.environ, "LC_ALL": "C"},
                **{"stdout": subprocess.DEVNULL, **pipes},
            )
        except OSError as error:
            raise VerificationError(
                f"pg_restore cannot be run on this worker: {error.strerror}. Install PostgreSQL's "
                "client, of the server's version or newer."
            ) from None

        def said() -> str:
            output.seek(0)
            return output.read().decode(errors="replace")

        program.said = said
        try:
            yield program
        finally:
            program.kill()  # harmless once it has ended
            with suppress(OSError):
                program.communicate()


def judge(code: int, said: str) -> None:
    """Read what pg_restore came to in its exit code and its words.

    Raises:
        DamagedError: it could not read the dump to its end.
        VerificationError: it is the program that could not.
    """
    if lacks := LACKS.search(said):
        name = lacks["name"]
        raise VerificationError(
            f"This worker's pg_restore was built without {name}, by which the dump is packed.",
            code="pg_restore_lacks",
            quote=name,
        )
    if code == 0:
        return
    if "unsupported version" in said:
        raise VerificationError(
            f"pg_restore is older than the pg_dump that wrote this: {last_line(said)}. "
            "Install a newer client on the worker."
        )
    if code != 1 or not OF_THE_DUMP.search(said):  # killed, or not even begun
        raise VerificationError(f"pg_restore itself failed with {ending(code)}: {last_line(said)}")
    raise DamagedError(last_line(said), quote=last_line(said))
