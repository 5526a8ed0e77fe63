"""A way to people: what delivery needs of it, whatever lies behind."""

from __future__ import annotations

from typing import Protocol

from sancrm_reports.pure.messages import Message
from sancrm_reports.wire.chats import Address


class Channel(Protocol):
    """Sends a message once and tells what came of it; pace, waits and retries are the caller's.

    ``secret`` is known to nobody who reads the ledger: private texts are compared by it.
    """

    @property
    def secret(self) -> str:
        """Return what only this channel knows."""

    def send(
        self, to: Address, message: Message, *, silent: bool = False, reply_to: int | None = None
    ) -> int:
        """Send a message and return its id; raises as in ``telegram_errors``."""

    def edit(self, to: Address, message_id: int, message: Message) -> None:
        """Replace a message's text; twice is the same as once."""
