"""pgBackRest with more than one repository, and with damage to other backups than tonight's."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest

from backups.conftest import stanza_of
from sancrm_reports.backups.facts import Backup, BackupState
from sancrm_reports.backups.probes.tool_report import ToolReport
from sancrm_reports.backups.settings import WatchedBackup
from sancrm_reports.backups.verdicts import Judgement, Verdict
from sancrm_reports.backups.verification import verify_backup

NIGHT = datetime(2026, 11, 26, 6, 7, tzinfo=UTC)
OLD, FULL = "20261126-060600F", "20261126-060615F"
INCREMENT = f"{FULL}_20261126-060622I"

# Recorded from 2.45, which exits with 0 in each case, and prints nothing where all is well.
OLD_IS_DAMAGED = f"""stanza: main
status: error
  backup: {OLD}, status: invalid, total files checked: 964, total valid files: 963
    checksum invalid: 1
"""
FULL_IS_DAMAGED = f"""stanza: main
status: error
  backup: {FULL}, status: invalid, total files checked: 964, total valid files: 963
    checksum invalid: 1
  backup: {INCREMENT}, status: invalid, total files checked: 964, total valid files: 963
    checksum invalid: 1
"""
# With --verbose, after the folder of the increment was deleted: pgBackRest does not miss it.
INCREMENT_IS_GONE = f"""stanza: main
status: ok
  archiveId: 15-1, total WAL checked: 8, total valid WAL: 8
    missing: 0, checksum invalid: 0, size invalid: 0, other: 0
  backup: {OLD}, status: valid, total files checked: 964, total valid files: 964
    missing: 0, checksum invalid: 0, size invalid: 0, other: 0
  backup: {FULL}, status: valid, total files checked: 964, total valid files: 964
    missing: 0, checksum invalid: 0, size invalid: 0, other: 0
"""
ALL_ARE_VALID = INCREMENT_IS_GONE + INCREMENT_IS_GONE.splitlines()[-2].replace(FULL, INCREMENT)


def watching(*command):
    return WatchedBackup(
        database="crm",
        schedule="0 2 * * *",
        probe={"kind": "pgbackrest", "server": "main", "file": "/info.json"},
        verify={"level": "full", "command": [*command, "--output=text"]},
    )


def verified(said, label=INCREMENT):
    """What is made of words that a command prints."""
    watched = watching(sys.executable, "-c", f"print({said!r})")
    return verify_backup(watched, Judgement(Verdict.OK, NIGHT, Backup(label, BackupState.DONE)))


@pytest.mark.parametrize(
    ("said", "label", "verdict", "named"),
    [
        ("", INCREMENT, Verdict.OK, ""),
        (ALL_ARE_VALID, INCREMENT, Verdict.OK, ""),
        (OLD_IS_DAMAGED, INCREMENT, Verdict.OLDER_DAMAGED, OLD),
        (OLD_IS_DAMAGED, OLD, Verdict.DAMAGED, OLD),
        (FULL_IS_DAMAGED, INCREMENT, Verdict.DAMAGED, INCREMENT),
        (FULL_IS_DAMAGED, OLD, Verdict.OLDER_DAMAGED, FULL),
        (INCREMENT_IS_GONE, INCREMENT, Verdict.DAMAGED, INCREMENT),
    ],
)
def test_the_label_decides_which_backup_is_damaged(said, label, verdict, named):
    # Tonight's is good where only an older one is not, and is told in words of its own.
    found = verified(said, label)
    assert found.verdict is verdict
    assert found.last_good == (found.backup if verdict is Verdict.OLDER_DAMAGED else None)
    assert named in found.detail


class Stanza:
    """Two repositories of one stanza, each with a full backup; the first with an increment."""

    def __init__(self, home, cluster):
        self.repositories = [home / "repo1", home / "repo2"]
        common = ["pgbackrest", "--log-level-file=off", "--config=/dev/null",
                  *(f"--repo{n}-path={home / f'repo{n}'}" for n in (1, 2))]  # fmt: skip
        self.watched = WatchedBackup(
            database="crm",
            schedule="0 2 * * *",
            probe={
                "kind": "pgbackrest",
                "server": "main",
                "command": [*common, "info", "--output=json"],
            },
            verify={
                "level": "full",
                "command": [*common, "--stanza=main", "verify", "--output=text"],
            },
        )
        write = [*common, "--stanza=main", f"--pg1-path={cluster}", f"--lock-path={home}",
                 "--no-online", "--log-level-console=off"]  # fmt: skip

        def run(*command):
            subprocess.run([*write, *command], check=True, capture_output=True)

        run("stanza-create")
        run("backup", "--type=full", "--no-compress", "--repo=2")
        run("backup", "--type=full", "--no-compress", "--repo=1")
        (cluster / "base" / "1" / "99999").write_text("changed")
        run("backup", "--type=incr", "--no-compress", "--repo=1")

    def verified(self):
        facts = ToolReport(self.watched.probe, timezone="UTC").look()
        last = next(backup for backup in reversed(facts.good) if backup.where == "repo1")
        found = Judgement(Verdict.OK, NIGHT, last, repositories=facts.repositories)
        return verify_backup(self.watched, found)


@pytest.fixture(scope="module")
def stanza(tmp_path_factory):
    return stanza_of(Stanza, tmp_path_factory.mktemp("repositories"))


def test_each_repository_is_verified(stanza):
    # By itself pgBackRest verifies the first one only: four bytes in the second go unnoticed.
    assert stanza.verified().verdict is Verdict.OK
    file = max(stanza.repositories[1].rglob("base/*/*"), key=lambda path: path.stat().st_size)
    whole = file.read_bytes()
    file.write_bytes(whole[:-4] + b"\xff\xfe\xfd\xfc")
    found = stanza.verified()
    assert found.verdict is Verdict.OLDER_DAMAGED
    assert found.detail.startswith("repo2: ")
    file.write_bytes(whole)
    assert stanza.verified().verdict is Verdict.OK


def test_damage_to_tonights_comes_before_that_of_others(stanza):
    # And a command that names a repository is left as it is.
    files = [
        max(place.rglob("base/*/*"), key=lambda path: path.stat().st_size)
        for place in stanza.repositories
    ]
    kept = [file.read_bytes() for file in files]
    for file in files:
        file.write_bytes(b"x")
    found = stanza.verified()
    assert found.verdict is Verdict.DAMAGED
    assert "repo1" in found.detail
    for file, content in zip(files, kept, strict=True):
        file.write_bytes(content)
    stanza.watched.verify.command.append("--repo=1")
    assert stanza.verified().verdict is Verdict.OK
    stanza.watched.verify.command.pop()
