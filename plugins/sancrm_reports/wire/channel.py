"""A way to people: what delivery needs of it, whatever lies behind."""

from __future__ import annotations

from typing import Protocol

from sancrm_reports.pure.messages import Message
from sancrm_reports.pure.parts import Limits
from sancrm_reports.wire.chats import Address


class Channel(Protocol):
    """Sends a message once and tells what came of it; pace, waits and retries are the caller's.

    A message's text is Telegram's HTML: another channel turns it into its own markup.
    """

    @property
    def limits(self) -> Limits:
        """Return how long texts may be here."""

    @property
    def secret(self) -> str:
        """Return what nobody knows who reads the ledger: private texts are compared by it."""

    def title_of(self, to: Address) -> str:
        """Return what people call a group or channel, if an answer has told; empty otherwise."""

    def send(
        self, to: Address, message: Message, *, silent: bool = False, reply_to: int | None = None
    ) -> int:
        """Send a message and return its id; raises as in ``telegram_errors``."""

    def edit(self, to: Address, message_id: int, message: Message) -> None:
        """Replace a message's text and attachment; twice is the same as once."""

    def delete(self, to: Address, message_id: int) -> bool:
        """Delete a message; False where it is not there. Twice is the same as once."""
