"""What Telegram takes by ``sendPhoto``, ``sendDocument`` and ``editMessageMedia``."""

import struct
from dataclasses import dataclass

MAX_BYTES = 10 * 1024 * 1024  # of a photo
MAX_WIDTH_AND_HEIGHT = 10_000
MAX_RATIO = 20
_PNG = b"\x89PNG\r\n\x1a\n"
_NO_SIZE_MARKERS = {0xC4, 0xC8, 0xCC}


class MediaError(ValueError):
    """Telegram's reason for refusing a file."""


@dataclass(frozen=True)
class Photo:
    """An uploaded picture; ``mime`` is image/png or image/jpeg, sizes are in pixels."""

    data: bytes
    mime: str
    width: int
    height: int


@dataclass(frozen=True)
class Document:
    """An uploaded file of any kind."""

    data: bytes
    name: str


Media = Photo | Document


def checked_document(data: bytes, name: str) -> Document:
    """Take a file as it is, or raise `MediaError`; its size the server limits."""
    if not data:
        raise MediaError("file must be non-empty")
    return Document(data, name)


def checked_photo(data: bytes) -> Photo:
    """Read a PNG or JPEG, or raise `MediaError`; other formats are refused by the stand-in."""
    if not data:
        raise MediaError("file must be non-empty")
    if len(data) > MAX_BYTES:
        raise MediaError(
            f"file of size {len(data)} bytes is too big for a photo; "
            f"the maximum size is {MAX_BYTES} bytes"
        )
    try:
        photo = _read(data)
    except (struct.error, IndexError):
        raise MediaError("IMAGE_PROCESS_FAILED") from None
    narrow, wide = sorted((photo.width, photo.height))
    if not narrow or narrow + wide > MAX_WIDTH_AND_HEIGHT or wide > narrow * MAX_RATIO:
        raise MediaError("PHOTO_INVALID_DIMENSIONS")
    return photo


def _read(data: bytes) -> Photo:
    if data.startswith(_PNG) and data[12:16] == b"IHDR":
        return Photo(data, "image/png", *struct.unpack(">II", data[16:24]))
    if data.startswith(b"\xff\xd8"):
        height, width = _jpeg_size(data)
        return Photo(data, "image/jpeg", width, height)
    raise MediaError("IMAGE_PROCESS_FAILED")


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Walk the segments to the frame header, which holds the height and the width."""
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in _NO_SIZE_MARKERS:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return height, width
        else:
            at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    raise MediaError("IMAGE_PROCESS_FAILED")
