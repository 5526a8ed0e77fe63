"""What is known of one message: an entry of the delivery ledger."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """What is known of a message.

    ``sending`` is written before the call: found later, it means that nobody saw the answer.
    """

    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Correction:
    """One change of a message after it was sent; ``at`` is ISO 8601 in UTC."""

    at: str
    change: str


@dataclass(frozen=True)
class Entry:
    """One message. Times are ISO 8601 in UTC.

    ``text_hash`` is of the text without additions; while an edit is under way it is empty.
    ``message_id`` and ``chat`` are of what the chat shows now, while a newer text is being sent
    too; ``sent_at`` is when its first text came. ``parts`` is the most that the message ever had;
    ``resent`` says that a person asked for the last try.
    """

    state: State
    text_hash: str
    updated_at: str
    footer: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    message_id: int | None = None
    chat: str = ""
    sent_at: str | None = None
    parts: int = 1
    resent: bool = False
    error: str | None = None
    corrections: list[Correction] = field(default_factory=list)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Entry:
        """Read what ``to_json`` wrote."""
        corrections = [Correction(**correction) for correction in value["corrections"]]
        return cls(**{**value, "state": State(value["state"]), "corrections": corrections})

    def to_json(self) -> dict[str, Any]:
        """Return the entry as the store keeps it."""
        return asdict(self)


def ledger_key(report: str, period: str, subject: str, chat: str) -> str:
    """Name a message in the ledger: profitability_daily|2026-11-17|branch-3|-1001234567890."""
    return "|".join((report, period, subject, chat))


def text_hash(text: str, *, key: str = "") -> str:
    """Return a short fingerprint of a text, which nobody can try out who lacks the key."""
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()[:16]
