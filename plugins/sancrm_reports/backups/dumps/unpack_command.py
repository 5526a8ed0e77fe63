"""Unpacks a dump by a command of the settings, such as gpg --decrypt, as a pipe."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from threading import Thread, Timer
from typing import Any

from sancrm_reports.backups.dumps.faults import DamagedError, VerificationError
from sancrm_reports.backups.redaction import ending, last_line

CHUNK = 1 << 16


def through_command(
    words: Sequence[str], chunks: Iterator[bytes], *, seconds: float
) -> Iterator[bytes]:
    """Give what a command makes of a file that it reads from its standard input.

    A command that fails after it gave something could read the beginning, so the file is damaged.
    One that gave nothing may lack its key: this says nothing about the file.

    Raises:
        DamagedError: it failed in the middle.
        VerificationError: it failed at once, cannot be run, or took too long.
    """
    with tempfile.TemporaryFile() as errors:
        try:
            program = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
            )
        except OSError as error:
            raise VerificationError(
                f"{words[0]} of probe.unpack cannot be run: {error.strerror}.",
                code="unpack",
                quote=f"{words[0]}: {error.strerror}",
            ) from None
        feeder = _Feeder(program, chunks)
        limit = Timer(max(seconds, 0.0), program.kill)
        limit.start()
        gave = False
        try:
            output: Any = program.stdout
            while chunk := output.read1(CHUNK):
                gave = True
                yield chunk
            code = program.wait()
            feeder.finish()
            is_over = not limit.is_alive()
        finally:
            limit.cancel()
            program.kill()  # harmless once it has ended
            program.wait()
            output.close()
            feeder.join()
        if is_over:
            raise VerificationError(f"{words[0]} took longer than verify.limit_minutes.")
        if code:
            errors.seek(0)
            said = last_line(errors.read().decode(errors="replace")) or ending(code)
            kind = DamagedError if gave else VerificationError
            raise kind(f"{words[0]}: {said}", code="" if gave else "unpack", quote=said)


class _Feeder(Thread):
    """Writes a file into a program; what reading it comes to is raised by ``finish``."""

    def __init__(self, program: subprocess.Popen[bytes], chunks: Iterator[bytes]) -> None:
        super().__init__(daemon=True)
        self._pipe: Any = program.stdin
        self._chunks = chunks
        self._error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            with suppress(BrokenPipeError):  # it has seen enough
                for chunk in self._chunks:
                    self._pipe.write(chunk)
        except Exception as error:
            self._error = error
        finally:
            with suppress(OSError):
                self._pipe.close()

    def finish(self) -> None:
        self.join()
        if self._error:
            raise self._error
