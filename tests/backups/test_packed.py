"""Dumps that went through another program: packed, encrypted, split, appended, padded, summed."""

import bz2
import gzip
import hashlib
import lzma
import os
import shutil
import subprocess
import sys
import tarfile

import lz4.frame
import psycopg
import pytest
import zstandard

from demo.postgres import EmbeddedPostgres
from sancrm_reports.backups.dumps.faults import (
    DamagedError,
    UnknownFormatError,
    VerificationError,
)
from sancrm_reports.backups.dumps.files import storage_path
from sancrm_reports.backups.dumps.verifier import Verifier

PACKERS = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
    "lz4": lambda data: lz4.frame.compress(data, content_checksum=True),
}
PROGRAMS = {"zstd": ["zstd", "-q", "-c"], "xz": ["xz", "-c"], "bzip2": ["bzip2", "-c"],
            "lz4": ["lz4", "-q", "-c"], "gzip": ["gzip", "-c"]}  # fmt: skip


def verifier(path, *, full=True, seconds=60, unpack=()):
    return Verifier(storage_path(str(path)), full=full, seconds=seconds, unpack=unpack)


def damage(path, **options):
    """What is wrong with a dump; its code, too."""
    with pytest.raises(DamagedError) as caught:
        verifier(path, **options).verify()
    return f"{caught.value.code}: {caught.value}"


def written(path, content):
    path.write_bytes(content)
    return path


# Packed


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("name", ["custom.dump", "archive.tar", "plain.sql"])
def test_a_packed_dump_is_read_by_a_library(dumps, tmp_path, packer, name):
    # By its first bytes, whatever it is called: no program of the system is needed.
    packed = written(tmp_path / "x", PACKERS[packer]((dumps / name).read_bytes()))
    layout = name.partition(".")[0].replace("archive", "tar")
    for full in (True, False):
        assert verifier(packed, full=full).verify() == f"{layout}, {packer}"


@pytest.mark.parametrize("packer", PROGRAMS)
def test_what_the_programs_write_is_read(dumps, tmp_path, packer):
    # Two streams in a row, as parallel packers and appending scripts leave them.
    whole = (dumps / "plain.sql").read_bytes()
    program = PROGRAMS[packer]
    parts = (
        subprocess.run(program, input=part, capture_output=True, check=True).stdout
        for part in (whole[:70_000], whole[70_000:])
    )
    path = written(tmp_path / "x", b"".join(parts))
    assert verifier(path).verify() == f"plain, {packer}"


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("fault", ["one byte", "half", "flipped"])
def test_a_packed_dump_that_was_damaged_is_found_out(dumps, tmp_path, packer, fault):
    # By its checksum, or by its end.
    packed = bytearray(PACKERS[packer]((dumps / "plain.sql").read_bytes()))
    if fault == "flipped":
        packed[len(packed) // 2] ^= 0b1010
    else:
        del packed[-1 if fault == "one byte" else len(packed) // 2 :]
    assert packer in damage(written(tmp_path / "x", bytes(packed)))


@pytest.mark.parametrize("place", ["before", "between", "after"])
def test_frames_without_data_are_passed_over(dumps, tmp_path, place):
    # As pzstd begins, and as the seekable format of zstd ends.
    whole = (dumps / "plain.sql").read_bytes()
    first, second = zstandard.compress(whole[:9000]), zstandard.compress(whole[9000:])
    skipped = b"\x5e\x2a\x4d\x18\x03\0\0\0abc"
    at = ("before", "between", "after").index(place)
    parts = [first, second]
    parts.insert(at, skipped)
    assert verifier(written(tmp_path / "x", b"".join(parts))).verify() == "plain, zstd"


def test_a_dump_is_packed_twice(dumps, tmp_path):
    # As where a job packs what pg_dump had packed.
    whole = (dumps / "plain.sql").read_bytes()
    path = written(tmp_path / "x", zstandard.compress(gzip.compress(whole)))
    assert verifier(path).verify() == "plain, zstd, gzip"


def test_a_packed_half_of_a_dump_is_found_out(dumps, tmp_path):
    # The packing is whole, what is in it is not.
    whole = (dumps / "plain.sql").read_bytes()
    path = written(tmp_path / "x", zstandard.compress(whole[: len(whole) // 2]))
    assert "it did not finish" in damage(path)
    assert "it did not finish" in damage(written(tmp_path / "y", zstandard.compress(b"")))


def test_a_bomb_fills_no_memory(tmp_path):
    # A few kilobytes that unpack to 300 megabytes.
    import resource

    path = tmp_path / "bomb.zst"
    packer = zstandard.ZstdCompressor(level=3).compressobj()
    with path.open("wb") as file:
        file.write(packer.compress(b"-- PostgreSQL database dump\n"))
        for _ in range(300):
            file.write(packer.compress(b" " * (1 << 20)))
        file.write(packer.flush())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "did not finish" in damage(path)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 200_000  # kilobytes


# In a tar


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
@pytest.mark.parametrize("name", ["folder", "custom.dump", "plain.sql.gz"])
def test_a_dump_in_a_tar_is_read(dumps, tmp_path, mode, name):
    # A folder, as tar czf of pg_dump -Fd makes it, or a file.
    path = tmp_path / "x.tar"
    with tarfile.open(path, mode) as archive:
        archive.add(dumps / name, f"backup/{name}")
        archive.addfile(tarfile.TarInfo("backup/x.sha256"))
    assert verifier(path).verify().startswith("in a tar")


def test_a_tar_writes_nothing_outside_its_folder(dumps, tmp_path):
    # Names that lead out, and links.
    path = tmp_path / "x.tar"
    outside = tmp_path / "outside"
    with tarfile.open(path, "w") as archive:
        for name in ("../../outside", str(outside)):
            archive.add(dumps / "custom.dump", name)
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        archive.addfile(link)
        archive.add(dumps / "custom.dump", "link/outside")
    assert verifier(path).verify() == "in a tar"
    assert not outside.exists()


def test_damage_in_a_tar_is_found_out(dumps, tmp_path):
    # Of the tar, and of what is in it; a tar of something else is not called damaged.
    folder = shutil.copytree(dumps / "folder", tmp_path / "crm.dir")
    max(folder.glob("*.gz"), key=lambda file: file.stat().st_size).unlink()
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(folder, "crm.dir")
    assert "could not open" in damage(path)
    with tarfile.open(path, "w") as archive:
        archive.add(dumps / "custom.dump", "c.dump")
    os.truncate(path, path.stat().st_size // 2)
    assert "tar" in damage(path)
    with tarfile.open(path, "w") as archive:
        archive.add(__file__, "notes.md")
    with pytest.raises(UnknownFormatError):
        verifier(path).verify()


# Encrypted


@pytest.fixture
def gpg(tmp_path, monkeypatch):
    """Encrypts with a passphrase, and the command that decrypts."""
    if not shutil.which("gpg"):
        pytest.skip("gpg is not installed")
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    (tmp_path / "pass").write_text("secret")
    common = ["gpg", "--batch", "--quiet", "--pinentry-mode=loopback",
              f"--passphrase-file={tmp_path / 'pass'}"]  # fmt: skip

    def encrypt(source, target):
        words = [*common, "--symmetric", f"--output={target}", str(source)]
        subprocess.run(words, check=True, capture_output=True)
        return target

    yield encrypt, [*common, "--decrypt"]
    subprocess.run(["gpgconf", "--kill", "all"], check=False, capture_output=True)


def test_an_encrypted_dump_is_read_through_its_command(dumps, tmp_path, gpg):
    # As a pipe; then it may be packed, too. Without the command nobody can tell.
    encrypt, decrypt = gpg
    for name, expected in (("custom.dump", "custom"), ("plain.sql.gz", "plain, gzip")):
        path = encrypt(dumps / name, tmp_path / f"{name}.gpg")
        assert verifier(path, unpack=decrypt).verify() == expected
        with pytest.raises(UnknownFormatError, match="unpack"):
            verifier(path).verify()


def test_an_encrypted_dump_that_was_cut_is_damaged_and_one_without_its_key_is_not(
    dumps, tmp_path, gpg
):
    # A command that gave something had its key; one that gave nothing says nothing of the dump.
    encrypt, decrypt = gpg
    path = encrypt(dumps / "plain.sql", tmp_path / "x.gpg")
    os.truncate(path, path.stat().st_size - 1000)
    assert "damaged: " in damage(path, unpack=decrypt)
    path.unlink()
    encrypt(dumps / "plain.sql", path)
    (tmp_path / "pass").write_text("wrong")
    with pytest.raises(VerificationError) as caught:
        verifier(path, unpack=decrypt).verify()
    assert caught.value.code == "unpack"
    assert "decryption failed" in caught.value.quote


def test_openssl_is_a_pipe_like_any_other(dumps, tmp_path):
    # And so is every command that reads a pipe and writes one.
    encrypt = ["openssl", "enc", "-aes-256-cbc", "-pbkdf2", "-pass", "pass:x"]
    with (dumps / "custom.dump").open("rb") as source, (tmp_path / "x.enc").open("wb") as target:
        subprocess.run(encrypt, stdin=source, stdout=target, check=True)
    decrypt = [*encrypt, "-d"]
    assert verifier(tmp_path / "x.enc", unpack=decrypt).verify() == "custom"
    os.truncate(tmp_path / "x.enc", 50_000)
    assert "damaged: " in damage(tmp_path / "x.enc", unpack=decrypt)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["/nowhere/age"], "cannot be run"),
        ([sys.executable, "-c", "import signal; signal.pause()"], "took longer"),
        ([sys.executable, "-c", "raise SystemExit('no identity')"], "no identity"),
    ],
)
def test_a_command_that_fails_calls_no_dump_damaged(dumps, command, words):
    # Not there, without an end, without its key.
    with pytest.raises(VerificationError, match=words):
        verifier(dumps / "custom.dump", unpack=command, seconds=2).verify()


# Split


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("name", ["custom.dump", "plain.sql", "plain.sql.gz"])
def test_a_split_dump_is_read_in_order(dumps, tmp_path, name, full):
    # As one file.
    subprocess.run(["split", "-b", "30K", dumps / name, tmp_path / "x."], check=True)
    assert verifier(tmp_path / "x.aa", full=full).verify()


def test_a_missing_piece_is_found_out(dumps, tmp_path):
    # In the middle by its name, also where no reading could tell; at the end by reading.
    source = dumps / "uncompressed.dump"
    subprocess.run(["split", "-b", "100K", source, tmp_path / "x."], check=True)
    last = max(tmp_path.iterdir())
    kept = last.read_bytes()
    last.unlink()
    assert "end of file" in damage(tmp_path / "x.aa")
    last.write_bytes(kept)
    (tmp_path / "x.ac").unlink()
    assert damage(tmp_path / "x.aa") == "dump_piece: x.ab + 1 is missing"


# Appended and padded


def test_half_a_dump_with_a_whole_one_after_it_is_damaged(dumps, tmp_path):
    # As a job leaves it that writes with >>: the last line is there.
    whole = (dumps / "plain.sql").read_bytes()
    half = whole[: len(whole) // 2]
    for content in (half + whole, gzip.compress(half) + gzip.compress(whole)):
        assert "dump_appended" in damage(written(tmp_path / "x", content))
    archive = (dumps / "custom.dump").read_bytes()
    assert "dump_appended" in damage(written(tmp_path / "y", archive[:90_000] + archive))


def test_a_second_archive_after_the_first_is_found_out(dumps, tmp_path):
    # pg_restore reads the first one, and is content: it is last night's.
    archive = (dumps / "custom.dump").read_bytes()
    assert "dump_appended" in damage(written(tmp_path / "x", archive * 2))


def test_whole_dumps_one_after_the_other_are_whole(dumps, tmp_path):
    # As of several databases in one file; rows that say what a header says are no header.
    whole = (dumps / "plain.sql").read_bytes()
    assert verifier(written(tmp_path / "x", whole * 2)).verify() == "plain"
    rows = b"COPY notes FROM stdin;\n-- PostgreSQL database dump\n\\.\n"
    head, end = whole[:2000], whole[2000:]
    assert verifier(written(tmp_path / "y", head + rows + end)).verify() == "plain"


@pytest.mark.parametrize("zeros", [1, 511, 100_000])
@pytest.mark.parametrize("name", ["plain.sql.gz", "plain.sql"])
def test_zero_bytes_after_the_end_are_a_note(copy_of, name, zeros):
    # As tapes, block devices and some object stores add them.
    path = copy_of(name)
    with path.open("ab") as file:
        file.write(bytes(zeros))
    one = verifier(path)
    assert one.verify()
    assert one.notes == [f"{zeros} zero bytes follow its end"]


def test_what_else_follows_the_end_of_a_gzip_is_damage(copy_of):
    # Only zeros are padding.
    path = copy_of("plain.sql.gz")
    with path.open("ab") as file:
        file.write(b"\0\0\0x")
    assert "gzip" in damage(path)


# Summed


SUMS = {
    "x.dump.sha256": "{sha256}  x.dump\n",
    "x.dump.md5": "{md5} - x.dump\n",  # as nfrastack/db-backup writes it
    "x.dump.sha512": "{sha512}",
    "x.dump.sha256sum": "{sha256}  -\n",  # of a pipe
    "x.dump.sha224": "{sha256}  x.dump.part\n",  # before it had its name; its length tells the kind
    "x.dump.sha1": "SHA1 (/backups/x.dump)= {sha1}\n",  # OpenSSL's
    "x.sha256": "{sha256} *x.dump\n",
    "SHA256SUMS": "0000000000000000000000000000000000000000000000000000000000000000  other\n"
    "{sha256}  ./x.dump\n",
    "md5sum.txt": "{md5}  x.dump\n",
}


@pytest.mark.parametrize("name", SUMS)
def test_a_checksum_beside_a_dump_is_checked(copy_of, tmp_path, name):
    # It finds what nothing else does: flipped bits of a dump that was written with -Z0.
    path = copy_of("uncompressed.dump", to="x.dump")
    content = path.read_bytes()
    digests = {kind: hashlib.new(kind, content).hexdigest()
               for kind in ("md5", "sha1", "sha256", "sha512")}  # fmt: skip
    (tmp_path / name).write_text(SUMS[name].format(**digests))
    assert verifier(path).verify() == "custom"
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    path.write_bytes(flipped)
    assert damage(path).startswith("dump_checksum: ")
    assert verifier(path, full=False).verify() == "custom"  # that reads too little to tell


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.dump.sha256", "no digest here\n"),
        ("x.sha256", "0" * 64 + "  x.tar\n"),  # of another file with that stem
        ("x.sha256", "0" * 64 + "\n"),  # which one it is of, nobody knows
        ("x.dump.sha256", "0" * 64 + "  x.sql\n"),  # of what was packed only then
        ("SHA256SUMS", "0" * 64 + "  other.dump\n"),
        ("y.dump.sha256", "0" * 64 + "\n"),
    ],
)
def test_a_checksum_of_something_else_says_nothing(copy_of, tmp_path, name, text):
    # Nor does one that cannot be understood.
    path = copy_of("custom.dump", to="x.dump")
    (tmp_path / name).write_text(text)
    assert verifier(path).verify() == "custom"


def test_a_split_dump_has_the_checksum_of_the_whole(dumps, tmp_path):
    # It was made before the split.
    whole = dumps / "custom.dump"
    subprocess.run(["split", "-b", "50K", whole, tmp_path / "x.dump."], check=True)
    digest = hashlib.sha256(whole.read_bytes()).hexdigest()
    (tmp_path / "x.dump.sha256").write_text(f"{digest}  x.dump\n")
    assert verifier(tmp_path / "x.dump.aa").verify() == "custom"
    (tmp_path / "x.dump.sha256").write_text(f"{digest[::-1]}  x.dump\n")
    assert "dump_checksum" in damage(tmp_path / "x.dump.aa")


# What pg_restore lacks, and what pg_dump said instead


@pytest.mark.parametrize(("algorithm", "name"), [(2, "LZ4"), (3, "ZSTD")])
def test_a_pg_restore_without_a_library_is_named(tmp_path, monkeypatch, algorithm, name):
    # The header's byte for what packs the data: the wheel's pg_restore was built without.
    from drill.conftest import NEW

    with EmbeddedPostgres(bin_dir=NEW) as server:
        dsn = server.create_database("crm")
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("create table repairs as select 1 as id")
        path = tmp_path / "x.dump"
        subprocess.run([NEW / "pg_dump", "-Fc", f"--file={path}", dsn], check=True)
    monkeypatch.setenv("PATH", f"{NEW}{os.pathsep}{os.environ['PATH']}")
    assert verifier(path).verify() == "custom"
    content = bytearray(path.read_bytes())
    content[11] = algorithm
    with pytest.raises(VerificationError, match=f"(?i){name}") as caught:
        verifier(written(path, bytes(content))).verify()
    assert caught.value.code == "pg_restore_lacks"


def test_an_error_in_place_of_a_dump_is_damage(tmp_path):
    # Where a job sends both outputs into one file.
    line = "pg_dump: error: connection to server failed: password=hunter2 is wrong\n"
    told = damage(written(tmp_path / "x.sql", line.encode()))
    assert "connection to server failed" in told
    assert "hunter2" not in told
