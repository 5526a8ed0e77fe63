"""Which backups are watched, how each is looked at, and when it is wrong: ``[backups.NAME]``."""

from __future__ import annotations

import shlex
from datetime import date, timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from sancrm_reports.backups.dumps.names import directives_of
from sancrm_reports.setting_types import Cron, Section, Zone, shortest_gap

Positive = Annotated[float, Field(gt=0)]


class TableProbe(Section):
    """The table of backup runs in the CRM's database, by ``include/sql/backup_runs.sql``."""

    kind: Literal["table"]


class FilesProbe(Section):
    """A folder of pg_dump's files: a path of this machine, or of Airflow's object storage.

    ``dbname`` is what their headers call the database, None where that is ``database``;
    ``name_time`` how their names tell the time; ``unpack`` the command that unpacks them.
    """

    kind: Literal["files"]
    path: str = Field(min_length=1)
    conn_id: str | None = None
    pattern: str = Field(default="*", min_length=1)
    quiet_seconds: int = Field(default=120, ge=0)
    dbname: str | None = None
    name_time: str = ""
    unpack: str = ""

    @field_validator("name_time")
    @classmethod
    def _readable(cls, form: str) -> str:
        if form:
            directives_of(form)
        return form

    @field_validator("unpack")
    @classmethod
    def _words(cls, command: str) -> str:
        shlex.split(command)  # a quotation mark that is not closed is a ValueError
        return command


class ToolProbe(Section):
    """What a backup tool says of itself in JSON: printed by a command, or in a file it wrote."""

    kind: Literal["pgbackrest", "walg", "barman"]
    server: str = ""
    command: list[str] = Field(default_factory=list)
    ssh_conn_id: str | None = None
    file: str = ""
    timezone: Zone | None = None
    timeout_seconds: int = Field(default=60, gt=0)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.command) == bool(self.file):
            raise ValueError("give either command, as a list of words, or file")
        if self.file and self.ssh_conn_id:
            raise ValueError("ssh_conn_id goes with command; to read a far file, give a command")
        if self.kind != "walg" and not self.server:
            raise ValueError("server must be set: the stanza of pgBackRest, the server of Barman")
        return self


class Verification(Section):
    """Whether a backup is read before it passes as good, and for how long at most.

    ``command`` is for the tools that verify their own repositories.
    """

    level: Literal["none", "structure", "full"] | None = None
    limit_minutes: Positive = 120
    command: list[str] = Field(default_factory=list)


class Limits(Section):
    """When a backup is wrong."""

    small_ratio: float = Field(default=0.5, ge=0, lt=1)
    small_bytes: int = Field(default=1024, ge=0)
    small_samples: int = Field(default=7, ge=3)
    sizes_since: date | None = None
    hung_factor: Positive = 3
    hung_minutes: Positive = 60
    full_within_days: Positive = 14
    report_minutes: Positive = 60
    probe_errors: int = Field(default=3, ge=1)


class WatchedBackup(Section):
    """A backup that is expected again and again: one window, one backup."""

    database: str = Field(min_length=1)
    schedule: Cron
    window_minutes: Positive = 120
    grace_minutes: float = Field(default=60, ge=0)
    poll_seconds: Positive = 300
    since: date | None = None
    probe: Annotated[TableProbe | FilesProbe | ToolProbe, Field(discriminator="kind")]
    verify: Verification = Verification()
    limits: Limits = Limits()

    @property
    def length(self) -> timedelta:
        """How long its window is open, with the grace after it."""
        return timedelta(minutes=self.window_minutes + self.grace_minutes)

    @model_validator(mode="after")
    def _windows_apart(self) -> Self:
        if self.length > (gap := shortest_gap(self.schedule)):
            raise ValueError(
                f"its windows overlap: window_minutes and grace_minutes come to {self.length}, and "
                f"the schedule {self.schedule!r} opens one every {gap}; which backup is of which "
                "window could not be told"
            )
        return self

    @model_validator(mode="after")
    def _can_be_verified(self) -> Self:
        if self.verify.level is None and self.probe.kind == "files":
            raise ValueError(
                "verify.level must be set for files: 'full' reads each dump to its end; with "
                "'none' half a dump passes"
            )
        if self.verify.level in (None, "none"):
            return self
        if self.probe.kind == "table":
            raise ValueError(
                "a table of runs cannot be verified: watch the files with kind = 'files'"
            )
        if self.probe.kind != "files" and not (self.verify.level == "full" and self.verify.command):
            raise ValueError(
                f"{self.probe.kind} verifies itself: give level = 'full' and verify.command, "
                "such as ['pgbackrest', 'verify', '--stanza=main', '--output=text']"
            )
        if self.probe.kind == "pgbackrest" and "--output=text" not in self.verify.command:
            raise ValueError(
                "verify.command needs --output=text: without it pgbackrest verify prints nothing "
                "and exits with 0, whatever it found"
            )
        return self
