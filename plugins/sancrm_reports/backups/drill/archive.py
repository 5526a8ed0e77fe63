"""Restores pg_dump's archives: the custom, directory and tar formats."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sancrm_reports.backups.drill.guarded_program import Done, run
from sancrm_reports.backups.drill.restoring import Restore, check, libpq
from sancrm_reports.backups.drill.result import DrillError, Trouble
from sancrm_reports.backups.dumps.contents import (
    AmbiguousListError,
    Mentions,
    TocEntry,
    left_out,
    read_list,
    worth_telling,
)
from sancrm_reports.backups.dumps.format import Layout

FROM_VERSION = re.compile(r"Dumped from database version: (\d+)")
OPTIONS = (
    "--no-owner",
    "--no-privileges",
    "--no-comments",
    "--no-publications",
    "--no-subscriptions",
    "--no-security-labels",
    "--no-tablespaces",
    "--exit-on-error",
)


def restore_archive(dump: Path, how: Restore, layout: Layout) -> list[str]:
    """Restore an archive, but for what reaches beyond a database; returns what that is.

    Raises:
        DrillError: it cannot be restored.
        OSError: it cannot be read.
    """
    place = how.scratch.sandbox.readable(dump, how.folder) if layout is Layout.DIRECTORY else dump
    listed = _pg_restore(how, place, "--list", "--verbose")
    check(listed, dump)
    if version := FROM_VERSION.search(listed.output):
        how.check_version(int(version[1]), dump.name)
    entries = _entries(listed.output, dump.name)
    schema = _pg_restore(how, place, "--schema-only", "--file=-")
    check(schema, dump)
    mentions = Mentions()
    for line in schema.output.splitlines():
        how.guard.check_time()
        mentions.read(line)
    made = how.scratch.harmless(mentions.extensions.values(), allowed=how.allowed)
    how.scratch.prepare(extensions=made, roles=mentions.roles)
    out = left_out(entries, made)
    database, variables = libpq(how.scratch.owner)
    with _list_without(entries, out) as wanted:
        restored = _pg_restore(
            how,
            place,
            *OPTIONS,
            f"--use-list=/dev/fd/{wanted}",
            f"--dbname={database}",
            variables=variables,
            pass_fds=[wanted],
        )
    check(restored, dump)
    return worth_telling(out, made)


def _entries(output: str, name: str) -> list[TocEntry]:
    try:
        entries = read_list(output.splitlines())
    except AmbiguousListError as error:
        raise DrillError(
            Trouble.UNSUITABLE, f"{name} has a list that pg_dump does not write: {error}."
        ) from None
    if not entries:
        raise DrillError(
            Trouble.DAMAGED, f"{name} is damaged: nothing is in it. Make a new dump at once."
        )
    return entries


@contextmanager
def _list_without(entries: list[TocEntry], out: list[TocEntry]) -> Iterator[int]:
    """Give the descriptor of a file with the numbers of what is to be restored, in their order."""
    ids = {entry.id for entry in out}
    lines = "".join(f"{entry.id};\n" for entry in entries if entry.id not in ids)
    with tempfile.TemporaryFile() as file:
        os.fchmod(file.fileno(), 0o644)  # pg_restore is another user, and opens it anew
        file.write(lines.encode())
        file.flush()
        file.seek(0)
        yield file.fileno()


def _pg_restore(how: Restore, place: Path, *options: str, **more: Any) -> Done:
    """Run pg_restore, which gets a file open: it could not open what only the worker may read."""
    words = [str(how.programs / "pg_restore"), *options]
    if place.is_dir():
        return _run(how, [*words, str(place)], stdin=subprocess.DEVNULL, **more)
    with place.open("rb") as file:
        return _run(how, words, stdin=file, **more)


def _run(how: Restore, words: list[str], **more: Any) -> Done:
    return run(words, sandbox=how.scratch.sandbox, guard=how.guard, **more)
