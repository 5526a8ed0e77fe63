"""Sends at the chat's pace, waits where the channel asks for it, and follows a group that moved."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from sancrm_reports.pure.messages import Message
from sancrm_reports.pure.splitting import visible_length
from sancrm_reports.wire.channel import Channel
from sancrm_reports.wire.chats import Address
from sancrm_reports.wire.ledger.ledger import Ledger
from sancrm_reports.wire.pacing import GROUP_MESSAGES, LONGEST_WAIT, Pacing
from sancrm_reports.wire.telegram_errors import ChatMovedError, FloodWaitError

log = logging.getLogger(__name__)
Result = TypeVar("Result")

SHORT_WAIT = 30.0  # seconds: a 429 up to here is waited for in the task


class PatientClient:
    """A channel with the ledger's pace.

    Args:
        channel: the wire.
        ledger: keeps the pace of chats, and groups that moved.
        group_messages_per_minute: the pace of a group; 0 for none.
        longest_wait: seconds that the pace may take in here; for a longer wait an error is raised.
        on_moved: told (old chat, new chat) once when a group became a supergroup.
    """

    def __init__(
        self,
        channel: Channel,
        ledger: Ledger,
        *,
        group_messages_per_minute: int = GROUP_MESSAGES,
        longest_wait: float = LONGEST_WAIT,
        on_moved: Callable[[str, str], None] | None = None,
    ) -> None:
        self._channel = channel
        self._ledger = ledger
        self._pacing = Pacing(
            ledger.database,
            ledger.clock,
            per_minute=group_messages_per_minute,
            longest_wait=longest_wait,
        )
        self._on_moved = on_moved

    def where_now(self, to: Address) -> Address:
        """Return where a chat is by now."""
        return replace(to, chat=self._ledger.where_now(to.chat))

    def wait(self, to: Address, message: Message) -> None:
        """Take the chat's next slot for a message, and wait for it.

        Raises:
            FloodWaitError: the wait is longer than a task should take.
        """
        self._pacing.wait(to, length=visible_length(message.html))

    def send(
        self,
        to: Address,
        message: Message,
        *,
        silent: bool,
        answers: Callable[[Address], int | None],
        before_call: Callable[[], None],
    ) -> tuple[int, str]:
        """Send to the chat, and where its group has got another id, to that: return id and chat.

        Args:
            answers: gives, for a chat, the id of the message there that this one answers.
            before_call: called just before each call; what it raises stops the sending.

        Raises:
            ReportError: as the channel does.
        """

        def call(chat: Address) -> tuple[int, str]:
            before_call()
            reply_to = answers(chat)
            return self._channel.send(chat, message, silent=silent, reply_to=reply_to), chat.chat

        try:
            return self._patiently(to, call)
        except ChatMovedError as error:
            new = self._follow(to, error)
            self.wait(new, message)
            return self._patiently(new, call)

    def edit(
        self, to: Address, message_id: int, message: Message, before_call: Callable[[], None]
    ) -> None:
        """Edit a message; as ``send``, but a group that moved has lost it."""

        def call(chat: Address) -> None:
            before_call()
            self._channel.edit(chat, message_id, message)

        self._patiently(to, call)

    def delete(self, to: Address, message_id: int) -> bool:
        """Delete a message; False where it is not there."""
        return self._patiently(to, lambda chat: self._channel.delete(chat, message_id))

    def _patiently(self, to: Address, call: Callable[[Address], Result]) -> Result:
        """Call, and where Telegram asks for a short wait, once more."""
        try:
            return call(to)
        except FloodWaitError as error:
            self._pacing.block(to, error.retry_after)
            if error.retry_after > SHORT_WAIT:
                raise
            log.info("%s Waiting.", error)
            self._ledger.clock.wait(error.retry_after)
        try:
            return call(to)
        except FloodWaitError as error:
            self._pacing.block(to, error.retry_after)
            raise

    def _follow(self, to: Address, moved: ChatMovedError) -> Address:
        """Remember a group's new id, and tell of it."""
        new = replace(to, chat=str(moved.new_chat_id))
        self._ledger.note_move(to.chat, new.chat)
        log.warning("%s Its new id is %s: change the connection.", moved, new.chat)
        if self._on_moved:
            try:
                self._on_moved(to.chat, new.chat)
            except Exception as error:  # the message matters more than the news of the move
                log.warning("Nobody was told that chat %s moved: %s", to.chat, error)
        return new
