"""Dumps as people keep them: in folders, split, renamed, copied, of several databases."""

import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unicodedata import normalize
from zoneinfo import ZoneInfo

import psycopg
import pytest
from pydantic import ValidationError

from demo.postgres import find_bin_dir
from sancrm_reports.backups.dumps.files import dump_files, split_place, storage_path
from sancrm_reports.backups.dumps.header import database_of
from sancrm_reports.backups.dumps.names import time_in
from sancrm_reports.backups.dumps.verifier import Verifier
from sancrm_reports.backups.facts import BackupState, Facts, Window
from sancrm_reports.backups.probes.files import DumpFiles
from sancrm_reports.backups.settings import FilesProbe, Limits
from sancrm_reports.backups.verdicts import Verdict, judge

LONG_AGO = datetime(2026, 11, 18, 2, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
WINDOW = Window(LONG_AGO - HOUR / 2, LONG_AGO + 2 * HOUR, LONG_AGO + 23 * HOUR)


def look_at(folder, database="", timezone="UTC", **settings):
    probe = FilesProbe(kind="files", path=str(folder), **settings)
    return DumpFiles(probe, database=database, timezone=timezone).look()


def labels(folder, **settings):
    return [backup.label for backup in look_at(folder, **settings).backups]


def put(path, content=b"PGDMP" * 500, at=LONG_AGO):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


def judged(facts, at):
    facts = Facts(at, facts.backups, passed_over=facts.passed_over, tells_ends=facts.tells_ends)
    return judge(facts, window=WINDOW, now=at, limits=Limits())


# Folders


def test_a_folder_per_day(tmp_path):
    # A pattern leads through it; the label says which.
    for day in ("2026-11-17", "2026-11-18"):
        put(tmp_path / day / "crm.dump")
        put(tmp_path / day / "globals.sql")
    expected = ["2026-11-17/crm.dump", "2026-11-18/crm.dump"]
    assert labels(tmp_path, pattern="*/crm.dump") == expected
    assert labels(tmp_path, pattern="**/*.dump") == expected
    assert labels(tmp_path, pattern="2026-11-1[78]/*.dump") == expected
    assert labels(tmp_path, pattern="*.dump") == []


def test_hard_links_in_folders_of_rotation_are_one_dump(tmp_path):
    # As prodrigestivill/postgres-backup-local keeps them: last, daily, weekly, monthly.
    put(tmp_path / "last" / "crm-20261118.sql.gz")
    for name in ("daily", "weekly", "monthly"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "crm-20261118.sql.gz").hardlink_to(
            tmp_path / "last" / "crm-20261118.sql.gz"
        )
    (tmp_path / "last" / "crm-latest.sql.gz").symlink_to("crm-20261118.sql.gz")
    assert len(labels(tmp_path, pattern="**/*.sql.gz")) == 1


def test_two_stars_go_to_any_depth_and_into_no_dump(dumps, tmp_path):
    # The files of a dump in the directory format are none themselves; nor are hidden folders, or a
    # link that leads in a circle.
    shutil.copytree(dumps / "folder", tmp_path / "a" / "b" / "crm.dir")
    put(tmp_path / "a" / "x.dump")
    put(tmp_path / ".snapshots" / "x.dump")
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    assert labels(tmp_path, pattern="**/*") == ["a/x.dump", "a/b/crm.dir"]


def test_the_empty_objects_of_s3_are_no_dumps(listing, dumps, monkeypatch):
    # Its console makes one for each folder: "dumps/", 0 bytes, beside what is in it. Seen with
    # s3fs: Airflow's object storage lists it as dumps/dumps, which is not there. A dump that is a
    # folder with such an object is whole.
    (listing / "dumps" / "a.dump").write_bytes(b"1")
    for file in (dumps / "folder").iterdir():
        (listing / "dumps" / "crm.dir" / file.name).write_bytes(file.read_bytes())
    with_markers(listing, monkeypatch)
    assert [path.name for path in (listing / "dumps").iterdir()].count("dumps") == 1
    for pattern in ("*", "**/*"):
        assert labels(listing / "dumps", pattern=pattern) == ["a.dump", "crm.dir"]
    place = listing / "dumps" / "crm.dir"
    assert Verifier(place, full=True, seconds=60).verify() == "directory"


def with_markers(bucket, monkeypatch):
    """Let every listing of a folder hold an empty object of its own name."""
    storage = type(bucket.fs)
    real = storage.ls

    def ls(self, path, detail=True, **options):
        marker = {"name": f"{path.rstrip('/')}/", "size": 0, "type": "file", "created": LONG_AGO}
        found = [marker, *real(self, path, detail=True, **options)]
        return found if detail else [entry["name"] for entry in found]

    monkeypatch.setattr(storage, "ls", ls)


# Names


@pytest.mark.parametrize("name", ["CRM-25.DUMP", "crm-25.Dump"])
def test_letters_match_whatever_their_case(tmp_path, name):
    # As programs of Windows write them.
    put(tmp_path / name)
    assert labels(tmp_path, pattern="crm-*.dump") == [name]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_letters_match_however_they_are_composed(tmp_path, form):
    # A Mac writes й as two characters; the settings have one.
    put(tmp_path / normalize(form, "Мой-архив.dump"))
    assert len(labels(tmp_path, pattern=normalize("NFC", "мой-*.dump"))) == 1
    assert len(labels(tmp_path, pattern=normalize("NFD", "мой-*.dump"))) == 1


@pytest.mark.parametrize(
    ("form", "name", "expected"),
    [
        ("%Y-%m-%d_%H%M", "crm-2026-11-18_0230.dump", "2026-11-18 02:30"),
        ("%Y%m%d%H%M%S", "db_backup_20261118023005.gz", "2026-11-18 02:30:05"),
        ("%Y/%m/%d/crm-%H.%M", "2026/11/18/crm-02.30.dump", "2026-11-18 02:30"),
        ("%d.%m.%y", "crm-18.11.26.dump", "2026-11-18 12:00"),  # no hour: the middle of the day
        ("%Y-%m-%d", "crm-2026-11-20.dump", "2026-11-20 05:30"),  # the file's own, of the same day
        ("%s", "crm-1795574174.dump", "2026-11-25 05:36:14"),
        ("%Y-%m-%d", "crm-2026-13-40.dump", None),
        ("%Y%m%d", "crm-1795574174.dump", None),
        ("%Y-%m-%d", "crm.dump", None),
    ],
)
def test_a_name_tells_its_time(form, name, expected):
    # By the clock of who wrote it.
    zone = ZoneInfo("Europe/Moscow")
    written = datetime(2026, 11, 20, 2, 30, tzinfo=UTC)
    found = time_in(name, form, zone, written)
    assert found == (expected and datetime.fromisoformat(expected).replace(tzinfo=zone))


@pytest.mark.parametrize("form", ["%Y-%m", "%H%M", "%Y%m%d%Y", "%j", "crm"])
def test_a_time_that_cannot_be_read_is_refused(form):
    # In the settings, not at night.
    with pytest.raises(ValidationError, match="name_time"):
        FilesProbe(kind="files", path="/b", name_time=form)


def test_old_dumps_that_were_copied_anew_are_old(tmp_path):
    # All their files are of tonight; the names tell when they were made. One without a time in
    # its name is none of them, and is named where nothing else is there.
    for day in (15, 16, 17):
        put(tmp_path / f"crm-2026-11-{day}_0230.dump")
    at = WINDOW.due_at
    assert judged(look_at(tmp_path), at).verdict is Verdict.OK  # what times of files say
    facts = look_at(tmp_path, name_time="%Y-%m-%d_%H%M")
    found = judged(facts, at)
    assert found.verdict is Verdict.MISSING
    assert found.last_good.finished_at == LONG_AGO - 24 * HOUR
    put(tmp_path / "crm-new.dump", at=LONG_AGO + HOUR)
    found = judged(look_at(tmp_path, name_time="%Y-%m-%d_%H%M"), at)
    assert (found.verdict, found.cause, found.quote) == (
        Verdict.MISSING,
        "no_time_in_name",
        "crm-new.dump",
    )


def test_a_copy_that_is_being_made_is_of_its_own_night(tmp_path):
    # Not of tonight, however new its file is.
    put(tmp_path / "crm-2026-11-15_0230.dump", at=datetime.now(UTC))
    [backup] = look_at(tmp_path, name_time="%Y-%m-%d_%H%M").backups
    assert (backup.state, backup.moment) == (BackupState.RUNNING, LONG_AGO - 72 * HOUR)


# What is not a whole dump yet


def test_a_directory_that_is_being_written_is_overdue_at_the_deadline(dumps, tmp_path):
    # Its table of contents comes last. It is of the night in which it was last written.
    folder = shutil.copytree(dumps / "folder", tmp_path / "crm.dir")
    (folder / "toc.dat").unlink()
    for file in (*folder.iterdir(), folder):
        os.utime(file, (LONG_AGO.timestamp(), LONG_AGO.timestamp()))
    facts = look_at(tmp_path)
    assert judged(facts, LONG_AGO + HOUR).verdict is Verdict.RUNNING
    assert judged(facts, WINDOW.due_at).verdict is Verdict.OVERDUE
    (tmp_path / "photos").mkdir()
    put(tmp_path / "photos" / "a.jpg")
    assert labels(tmp_path) == ["crm.dir"]


def test_a_real_directory_dump_begins_like_that(postgres, dumps, tmp_path):
    # pg_dump waits for a lock: its folder is there, and has no table of contents.
    dsn = postgres.dsn("dumped")
    with psycopg.connect(dsn) as blocker:
        blocker.execute("lock table repairs in access exclusive mode")
        program = subprocess.Popen([find_bin_dir() / "pg_dump", "-Fd", "-f", tmp_path / "d", dsn])
        while not (tmp_path / "d").exists():
            assert program.poll() is None
        assert labels(tmp_path) == []
        blocker.rollback()
        program.wait()
    assert labels(tmp_path) == ["d"]


# Split


@pytest.mark.parametrize("digits", [(), ("-d", "-a", "3"), ("--numeric-suffixes=1", "-a", "3")])
@pytest.mark.parametrize("mark", [".", "_", ".part-"])
def test_a_split_dump_is_one(dumps, tmp_path, digits, mark):
    # The pieces that split makes, in their order; its size is that of all.
    whole = dumps / "uncompressed.dump"
    subprocess.run(
        ["split", "-b", "200K", *digits, whole, tmp_path / f"crm.dump{mark}"], check=True
    )
    [backup] = look_at(tmp_path, quiet_seconds=0).backups
    assert backup.state is BackupState.DONE
    assert backup.size == whole.stat().st_size
    assert len(labels(tmp_path, pattern="*.dump")) == 1


def test_dates_and_older_copies_are_no_pieces(tmp_path):
    # Nor are endings such as .gz and .xz, or rotation's numbers.
    names = ["crm-2026-11-01.dump", "crm-2026-11-02.dump", "crm.2026.11.01", "crm.2026.11.02",
             "crm.dump.1", "crm.dump.2", "crm.sql.gz", "crm.sql.xz", "db_ab", "db_ac"]  # fmt: skip
    for name in names:
        put(tmp_path / name)
    assert labels(tmp_path) == sorted(names)


# Of which database


@pytest.fixture(scope="module")
def of_databases(postgres, tmp_path_factory):
    """Dumps of a database, in each format that names it."""
    folder = tmp_path_factory.mktemp("databases")
    dsn = postgres.create_database("Крм 1")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create table repairs as select 1 as id")
    for name, *options in (
        ("c.dump", "-Fc"), ("d.dir", "-Fd"), ("t.tar", "-Ft"), ("p.sql",), ("pc.sql", "--create"),
    ):  # fmt: skip
        subprocess.run(
            [find_bin_dir() / "pg_dump", *options, f"--file={folder / name}", dsn], check=True
        )
    for name in ("c.dump", "t.tar", "pc.sql"):
        subprocess.run(["gzip", "--keep", folder / name], check=True)
        subprocess.run(["zstd", "--quiet", folder / name], check=True)
    return folder


def test_a_dump_names_its_database(of_databases):
    # In its header, in every format but for plain SQL, which names it where it would make it.
    found = {path.name: database_of(storage_path(str(path))) for path in of_databases.iterdir()}
    assert found.pop("p.sql") is None
    assert set(found.values()) == {"Крм 1"}


def test_older_archives_name_their_database_too():
    # Before PostgreSQL 16 there is a number where later ones have a byte: recorded from 15.
    recorded = Path(__file__).parent / "recorded" / "pg_dump-15.dump"
    assert database_of(storage_path(str(recorded))) == "older"


def test_a_dump_of_another_database_is_not_the_wanted_one(of_databases, dumps, tmp_path):
    # Both are in one folder: the wanted one is found beside a newer one of the other, and where
    # it is missing, the other is named.
    def copy(source, to, at):
        return put(tmp_path / to, source.read_bytes(), at)

    copy(of_databases / "c.dump", "test.dump", LONG_AGO + HOUR)
    mine = copy(dumps / "custom.dump", "crm.dump", LONG_AGO)
    for name in ("dumped", "Dumped"):  # settings may write it as people do
        found = judged(look_at(tmp_path, database=name), WINDOW.due_at)
        assert (found.verdict, found.backup.label) == (Verdict.OK, "crm.dump")
    mine.unlink()
    found = judged(look_at(tmp_path, database="dumped"), WINDOW.due_at)
    assert (found.verdict, found.cause) == (Verdict.MISSING, "other_database")
    assert found.quote == "test.dump: Крм 1"
    assert judged(look_at(tmp_path), WINDOW.due_at).verdict is Verdict.OK  # any will do


def test_a_header_that_cannot_be_read_rules_nothing_out(tmp_path):
    # Damage is found by reading all of it; what is encrypted names nothing.
    for number, content in enumerate(
        (b"PGDMP", b"PGDMP\x01\x10\x00\x04\x08\x01\xff", b"\x1f\x8bx", b"")
    ):
        put(tmp_path / f"{number}.dump", content)
    assert len(labels(tmp_path, database="crm")) == 4


@pytest.mark.parametrize(
    ("place", "folder", "pattern"),
    [
        ("/b/crm/*.dump", "/b/crm", "*.dump"),
        ("/b/*/crm/*.dump", "/b", "*/crm/*.dump"),
        ("/b/**/crm.dump", "/b", "**/crm.dump"),
        ("s3://aws@bucket/crm/crm-*.dump", "s3://aws@bucket/crm", "crm-*.dump"),
        ("s3://bucket/*/crm.dump", "s3://bucket", "*/crm.dump"),
        ("/b/crm/crm.dump", "/b/crm", "crm.dump"),
        ("crm.dump", "", "crm.dump"),
    ],
)
def test_a_place_of_the_drill_is_a_folder_and_a_pattern(place, folder, pattern):
    # The drill finds its dumps as the watch does.
    assert split_place(place) == (folder, pattern)


def test_the_drill_looks_through_folders_and_joins_pieces(dumps, tmp_path):
    # It restores one file: pieces are joined in its own folder.
    subprocess.run(
        ["split", "-b", "200K", dumps / "custom.dump", tmp_path / "crm.dump."], check=True
    )
    [dump] = dump_files(storage_path(str(tmp_path)), "*.dump")
    fetched = dump.fetch(tmp_path / "..")
    assert fetched.read_bytes() == (dumps / "custom.dump").read_bytes()
    fetched.unlink()
