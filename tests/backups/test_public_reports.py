"""What users of such tools reported in public: each is found, or is no alarm, by now."""

import gzip
import hashlib
import json
import os
import subprocess
import sys
import tarfile
from datetime import UTC, datetime, timedelta

from backups.test_kept import with_markers
from demo.postgres import find_bin_dir
from sancrm_reports.backups.facts import Backup, BackupState, Facts, Memory, Window
from sancrm_reports.backups.probes.files import DumpFiles
from sancrm_reports.backups.probes.tools import ToolReport
from sancrm_reports.backups.settings import Limits, WatchedBackup
from sancrm_reports.backups.verdicts import NOTHING_KNOWN, Judgement, Verdict, judge
from sancrm_reports.backups.verification import verify_backup

HOUR, NIGHT = timedelta(hours=1), timedelta(days=1)
TONIGHT = datetime(2026, 11, 18, 2, 30, tzinfo=UTC)


def put(path, content, at=TONIGHT):
    path.write_bytes(content)
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


class Watch:
    """Judges a folder of dumps as the tasks do: the wait at the deadline, then reading in full."""

    def __init__(self, folder, **probe):
        self.watched = WatchedBackup(
            database="crm",
            schedule="0 2 * * *",
            probe={"kind": "files", "path": str(folder), **probe},
            verify={"level": "full"},
        )

    def found(self, at=2 * HOUR, memory=NOTHING_KNOWN):
        facts = DumpFiles(self.watched.probe).look()
        found = judged(facts.backups, at, memory, tells_ends=facts.tells_ends)
        return verify_backup(self.watched, found) if found.verdict is Verdict.OK else found


def judged(backups, at=2 * HOUR, memory=NOTHING_KNOWN, **more):
    now = TONIGHT + at
    window = Window(TONIGHT - HOUR, TONIGHT + HOUR, TONIGHT + 23 * HOUR)
    facts = Facts(now, tuple(backups), **more)
    return judge(facts, window=window, now=now, limits=Limits(), memory=memory)


def printed(kind, text, **probe):
    """The facts that a tool's words give."""
    command = [sys.executable, "-c", f"import sys; sys.stdout.write({text!r})"]
    watched = WatchedBackup(
        database="crm", schedule="0 2 * * *", probe={"kind": kind, "command": command, **probe}
    )
    return ToolReport(watched.probe, timezone="UTC").look()


def stanza(backup, **more):
    """A report of pgBackRest with one backup."""
    one = {
        "label": "20261118-023000F",
        "type": "full",
        "database": {"id": 1, "repo-key": 1},
        "info": {"repository": {"delta": 75_900_000}},
        "timestamp": {"start": 1794969000, "stop": 1794969600},
        **backup,
    }
    status = {"code": 0, "message": "ok"}
    return json.dumps([{"name": "main", "status": status, "backup": [one], **more}])


def test_empty_dumps(postgres, tmp_path):
    # https://github.com/prodrigestivill/docker-postgres-backup-local/issues/38
    # Whole dumps, header and last line, of a database without tables: the wrong one was dumped.
    dsn = postgres.create_database("nothing")
    subprocess.run([find_bin_dir() / "pg_dump", f"--file={tmp_path / 'x.sql'}", dsn], check=True)
    packed = gzip.compress((tmp_path / "x.sql").read_bytes())
    (tmp_path / "x.sql").unlink()
    put(tmp_path / "mydbname-202046.sql.gz", packed)
    assert Watch(tmp_path).found().verdict is Verdict.TOO_SMALL


def test_silent_empty_database_dumps(tmp_path):
    # https://github.com/distillium/remnawave-backup-restore/pull/39
    # docker exec ... pg_dumpall | gzip -9: the exit code is that of gzip, the file has 20 bytes.
    put(tmp_path / "dump.sql.gz", gzip.compress(b"", mtime=0))
    assert Watch(tmp_path).found().verdict is Verdict.TOO_SMALL
    watch = Watch(tmp_path)
    facts = DumpFiles(watch.watched.probe).look()
    found = verify_backup(watch.watched, Judgement(Verdict.OK, TONIGHT, facts.backups[0]))
    assert (found.verdict, found.cause) == (Verdict.DAMAGED, "dump_unfinished")


def test_a_crash_killed_pg_dump_leaves_a_truncated_backup_that_looks_valid(dumps, tmp_path):
    # https://github.com/super-productivity/super-productivity/pull/9889
    # PostgreSQL died in the middle, gzip ended its file well: gzip -t passes.
    whole = (dumps / "plain.sql").read_bytes()
    put(tmp_path / "supersync_1.sql.gz", gzip.compress(whole[: len(whole) * 2 // 3]))
    put(tmp_path / "supersync_2.sql.gz.tmp", whole, TONIGHT - 5 * NIGHT)  # as of a later version
    assert (
        subprocess.run(["gzip", "-t", tmp_path / "supersync_1.sql.gz"], check=False).returncode == 0
    )
    found = Watch(tmp_path).found()
    assert (found.verdict, found.cause) == (Verdict.DAMAGED, "dump_unfinished")


def test_large_partial_files_with_final_names(dumps, tmp_path):
    # https://github.com/assembledhq/143/pull/2123
    # Night after night pg_dump failed and left its part: none of them is the last good one.
    whole = (dumps / "custom.dump").read_bytes()
    memory = Memory()
    put(tmp_path / "0.dump", whole, TONIGHT - 4 * NIGHT)
    half = whole[: len(whole) * 3 // 4]
    for night in (3, 2, 1):
        at = TONIGHT - night * NIGHT
        path = put(tmp_path / f"{4 - night}.dump", half, at)
        memory = memory.with_bad(
            Backup(path.name, BackupState.DONE, finished_at=at, size=len(half))
        )
    put(tmp_path / "4.dump", half)
    found = Watch(tmp_path).found(memory=memory)
    assert found.verdict is Verdict.DAMAGED
    assert found.last_good.label == "0.dump"


def test_pg_dump_through_docker_exec_with_a_terminal(dumps, tmp_path):
    # https://github.com/docker-library/postgres/issues/1186
    # https://github.com/docker-library/postgres/issues/219
    # docker exec -t turns line ends: "pg_restore returned successful but without restoring
    # anything from a 600MB dump".
    put(tmp_path / "db.dump", (dumps / "custom.dump").read_bytes().replace(b"\n", b"\r\n"))
    assert Watch(tmp_path).found().verdict is Verdict.DAMAGED


def test_no_compression_results_in_an_empty_file_with_a_right_md5(tmp_path):
    # https://github.com/nfrastack/db-backup/issues/114
    # "completed successfully", and the MD5 is that of nothing.
    name = "pgsql_hudu_production_db_20220411-021919.sql"
    put(tmp_path / name, b"")
    put(tmp_path / f"{name}.md5", f"{hashlib.md5(b'').hexdigest()} - {name}\n".encode())
    assert Watch(tmp_path).found(at=HOUR / 2).verdict is Verdict.RUNNING
    found = Watch(tmp_path).found()
    assert (found.verdict, found.backup.label) == (Verdict.TOO_SMALL, name)


def test_strange_dumps_of_20_bytes_between_the_good_ones():
    # https://github.com/databacker/mysql-backup/issues/47
    # The sizes of that report: what came by day is small, what came at night is not; the first
    # does not become the usual size.
    sizes = [7965408, 20, 20, 20, 8073738, 20, 8016356, 20, 8261452, 20]
    memory, before = Memory(), []
    for number, size in enumerate(sizes):
        at = TONIGHT - NIGHT * (len(sizes) - number)
        one = Backup(f"{number}.gz", BackupState.DONE, finished_at=at, size=size)
        before.append(one)
        memory = memory.with_bad(one) if size == 20 else memory.with_good(one)
    tonight = Backup("now.gz", BackupState.DONE, finished_at=TONIGHT, size=8100000)
    found = judged([*before, tonight], memory=memory)
    assert (found.verdict, found.last_good.size) == (Verdict.OK, 8261452)
    small = Backup("now.gz", BackupState.DONE, finished_at=TONIGHT, size=2000)
    found = judged([*before, small], memory=memory)
    assert (found.verdict, found.usual_size) == (Verdict.TOO_SMALL, 8045047)


def test_a_dump_that_powershell_wrote(dumps, tmp_path):
    # https://github.com/MicrosoftDocs/azure-docs/issues/39050
    # https://github.com/immich-app/immich/pull/11787
    # Its > writes UTF-16: an archive is lost, plain SQL can be turned back.
    archive = (dumps / "custom.dump").read_bytes().decode("latin-1").encode("utf-16")
    put(tmp_path / "MyDatabaseBackup.dump", archive)
    found = Watch(tmp_path).found()
    assert (found.verdict, found.cause) == (Verdict.DAMAGED, "dump_utf16")
    text = (dumps / "plain.sql").read_text().encode("utf-16")
    put(tmp_path / "MyDatabaseBackup.dump", text)
    found = Watch(tmp_path).found()
    assert (found.verdict, found.cause) == (Verdict.UNVERIFIED, "dump_utf16")


def test_a_pg_restore_without_zstd(dumps, tmp_path, monkeypatch):
    # https://github.com/pgadmin-org/pgadmin4/issues/9425
    # https://github.com/dbcli/pgcli/issues/1473
    # Its words are of those reports. The dump may be whole.
    words = "this build does not support compression with zstd"
    program = tmp_path / "bin" / "pg_restore"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\n"
        f"echo 'pg_restore: warning: archive is compressed, but this installation does not support"
        f" compression ({words}) -- no data will be available' >&2\n"
        f"echo 'pg_restore: error: cannot restore from compressed archive ({words})' >&2\nexit 1\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "dumps").mkdir()
    put(tmp_path / "dumps" / "database.dump", (dumps / "custom.dump").read_bytes())
    found = Watch(tmp_path / "dumps").found()
    assert (found.verdict, found.cause, found.quote) == (
        Verdict.UNVERIFIED,
        "pg_restore_lacks",
        "zstd",
    )


def test_a_dump_in_a_folder_in_a_packed_tar(dumps, tmp_path):
    # https://github.com/ecosyste-ms/packages/issues/467
    # packages-2023-08-08/packages-2023-08-08.sql, which is a custom dump, in a .tar.gz.
    path = tmp_path / "packages-2023-08-08.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(dumps / "custom.dump", "packages-2023-08-08/packages-2023-08-08.sql")
    put(path, path.read_bytes())
    watch = Watch(tmp_path, pattern="packages-*", name_time="%Y-%m-%d")
    facts = DumpFiles(watch.watched.probe).look()
    [backup] = facts.backups
    assert backup.finished_at.date().isoformat() == "2023-08-08"
    found = verify_backup(watch.watched, Judgement(Verdict.OK, TONIGHT, backup))
    assert found.verdict is Verdict.OK


def test_wal_g_prints_nothing_for_an_empty_storage():
    # https://github.com/wal-g/wal-g/issues/2094
    # "no output and zero exit code" of v3.0.5: there is no backup, and the probe is well.
    found = judged(printed("walg", "").backups)
    assert (found.verdict, found.last_good) == (Verdict.MISSING, None)


def test_barman_changed_from_waiting_for_wals_to_failed():
    # https://github.com/EnterpriseDB/barman/issues/244
    # On an idle server the last WAL is not archived: the copy is there, and later it is FAILED.
    row = (
        '{{"main": [{{"backup_id": "20261118T023000", "status": "{status}", '
        '"end_time": "Wed Nov 18 02:40:00 2026", "end_time_timestamp": "1794969600"}}]}}'
    )
    waits = printed("barman", row.format(status="WAITING_FOR_WALS"), server="main").backups
    assert judged(waits, at=HOUR / 2).verdict is Verdict.RUNNING
    assert judged(waits).verdict is Verdict.WAL_STALLED
    failed = printed("barman", row.format(status="FAILED"), server="main").backups
    assert judged(failed, at=HOUR / 2).verdict is Verdict.FAILED


def test_a_backup_whose_wal_did_not_reach_the_archive():
    # https://github.com/pgbackrest/pgbackrest/issues/274
    # "could not find WAL segment 000000010000B51C000000F0": the newest in the archive is older.
    newest, wanted = "000000010000B51C000000EA", "000000010000B51C000000F0"
    report = stanza(
        {"archive": {"stop": wanted}},
        archive=[{"database": {"id": 1, "repo-key": 1}, "id": "9.4-1", "max": newest}],
    )
    facts = printed("pgbackrest", report, server="main")
    found = judged(facts.backups, wal=facts.wal)
    assert (found.verdict, found.detail) == (Verdict.WAL_STALLED, f"repo1: {newest} < {wanted}")


def test_checksum_failures_simply_throw_a_warning():
    # https://github.com/pgbackrest/pgbackrest/issues/2687
    # https://github.com/CrunchyData/pgmonitor/issues/275
    # "The backup ends successfully, however": only the error field of info tells.
    report = stanza({"error": True})
    assert judged(printed("pgbackrest", report, server="main").backups).verdict is Verdict.BAD_PAGES


def test_a_lost_backup_folder_that_verify_does_not_miss():
    # https://github.com/pgbackrest/pgbackrest/issues/2723
    # "I will not see any problems": with --verbose the label is not among those it read.
    said = (
        "stanza: demo\nstatus: ok\n  archiveId: 12-1, total WAL checked: 2, total valid WAL: 2\n"
        "  backup: 20260114-135000F, status: valid, total files checked: 1281\n"
    )
    watched = WatchedBackup(
        database="crm",
        schedule="0 2 * * *",
        probe={"kind": "pgbackrest", "server": "demo", "file": "/info.json"},
        verify={
            "level": "full",
            "command": [sys.executable, "-c", f"print({said!r})", "--output=text", "--verbose"],
        },
    )
    lost = Backup("20260115-135000F", BackupState.DONE)
    found = verify_backup(watched, Judgement(Verdict.OK, TONIGHT, lost))
    assert (found.verdict, found.cause) == (Verdict.DAMAGED, "backup_gone")


def test_a_zero_byte_object_for_the_folder_of_a_bucket(listing, monkeypatch):
    # https://github.com/Altinity/clickhouse-backup/issues/1524
    # https://github.com/fsspec/s3fs/pull/983
    # The console of the storage made an object "clickhouse/" of 0 bytes: no backup without a name.
    (listing / "clickhouse" / "a.dump").write_bytes(b"PGDMP")
    with_markers(listing, monkeypatch)
    facts = DumpFiles(Watch(listing / "clickhouse").watched.probe).look()
    assert [backup.label for backup in facts.backups] == ["a.dump"]
