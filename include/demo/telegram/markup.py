"""Telegram's HTML: markup to plain text and entities, refused where the real server refuses it.

Left out on purpose: Markdown, custom emoji, dates, mentions of users by id.
"""

import re
from dataclasses import dataclass, field, replace

from demo.telegram.entities import Entity, reading_order, tidied, utf16_length
from demo.telegram.urls import UrlError, checked_url

MAX_SOURCE_BYTES = 1 << 15
MAX_TEXT = 4096
MAX_CAPTION = 1024
MAX_ENTITIES = 100

_TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
}
_SPACES = " \t\r\n\v\0"  # the end of the source, a NUL, counts as a space
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_REFERENCE = re.compile(r"&(?:#x([0-9A-Fa-f]*)|#([0-9]*)|([A-Za-z]*))")
_ATTRIBUTE_NAME = re.compile(r"[^ \t\r\n\v\0=>/\"']*")
_NAME_TOKEN = re.compile(r"[A-Za-z0-9.-]*")
_TAG_NAME = re.compile(r"[^ \t\r\n\v\0>]*")


class MarkupError(ValueError):
    """Telegram's description of what is wrong with a text."""


@dataclass(frozen=True)
class FormattedText:
    """A plain text and its formatting."""

    text: str = ""
    entities: tuple[Entity, ...] = ()


def format_message(source: str, parse_mode: str = "") -> FormattedText:
    """What a message with this text shows, or `MarkupError`."""
    if not source:
        raise MarkupError("message text is empty")
    formatted = _formatted(source, parse_mode)
    if not formatted.text:
        raise MarkupError("text must be non-empty")
    if utf16_length(formatted.text) > MAX_TEXT:
        raise MarkupError("message is too long")
    return formatted


def format_caption(source: str, parse_mode: str = "") -> FormattedText:
    """What a photo's caption shows, which may be nothing, or `MarkupError`."""
    formatted = _formatted(source, parse_mode)
    if utf16_length(formatted.text) > MAX_CAPTION:
        raise MarkupError("message caption is too long")
    return formatted


def _formatted(source: str, parse_mode: str) -> FormattedText:
    try:
        if len(source.encode()) > MAX_SOURCE_BYTES:
            raise MarkupError("text is too long")
    except UnicodeEncodeError:
        raise MarkupError("strings must be encoded in UTF-8") from None
    mode = parse_mode.lower() if source else ""
    if mode not in ("", "none", "html"):
        raise MarkupError("unsupported parse_mode")
    parsed = parse_html(source) if mode == "html" else (source, [])
    text, entities = tidied(*parsed)
    return FormattedText(text, tuple(entities[:MAX_ENTITIES]))


def parse_html(source: str) -> tuple[str, list[Entity]]:
    """Read the markup, keeping every character of the text; raise `MarkupError` with the place."""
    parser = _Parser(source + "\0", len(source))
    try:
        text = parser.parse()
    except MarkupError as error:
        raise MarkupError(f"can't parse entities: {error}") from None
    return text, sorted(parser.entities, key=reading_order)


@dataclass
class _OpenTag:
    name: str
    offset: int  # of the entity, in code units of the text
    written: int  # characters of the text that come before it
    argument: str


@dataclass
class _Parser:
    """One pass over the source, whose last character is a NUL."""

    source: str
    size: int
    at: int = 0
    offset: int = 0
    text: list[str] = field(default_factory=list)
    open: list[_OpenTag] = field(default_factory=list)
    entities: list[Entity] = field(default_factory=list)

    def parse(self) -> str:
        while self.at < self.size:
            if self.source[self.at] != "<":
                self._write(self._character())
            elif self.source[self.at + 1] == "/":
                self._end_tag()
            else:
                self._start_tag()
        if self.open:
            raise MarkupError(
                f'Can\'t find end tag corresponding to start tag "{self.open[-1].name}"'
            )
        text = "".join(self.text)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise MarkupError(
                "Text contains invalid Unicode characters after decoding HTML entities, "
                "check for unmatched surrogate code units"
            ) from None
        return text

    def _write(self, character: str) -> None:
        self.text.append(character)
        self.offset += utf16_length(character)

    def _character(self) -> str:
        """Take one character, or one reference such as ``&lt;``."""
        if decoded := self._reference():
            return decoded
        self.at += 1
        return self.source[self.at - 1]

    def _reference(self) -> str:
        match = _REFERENCE.match(self.source, self.at)
        if not match:
            return ""
        hexadecimal, decimal, name = match.groups()
        if name is not None:
            decoded = _NAMED.get(name, "")
        else:
            short = match.end() - self.at < 10
            code = int(hexadecimal or decimal or "0", 16 if hexadecimal else 10) if short else 0
            decoded = chr(code) if 0 < code < 0x10FFFF else ""
        if decoded:  # the semicolon may be missing
            self.at = match.end() + (self.source[match.end()] == ";")
        return decoded

    def _start_tag(self) -> None:
        begin = self.at
        name = self._take(_TAG_NAME, begin + 1)
        if self.source[self.at] == "\0":
            raise MarkupError(f"Unclosed start tag at {self._place(begin)}")
        name = _lower(name)
        if name not in _TAGS:
            raise MarkupError(f'Unsupported start tag "{name}" at {self._place(begin)}')
        attributes = self._attributes(name, begin)
        self.at += 1
        argument = ""
        if name == "a":
            argument = attributes.get("href", "")
        elif name == "code" and attributes.get("class", "").startswith("language-"):
            argument = attributes["class"].removeprefix("language-")
        elif name == "blockquote" and "expandable" in attributes:
            argument = "expandable"
        elif name == "span" and attributes.get("class") != "tg-spoiler":
            raise MarkupError(f'Tag "span" must have class "tg-spoiler" at {self._place(begin)}')
        self.open.append(_OpenTag(name, self.offset, len(self.text), argument))

    def _attributes(self, tag: str, begin: int) -> dict[str, str]:
        """Read up to the closing bracket."""
        attributes: dict[str, str] = {}
        while self._skip_spaces() != ">":
            name = self._take(_ATTRIBUTE_NAME, self.at)
            if not name:
                raise MarkupError(
                    f'Empty attribute name in the tag "{tag}" at {self._place(begin)}'
                )
            value = ""
            if self._skip_spaces() == "=":
                self.at += 1
                if self._skip_spaces() == "\0":
                    raise MarkupError(f'Unclosed start tag "{tag}" at {self._place(begin)}')
                value = self._value()
                if self.source[self.at] == "\0":
                    raise MarkupError(f"Unclosed start tag at {self._place(begin)}")
            elif self.source[self.at] == "\0":
                raise MarkupError(f'Unclosed start tag "{tag}" at {self._place(begin)}')
            attributes[name] = value
        return attributes

    def _value(self) -> str:
        begin, quote = self.at, self.source[self.at]
        if quote not in "'\"":
            token = self._take(_NAME_TOKEN, begin)
            if self.source[self.at] not in _SPACES + ">":
                raise MarkupError(f"Unexpected end of name token at {self._place(begin)}")
            return _lower(token)
        self.at += 1
        value = []
        while self.source[self.at] not in (quote, "\0"):
            value.append(self._character())
        if self.source[self.at] == quote:
            self.at += 1
        return "".join(value)

    def _end_tag(self) -> None:
        begin = self.at
        if not self.open:
            raise MarkupError(f"Unexpected end tag at {self._place(begin)}")
        found = _lower(self._take(_TAG_NAME, begin + 2))
        if self._skip_spaces() != ">":
            raise MarkupError(f"Unclosed end tag at {self._place(begin)}")
        self.at += 1
        tag = self.open.pop()
        if found not in ("", tag.name):
            raise MarkupError(
                f"Unmatched end tag at {self._place(begin)}, "
                f'expected "</{tag.name}>", found "</{found}>"'
            )
        if self.offset > tag.offset:
            self._close(tag)

    def _close(self, tag: _OpenTag) -> None:
        entity = Entity(_TAGS[tag.name], tag.offset, self.offset - tag.offset)
        if tag.name == "a":
            try:
                url = checked_url(tag.argument or "".join(self.text[tag.written :]))
            except UrlError:
                return  # the text stays, the link does not
            entity = replace(entity, url=url)
        elif tag.name == "blockquote" and tag.argument:
            entity = replace(entity, type="expandable_blockquote")
        elif tag.name == "code":
            entity = replace(entity, language=tag.argument)
        if self.entities and (language := _pre_language(self.entities[-1], entity)):
            self.entities[-1] = replace(entity, type="pre", language=language)
        else:
            self.entities.append(entity)

    def _take(self, pattern: re.Pattern[str], start: int) -> str:
        match = pattern.match(self.source, start)
        self.at = match.end() if match else start
        return match[0] if match else ""

    def _skip_spaces(self) -> str:
        """Go to the next character that is not a space, and return it."""
        while self.source[self.at] in _SPACES[:-1]:
            self.at += 1
        return self.source[self.at]

    def _place(self, at: int) -> str:
        return f"byte offset {len(self.source[:at].encode())}"


def _pre_language(one: Entity, other: Entity) -> str:
    """The language of a ``pre`` that a ``code`` with a language fills, or is filled by."""
    together = (one.offset, one.length) == (other.offset, other.length)
    if together and {one.type, other.type} == {"pre", "code"}:
        return one.language or other.language
    return ""


def _lower(name: str) -> str:
    """Lower the Latin letters only."""
    return name.encode().lower().decode()
