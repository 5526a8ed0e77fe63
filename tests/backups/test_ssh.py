"""Commands of a probe over SSH: Airflow's connection, and a real sshd on this machine."""

import getpass
import json
import logging
import shutil
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sancrm_reports.backups.facts import Backup, BackupState
from sancrm_reports.backups.probes.errors import CommandError
from sancrm_reports.backups.probes.tool_report import ToolReport, run
from sancrm_reports.backups.settings import WatchedBackup
from sancrm_reports.backups.verdicts import Judgement, Verdict
from sancrm_reports.backups.verification import verify_backup

pytest.importorskip("airflow.providers.ssh.hooks.ssh", reason="Airflow's SSH provider is not there")

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
RECORDED = Path(__file__).parent / "recorded"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Start an sshd with keys of its own; its address as an Airflow connection."""
    if SSHD is None:
        pytest.skip("sshd is not installed")
    home = tmp_path_factory.mktemp("sshd")
    for name in ("host", "user"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / name], check=True
        )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = home / "sshd_config"
    config.write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {home}/host\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {home}/user.pub\nPasswordAuthentication no\nStrictModes no\n"
        "PermitRootLogin yes\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)  # where sshd puts its unprivileged half
    program = subprocess.Popen([SSHD, "-D", "-e", "-f", config], stderr=subprocess.PIPE, text=True)
    said = program.stderr.readline()
    assert "listening" in said, said
    yield {
        "conn_type": "ssh",
        "host": "127.0.0.1",
        "port": port,
        "login": getpass.getuser(),
        "extra": {
            "private_key": (home / "user").read_text(),
            "host_key": (home / "host.pub").read_text(),
        },
    }
    program.terminate()
    program.wait()
    program.stderr.close()


@pytest.fixture
def far(server, monkeypatch):
    """Run a command there."""
    monkeypatch.setenv("AIRFLOW_CONN_BACKUP_HOST", json.dumps(server))

    def command(*words, seconds=30):
        return run(list(words), ssh_conn_id="backup_host", seconds=seconds)

    return command


def watched(*command, verify=()):
    return WatchedBackup(
        database="crm",
        schedule="0 2 * * *",
        probe={
            "kind": "pgbackrest",
            "server": "main",
            "command": list(command),
            "ssh_conn_id": "backup_host",
        },
        verify={"level": "full", "command": [*verify, "--output=text"]} if verify else {},
    )


def test_a_report_that_is_printed_far_away(far):
    # The recorded one of pgBackRest, through the probe as it is configured.
    settings = watched("cat", str(RECORDED / "pgbackrest-2.45.json"))
    full, incremental = ToolReport(settings.probe, timezone="UTC").look().backups
    assert (full.kind, incremental.kind) == ("full", "incr")


def test_a_backup_that_is_verified_far_away(far):
    # What the command prints there is judged here; one that fails proves nothing.
    found = Judgement(Verdict.OK, datetime.now(UTC), Backup("1", BackupState.DONE))

    def verdict(program):
        command = (sys.executable, "-c", program)
        return verify_backup(watched("true", verify=command), found).verdict

    assert verdict("") is Verdict.OK
    assert verdict("print('status: error')") is Verdict.DAMAGED
    assert verdict("raise SystemExit(1)") is Verdict.UNVERIFIED


@pytest.mark.parametrize(
    "word", ["two words", "it's", '"', "$HOME", "`id`; id", "*", "\\n", "", "я"]
)
def test_a_word_arrives_as_one_word(far, word):
    # Whatever the shell there would make of it.
    assert far("printf", "[%s]", word, "end") == f"[{word}][end]"


def test_both_streams_are_read_to_their_end(far):
    # More than SSH's window on each: neither stops the other.
    program = "import sys; sys.stderr.write('e' * 5_000_000); print('o' * 5_000_000)"
    assert len(far(sys.executable, "-c", program)) == 5_000_001


def test_what_fails_far_away_says_how(far):
    # Its code and last line, also where there is no such program.
    with pytest.raises(CommandError, match="exit code 3: no access"):
        far("sh", "-c", "echo no access >&2; exit 3")
    with pytest.raises(CommandError, match=r"exit code 127: .*not found"):
        far("no-such-program")


@pytest.mark.parametrize("program", ["sleep 60", "while echo still; do sleep 0.1; done"])
def test_the_time_limit_is_of_the_whole_command(far, program):
    # Also of one that prints all the time.
    with pytest.raises(CommandError, match="sh took longer than 1 s"):
        far("sh", "-c", program, seconds=1)


def test_a_host_that_cannot_be_reached_says_so(server, far, monkeypatch):
    # Nobody listens, or another host answers in its place: its key is checked.
    import airflow.providers.ssh.hooks.ssh as provider
    from tenacity import wait_none

    for pause in ("wait_fixed", "wait_random"):  # between the hook's three tries
        monkeypatch.setattr(provider, pause, lambda *_: wait_none())
    without_host_key = {"private_key": server["extra"]["private_key"]}
    for changed, reason in (
        ({"port": 1}, "Unable to connect"),
        ({"extra": without_host_key}, "not found in known_hosts"),
    ):
        monkeypatch.setenv("AIRFLOW_CONN_BACKUP_HOST", json.dumps({**server, **changed}))
        with pytest.raises(CommandError, match=rf"over SSH \(connection 'backup_host'\).*{reason}"):
            far("true")


def test_nothing_of_a_command_is_logged(far, caplog):
    # Neither its words nor what it prints: both may hold a password.
    caplog.set_level(logging.DEBUG)
    far("sh", "-c", "echo printed-secret; echo said-secret >&2", "word-secret")
    assert "secret" not in caplog.text
