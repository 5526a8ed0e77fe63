"""Reads a dump to learn whether it is whole. What can be found, and what not: docs/backups.md."""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any

from sancrm_reports.backups.dumps.checksum import checksum_beside
from sancrm_reports.backups.dumps.faults import (
    DamagedError,
    StillWrittenError,
    UnknownFormatError,
    VerificationError,
)
from sancrm_reports.backups.dumps.files import (
    dump_files,
    forget_listings,
    is_local,
    listed,
    parts_of,
    storage_path,
)
from sancrm_reports.backups.dumps.format import (
    CHUNK,
    START,
    DumpFormat,
    Layout,
    format_of,
    layout_of,
)
from sancrm_reports.backups.dumps.names import whole_name
from sancrm_reports.backups.dumps.packing import Padding, stream_of, unpacked
from sancrm_reports.backups.dumps.pg_restore import PROGRESS_SECONDS, judge, pg_restore
from sancrm_reports.backups.dumps.plain_dump import TAIL, PlainDump
from sancrm_reports.backups.dumps.unpack_command import through_command
from sancrm_reports.backups.redaction import last_line

log = logging.getLogger(__name__)

# The beginning of an archive in the custom format: version 1.x, of four and eight bytes.
BEGINNING_LENGTH = 11  # bytes
BEGINNING = re.compile(rb"PGDMP\x01[\x00-\x20][\x00-\x20]\x04\x08\x01")


class Verifier:
    """Reads one dump, within a time limit.

    Args:
        path: the dump in Airflow's object storage: a file, the first piece of one that was split,
            or a folder with ``toc.dat``.
        full: read all of it; otherwise only what tells its structure.
        seconds: the limit.
        unpack: the command that unpacks it, as words; it reads a pipe and writes one.
    """

    def __init__(
        self, path: Any, *, full: bool, seconds: float, unpack: Sequence[str] = ()
    ) -> None:
        self.path = path
        self.full = full
        self.ends_at = time.monotonic() + seconds
        self.seconds = seconds
        self.unpack = unpack
        self.notes: list[str] = []
        self._padding = Padding()

    def verify(self) -> str:
        """Read the dump, and return its format; ``notes`` are what is odd, but not wrong.

        Raises:
            DamagedError: it is not whole.
            StillWrittenError: it changed meanwhile.
            UnknownFormatError: it is of no format that can be read here.
            VerificationError: it could not be read, or not in time.
        """
        try:
            before = self._identity()
            try:
                return str(self._verify())
            finally:
                self._refuse_changed(before)  # a half of what is being written is not damaged
        except OSError as error:
            raise VerificationError(f"{self.path} cannot be read: {error}") from None

    def _verify(self) -> DumpFormat:
        if self.path.is_dir():
            found = format_of(self.path)
            self._folder()
            return found
        if self.full:
            self._checksum()
        start, _, layers = self._content()
        is_packed = bool(layers or self.unpack)
        found = DumpFormat(layout_of(start, self.path.name, is_packed=is_packed), tuple(layers))
        self._file(found)
        if self._padding.zeros:
            self.notes.append(f"{self._padding.zeros} zero bytes follow its end")
        return found

    def _identity(self) -> list[tuple[str, int, float]]:
        forget_listings(self.path)
        is_folder = self.path.is_dir()
        files = sorted(listed(self.path), key=str) if is_folder else parts_of(self.path)
        return [(str(file), file.stat().st_size, file.stat().st_mtime) for file in files]

    def _refuse_changed(self, before: list[tuple[str, int, float]]) -> None:
        if self._identity() != before:
            raise StillWrittenError(f"{self.path} changed while it was read.")

    def _content(self) -> tuple[bytes, Iterator[bytes], list[str]]:
        """Return the first bytes after unpacking, all of it, and by what it was packed."""
        chunks = self._chunks()
        if self.unpack:
            left = self.ends_at - time.monotonic()
            chunks = through_command(self.unpack, chunks, seconds=left)
        self._padding.zeros = 0
        return unpacked(chunks, start=START, padding=self._padding)

    def _file(self, found: DumpFormat) -> None:
        """Read a file as what its first bytes say it is, after unpacking."""
        start, content, _ = self._content()
        match found.layout:
            case Layout.CUSTOM:
                self._entries()
                if self.full:
                    content = _one_archive(content)
                    self._restore(content, ["--file=/dev/null"])
            case Layout.TAR if self.full:
                self._tar(content)
            case Layout.TAR:
                self._restore(content, ["--list"])
            case Layout.IN_TAR if self.full:
                self._in_tar(content)
            case Layout.IN_TAR:
                return
            case _ if self.full:
                self._plain(content)
            case _ if not (found.is_packed or self.unpack):  # else only all of it shows its end
                self._plain(iter([self._end()]), start)
        if self.full:
            for _ in content:  # what its reader left, such as the checksum of a gzip
                pass

    def _end(self) -> bytes:
        last = parts_of(self.path)[-1]
        with last.open("rb") as file:
            file.seek(max(0, last.stat().st_size - TAIL))
            return bytes(file.read())

    def _plain(self, chunks: Iterator[bytes], start: bytes = b"") -> None:
        dump = PlainDump(start)
        for chunk in chunks:
            dump.feed(chunk)
        dump.finish()
        self._padding.zeros += dump.zeros

    def _chunks(self) -> Iterator[bytes]:
        """Read the file once, with its progress in the log."""
        parts = parts_of(self.path)
        whole = sum(part.stat().st_size for part in parts)
        done, told = 0, 0
        for part in parts:
            with part.open("rb") as file:
                while chunk := file.read(CHUNK):
                    self._check_time()
                    yield chunk
                    done += len(chunk)
                    if done * 10 // whole > told:
                        told = done * 10 // whole
                        log.info("Read %d%% of %s.", told * 10, self.path.name)

    def _checksum(self) -> None:
        """Compare the file with the checksum beside it, if there is one."""
        parts = parts_of(self.path)
        name = whole_name(self.path.name) if len(parts) > 1 else self.path.name
        if not (told := checksum_beside(self.path, name)):
            return
        counter = told.new()
        for chunk in self._chunks():
            counter.update(chunk)
        if counter.hexdigest() != told.digest:
            raise DamagedError(
                f"its {told.kind} is not the one in {told.where}",
                code="dump_checksum",
                quote=f"{told.where}: {told.kind}",
            )
        log.info("The checksum in %s is right.", told.where)

    def _restore(self, content: Iterator[bytes], how: list[str], **pipes: Any) -> None:
        """Let pg_restore read the file, which goes through a pipe and so may lie anywhere."""
        with pg_restore(how, stdin=subprocess.PIPE, **pipes) as program:
            with suppress(BrokenPipeError):  # it has seen enough; its exit code says of what
                for chunk in content:
                    program.stdin.write(chunk)
                program.stdin.close()
            self._wait_for(program)

    def _entries(self) -> None:
        """Make sure that something is in it: one whose line ends were turned reads as nothing."""
        _, content, _ = self._content()
        with tempfile.TemporaryFile() as listed:
            self._restore(content, ["--list"], stdout=listed)
            listed.seek(0)
            if not re.search(rb"(?m)^\d+; ", listed.read()):
                raise DamagedError(
                    "nothing is in it; were its line ends turned, as docker exec -t does"
                )

    def _tar(self, content: Iterator[bytes]) -> None:
        """Read a tar to its last member: pg_restore takes one that was cut for whole."""
        with _opened_tar(content) as archive:
            names = [member.name for member in archive]
        if names[-1] != "restore.sql":
            raise DamagedError(
                "tar: restore.sql, which pg_dump writes last, is missing", code="dump_unfinished"
            )

    def _in_tar(self, content: Iterator[bytes]) -> None:
        """Take out of a tar what somebody put into it, and read each dump."""
        with tempfile.TemporaryDirectory() as folder:
            with _opened_tar(content) as archive:
                for member in archive:
                    self._check_time()
                    if member.isfile():
                        _take_out(archive, member, Path(folder))
            found = dump_files(storage_path(folder), "**/*")
            if not found:
                raise UnknownFormatError(f"{self.path.name} is a tar without a dump in it.")
            for dump in found:
                left = self.ends_at - time.monotonic()
                Verifier(dump.path, full=True, seconds=left).verify()

    def _folder(self) -> None:
        """Let pg_restore read a folder; one in object storage is fetched first."""
        how = ["--list"] if not self.full else ["--file=/dev/null", "--verbose"]
        with self._here() as folder, pg_restore([*how, folder]) as program:
            self._wait_for(program)

    @contextmanager
    def _here(self) -> Iterator[str]:
        if is_local(self.path):
            yield self.path.path
            return
        with tempfile.TemporaryDirectory() as folder:
            for file in listed(self.path):
                self._check_time()
                with file.open("rb") as source, (Path(folder) / file.name).open("wb") as target:
                    shutil.copyfileobj(source, target, CHUNK)
                log.info("Fetched %s.", file.name)
            yield folder

    def _wait_for(self, program: Any) -> None:
        """Wait for pg_restore, and judge what it came to."""
        while True:
            try:
                program.wait(timeout=PROGRESS_SECONDS)
                break
            except subprocess.TimeoutExpired:
                log.info("Reading %s: %s", self.path.name, last_line(program.said()))
                self._check_time()
        judge(program.returncode, program.said())

    def _check_time(self) -> None:
        if time.monotonic() > self.ends_at:
            raise VerificationError(
                f"Reading {self.path.name} took longer than {self.seconds / 60:.0f} min."
            )


def _one_archive(content: Iterator[bytes]) -> Iterator[bytes]:
    """Pass an archive on, and make sure that no other one begins in it: both would be in one file.

    Raises:
        DamagedError: one does. pg_restore reads the first, which broke off or is an old one.
    """
    seen, carried = 0, b""
    for chunk in content:
        text = carried + chunk
        seen += len(BEGINNING.findall(text))
        if seen > 1:
            raise DamagedError(
                "another dump begins within it: one was appended to it", code="dump_appended"
            )
        carried = text[-BEGINNING_LENGTH + 1 :]
        yield chunk


def _take_out(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Write a file of a tar below a folder, wherever it says that it belongs."""
    parts = [part for part in PurePosixPath(member.name).parts if part not in ("/", "..")]
    target = folder.joinpath(*parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    source: Any = archive.extractfile(member)
    with target.open("wb") as file:
        shutil.copyfileobj(source, file, CHUNK)


@contextmanager
def _opened_tar(content: Iterator[bytes]) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(fileobj=stream_of(content), mode="r|") as archive:
            yield archive
    except tarfile.TarError as error:
        raise DamagedError(f"tar: {error}", quote=f"tar: {error}") from None
