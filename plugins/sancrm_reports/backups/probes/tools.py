"""The reports of backup tools: where they come from. What they mean is a module for each tool."""

from __future__ import annotations

import json
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sancrm_reports.backups.dumps.files import forget_listings, storage_path, written_at
from sancrm_reports.backups.probes import barman, pgbackrest, walg
from sancrm_reports.backups.probes.errors import CommandError, ReportUnreadableError
from sancrm_reports.backups.redaction import last_line
from sancrm_reports.errors import PermanentError

if TYPE_CHECKING:
    from sancrm_reports.backups.facts import Facts
    from sancrm_reports.backups.settings import ToolProbe

READERS = {"pgbackrest": pgbackrest.read, "walg": walg.read, "barman": barman.read}


class ToolReport:
    """A report in JSON: printed by a command here or over SSH, or in a file that it wrote."""

    def __init__(self, settings: ToolProbe, *, timezone: str) -> None:
        self.settings = settings
        self.zone = ZoneInfo(settings.timezone or timezone)

    def look(self) -> Facts:
        """Get the report, and read it.

        Raises:
            CommandError: the command could not be run, or failed.
            ReportUnreadableError: there is no report, or it is not what this tool writes.
            ToolError: the tool says that it cannot tell.
        """
        text, observed_at = self._report()
        try:
            report: Any = json.loads(text.strip() or self._nothing())
            return READERS[self.settings.kind](report, self.settings.server, observed_at, self.zone)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ReportUnreadableError(
                f"This isn't a JSON report of {self.settings.kind} "
                f"({type(error).__name__}: {error}): {last_line(text)!r}"
            ) from None

    def _nothing(self) -> str:
        """Return what no output means: of an empty storage WAL-G prints nothing, and exits with 0.

        An empty file is what a command that failed leaves of a report.
        """
        return "[]" if self.settings.kind == "walg" and not self.settings.file else ""

    def _report(self) -> tuple[str, datetime]:
        if not self.settings.file:
            text = run(
                self.settings.command,
                ssh_conn_id=self.settings.ssh_conn_id,
                seconds=self.settings.timeout_seconds,
            )
            return text, datetime.now(UTC)
        name = self.settings.file
        try:
            path = storage_path(name)
            forget_listings(path)
            return path.read_text("utf-8"), written_at(path.stat())
        except Exception as error:  # each kind of storage has errors of its own
            raise ReportUnreadableError(
                f"The report {name} cannot be read: {type(error).__name__}: {error}"
            ) from None


def run(command: list[str], *, ssh_conn_id: str | None, seconds: float) -> str:
    """Run a command, here or by Airflow's SSH connection, and return what it printed.

    Raises:
        CommandError: it is not there, failed, or took too long; with the last line that it said.
        PermanentError: SSH is wanted, and Airflow's provider for it is not installed.
    """
    if ssh_conn_id:
        code, output, errors = _run_far(command, ssh_conn_id, seconds)
    else:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise CommandError(f"{command[0]} took longer than {seconds:.0f} s.") from None
        except OSError as error:
            raise CommandError(
                f"{command[0]} cannot be run: {error.strerror}.", quote=str(error.strerror)
            ) from None
        code, output, errors = done.returncode, done.stdout, done.stderr
    if code:
        said = last_line((errors or output).decode(errors="replace"))
        raise CommandError(f"{command[0]} failed with exit code {code}: {said}", quote=said)
    return output.decode(errors="replace")


def _run_far(command: list[str], conn_id: str, seconds: float) -> tuple[int, bytes, bytes]:
    try:
        from airflow.providers.ssh.hooks.ssh import SSHHook
    except ImportError:
        raise PermanentError(
            "ssh_conn_id needs Airflow's SSH provider: pip install apache-airflow-providers-ssh"
        ) from None
    try:
        # Not by the hook's own way to run a command: it logs every line, a password in one of them
        # too, and its time limit is of a silence, so a command that prints now and then never ends.
        hook = SSHHook(ssh_conn_id=conn_id)
        with ThreadPoolExecutor(3) as threads, hook.get_conn() as client:
            sent, output, errors = client.exec_command(shlex.join(command))
            sent.channel.shutdown_write()
            code = threads.submit(output.channel.recv_exit_status)  # -1 where the connection broke
            parts = threads.submit(output.read), threads.submit(errors.read)
            if wait((code, *parts), timeout=seconds).not_done:
                raise CommandError(f"{command[0]} took longer than {seconds:.0f} s.")
            return code.result(), parts[0].result(), parts[1].result()
    except CommandError:
        raise
    except Exception as error:  # paramiko's, the network's and Airflow's own
        raise CommandError(
            f"{command[0]} cannot be run over SSH (connection {conn_id!r}): "
            f"{type(error).__name__}: {error}"
        ) from None
