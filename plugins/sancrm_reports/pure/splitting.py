"""Cuts a text that is too long for one message, between blocks and never inside markup."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

TEXT_LIMIT = 4096  # of Telegram's message, in UTF-16 units after the markup is read
RESERVED = 600  # for what delivery adds: the part's number, lateness, corrections
ONE_MESSAGE = TEXT_LIMIT - RESERVED


def plain_text(text: str) -> str:
    """Return what is read: the text without its markup."""
    return html.unescape(re.sub(r"<[^>]*>", "", text))


def visible_length(text: str) -> int:
    """Return the length that Telegram counts: markup read, in UTF-16 units."""
    return len(plain_text(text).encode("utf-16-le")) // 2


def split(text: str, limit: int) -> list[str]:
    """Cut a text at blank lines, or where a block is too long, at line ends.

    A line's markup ends in it, so no cut falls inside a tag; only a quotation goes on over lines,
    and is closed and opened again where it is cut.

    Raises:
        ValueError: one line alone is longer than the limit.
    """
    parts: list[str] = []
    for block in text.split("\n\n"):
        if parts and visible_length(f"{parts[-1]}\n\n{block}") <= limit:
            parts[-1] += f"\n\n{block}"
        elif visible_length(block) <= limit:
            parts.append(block)
        else:
            parts += _lines(block, limit)
    return _with_whole_quotations(parts)


def _with_whole_quotations(parts: Iterable[str]) -> list[str]:
    whole: list[str] = []
    opened = ""
    for part in parts:
        text = opened + part
        tags = re.findall(r"</?blockquote[^>]*>", text)
        opened = tags[-1] if tags and not tags[-1].startswith("</") else ""
        whole.append(f"{text}</blockquote>" if opened else text)
    return whole


def _lines(block: str, limit: int) -> list[str]:
    parts: list[str] = []
    for line in block.split("\n"):
        if visible_length(line) > limit:
            raise ValueError(f"a line of {visible_length(line)} characters cannot be split")
        if parts and visible_length(f"{parts[-1]}\n{line}") <= limit:
            parts[-1] += f"\n{line}"
        else:
            parts.append(line)
    return parts
