"""What packs a dump into one file, told by its first bytes, and how it is unpacked."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from sancrm_reports.backups.dumps.faults import DamagedError

PIECE = 512  # bytes that are unpacked at once: even of a bomb they fit into memory
ENOUGH = 1 << 16  # unpacked bytes that are passed on together
MOST_LAYERS = 3

# Frames that hold no data: pzstd begins with one.
SKIPPABLE = tuple(bytes([0x50 + number]) + b"\x2a\x4d\x18" for number in range(16))


@dataclass(frozen=True)
class Packing:
    """A way to pack. ``reader`` makes what unpacks one stream: it has ``eof`` and the rest."""

    name: str
    magic: tuple[bytes, ...]
    reader: Callable[[], Any]


@dataclass
class Padding:
    """How many zero bytes follow the end of what was packed, as tapes and some tools add them."""

    zeros: int = field(default=0)


def _zstd() -> Any:
    from zstandard import ZstdDecompressor

    return ZstdDecompressor(max_window_size=1 << 31).decompressobj()


def _lz4() -> Any:
    from lz4.frame import LZ4FrameDecompressor

    return LZ4FrameDecompressor()


PACKINGS = (
    Packing("gzip", (b"\x1f\x8b",), lambda: zlib.decompressobj(wbits=31)),
    Packing("zstd", (b"\x28\xb5\x2f\xfd", *SKIPPABLE), _zstd),
    Packing("xz", (b"\xfd7zXZ\0",), lzma.LZMADecompressor),
    Packing("bzip2", (b"BZh",), bz2.BZ2Decompressor),
    Packing("lz4", (b"\x04\x22\x4d\x18",), _lz4),
)


def packing_of(start: bytes) -> Packing | None:
    """Return how a file is packed, None if it is not."""
    return next((packing for packing in PACKINGS if start.startswith(packing.magic)), None)


def unpacked(
    chunks: Iterator[bytes], *, start: int, padding: Padding | None = None
) -> tuple[bytes, Iterator[bytes], list[str]]:
    """Unpack as often as it was packed.

    Returns the first bytes of the content, all of it, and the names of what packed it, from the
    outside inwards.

    Raises:
        DamagedError: while the content is read: it does not unpack to its end.
    """
    layers: list[str] = []
    while True:
        first, chunks = peeked(chunks, start)
        packing = packing_of(first)
        if not packing or len(layers) == MOST_LAYERS:
            return first, chunks, layers
        layers.append(packing.name)
        chunks = _unpacked(chunks, packing, padding or Padding())


def peeked(chunks: Iterator[bytes], size: int) -> tuple[bytes, Iterator[bytes]]:
    """Return the first bytes, and all of it."""
    first = b""
    while len(first) < size and (chunk := next(chunks, b"")):
        first += chunk
    return first[:size], chain([first] if first else [], chunks)


def stream_of(chunks: Iterator[bytes]) -> io.BufferedReader:
    """Return chunks as a file that can be read forwards."""
    return io.BufferedReader(_Stream(chunks), buffer_size=ENOUGH)


def _unpacked(chunks: Iterator[bytes], packing: Packing, padding: Padding) -> Iterator[bytes]:
    """Unpack what may be several streams in a row; each has to be whole."""
    reader, ready = packing.reader(), bytearray()
    try:
        for chunk in chunks:
            for at in range(0, len(chunk), PIECE):
                rest = chunk[at : at + PIECE]
                while rest:
                    if reader.eof:
                        kept = rest.lstrip(b"\0")
                        padding.zeros += len(rest) - len(kept)
                        rest = kept
                        if not rest:
                            break
                        reader = packing.reader()
                    ready += reader.decompress(rest)
                    rest = reader.unused_data if reader.eof else b""
                if len(ready) >= ENOUGH:
                    yield bytes(ready)
                    ready.clear()
        yield bytes(ready)
    except DamagedError:
        raise
    except Exception as error:  # each library has its own, and some only RuntimeError
        said = f"{packing.name}: {error}"
        raise DamagedError(said, quote=said) from None
    if not reader.eof:
        raise DamagedError(
            f"{packing.name}: end of file before the end of the data", code="dump_unfinished"
        )


class _Stream(io.RawIOBase):
    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = memoryview(next(filter(None, self._chunks), b""))
        taken, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)
