"""What a chat holds: messages as they were accepted."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from demo.telegram.buttons import Keyboard
from demo.telegram.entities import Entity
from demo.telegram.media import Document, Media, Photo


@dataclass(frozen=True)
class Message:
    """One accepted request and the message as it left it.

    ``source`` is the text or caption as the client sent it, ``text`` and ``entities`` are what
    people see. ``date`` and ``edited`` are in seconds since 1970, ``edited`` is 0 when never.
    """

    method: str
    chat_id: int
    chat_type: str
    chat_title: str
    message_id: int
    date: float
    sender: str
    text: str
    source: str = ""
    entities: tuple[Entity, ...] = ()
    buttons: Keyboard = ()
    media: Media | None = None
    from_bot: bool = True
    thread_id: int | None = None
    topic: str = ""
    silent: bool = False
    protected: bool = False
    reply_to: int | None = None
    edited: float = 0
    deleted: bool = False
    history: tuple["Message", ...] = ()  # the earlier versions, oldest first

    @property
    def photo(self) -> Photo | None:
        """The photo, if it has one."""
        return self.media if isinstance(self.media, Photo) else None

    @property
    def document(self) -> Document | None:
        """The document, if it has one."""
        return self.media if isinstance(self.media, Document) else None

    def to_json(self) -> dict[str, Any]:
        """The message for the control API; a file by its size and hash."""
        plain = {
            name: value
            for name, value in vars(self).items()
            if name not in ("entities", "buttons", "media", "history")
        }
        media = self.media and {
            **{name: value for name, value in vars(self.media).items() if name != "data"},
            "bytes": len(self.media.data),
            "sha256": hashlib.sha256(self.media.data).hexdigest(),
        }
        return plain | {
            "entities": [entity.to_json() for entity in self.entities],
            "buttons": [[button.to_json() for button in row] for row in self.buttons],
            "photo": media if self.photo else None,
            "document": media if self.document else None,
            "history": [earlier.to_json() for earlier in self.history],
        }


def latest(messages: Iterable[Message]) -> list[Message]:
    """The messages that the chats show now, in the order in which they were sent."""
    current: dict[tuple[int, int], Message] = {}
    for message in messages:
        current[message.chat_id, message.message_id] = message
    return [message for message in current.values() if not message.deleted]
