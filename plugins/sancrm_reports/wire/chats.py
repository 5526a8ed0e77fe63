"""Where a message goes: chats and topics, as the settings route them."""

from __future__ import annotations

from dataclasses import dataclass

GENERAL_TOPIC = 1  # each forum's first; Telegram takes its id only by its absence


@dataclass(frozen=True)
class Address:
    """A chat's id or @name, and a topic in it."""

    chat: str
    topic: int | None = None

    @classmethod
    def parse(cls, name: str) -> Address:
        """Read a chat as the settings write it: ``-1001234567890`` or, with a topic, ``…:12``."""
        chat, _, topic = name.partition(":")
        return cls(chat, int(topic) if topic else None)

    @classmethod
    def of_key(cls, name: str) -> Address:
        """Read a chat as the ledger's keys write it: ``-1001234567890`` or ``….12``."""
        return cls.parse(name.replace(".", ":"))

    def __str__(self) -> str:
        return self.chat if self.topic is None else f"{self.chat}.{self.topic}"

    @property
    def name(self) -> str:
        """The chat as the settings write it: what ``parse`` reads."""
        return self.chat if self.topic is None else f"{self.chat}:{self.topic}"

    @property
    def thread_id(self) -> int | None:
        """What Telegram is to be told of the topic."""
        return None if self.topic == GENERAL_TOPIC else self.topic

    @property
    def is_group(self) -> bool:
        """Whether Telegram counts it as a group: a private chat's id is positive."""
        return not self.chat.isdigit()


def message_url(chat: str, message_id: int) -> str:
    """Return a message's address; Telegram has none for a private chat or a basic group."""
    if chat.startswith("@"):
        return f"https://t.me/{chat[1:]}/{message_id}"
    if chat.startswith("-100"):
        return f"https://t.me/c/{chat[4:]}/{message_id}"
    return ""
