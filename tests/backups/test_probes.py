"""Each probe, on what its tool really writes; all give the same facts."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from airflow.sdk import ObjectStoragePath
from airflow.sdk.io import attach
from pydantic import TypeAdapter

from backups.conftest import stanza_of
from demo.crm.load import create_reader, create_schema
from sancrm_reports.backups.dumps.files import FolderError
from sancrm_reports.backups.facts import Backup, BackupState, Facts, Window
from sancrm_reports.backups.probes.errors import CommandError, ReportUnreadableError, ToolError
from sancrm_reports.backups.probes.files import DumpFiles
from sancrm_reports.backups.probes.table import BackupRunsTable
from sancrm_reports.backups.probes.tool_report import ToolReport
from sancrm_reports.backups.redaction import last_line
from sancrm_reports.backups.settings import FilesProbe, Limits, ToolProbe, WatchedBackup
from sancrm_reports.backups.verdicts import Judgement, Verdict, judge
from sancrm_reports.backups.verification import verify_backup
from sancrm_reports.errors import PermanentError, ReportError
from sancrm_reports.settings import DatabaseSettings
from stage import as_nobody, reader_connection

RECORDED = Path(__file__).parent / "recorded"
LONG_AGO = datetime(2026, 11, 18, 2, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def look_at(folder, **settings):
    return DumpFiles(FilesProbe(kind="files", path=str(folder), **settings)).look().backups


def tool(kind, server="main", **settings):
    probe = TypeAdapter(ToolProbe).validate_python({"kind": kind, "server": server, **settings})
    return ToolReport(probe, timezone="Europe/Moscow")


def recorded(name, kind, server="main"):
    return tool(kind, server, file=str(RECORDED / name)).look()


def printed(value, kind="pgbackrest", server="main", code=0):
    """What a probe makes of a command that prints this."""
    text = value if isinstance(value, str) else json.dumps(value)
    program = f"import sys; print({text!r}); sys.exit({code})"
    return tool(kind, server, command=[sys.executable, "-c", program]).look()


def age(path, moment=LONG_AGO):
    for file in [path, *(path.iterdir() if path.is_dir() else ())]:
        os.utime(file, (moment.timestamp(), moment.timestamp()))


# The table


@pytest.fixture
def runs(postgres, monkeypatch):
    dsn = postgres.create_database("crm")
    with psycopg.connect(dsn, autocommit=True) as connection:
        create_schema(connection)
        create_reader(connection, "reader")
        monkeypatch.setenv("AIRFLOW_CONN_SANCRM_DB", reader_connection(postgres))
        yield connection


def test_the_table_gives_each_run_of_its_database(runs):
    # Of this one only; what is not known is None.
    runs.execute(
        "insert into backup_runs values "
        "(1, 'sancrm', '2026-11-18 02:30+00', '2026-11-18 02:40+00', 'succeeded', 5, 's3://b/1',"
        " null), (2, 'sancrm', '2026-11-19 02:30+00', '2026-11-19 02:31+00', 'failed', null, null,"
        " E'pg_dump: warning\\npg_dump: error: disk full\\n'),"
        "(3, 'sancrm', '2026-11-20 02:30+00', null, 'running', null, null, null),"
        "(4, 'other', '2026-11-20 02:30+00', null, 'running', null, null, null)"
    )
    running, failed, done = BackupRunsTable(DatabaseSettings(), "sancrm").look().backups
    assert (running.state, running.finished_at) == (BackupState.RUNNING, None)
    assert (failed.state, failed.error) == (BackupState.FAILED, "pg_dump: error: disk full")
    assert (done.size, done.where, done.duration) == (5, "s3://b/1", timedelta(minutes=10))


def test_a_crm_that_is_down_is_an_error_and_no_fact(postgres, monkeypatch):
    # The caller makes a verdict of it.
    monkeypatch.setenv("AIRFLOW_CONN_SANCRM_DB", reader_connection(postgres, port=1))
    with pytest.raises(ReportError, match="does not answer"):
        BackupRunsTable(DatabaseSettings(), "sancrm").look()


# Files of pg_dump


def test_a_folder_gives_its_dumps_of_every_format(dumps):
    # A file each, and a folder with toc.dat as one; sizes add up.
    age(dumps / "custom.dump")
    found = {backup.label: backup for backup in look_at(dumps, quiet_seconds=0)}
    assert set(found) == {path.name for path in dumps.iterdir()}
    assert found["custom.dump"].finished_at == LONG_AGO
    files = (dumps / "folder").iterdir()
    assert found["folder"].size == sum(file.stat().st_size for file in files)


def test_what_was_written_a_moment_ago_is_still_running(copy_of, tmp_path):
    # Only its quiet tells that a file is whole. A clock that is a little ahead makes no quiet; one
    # that is far ahead is another verdict.
    path = copy_of("custom.dump")
    [backup] = look_at(tmp_path)
    assert backup.state is BackupState.RUNNING
    age(path)
    [backup] = look_at(tmp_path)
    assert backup.state is BackupState.DONE
    age(path, datetime.now(UTC) + timedelta(seconds=30))
    [backup] = look_at(tmp_path)
    assert backup.state is BackupState.RUNNING
    age(path, datetime.now(UTC) + timedelta(days=1))
    [backup] = look_at(tmp_path)
    assert backup.state is BackupState.DONE


def test_other_names_of_a_dump_are_no_other_dumps(copy_of, tmp_path):
    # Hard links and symbolic ones, and files that the pattern leaves out.
    path = copy_of("custom.dump", to="b.dump")
    (tmp_path / "latest.dump").hardlink_to(path)
    (tmp_path / "a.dump").symlink_to(path)
    (tmp_path / "other_folder").mkdir()
    assert [backup.label for backup in look_at(tmp_path, pattern="*.dump")] == ["b.dump"]


@pytest.mark.parametrize("name", ["custom.dump", "folder"])
def test_a_link_into_a_store_is_the_dump(copy_of, tmp_path, name):
    # Where the folder has only that: it is followed, and as old as what it leads to.
    store, shelf = tmp_path / "store", tmp_path / "shelf"
    store.mkdir()
    shelf.mkdir()
    age(copy_of(name, to="store/2f9a"))
    (shelf / "crm-latest").symlink_to(store / "2f9a")
    [backup] = look_at(shelf)
    assert (backup.label, backup.finished_at) == ("crm-latest", LONG_AGO)


def test_what_lies_beside_a_dump_is_none(copy_of, tmp_path):
    # Links that lead nowhere, pipes, checksums and logs, newer than the dump or not.
    age(copy_of("custom.dump", to="crm.dump"))
    (tmp_path / "latest.dump").symlink_to(tmp_path / "gone.dump")
    os.mkfifo(tmp_path / "pipe.dump")
    for ending in ("sha256", "md5", "log", "json"):
        (tmp_path / f"crm.dump.{ending}").write_text("x" * 5000)
    assert [backup.label for backup in look_at(tmp_path)] == ["crm.dump"]
    assert len(look_at(tmp_path, pattern="*.json")) == 1  # unless just that is asked for


@pytest.mark.parametrize(
    "name",
    [
        "x.dump.in_progress",
        "x.dump.part",
        "x.dump.tmp",
        "x.dump.filepart",
        "x.dump.1a2b3c4d.partial",
        ".x.dump.Ab12Cd",
    ],
)
def test_a_file_whose_name_says_so_is_being_written(copy_of, tmp_path, name):
    # However quiet it is, and also where the pattern is of the name that it will have. It is of
    # the night of its last change: what was left behind hides no later night.
    age(copy_of("custom.dump", to=name))
    for pattern in ("*", "*.dump"):
        [backup] = look_at(tmp_path, pattern=pattern)
        assert (backup.state, backup.moment) == (BackupState.RUNNING, LONG_AGO)
    window = Window(LONG_AGO - HOUR, LONG_AGO + HOUR, LONG_AGO + 23 * HOUR)
    facts = Facts(LONG_AGO + 2 * HOUR, (backup,))
    for at, expected in ((HOUR / 2, Verdict.RUNNING), (2 * HOUR, Verdict.OVERDUE)):
        found = judge(facts, window=window, now=LONG_AGO + at, limits=Limits())
        assert found.verdict is expected
    later = Window(window.next_at, window.next_at + HOUR, window.next_at + 24 * HOUR)
    facts = Facts(later.due_at, (backup,))
    found = judge(facts, window=later, now=later.due_at, limits=Limits())
    assert found.verdict is Verdict.MISSING


def test_a_dump_that_retention_takes_meanwhile_is_no_broken_probe(copy_of, tmp_path, monkeypatch):
    # It was listed, and is gone before it is looked at.
    from sancrm_reports.backups.dumps import files

    copy_of("custom.dump", to="kept.dump")
    copy_of("custom.dump", to="old.dump")
    real = files._stats

    def late(path):
        (tmp_path / "old.dump").unlink(missing_ok=True)
        return real(path)

    monkeypatch.setattr(files, "_stats", late)
    assert [backup.label for backup in look_at(tmp_path)] == ["kept.dump"]


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    # An unmounted disk is not an empty folder.
    with pytest.raises(FolderError, match="There is no folder"):
        look_at(tmp_path / "nothing")


def test_a_folder_that_cannot_be_entered_hides_no_dump_beside_it(caplog):
    # As lost+found of a disk of its own; the log names it.
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "a.dump").write_bytes(b"1")
        (folder / "lost+found").mkdir()
        look_at(folder)
        (folder / "lost+found").chmod(0)
        with as_nobody():
            assert [backup.label for backup in look_at(folder)] == ["a.dump"]
    assert "lost+found is skipped: permission denied" in caplog.text


def test_object_storage_gives_the_same_facts(dumps):
    # fsspec's memory stands for S3.
    from fsspec.implementations.memory import MemoryFileSystem

    attach("memory", fs=MemoryFileSystem())
    bucket = ObjectStoragePath("memory://listed")
    (bucket / "a.dump").write_bytes((dumps / "custom.dump").read_bytes())
    (bucket / "folder" / "toc.dat").write_bytes(b"1")
    (bucket / "folder" / "1.dat").write_bytes(b"23")
    found = look_at(bucket)
    assert [(backup.label, backup.size) for backup in found] == [
        ("a.dump", (dumps / "custom.dump").stat().st_size),
        ("folder", 3),
    ]
    assert found[0].moment is None or found[0].moment.tzinfo


def test_a_dump_that_came_since_the_last_look_is_seen(listing):
    # In the same process, as a triggerer's is for weeks: what it listed before is asked anew.
    (listing / "a.dump").write_bytes(b"1")
    assert [backup.label for backup in look_at(listing)] == ["a.dump"]
    listing.fs.pipe("/bucket/b.dump", b"23")  # which leaves the listing as it is
    assert [backup.label for backup in look_at(listing)] == ["a.dump", "b.dump"]


def test_a_report_in_a_bucket_is_as_old_as_it_is_now(listing):
    # Not as it was when another probe listed the bucket.
    report = listing / "walg.json"
    report.write_text("null")
    first = tool("walg", file=str(report)).look().observed_at
    assert look_at(listing, pattern="*.json")
    listing.fs.pipe("/bucket/walg.json", b"[]")
    assert tool("walg", file=str(report)).look().observed_at > first


# Tools


@pytest.fixture(scope="session")
def pgbackrest(tmp_path_factory):
    """A real stanza, made offline; without the program, nothing here is run."""
    return stanza_of(Stanza, tmp_path_factory.mktemp("pgbackrest"))


class Stanza:
    """A stanza with one full and one incremental backup."""

    def __init__(self, home, cluster):
        self.repository = home / "repo"
        common = ["--log-level-file=off", "--config=/dev/null", f"--repo1-path={self.repository}"]
        self.info = ["pgbackrest", *common, "info", "--output=json"]
        self.verify = ["pgbackrest", *common, "--stanza=main", "verify", "--output=text"]
        write = [
            "pgbackrest", *common, "--stanza=main", f"--pg1-path={cluster}",
            f"--lock-path={home}", "--no-online",  "--log-level-console=off",
        ]  # fmt: skip

        def run(*command):
            subprocess.run([*write, *command], check=True, capture_output=True)

        run("stanza-create")
        run("backup", "--type=full", "--no-compress")
        (cluster / "base" / "1" / "99999").write_text("changed")  # else there is nothing to back up
        run("backup", "--type=incr", "--no-compress")


def test_a_real_stanza_of_pgbackrest(pgbackrest):
    # A full backup and an incremental one, with their own sizes.
    full, incremental = tool("pgbackrest", command=pgbackrest.info).look().backups
    assert (full.kind, incremental.kind) == ("full", "incr")
    assert full.state is incremental.state is BackupState.DONE
    assert 0 <= incremental.size < full.size
    assert full.duration >= timedelta()
    with pytest.raises(ToolError, match="no stanza 'other'"):
        tool("pgbackrest", "other", command=pgbackrest.info).look()


def test_what_pgbackrest_itself_verifies(pgbackrest):
    # It prints what is wrong, and exits with 0: a file is damaged, then missing.
    def verdict():
        probe = {"kind": "pgbackrest", "server": "main", "command": pgbackrest.info}
        watched = WatchedBackup(
            database="crm",
            schedule="0 2 * * *",
            probe=probe,
            verify={"level": "full", "command": pgbackrest.verify},
        )
        backup = ToolReport(watched.probe, timezone="UTC").look().backups[0]
        found = Judgement(Verdict.OK, datetime.now(UTC), backup)
        return verify_backup(watched, found)

    assert verdict().verdict is Verdict.OK
    file = max(pgbackrest.repository.rglob("base/*/*"), key=lambda path: path.stat().st_size)
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert verdict().verdict is Verdict.DAMAGED
    assert "checksum invalid: 1" in verdict().detail
    file.unlink()
    assert "missing: 1" in verdict().detail
    file.write_bytes(whole)


@pytest.mark.parametrize(
    ("printed", "verdict"),
    [
        ("", Verdict.OK),
        (
            "stanza: main\nstatus: error\n  backup: 20261125-023631F, status: invalid, total files"
            " checked: 965, total valid files: 964\n    checksum invalid: 1\n",
            Verdict.DAMAGED,
        ),
        ("[wal-verify] integrity check status: OK\n", Verdict.OK),
        ("[wal-verify] integrity check status: FAILURE\n", Verdict.DAMAGED),
        (None, Verdict.UNVERIFIED),  # the command itself failed
    ],
)
def test_what_a_tool_printed_is_judged(printed, verdict):
    # Recorded from pgBackRest 2.45, which exits with 0 in the second case, too; WAL-G's words are
    # of its documentation.
    program = "raise SystemExit('no access')" if printed is None else f"print({printed!r})"
    watched = WatchedBackup(
        database="crm",
        schedule="0 2 * * *",
        probe={"kind": "pgbackrest", "server": "main", "file": "/info.json"},
        verify={"level": "full", "command": [sys.executable, "-c", program, "--output=text"]},
    )
    found = Judgement(Verdict.OK, LONG_AGO, Backup("20261125-023631F", BackupState.DONE))
    assert verify_backup(watched, found).verdict is verdict


def test_the_recorded_stanza_reads_like_the_real_one():
    # So that the format is tested also where the program is not installed.
    full, incremental = recorded("pgbackrest-2.45.json", "pgbackrest").backups
    assert (full.kind, incremental.kind) == ("full", "incr")
    assert full.size > incremental.size


def stanza(code=0, message="ok", held=False, **backup):
    lock = {"backup": {"held": held, **({"size": 100, "size-cplt": 61} if held else {})}}
    one = {
        "label": "20261118-023000F",
        "type": "full",
        "timestamp": {"start": 1795574174, "stop": 1795574179},
        "info": {"repository": {"delta": 4443490}},
        **backup,
    }
    return [
        {
            "name": "main",
            "status": {"code": code, "message": message, "lock": lock},
            "backup": [one],
            "repo": [],
        }
    ]


def test_pgbackrest_codes_are_judged_because_it_always_exits_with_0():
    # No valid backup is an answer; no access is none.
    assert printed([{**stanza()[0], "backup": [], "status": stanza(2)[0]["status"]}]).backups == ()
    for code, message in ((1, "missing stanza path"), (99, "other")):
        with pytest.raises(ToolError, match=message):
            printed(stanza(code, message))


def test_pgbackrest_with_two_repositories_names_them():
    # So that one without backups is found out; a single one is as any other tool's.
    [one] = stanza(database={"repo-key": 2})
    status = {"code": 0, "message": "ok"}
    one["repo"] = [{"key": 1, "status": status}, {"key": 2, "status": status}]
    facts = printed([one])
    assert facts.repositories == ("repo1", "repo2")
    assert facts.backups[0].where == "repo2"
    assert recorded("pgbackrest-2.45.json", "pgbackrest").repositories == ()


def test_a_repository_that_is_empty_yet_is_no_broken_probe():
    # The stanza's own code then is 4, different across repos. One that cannot be read is named, and
    # only where there is no other the probe is broken.
    [one] = stanza(4, "different across repos", database={"repo-key": 1})
    empty, broken = {"code": 2, "message": "no valid backups"}, {"code": 99, "message": "other"}
    one["repo"] = [{"key": 1, "status": {"code": 0, "message": "ok"}}, {"key": 2, "status": empty}]
    facts = printed([one])
    assert facts.repositories == ("repo1", "repo2")
    assert [backup.where for backup in facts.backups] == ["repo1"]
    one["repo"][1]["status"] = broken
    facts = printed([one])
    assert (facts.gone, facts.gone_because) == ("repo2", "repo2: other (code 99)")
    one["repo"][0]["status"] = broken
    with pytest.raises(ToolError, match="repo1: other"):
        printed([one])


@pytest.mark.parametrize(
    ("name", "words"),
    [("gone", "missing stanza path"), ("denied", "Permission denied")],
)
def test_a_real_repository_that_is_gone_leaves_the_other(name, words):
    # Recorded from 2.45: its folder was moved away, and closed.
    facts = recorded(f"pgbackrest-2.45-{name}.json", "pgbackrest")
    assert facts.gone == "repo2"
    assert words in facts.gone_because
    assert {backup.where for backup in facts.good} == {"repo1"}


def test_a_real_archive_that_stands_still_is_told():
    # Recorded from 2.45: archive_command began to fail, and a backup did not wait for its WAL. Its
    # last segment is 0A, the newest in both repositories 08.
    stalled = recorded("pgbackrest-2.45-stalled.json", "pgbackrest")
    assert stalled.wal == "repo1: 000000010000000000000008 < 00000001000000000000000A"
    assert recorded("pgbackrest-2.45-two-repositories.json", "pgbackrest").wal == ""
    assert recorded("pgbackrest-2.45.json", "pgbackrest").wal == ""  # made offline, without WAL


def test_an_archive_of_an_earlier_version_stands_still_by_right():
    # After an upgrade WAL goes to the archive of the new one; a new timeline is no step back.
    def archive(version, newest, repository=1):
        database = {"id": version, "repo-key": repository}
        return {"database": database, "id": f"{14 + version}-{version}", "max": newest}

    def backup(version, stop):
        return {**one["backup"][0], "archive": {"stop": stop}, "database": {"id": version}}

    [one] = stanza()
    first, later, new_line = ("000000010000000000000008", "00000001000000000000000A",
                              "00000002000000000000000B")  # fmt: skip
    one["backup"] = [backup(1, later), backup(2, first)]
    one["archive"] = [archive(1, first), archive(2, first)]
    assert printed([one]).wal == ""
    one["backup"].append(backup(2, later))
    assert printed([one]).wal == f"repo1: {first} < {later}"
    one["archive"][1]["max"] = new_line
    assert printed([one]).wal == ""
    one["archive"].append(archive(2, first, repository=2))
    assert printed([one]).wal.startswith("repo2: ")


def test_a_running_pgbackrest_shows_its_share():
    # By its lock, where the version tells one.
    *_, running = printed(stanza(held=True)).backups
    assert (running.state, running.progress) == (BackupState.RUNNING, 0.61)


def test_a_backup_with_page_errors_is_damaged():
    # It finished, and must not pass for good.
    [backup] = printed(stanza(error=True)).backups
    assert backup.damage == "page checksum errors"


def test_what_wal_g_lists_is_finished():
    # Its first year of the calendar is an unknown time; a delta is told by its name.
    full, delta, unknown = recorded("walg.json", "walg", "").backups
    assert (full.kind, full.size) == ("full", 2_310_000_000)
    assert full.finished_at == datetime(2026, 11, 17, 23, 41, 7, 123456, tzinfo=UTC)
    assert delta.kind == "delta"
    assert unknown.moment is None
    assert printed("null", "walg", "").backups == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"start_time": "2026-11-17T23:30:01Z", "finish_time": "2026-11-17T23:41:07.123456789Z"},
        {"time": "2026-11-17T23:41:07Z", "wal_file_name": "0", "storage_name": "default"},
        {"creation_time": "2026-11-17T23:30:01Z", "modification_time": "2026-11-17T23:41:07Z"},
    ],
    ids=["detail", "3.0", "1.1"],
)
def test_wal_g_tells_the_end_of_a_backup_in_several_ways(fields):
    # With --detail, and without, in what its source has called it over time. More or less is no
    # broken probe.
    [one] = printed(
        [{"backup_name": "base_000000010000000000000004", **fields}], "walg", ""
    ).backups
    assert one.moment.replace(microsecond=0) == datetime(2026, 11, 17, 23, 41, 7, tzinfo=UTC)
    assert one.size is None


def test_an_empty_storage_of_wal_g_is_no_broken_probe(tmp_path):
    # It prints nothing, and exits with 0. An empty file is what a command that failed leaves.
    assert printed("", "walg", "").backups == ()
    (tmp_path / "walg.json").touch()
    with pytest.raises(ReportUnreadableError):
        tool("walg", file=str(tmp_path / "walg.json")).look()


def test_barman_rows_of_each_state():
    # Recorded from 3.19.1: a pg_basebackup that was killed, a Barman that was, and two good ones.
    failed, started, done, _ = recorded("barman-3.19.json", "barman").backups
    assert (done.state, done.size, done.kind) == (BackupState.DONE, 60_395_334, "full")
    assert done.finished_at == datetime(2026, 11, 25, 3, 42, 16, tzinfo=UTC)
    assert (failed.state, failed.finished_at) == (BackupState.FAILED, None)
    # Barman's host was in Moscow's time then, and its id is all that tells when.
    assert failed.started_at == datetime(2026, 11, 25, 4, 14, 54, tzinfo=UTC)
    assert "barman show-backup main 20261125T071454" in failed.error
    assert (started.state, started.size) == (BackupState.RUNNING, None)
    with pytest.raises(ToolError, match="no server 'other'"):
        recorded("barman-3.19.json", "barman", "other")


@pytest.mark.parametrize(
    ("name", "newest"),
    [
        ("barman-3.4.json", datetime(2026, 11, 26, 6, 20, 40, tzinfo=UTC)),
        ("barman-3.4-yekaterinburg.json", datetime(2026, 11, 26, 6, 27, 16, tzinfo=UTC)),
    ],
)
def test_a_barman_in_another_zone_than_the_account_is_understood(name, newest):
    # Recorded from 3.4.0 on a host in UTC, and in Yekaterinburg, with PostgreSQL in UTC. Read as
    # Moscow's, the first began three hours before its end, the second two hours after it: the
    # window is that of its end, or of its true beginning, which also tells when others failed.
    facts = recorded(name, "barman")
    done = facts.good[-1]
    assert done.finished_at == newest
    window = Window(newest - 20 * HOUR / 60, newest + HOUR, newest + 20 * HOUR)
    found = judge(facts, window=window, now=newest + HOUR / 60, limits=Limits())
    assert (found.verdict, found.backup) == (Verdict.OK, done)
    if "yekaterinburg" in name:
        assert done.started_at == datetime(2026, 11, 26, 6, 27, 12, tzinfo=UTC)
        failed = facts.last(BackupState.FAILED, window)
        assert failed.started_at == datetime(2026, 11, 26, 6, 27, 22, tzinfo=UTC)


def test_the_zone_of_barmans_host_can_be_set():
    # Where it is further west, nothing else tells when a backup began.
    probe = {"file": str(RECORDED / "barman-3.4.json")}
    assert tool("barman", **probe).look().good[-1].started_at is None
    done = tool("barman", **probe, timezone="UTC").look().good[-1]
    assert done.started_at == datetime(2026, 11, 26, 6, 20, 37, tzinfo=UTC)


def test_a_barman_backup_that_waits_for_its_wal_is_neither_done_nor_running():
    # It cannot be restored yet. A warning of the configuration is beside it, as a false server.
    # Barman's source writes the row of one that is copied as that of one that is done.
    row = {
        "backup_id": "20261121T023000",
        "end_time": "Sat Nov 21 02:40:00 2026",
        "end_time_timestamp": "1795218000",
        "size_bytes": 5,
        "status": "WAITING_FOR_WALS",
    }
    [waiting] = printed({"_WARNING": ["deprecated"], "main": [row]}, "barman").backups
    assert waiting.state is BackupState.NEEDS_WAL


def test_a_report_in_a_file_is_as_old_as_the_file(tmp_path):
    # Not as its reading.
    path = tmp_path / "info.json"
    path.write_text(json.dumps(stanza()))
    age(path)
    assert tool("pgbackrest", file=str(path)).look().observed_at == LONG_AGO
    with pytest.raises(ReportUnreadableError, match="cannot be read"):
        tool("pgbackrest", file=str(tmp_path / "none.json")).look()


@pytest.mark.parametrize("text", ["", "not json", "{}", '[{"name": "main"}]', "[1]", "3"])
@pytest.mark.parametrize("kind", ["pgbackrest", "walg", "barman"])
def test_what_is_no_report_is_an_error(kind, text):
    # Never "there is no backup", nor a crash that no one explains.
    if kind == "walg" and text in ("", "{}"):
        return  # an empty storage: nothing at all is printed, or an empty list
    with pytest.raises(ReportError):
        printed(text, kind)


def test_a_command_that_fails_says_how():
    # Its last line; one that is not there, and one that never ends.
    with pytest.raises(CommandError, match="exit code 3: no access"):
        printed("warning\nno access", code=3)
    with pytest.raises(CommandError, match="cannot be run"):
        tool("walg", command=["/nowhere/wal-g"]).look()
    endless = [sys.executable, "-c", "import signal; signal.pause()"]
    with pytest.raises(CommandError, match="longer than 1 s"):
        tool("walg", command=endless, timeout_seconds=1).look()


def test_ssh_without_its_provider_says_what_to_install(monkeypatch):
    # It is optional: most probes need none.
    monkeypatch.setitem(sys.modules, "airflow.providers.ssh.hooks.ssh", None)
    with pytest.raises(PermanentError, match="pip install apache-airflow-providers-ssh"):
        tool("walg", command=["wal-g"], ssh_conn_id="backup_host").look()


def test_a_line_for_an_alert_shows_no_password():
    # Neither in an address nor as a setting; and it has an end.
    assert (
        last_line("a\n\nfailed: postgresql://me:pw@db/crm\n") == "failed: postgresql://me:…@db/crm"
    )
    assert last_line("could not connect: password=pw host=db") == (
        "could not connect: password=… host=db"
    )
    assert len(last_line("x" * 5000)) == 300


@pytest.mark.parametrize(
    "line",
    [
        "401: Authorization: Bearer hunter2",
        "401: {'Authorization': 'Basic hunter2'}",
        "curl: sent Bearer hunter2 to host",
        'bad config: {"password": "hunter2", "host": "db"}',
        'bad config: {"password":"a \\"hunter2"}',
        r'bad config: "{\"password\": \"hunter2\"}"',
        "bad config: password: hunter2",
        "bad config: password = 'my hunter2'",
        "usage: tool --password hunter2 --host db",
        "usage: tool --repo1-s3-key-secret 'a hunter2'",
        "AWS_SECRET_ACCESS_KEY=hunter2 is refused",
        "repo1-cipher-pass=hunter2 is refused",
        "POST https://api.telegram.org/bot123:ABC-hunter2/sendMessage failed",
        "failed: postgresql://me:p@hunter2@db/crm",
    ],
)
def test_a_secret_is_hidden_whatever_its_form(line):
    # As programs print headers, settings, options and addresses; the rest of the line stays.
    shown = last_line(line)
    assert "hunter2" not in shown
    assert shown.startswith(line[:4])
    assert "…" in shown


@pytest.mark.parametrize(
    "line",
    [
        'FATAL: password authentication failed for user "backup"',
        "ERROR: duplicate key value violates unique constraint",
        "ERROR [050]: unable to acquire lock on file: No space left on device",
        "https://db:5432/crm does not answer",
    ],
)
def test_a_line_without_a_secret_stays_as_it_is(line):
    # It is what people look for.
    assert last_line(line) == line
