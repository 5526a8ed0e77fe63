"""What restoring has in common for all formats: what it needs, and what its errors mean."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sancrm_reports.backups.drill.guarded_program import Done, Guard
from sancrm_reports.backups.drill.refusals import RESTRICTED, meaning_of
from sancrm_reports.backups.drill.result import DrillError, Trouble
from sancrm_reports.backups.drill.scratch import Scratch
from sancrm_reports.backups.redaction import ending

A_REASON = re.compile("error:|ERROR:")
# Quotes after these words hold names of the schema or of the machine; all others may hold rows.
NAMED = (
    "relation|table|column|index|constraint|schema|extension|function|type|language|role|user"
    "|operator class|access method|database|parameter|encoding|file|directory|socket|server at"
    "|tablespace|library|trigger|setting|wrapper|server|collation"
)
# A value may itself hold quotes, or go on in the next line, so it ends with the line; but for the
# ends that help. psql quotes what it takes for a command without quotes, after a backslash.
A_VALUE = re.compile(
    rf'^((?:\b(?:{NAMED}) "[^"]*"|\\(?:un)?restrict\b|[^"\\])*+)'
    r'(?:".*"(?= is out of range for type [a-z ]+$)|["\\].*)'
)


@dataclass(frozen=True)
class Restore:
    """What every format needs to be restored.

    Attributes:
        scratch: the empty database.
        programs: the folder of PostgreSQL's programs.
        guard: the limits.
        folder: where a copy may be made, such as of a dump that only root can read.
        allowed: extensions that are made though they are not trusted ones.
    """

    scratch: Scratch
    programs: Path
    guard: Guard
    folder: Path
    allowed: Iterable[str] = ()

    def check_version(self, major: int, name: str) -> None:
        """Make sure that the server is not older than the dump's.

        Raises:
            DrillError: it is.
        """
        ours = self.scratch.server_version()
        if major > ours:
            raise DrillError(
                Trouble.NEWER,
                f"{name} comes from PostgreSQL {major}, and the scratch server is {ours}. Install "
                f"at least {major} on the worker, or name its folder in restore_drill.programs.",
            )


def check(done: Done, dump: Path) -> None:
    """Raise what a program says, if it failed; its words decide what kind of trouble it is.

    Raises:
        DrillError: it failed.
    """
    name = dump.name
    if done.code == 0:
        return
    if done.code < 0 or not A_REASON.search(done.said):
        raise DrillError(
            Trouble.BROKEN_OFF,
            f"{name} was not restored: {done.name} itself failed, with "
            f"{ending(done.code)}. This says nothing about the dump.",
        )
    reason = reason_of(done.said)
    if "unsupported version" in reason:
        raise DrillError(
            Trouble.NEWER,
            f"{name} was made by a newer pg_dump than this worker's pg_restore: {reason}. Install "
            "that PostgreSQL on the worker, or name its folder in restore_drill.programs.",
        )
    if "No space left on device" in done.said:
        raise DrillError(Trouble.NO_SPACE, f"{name} does not fit: {reason}.")
    if "ERROR:" in reason or RESTRICTED.search(reason):
        trouble, what = meaning_of(reason)
        raise DrillError(
            trouble,
            f"{name} cannot be restored, PostgreSQL refused a part of it: {reason}.",
            what=what,
        )
    if "Permission denied" in reason:  # a file in a folder
        raise DrillError(Trouble.UNREADABLE, f"{dump} cannot be read: {reason}.")
    if "out of memory" in reason:
        raise DrillError(Trouble.TOO_LARGE, f"{name} takes too much memory: {reason}.")
    if "connection" in reason:
        raise DrillError(Trouble.NO_SERVER, f"The scratch server was lost: {reason}.")
    raise DrillError(Trouble.DAMAGED, f"{name} is damaged: {reason}. Make a new dump at once.")


def reason_of(stderr: str) -> str:
    """Return the first line that says what is wrong, without values of rows.

    Details, contexts and statements that follow it quote rows, and the line itself may, too:
    ``invalid input syntax for type bigint: "…"``, ``syntax error at or near "…"``.
    """
    lines = [line for line in stderr.splitlines() if A_REASON.search(line)]
    reason = lines[0] if lines else "it gave no reason"
    return A_VALUE.sub(r'\1"…"', reason).strip().rstrip(".")


def libpq(dsn: str) -> tuple[str, dict[str, str]]:
    """Return the database's name, and all else as libpq's environment variables."""
    from psycopg.pq import Conninfo

    options = [option for option in Conninfo.parse(dsn.encode()) if option.envvar and option.val]
    variables = {
        (option.envvar or b"").decode(): (option.val or b"").decode() for option in options
    }
    return variables.pop("PGDATABASE", ""), variables
