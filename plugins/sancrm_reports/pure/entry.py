"""What is known of one message: an entry of the delivery ledger."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """What is known of a message.

    ``waiting`` was claimed, and Telegram was not asked: nothing was sent. ``sending`` is written
    before the call: found later, it means that nobody saw the answer.
    """

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, order=True)
class MessageKey:
    """The name of a message in the ledger: profitability_daily|2026-11-17|branch-3|-100123.

    ``chat`` is the first id that the chat had, with its topic: a group that moved keeps its name.
    """

    report: str
    period: str
    subject: str
    chat: str

    def __str__(self) -> str:
        return "|".join((self.report, self.period, self.subject, self.chat))


@dataclass(frozen=True)
class Correction:
    """One change of a message after it was sent."""

    at: datetime
    change: str


@dataclass(frozen=True)
class Entry:
    """One message, or one part of a long one. Times are in UTC.

    ``text_hash`` is of the text without additions; while an edit is under way it is empty.
    ``message_id`` and ``chat`` are of what the chat shows now, while a newer text is being sent
    too; ``sent_at`` is when its first text came. ``part`` is its number,
    ``parts`` the most that the message ever had;
    ``is_resent`` says that a person asked for the last try. ``error`` is of the last try.
    """

    state: State
    updated_at: datetime
    text_hash: str = ""
    footer: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    message_id: int | None = None
    chat: str = ""
    sent_at: datetime | None = None
    part: int = 1
    parts: int = 1
    is_resent: bool = False
    error: str | None = None
    corrections: list[Correction] = field(default_factory=list)

    @property
    def is_posted(self) -> bool:
        """Whether it is surely in the chat; a correction of it may have failed."""
        is_shown = self.state is State.FAILED and self.message_id is not None
        return self.state is State.SENT or is_shown


def text_hash(text: str, *, key: str = "") -> str:
    """Return a short fingerprint of a text, which nobody can try out who lacks the key."""
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()[:16]
