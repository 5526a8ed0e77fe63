"""What the names in a folder of dumps tell: which are dumps, which are not yet, and of when.

Letters match whatever their case, and however they are composed: a Mac writes one with an
accent as two characters.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, time, tzinfo
from fnmatch import fnmatchcase
from functools import cache
from unicodedata import normalize

# What programs call a file that they are still writing: most by an ending, rsync .crm.dump.Ab12Cd.
BEING_WRITTEN = re.compile(
    r"(?P<plain>.+?)(?:\.[0-9a-f]{8})?"  # rclone adds a number to the name
    r"\.(?:part|partial|tmp|temp|in_progress|inprogress|filepart|incomplete|crdownload|uploading)"
    r"|\.(?P<rsync>.+)\.[A-Za-z0-9]{6}",
    re.IGNORECASE,
)
# What lies beside a dump and is none.
SIDECARS = re.compile(
    r".+\.(?:md5|sha1|sha224|sha256|sha384|sha512|b2|sum|asc|sig|log|err|out|txt|json|ok|done)"
    r"|(?:.+\.)?(?:md5|sha1|sha224|sha256|sha384|sha512|b2)sums?",
    re.IGNORECASE,
)
# The files of a dump in the directory format, but for its contents.
DATA_FILE = re.compile(r"(?:\d+|blob_\d+)\.dat(?:\.gz|\.lz4|\.zst)?|blobs(?:_\d+)?\.toc")
# As split names the pieces of a file: crm.dump.aa, crm.dump.000. A date is none: no month is 00.
PART = re.compile(r"(?P<stem>.+)(?P<mark>[._-])(?P<number>[a-z]{2,4}|\d{2,4})")
LETTERS = "abcdefghijklmnopqrstuvwxyz"

DIRECTIVES = {
    "Y": r"\d{4}",
    "y": r"\d\d",
    "m": r"\d\d",
    "d": r"\d\d",
    "H": r"\d\d",
    "M": r"\d\d",
    "S": r"\d\d",
    "s": r"\d{9,10}",
}
NOON = time(12)


def is_like(name: str, pattern: str) -> bool:
    """Whether a name is of a shell's pattern, without a folder in it."""
    return fnmatchcase(_plain(name), _plain(pattern))


def final_name(name: str) -> tuple[str, bool]:
    """Return the name that a file will have, and whether it has another one yet."""
    if found := BEING_WRITTEN.fullmatch(name):
        return found["plain"] or found["rsync"], True
    return name, False


def first_part(name: str, names: Collection[str]) -> str:
    """Return the name of the first piece of the file of which this is one; empty if it is none."""
    if not (found := PART.fullmatch(name)):
        return ""
    width = len(found["number"])
    firsts = ("a" * width,) if found["number"].isalpha() else ("0" * width, f"{1:0{width}}")
    if width < 3:
        firsts = firsts[:1]  # .01 may be a month, a day or an older copy
    beginnings = [f"{found['stem']}{found['mark']}{first}" for first in firsts]
    return next((beginning for beginning in beginnings if beginning in names), "")


def parts_of(first: str, names: Collection[str]) -> tuple[list[str], str]:
    """Return the names of all pieces in their order, and the first that is missing among them."""
    mine = {_number(name): name for name in names if first_part(name, names) == first}
    numbers = sorted(mine)
    gap = next((n for n in range(numbers[0], numbers[-1]) if n not in mine), None)
    missing = "" if gap is None else f"{mine[gap - 1]} + 1"
    return [mine[number] for number in numbers], missing


def whole_name(part: str) -> str:
    """Return the name of the file that was split."""
    found = PART.fullmatch(part)
    return found["stem"] if found else part


def time_in(name: str, form: str, zone: tzinfo, written_at: datetime) -> datetime | None:
    """Return the time that a name tells, None if it tells none.

    Args:
        name: with the folders that the pattern leads through.
        form: as of ``strftime``, with the directives that ``directives_of`` allows.
        zone: the clock of who wrote the name.
        written_at: of the file: it tells the hour, where the name has the same day and no hour.
    """
    for found in reversed(list(_searcher(form).finditer(name))):
        told = found.groupdict()
        if "s" in told:
            return datetime.fromtimestamp(int(told["s"]), UTC)
        year = int(told["Y"]) if "Y" in told else 2000 + int(told["y"])
        try:
            hour, minute, second = (int(told.get(word, 0)) for word in "HMS")
            at = datetime(year, int(told["m"]), int(told["d"]), hour, minute, second, tzinfo=zone)
        except ValueError:  # 2026-13-40 is no date
            continue
        if "H" in told:
            return at
        day = written_at.astimezone(zone)
        return day if day.date() == at.date() else datetime.combine(at, NOON, zone)
    return None


def directives_of(form: str) -> list[str]:
    """Return the directives of a form.

    Raises:
        ValueError: there is one that no name can be read by, or no day in it.
    """
    found = re.findall(r"%(.)", form)
    if wrong := [word for word in found if word not in DIRECTIVES or found.count(word) > 1]:
        raise ValueError(
            f"%{wrong[0]} cannot be read from a name, or not twice; there are "
            f"{', '.join(f'%{word}' for word in DIRECTIVES)}"
        )
    has_day = {"m", "d"} <= set(found) and len({"Y", "y"} & set(found)) == 1
    if not (has_day or found == ["s"]):
        raise ValueError("give a year, a month and a day, as %Y-%m-%d, or %s alone")
    return found


@cache
def _searcher(form: str) -> re.Pattern[str]:
    pieces: Sequence[str] = re.split(r"%(.)", form)
    words = (
        f"(?P<{piece}>{DIRECTIVES[piece]})" if number % 2 else re.escape(piece)
        for number, piece in enumerate(pieces)
    )
    return re.compile(rf"(?<!\d){''.join(words)}(?!\d)")


def _number(part: str) -> int:
    found = PART.fullmatch(part)
    number = found["number"] if found else ""
    if number.isdigit():
        return int(number)
    value = 0
    for letter in number:
        value = value * len(LETTERS) + LETTERS.index(letter)
    return value


def _plain(text: str) -> str:
    return normalize("NFC", text).casefold()
