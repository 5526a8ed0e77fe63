"""Entities: the formatted pieces of a text, and the form in which Telegram keeps them.

Offsets and lengths are in UTF-16 code units, as in the Bot API.
"""

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

_STYLES = ("bold", "italic", "underline", "strikethrough", "spoiler")
_QUOTES = ("blockquote", "expandable_blockquote")
_MONOSPACE = ("pre", "code")
_NESTING = (*_QUOTES, *_MONOSPACE, "text_link", *_STYLES)  # outermost first
_REMOVED = re.compile("[\r\u2028-\u202e\u0333\u033f\u030a]")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_BLANK = re.compile(
    "[ \n\u00a0\u1680\u180e\u2000-\u200f\u202e\u202f\u205f\u2800\u3000\ufeff\ufffc"
    "\U000e0000-\U000e007f]*"
)


@dataclass(frozen=True)
class Entity:
    """A formatted piece of a text, named as in the Bot API."""

    type: str
    offset: int
    length: int
    url: str = ""
    language: str = ""

    @property
    def end(self) -> int:
        """The offset after the last code unit."""
        return self.offset + self.length

    def to_json(self) -> dict[str, Any]:
        """The entity as the Bot API returns it."""
        known = {"type": self.type, "offset": self.offset, "length": self.length}
        optional = {"url": self.url, "language": self.language}
        return known | {name: value for name, value in optional.items() if value}


def utf16_length(text: str) -> int:
    """The length as Telegram counts it: an emoji is two."""
    return len(text) + sum(character > "\uffff" for character in text)


def reading_order(entity: Entity) -> tuple[int, int, int]:
    """Sort by where it begins, the longer first, then by what nests in what."""
    return entity.offset, -entity.length, _NESTING.index(entity.type)


def tidied(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """The text and the entities as Telegram keeps them, in reading order and never crossing."""
    return _trimmed(*_cleaned(text, entities))


def _cleaned(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Replace control characters, drop unwanted ones, and make the entities nest properly."""
    kept = []
    moved = [0]  # old offset -> new offset
    for character in text:
        new = "" if _REMOVED.match(character) else _CONTROL.sub(" ", character)
        kept.append(new)
        for _ in range(utf16_length(character)):
            moved.append(moved[-1] + bool(new))
    shifted = [_spanning(entity, moved[entity.offset], moved[entity.end]) for entity in entities]
    return "".join(kept), _untangled([entity for entity in shifted if entity.length])


def _untangled(entities: list[Entity]) -> list[Entity]:
    """Keep what Telegram keeps: blocks and links do not overlap, styles are split around them.

    A style is cut where any other entity begins or ends, equal styles that touch are merged, and
    nothing stays inside ``pre`` and ``code``.
    """
    entities = sorted(entities, key=reading_order)
    quotes = _apart([entity for entity in entities if entity.type in _QUOTES])
    inner = _apart([e for e in entities if e.type not in (*_QUOTES, *_STYLES)])
    inner = [
        replace(entity, language=entity.language if entity.type == "pre" else "")
        for entity in inner
        if not any(_crosses(quote, entity) for quote in quotes)
    ]
    blocks = quotes + inner
    runs = [run for style in _STYLES for run in _merged(entities, style)]
    cuts = {run.offset for run in runs} | {at for b in blocks for at in (b.offset, b.end)}
    monospace = [block for block in blocks if block.type in _MONOSPACE]
    pieces = (piece for run in runs for piece in _split(run, cuts))
    styles = [
        piece
        for piece in pieces
        if not any(block.offset <= piece.offset < block.end for block in monospace)
    ]
    return sorted(blocks + styles, key=reading_order)


def _apart(entities: list[Entity]) -> list[Entity]:
    """Drop an entity that begins inside an earlier one."""
    kept: list[Entity] = []
    for entity in entities:
        if not kept or entity.offset >= kept[-1].end:
            kept.append(entity)
    return kept


def _crosses(quote: Entity, entity: Entity) -> bool:
    """Whether they overlap, and the entity is not wholly inside the quote."""
    overlap = quote.offset < entity.end and entity.offset < quote.end
    return overlap and not (quote.offset <= entity.offset and entity.end <= quote.end)


def _merged(entities: list[Entity], style: str) -> list[Entity]:
    runs: list[Entity] = []
    for entity in entities:
        if entity.type != style:
            continue
        if runs and entity.offset <= runs[-1].end:
            end = max(runs[-1].end, entity.end)
            runs[-1] = replace(runs[-1], length=end - runs[-1].offset)
        else:
            runs.append(entity)
    return runs


def _split(run: Entity, cuts: set[int]) -> list[Entity]:
    edges = [run.offset, *sorted(at for at in cuts if run.offset < at < run.end), run.end]
    return [_spanning(run, begin, end) for begin, end in pairwise(edges)]


def _spanning(entity: Entity, begin: int, end: int) -> Entity:
    return replace(entity, offset=begin, length=end - begin)


def _trimmed(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Cut spaces and line breaks at the ends, and blank texts to nothing."""
    text = text.rstrip(" \n")
    if _BLANK.fullmatch(text):
        return "", []
    end = utf16_length(text)
    entities = [
        _spanning(entity, entity.offset, min(entity.end, end))
        for entity in entities
        if entity.offset < end
    ]
    spaces = len(text) - len(text.lstrip(" \n"))
    if entities:  # spaces inside the first entity stay
        spaces = min(spaces, entities[0].offset)
    entities = [replace(entity, offset=entity.offset - spaces) for entity in entities]
    return text[spaces:], sorted(entities, key=reading_order)
