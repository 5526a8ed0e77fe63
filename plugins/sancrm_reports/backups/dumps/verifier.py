"""Reads a dump to learn whether it is whole. What can be found, and what not: docs/backups.md."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sancrm_reports.backups.dumps.files import forget_listings, is_local
from sancrm_reports.backups.dumps.format import DamagedError, DumpFormat, Layout, format_of
from sancrm_reports.backups.redaction import ending, last_line
from sancrm_reports.errors import ReportError

log = logging.getLogger(__name__)

CHUNK = 1 << 20
# What pg_restore says of a dump, before version 12 in brackets. Debian's wrapper and the loader of
# libraries have other words.
OF_THE_DUMP = re.compile(r"(?m)^pg_restore: (error: |fatal: |\[)(?!.*Permission denied)")
PROGRESS_SECONDS = 10.0
TAIL = 1024  # bytes: a \unrestrict line may follow the trailer
TRAILERS = (b"PostgreSQL database dump complete", b"PostgreSQL database cluster dump complete")


class VerificationError(ReportError):
    """The dump could not be read, or not in time: this says nothing about it."""

    code = "verification"


class StillWrittenError(VerificationError):
    """The dump changed while it was read."""

    code = "still_written"


class Verifier:
    """Reads one dump, within a time limit.

    Args:
        path: the dump in Airflow's object storage: a file, or a folder with ``toc.dat``.
        full: read all of it; otherwise only what tells its structure.
        seconds: the limit.
    """

    def __init__(self, path: Any, *, full: bool, seconds: float) -> None:
        self.path = path
        self.full = full
        self.ends_at = time.monotonic() + seconds
        self.seconds = seconds

    def verify(self) -> str:
        """Read the dump, and return its format.

        Raises:
            DamagedError: it is not whole.
            StillWrittenError: it changed meanwhile.
            UnknownFormatError: it is of no format that can be read here.
            VerificationError: it could not be read, or not in time.
        """
        try:
            before = self._identity()
            try:
                found = format_of(self.path)
                if found.layout is Layout.DIRECTORY:
                    self._folder()
                else:
                    self._file(found)
                return str(found)
            finally:
                self._refuse_changed(before)  # a half of what is being written is not damaged
        except OSError as error:
            raise VerificationError(f"{self.path} cannot be read: {error}") from None

    def _identity(self) -> list[tuple[str, int, float]]:
        forget_listings(self.path)
        files = sorted(self.path.iterdir(), key=str) if self.path.is_dir() else [self.path]
        return [(str(file), file.stat().st_size, file.stat().st_mtime) for file in files]

    def _refuse_changed(self, before: list[tuple[str, int, float]]) -> None:
        if self._identity() != before:
            raise StillWrittenError(f"{self.path} changed while it was read.")

    def _file(self, found: DumpFormat) -> None:
        """Read a file as what its first bytes say it is, after unpacking."""
        content = _unzipped(self._chunks()) if found.is_packed else self._chunks()
        match found.layout:
            case Layout.CUSTOM:
                self._entries(found)
                if self.full:
                    self._restore(content, ["--file=/dev/null"])
            case Layout.TAR if self.full:
                self._tar(content)
            case Layout.TAR:
                self._restore(content, ["--list"])
            case _ if self.full:
                self._plain(content)
            case _ if not found.is_packed:  # only all of a gzip can show its end
                self._plain(iter([self._end()]))
        if self.full:
            for _ in content:  # what its reader left, such as the checksum of a gzip
                pass

    def _end(self) -> bytes:
        with self.path.open("rb") as file:
            file.seek(max(0, self.path.stat().st_size - TAIL))
            return bytes(file.read())

    def _plain(self, chunks: Iterator[bytes]) -> None:
        """Look for the last line that pg_dump writes."""
        tail = b""
        for chunk in chunks:
            tail = (tail + chunk)[-TAIL:]
        if not any(trailer in tail for trailer in TRAILERS):
            raise DamagedError(
                "the end that pg_dump writes is missing: it did not finish", code="dump_unfinished"
            )

    def _chunks(self) -> Iterator[bytes]:
        """Read the file once, with its progress in the log."""
        whole = self.path.stat().st_size
        done, told = 0, 0
        with self.path.open("rb") as file:
            while chunk := file.read(CHUNK):
                self._check_time()
                yield chunk
                done += len(chunk)
                if done * 10 // whole > told:
                    told = done * 10 // whole
                    log.info("Read %d%% of %s.", told * 10, self.path.name)

    def _restore(self, content: Iterator[bytes], how: list[str], **pipes: Any) -> None:
        """Let pg_restore read the file, which goes through a pipe and so may lie anywhere."""
        with _pg_restore(how, stdin=subprocess.PIPE, **pipes) as program:
            with suppress(BrokenPipeError):  # it has seen enough; its exit code says of what
                for chunk in content:
                    program.stdin.write(chunk)
                program.stdin.close()
            self._judge(program)

    def _entries(self, found: DumpFormat) -> None:
        """Make sure that something is in it: one whose line ends were turned reads as nothing."""
        content = _unzipped(self._chunks()) if found.is_packed else self._chunks()
        with tempfile.TemporaryFile() as listed:
            self._restore(content, ["--list"], stdout=listed)
            listed.seek(0)
            if not re.search(rb"(?m)^\d+; ", listed.read()):
                raise DamagedError(
                    "nothing is in it; were its line ends turned, as docker exec -t does"
                )

    def _tar(self, content: Iterator[bytes]) -> None:
        """Read a tar to its last member: pg_restore takes one that was cut for whole."""
        try:
            with tarfile.open(fileobj=_Stream(content), mode="r|") as archive:  # type: ignore[call-overload]
                names = [member.name for member in archive]
        except tarfile.TarError as error:
            raise DamagedError(f"tar: {error}", quote=f"tar: {error}") from None
        if names[-1] != "restore.sql":
            raise DamagedError(
                "tar: restore.sql, which pg_dump writes last, is missing", code="dump_unfinished"
            )

    def _folder(self) -> None:
        """Let pg_restore read a folder; one in object storage is fetched first."""
        how = ["--list"] if not self.full else ["--file=/dev/null", "--verbose"]
        with self._here() as folder, _pg_restore([*how, folder]) as program:
            self._judge(program)

    @contextmanager
    def _here(self) -> Iterator[str]:
        if is_local(self.path):
            yield self.path.path
            return
        with tempfile.TemporaryDirectory() as folder:
            for file in self.path.iterdir():
                self._check_time()
                with file.open("rb") as source, (Path(folder) / file.name).open("wb") as target:
                    shutil.copyfileobj(source, target, CHUNK)
                log.info("Fetched %s.", file.name)
            yield folder

    def _judge(self, program: Any) -> None:
        """Wait for pg_restore, and read what it said in its exit code and last line."""
        while True:
            try:
                program.wait(timeout=PROGRESS_SECONDS)
                break
            except subprocess.TimeoutExpired:
                log.info("Reading %s: %s", self.path.name, last_line(program.said()))
                self._check_time()
        said = program.said()
        if program.returncode == 0:
            return
        if "unsupported version" in said:
            raise VerificationError(
                f"pg_restore is older than the pg_dump that wrote this: {last_line(said)}. "
                "Install a newer client on the worker."
            )
        if program.returncode != 1 or not OF_THE_DUMP.search(said):  # killed, or not even begun
            raise VerificationError(
                f"pg_restore itself failed with {ending(program.returncode)}: {last_line(said)}"
            )
        raise DamagedError(last_line(said), quote=last_line(said))

    def _check_time(self) -> None:
        if time.monotonic() > self.ends_at:
            raise VerificationError(
                f"Reading {self.path.name} took longer than {self.seconds / 60:.0f} min."
            )


@contextmanager
def _pg_restore(arguments: list[str], **pipes: Any) -> Iterator[Any]:
    """Start pg_restore; what it says goes to a file, so that no full pipe can stop it."""
    with tempfile.TemporaryFile() as output:
        try:
            program: Any = subprocess.Popen(
                ["pg_restore", *arguments],
                stderr=output,
                env={**os.environ, "LC_ALL": "C"},
                **{"stdout": subprocess.DEVNULL, **pipes},
            )
        except OSError as error:
            raise VerificationError(
                f"pg_restore cannot be run on this worker: {error.strerror}. Install PostgreSQL's "
                "client, of the server's version or newer."
            ) from None

        def said() -> str:
            output.seek(0)
            return output.read().decode(errors="replace")

        program.said = said
        try:
            yield program
        finally:
            program.kill()  # harmless once it has ended
            with suppress(OSError):
                program.communicate()


class _Stream:
    """Chunks as a file that can be read forwards."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int) -> bytes:
        while len(self._rest) < size and (chunk := next(self._chunks, b"")):
            self._rest += chunk
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


def _unzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack what may be several gzips in a row; each has to be whole."""
    reader = zlib.decompressobj(wbits=31)
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if reader.eof:
                    reader = zlib.decompressobj(wbits=31)
                yield reader.decompress(rest)
                rest = reader.unused_data
    except zlib.error as error:
        raise DamagedError(f"gzip: {error}", quote=f"gzip: {error}") from None
    if not reader.eof:
        raise DamagedError("gzip: end of file before the end of the data", code="dump_unfinished")
