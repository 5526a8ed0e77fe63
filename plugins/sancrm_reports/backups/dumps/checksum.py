"""The checksum that somebody wrote beside a dump."""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass
from typing import Any

from sancrm_reports.backups.dumps.names import final_name

log = logging.getLogger(__name__)

BY_LENGTH = {32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}
ENDING = re.compile(
    r"(?:(?P<name>.+)\.)?(?:(?P<kind>md5|sha1|sha224|sha256|sha384|sha512|b2)(?:sums?)?|sum)"
    r"(?:\.txt)?",
    re.IGNORECASE,
)
# As md5sum and its kin write it, with a star for binary; as OpenSSL and BSD do; or alone.
LINE = re.compile(
    r"\\?(?P<digest>[0-9a-f]{32,128})(?:\s+[*-]?\s*(?P<name>.+))?"
    r"|[\w-]+ ?\((?P<named>.+)\) ?= ?(?P<value>[0-9a-f]{32,128})",
    re.IGNORECASE,
)
LONGEST = 1 << 20  # bytes


@dataclass(frozen=True)
class Checksum:
    """What a file's bytes add up to: ``digest`` in hexadecimal, ``where`` the file that says so."""

    kind: str
    digest: str
    where: str

    def new(self) -> Any:
        """Return what counts it."""
        return hashlib.new(self.kind, usedforsecurity=False)


def checksum_beside(path: Any, name: str) -> Checksum | None:
    """Return the checksum of a dump, from its own file or from the folder's list.

    None where there is none, or what is there cannot be understood.

    Args:
        path: where the dump lies, or its first piece.
        name: its name, before it was split.
    """
    stem = name.rpartition(".")[0]
    for one in sorted(path.parent.iterdir(), key=lambda one: str(one.name)):
        match = ENDING.fullmatch(one.name)
        if not match or match["name"] not in (name, stem, None):
            continue
        try:
            with one.open("rb") as file:
                text = file.read(LONGEST).decode(errors="replace")
        except OSError as error:
            log.warning("%s is not read: %s", one, error)
            continue
        digest = _digest_in(text, name, is_own=match["name"] == name)
        if len(digest) in BY_LENGTH:
            is_blake = (match["kind"] or "").lower() == "b2"
            return Checksum("blake2b" if is_blake else BY_LENGTH[len(digest)], digest, one.name)
    return None


def _digest_in(text: str, wanted: str, *, is_own: bool) -> str:
    """Return the digest of this name; the only one of a file's own need not name it.

    One that names another file is of that: such as of a dump that was packed only then.
    """
    lines = [found for line in text.splitlines() if (found := LINE.fullmatch(line.strip()))]
    for line in lines:
        name = (line["name"] or line["named"] or "").replace("\\", "/").rpartition("/")[2]
        if final_name(name)[0] == wanted or (is_own and len(lines) == 1 and name in ("", "-")):
            return str(line["digest"] or line["value"]).lower()
    return ""
