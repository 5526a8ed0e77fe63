"""The fault table of docs/backups.md, with real files of the real pg_dump."""

import gzip
import logging
import os
import signal
import subprocess

import pytest

from demo.postgres import find_bin_dir
from sancrm_reports.backups.dumps.files import storage_path
from sancrm_reports.backups.dumps.format import DamagedError, UnknownFormatError
from sancrm_reports.backups.dumps.verifier import (
    StillWrittenError,
    VerificationError,
    Verifier,
)

TRAILER = "--\n-- PostgreSQL database dump complete\n--\n"


def verify(path, *, full=True, seconds=60):
    """Return the format, or the reader's own line."""
    place = storage_path(str(path))
    try:
        return Verifier(place, full=full, seconds=seconds).verify()
    except DamagedError as error:
        return f"damaged: {error}"


def flip(path, *, at=0.5):
    content = bytearray(path.read_bytes())
    content[int(len(content) * at)] ^= 0b1010
    path.write_bytes(content)


def cut(path, *, keep=None, by=None):
    size = path.stat().st_size
    os.truncate(path, int(size * keep) if keep is not None else size - by)


def some_data_of(folder):
    return max(folder.glob("*.dat.gz"), key=lambda file: file.stat().st_size)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("custom.dump", "custom"),
        ("uncompressed.dump", "custom"),
        ("folder", "directory"),
        ("archive.tar", "tar"),
        ("plain.sql", "plain"),
        ("plain.sql.gz", "plain, gzip"),
        ("custom.dump.gz", "custom, gzip"),
        ("archive.tar.gz", "tar, gzip"),
    ],
)
def test_a_whole_dump_passes(dumps, name, format, full):
    # At both levels, whatever its name says.
    assert verify(dumps / name, full=full) == format


@pytest.mark.parametrize(
    ("fault", "damage"),
    [
        ("cut by one byte", lambda path: cut(path, by=1)),
        ("cut to 99 percent", lambda path: cut(path, keep=0.99)),
        ("cut in half", lambda path: cut(path, keep=0.5)),
        ("flipped bits", flip),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_custom_dump_is_found_out_only_by_reading_it(copy_of, fault, damage):
    # What the file's list says is no proof of anything.
    path = copy_of("custom.dump")
    damage(path)
    assert verify(path, full=False) == "custom"
    assert verify(path).startswith("damaged: pg_restore: error")


@pytest.mark.parametrize("full", [False, True])
def test_an_empty_file_is_found_out(tmp_path, full):
    # As a full disk leaves it.
    (tmp_path / "empty.dump").touch()
    assert "damaged" in verify(tmp_path / "empty.dump", full=full)


def test_flipped_bits_of_an_uncompressed_dump_are_not_found(copy_of):
    # The docs say so: nothing in such a file tells. Only a restore does, or not even that.
    path = copy_of("uncompressed.dump")
    flip(path)
    assert verify(path) == "custom"


def test_a_folder_without_one_of_its_files_is_found_out(copy_of):
    # Its list is whole: structure does not find it.
    folder = copy_of("folder")
    some_data_of(folder).unlink()
    assert verify(folder, full=False) == "directory"
    assert "damaged" in verify(folder)


def test_a_folder_with_a_cut_file_is_found_out(copy_of):
    # Reading it all means unpacking it.
    folder = copy_of("folder")
    cut(some_data_of(folder), by=100)
    assert "damaged" in verify(folder)


@pytest.mark.parametrize("keep", [0.5, 0.9])
def test_a_tar_that_was_cut_is_found_out(copy_of, keep):
    # pg_restore itself takes it for whole.
    path = copy_of("archive.tar")
    cut(path, keep=keep)
    assert "damaged: tar" in verify(path)


@pytest.mark.parametrize("full", [False, True])
def test_plain_sql_that_was_cut_is_found_out(copy_of, full):
    # pg_dump's last line is missing, which the end of the file shows.
    path = copy_of("plain.sql")
    cut(path, keep=0.9)
    assert "it did not finish" in verify(path, full=full)


@pytest.mark.parametrize("damage", [lambda path: cut(path, by=1), flip], ids=["cut", "flipped"])
def test_a_gzip_that_was_damaged_is_found_out(copy_of, damage):
    # By its own checksum and length.
    path = copy_of("plain.sql.gz")
    damage(path)
    assert verify(path, full=False) == "plain, gzip"
    assert "damaged: gzip" in verify(path)


def test_twenty_bytes_of_valid_gzip_are_found_out(tmp_path):
    # What a pipe leaves of a pg_dump that could not even connect, with exit code 0.
    path = tmp_path / "nothing.sql.gz"
    path.write_bytes(gzip.compress(b"", mtime=0))
    assert path.stat().st_size == 20
    assert "it did not finish" in verify(path)


def test_a_gzip_of_a_dump_that_died_half_way_is_found_out(dumps, tmp_path):
    # The gzip is whole, what is in it is not.
    path = tmp_path / "half.sql.gz"
    whole = (dumps / "plain.sql").read_bytes()
    path.write_bytes(gzip.compress(whole[: len(whole) // 2]))
    assert "it did not finish" in verify(path)


def test_the_last_line_is_found_wherever_chunks_end(dumps, monkeypatch):
    # Also in the middle of it.
    monkeypatch.setattr("sancrm_reports.backups.dumps.verifier.CHUNK", 64)
    assert verify(dumps / "plain.sql") == "plain"


def test_gzips_in_a_row_are_one_file(dumps, tmp_path):
    # As parallel packers and appending scripts write them.
    path = tmp_path / "two.sql.gz"
    whole = (dumps / "plain.sql").read_bytes()
    path.write_bytes(gzip.compress(whole[:1000]) + gzip.compress(whole[1000:]))
    assert verify(path) == "plain, gzip"


def test_a_dump_of_all_databases_has_another_last_line(postgres, tmp_path):
    # pg_dumpall's.
    path = tmp_path / "all.sql"
    with path.open("wb") as output:
        subprocess.run(
            [find_bin_dir() / "pg_dumpall", "--dbname", postgres.dsn()],
            stdout=output,
            env={"PGPASSWORD": postgres.password},
            check=True,
        )
    assert verify(path) == "plain"


def test_a_dump_that_was_killed_in_the_middle_is_found_out(postgres, dumps, tmp_path):
    # A real pg_dump, stopped while a pipe is full: its file has its final name.
    path = tmp_path / "killed.dump"
    with path.open("wb") as output:
        program = subprocess.Popen(
            [find_bin_dir() / "pg_dump", "-Fc", "-Z0", postgres.dsn("dumped")],
            stdout=subprocess.PIPE,
        )
        output.write(program.stdout.read(200_000))
        program.send_signal(signal.SIGKILL)
        program.wait()
        program.stdout.close()
    assert verify(path, full=False) == "custom"
    assert "damaged" in verify(path)


def test_a_format_that_nobody_here_reads_is_not_called_damaged(tmp_path):
    # Such as one that was encrypted: that it cannot be read is not that it is damaged.
    (tmp_path / "secret.dump").write_bytes(b"\x85\x01\0\0" * 1000)
    with pytest.raises(UnknownFormatError, match="no format that can be read here"):
        verify(tmp_path / "secret.dump")


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    "content",
    [
        bytes(range(255, 0, -1)) * 20,  # one encrypted file in ten has no NUL at its beginning
        b"-----BEGIN PGP MESSAGE-----\n\nhQEMA\n" * 50,
        b"age-encryption.org/v1\n" * 50,
        gzip.compress(bytes(range(1, 256)) * 20),
    ],
    ids=["binary", "armored", "age", "gzip"],
)
def test_what_only_looks_like_text_is_not_called_damaged(tmp_path, content, full):
    # Plain SQL is what begins like pg_dump's.
    (tmp_path / "secret.dump").write_bytes(content)
    with pytest.raises(UnknownFormatError, match="no format that can be read here"):
        verify(tmp_path / "secret.dump", full=full)


@pytest.mark.parametrize("name", ["custom.dump.gz", "archive.tar.gz"])
@pytest.mark.parametrize(
    "damage", [lambda path: cut(path, by=1), lambda path: cut(path, keep=0.5), flip]
)
def test_a_packed_archive_that_was_damaged_is_found_out(copy_of, name, damage):
    # By pg_restore or by the gzip, whichever notices first; the last byte is of the gzip alone.
    path = copy_of(name)
    damage(path)
    assert "damaged" in verify(path)


def test_a_dump_of_another_encoding_is_plain_sql(tmp_path):
    # pg_dump -E writes what the reader of it wants.
    text = "--\n-- Name: ремонты\n--\n" + TRAILER
    (tmp_path / "old.sql").write_bytes(text.encode("cp1251"))
    assert verify(tmp_path / "old.sql") == "plain"


def test_a_dump_that_grows_meanwhile_is_not_called_damaged(copy_of):
    # It is half of what is being written: another try reads it later.
    path = copy_of("custom.dump")
    cut(path, keep=0.5)

    class Growing(Verifier):
        def _file(self, found):
            with path.open("ab") as file:
                file.write(b"more")
            return super()._file(found)

    place = storage_path(str(path))
    with pytest.raises(StillWrittenError):
        Growing(place, full=True, seconds=60).verify()


def test_a_folder_that_grows_in_a_bucket_is_not_called_damaged(dumps, listing):
    # Its storage would tell the size from before.
    for file in (dumps / "folder").iterdir():
        (listing / "folder" / file.name).write_bytes(file.read_bytes())
    data = some_data_of(dumps / "folder")

    class Growing(Verifier):
        def _folder(self):
            listing.fs.pipe(f"/bucket/folder/{data.name}", data.read_bytes()[:-100])
            return super()._folder()

    with pytest.raises(StillWrittenError):
        Growing(listing / "folder", full=True, seconds=60).verify()


def test_reading_has_a_time_limit(copy_of):
    # That it was not read in time says nothing about it.
    with pytest.raises(VerificationError, match="longer than"):
        verify(copy_of("custom.dump"), seconds=-1)


def test_a_dump_that_is_gone_is_not_called_damaged(tmp_path):
    # Somebody tidied up between looking and reading.
    with pytest.raises(VerificationError, match="cannot be read"):
        verify(tmp_path / "gone.dump")


def test_progress_is_in_the_log(dumps, caplog):
    # By the share that was read.
    caplog.set_level(logging.INFO)
    verify(dumps / "custom.dump")
    assert "Read 100% of custom.dump." in caplog.text


@pytest.mark.parametrize("full", [True, False])
def test_a_custom_dump_whose_line_ends_were_turned_is_found_out(dumps, tmp_path, full):
    # As docker exec -t does. Where the number of entries moves and becomes zero, pg_restore reads
    # such a dump in full, lists nothing, and is content.
    whole = (dumps / "custom.dump").read_bytes()
    turned, empty = tmp_path / "turned.dump", tmp_path / "empty.dump"
    turned.write_bytes(whole.replace(b"\n", b"\r\n"))
    version = subprocess.run(["pg_dump", "--version"], capture_output=True, check=True).stdout
    version = version.partition(b" (PostgreSQL) ")[2].strip()
    number = whole.index(version, whole.index(version) + 1) + len(version) + 1  # after its sign
    empty.write_bytes(whole[:number] + bytes(4) + whole[number + 4 :])
    assert verify(turned, full=full).startswith("damaged: ")
    assert verify(empty, full=full).startswith("damaged: nothing is in it")


@pytest.mark.parametrize(
    "start", ["-- MySQL dump 10.13", "-- MariaDB dump 10.19", "/*M!999999\\- x"]
)
def test_a_dump_of_another_database_is_not_called_damaged(tmp_path, start):
    # It looks like plain SQL, whose last line would be missing.
    (tmp_path / "shop.sql").write_text(f"{start}\n--\nCREATE TABLE x;\n-- Dump completed\n")
    with pytest.raises(UnknownFormatError):
        verify(tmp_path / "shop.sql", full=True)


def test_a_worker_without_pg_restore_says_so(dumps, monkeypatch):
    # And calls no dump damaged.
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(VerificationError, match="Install PostgreSQL's client"):
        verify(dumps / "custom.dump")


@pytest.mark.parametrize("name", ["custom.dump", "folder"])
@pytest.mark.parametrize(
    "program",
    [
        "kill -KILL $$",
        "echo 'pg_restore: error while loading shared libraries: libpq.so.5: no such file' >&2;"
        " exit 127",
        "echo 'Error: You must install at least one postgresql-client-<version> package' >&2;"
        " exit 1",
        "echo 'pg_restore: error: could not open file \"1.dat\": Permission denied' >&2; exit 1",
    ],
    ids=["killed", "no library", "Debian's wrapper", "closed"],
)
def test_a_pg_restore_that_itself_fails_calls_no_dump_damaged(
    dumps, tmp_path, monkeypatch, name, program
):
    # It has not read the dump, whatever its exit code.
    (tmp_path / "pg_restore").write_text(f"#!/bin/sh\n{program}\n")
    (tmp_path / "pg_restore").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(VerificationError, match="itself failed with"):
        verify(dumps / name)


def test_a_dump_of_a_newer_version_is_not_called_damaged(copy_of):
    # The archive's version is in its header.
    path = copy_of("custom.dump")
    content = bytearray(path.read_bytes())
    content[6] = 99
    path.write_bytes(content)
    with pytest.raises(VerificationError, match="older than the pg_dump"):
        verify(path)


def test_a_dump_in_object_storage_is_read_where_it_is(dumps):
    # The same code reads S3: fsspec's memory stands for it, a folder is fetched first.
    from airflow.sdk import ObjectStoragePath
    from airflow.sdk.io import attach
    from fsspec.implementations.memory import MemoryFileSystem

    attach("memory", fs=MemoryFileSystem())
    bucket = ObjectStoragePath("memory://verified")
    for name in ("custom.dump", "plain.sql.gz"):
        (bucket / name).write_bytes((dumps / name).read_bytes())
        assert verify(bucket / name) in ("custom", "plain, gzip")
    for file in (dumps / "folder").iterdir():
        (bucket / "folder" / file.name).write_bytes(file.read_bytes())
    assert verify(bucket / "folder") == "directory"
    (bucket / "folder" / some_data_of(dumps / "folder").name).unlink()
    assert "damaged" in verify(bucket / "folder")
