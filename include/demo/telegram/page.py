"""The chats as a phone shows them: an HTML page, live or as one file, and text for a terminal.

Both are made from a message's parsed entities; nothing of a message reaches the page unescaped.
"""

import base64
import hashlib
import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import jinja2
from markupsafe import Markup

from demo.telegram.chat import Chat
from demo.telegram.entities import Entity
from demo.telegram.media import Media, Photo
from demo.telegram.message import Message, latest

ZONE = "Europe/Moscow"
SAME_GROUP = 300  # seconds between messages that share one name and one tail
_MONTHS = (
    *("января", "февраля", "марта", "апреля", "мая", "июня"),
    *("июля", "августа", "сентября", "октября", "ноября", "декабря"),
)
_NO_BREAK_SPACES = "\u00a0\u202f"
_QUOTE = "▎ "  # before a quoted line in a terminal
_BLOCKS = ("blockquote", "expandable_blockquote", "pre")
# What a phone makes a link of by itself: web addresses and Russian phone numbers.
_LINK = re.compile(
    r"(?P<url>https?://[^\s<>«»\"]*[^\s<>«»\".,:;!?)])"
    r"|(?<!\w)(?P<phone>\+7[ (-]*\d{3}[ )-]*\d{3}[ -]?\d{2}[ -]?\d{2})(?!\d)"
)

_HERE = Path(__file__).parent
_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_HERE),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Node:
    """A piece of a text: ``kind`` is an entity's type, "text", "url" or "phone"."""

    kind: str
    text: str = ""
    url: str = ""
    language: str = ""
    children: "tuple[Node, ...]" = ()


@dataclass
class Bubble:
    """A message on the page, with its place among its neighbours."""

    message: Message
    when: datetime
    nodes: tuple[Node, ...]
    replied: Message | None
    new_day: str  # the day's heading, when this is its first message
    first: bool  # of a row of messages by one sender
    last: bool


@dataclass
class Room:
    """A chat on the page."""

    id: int
    title: str
    is_group: bool
    bubbles: list[Bubble] = field(default_factory=list)

    @property
    def initials(self) -> str:
        """One or two letters for the round picture."""
        return "".join(word[0] for word in re.findall(r"\w+", self.title)[:2]).upper() or "#"


def render_page(
    messages: Iterable[Message],
    *,
    chats: Iterable[Chat] = (),
    bot_name: str = "SanCRM",
    zone: str = ZONE,
    version: int | None = None,
) -> str:
    """One self-contained HTML page with all chats of the messages; it loads nothing.

    With a ``version`` the page is live: it asks its server for news. ``chats`` adds empty ones.
    """
    style, script = ((_HERE / name).read_text("utf-8") for name in ("page.css", "page.js"))
    return _TEMPLATES.get_template("page.html").render(
        rooms=_rooms(messages, chats, zone),
        bot_name=bot_name,
        version=version,
        style=Markup(style),  # our own files
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def render_chats(
    messages: Iterable[Message],
    *,
    chats: Iterable[Chat] = (),
    bot_name: str = "SanCRM",
    zone: str = ZONE,
) -> str:
    """The part of the page that changes."""
    rooms = _rooms(messages, chats, zone)
    return _TEMPLATES.get_template("chats.html").render(rooms=rooms, bot_name=bot_name)


def render_text(messages: Iterable[Message], width: int = 46, *, zone: str = ZONE) -> str:
    """The chats for a terminal, message by message, in lines of at most ``width`` (links aside)."""
    lines: list[str] = []
    for room in _rooms(messages, (), zone):
        lines += ["", f"━━ {room.title} ".ljust(width, "━")]
        for bubble in room.bubbles:
            lines += _terminal_lines(bubble, width)
    return "\n".join(line.rstrip() for line in lines).strip("\n") + "\n"


def _terminal_lines(bubble: Bubble, width: int) -> Iterable[str]:
    message = bubble.message
    if bubble.new_day:
        yield ""
        yield f"─ {bubble.new_day} ─".center(width)
    marks = ["изменено"] if message.edited else []
    marks += ["без звука"] if message.silent else []
    marks += [message.topic] if message.topic else []
    yield ""
    yield " · ".join([f"{bubble.when:%H:%M} {message.sender}", *marks])
    if bubble.replied:
        yield f"  ┃ {_first_line(bubble.replied)}"[: width - 1]
    if message.photo:
        yield f"  [фото {message.photo.width}×{message.photo.height}]"
    if message.document:
        yield f"  [файл {message.document.name}, {_size(message.document)}]"
    for line in _plain(bubble.nodes).splitlines():
        indent = f"  {_QUOTE}" if line.startswith(_QUOTE) else "  "
        yield from textwrap.wrap(
            "".join(
                character
                for character in line.removeprefix(_QUOTE)
                if character.isprintable() or character in _NO_BREAK_SPACES
            ),
            width,
            initial_indent=indent,
            subsequent_indent=indent,
            break_on_hyphens=False,
            break_long_words="://" not in line,
        ) or [""]
    for button in (button for row in message.buttons for button in row):
        yield f"  [ {button.text} ] {button.url}"


def _plain(nodes: Sequence[Node]) -> str:
    pieces: list[str] = []
    for node in nodes:
        inner = node.text + _plain(node.children)
        if node.kind.endswith("blockquote"):
            inner = "".join(f"{_QUOTE}{line}\n" for line in inner.splitlines())
        elif node.kind == "pre":
            inner += "\n"
        elif node.kind == "text_link" and node.url != inner:
            inner += f" ({node.url})"
        pieces.append(("\n" if node.kind in _BLOCKS and pieces else "") + inner)
    return "".join(pieces)


def _rooms(messages: Iterable[Message], chats: Iterable[Chat], zone: str) -> list[Room]:
    rooms = {chat.id: Room(chat.id, chat.title, chat.is_group) for chat in chats}
    by_room: dict[int, list[Message]] = {}
    for message in latest(messages):
        is_group = message.chat_type != "private"
        rooms.setdefault(message.chat_id, Room(message.chat_id, message.chat_title, is_group))
        by_room.setdefault(message.chat_id, []).append(message)
    for chat_id, room in rooms.items():
        room.bubbles = _bubbles(by_room.get(chat_id, []), ZoneInfo(zone))
    return list(rooms.values())


def _bubbles(messages: list[Message], zone: ZoneInfo) -> list[Bubble]:
    known = {message.message_id: message for message in messages}
    times = [datetime.fromtimestamp(message.date, zone) for message in messages]
    bubbles: list[Bubble] = []
    for at, (message, when) in enumerate(zip(messages, times, strict=True)):
        new_day = at == 0 or times[at - 1].date() != when.date()
        together = not new_day and _together(messages[at - 1], message)
        if bubbles and not together:
            bubbles[-1].last = True
        bubbles.append(
            Bubble(
                message=message,
                when=when,
                nodes=_tree(message.text, message.entities),
                replied=known.get(message.reply_to or 0),
                new_day=_day(when.date()) if new_day else "",
                first=not together,
                last=at == len(messages) - 1,
            )
        )
    return bubbles


def _together(earlier: Message, later: Message) -> bool:
    return earlier.sender == later.sender and later.date - earlier.date < SAME_GROUP


def _day(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _first_line(message: Message) -> str:
    name = message.document.name if message.document else "Фотография"
    return message.text.split("\n")[0] or name


def _tree(text: str, entities: Sequence[Entity]) -> tuple[Node, ...]:
    """Nest the text by its entities, which come in reading order and never cross."""
    return _nest(text.encode("utf-16-le"), list(entities), 0, len(text.encode("utf-16-le")) // 2)


def _nest(units: bytes, entities: list[Entity], begin: int, end: int) -> tuple[Node, ...]:
    nodes: list[Node] = []
    while entities and entities[0].offset < end:
        entity = entities.pop(0)
        nodes += _text_nodes(units, begin, entity.offset, nodes)
        inner = _nest(units, entities, entity.offset, entity.end)
        nodes.append(Node(entity.type, url=entity.url, language=entity.language, children=inner))
        if entity.type in _BLOCKS and nodes[:-1] and nodes[-2].kind == "text":
            # a block begins a line by itself
            nodes[-2] = Node("text", nodes[-2].text.removesuffix("\n"))
        begin = entity.end
    return (*nodes, *_text_nodes(units, begin, end, nodes))


def _text_nodes(units: bytes, begin: int, end: int, before: list[Node]) -> list[Node]:
    text = units[2 * begin : 2 * end].decode("utf-16-le")
    if before and before[-1].kind in _BLOCKS:
        text = text.removeprefix("\n")
    nodes: list[Node] = []
    at = 0
    for found in _LINK.finditer(text):
        kind = found.lastgroup or "url"
        target = re.sub(r"[^\d+]", "", found[0]) if kind == "phone" else found[0]
        nodes += [Node("text", text[at : found.start()]), Node(kind, found[0], url=target)]
        at = found.end()
    return [node for node in [*nodes, Node("text", text[at:])] if node.text]


def _hash(source: str) -> str:
    """What the page's own policy names its script and its style by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()


def _data_uri(media: Media) -> str:
    mime = media.mime if isinstance(media, Photo) else "application/octet-stream"
    return f"data:{mime};base64,{base64.b64encode(media.data).decode()}"


def _size(media: Media) -> str:
    return f"{max(1, round(len(media.data) / 1024))} КБ"


_TEMPLATES.filters |= {"data_uri": _data_uri, "first_line": _first_line, "size": _size}
