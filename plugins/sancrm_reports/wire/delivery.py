"""Sent once, corrected in place, never twice: what the ledger knows decides what is done.

The client is the Telegram hook, or anything with its ``send`` and ``edit``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from sancrm_reports.pure import formatting
from sancrm_reports.pure.messages import Message
from sancrm_reports.pure.splitting import split
from sancrm_reports.wire.chats import Address
from sancrm_reports.wire.ledger import Correction, Entry, Ledger, State, ledger_key, text_hash
from sancrm_reports.wire.pacing import Clock, Pacing
from sancrm_reports.wire.telegram_errors import (
    ChatMovedError,
    FloodWaitError,
    NotEditableError,
    NotSentError,
    UnknownOutcomeError,
)

if TYPE_CHECKING:
    from sancrm_reports.wire.telegram_hook import SancrmTelegramHook

log = logging.getLogger(__name__)
Result = TypeVar("Result")

SHORT_WAIT = 30.0  # seconds: a 429 up to here is waited for in the task
CORRECTIONS_SHOWN = 3


@dataclass(frozen=True)
class Outcome:
    """What came of one message: its place in Telegram, and what was done just now."""

    key: str
    action: str  # sent, corrected, answered or unchanged
    chat: str
    message_id: int

    @property
    def url(self) -> str:
        """The message's address; Telegram has none for a private chat or a basic group."""
        if self.chat.startswith("@"):
            return f"https://t.me/{self.chat[1:]}/{self.message_id}"
        if self.chat.startswith("-100"):
            return f"https://t.me/c/{self.chat[4:]}/{self.message_id}"
        return ""


class Delivery:
    """Delivers messages by a ledger.

    Args:
        ledger: what was sent before; also keeps the pace of chats and groups that moved.
        client: the wire to Telegram.
        timezone: the account's, for times that people read.
        resend: send again what has an unknown fate, because a person looked and it is not there.
        how_to_resend: the command for that person, for the error's text.
        on_moved: told (old chat, new chat) once when a group became a supergroup.
    """

    def __init__(
        self,
        ledger: Ledger,
        client: SancrmTelegramHook,
        *,
        timezone: str,
        resend: bool = False,
        how_to_resend: str = "",
        clock: Clock | None = None,
        on_moved: Callable[[str, str], None] | None = None,
    ) -> None:
        self.ledger = ledger
        self.client = client
        self.zone = ZoneInfo(timezone)
        self.resend = resend
        self.how_to_resend = how_to_resend
        self.clock = clock or Clock()
        self.pacing = Pacing(ledger.store, self.clock)
        self.on_moved = on_moved

    def key(self, report: str, period: str, subject: str, to: Address) -> str:
        """Name a message in the ledger; a chat keeps its name when its group gets another id."""
        chat = self.ledger.store.get(f"moved_from|{to.chat}") or to.chat
        return ledger_key(report, period, subject, str(replace(to, chat=chat)))

    def deliver(
        self, key: str, to: Address, message: Message, *, footer: str = "", silent: bool = False
    ) -> list[Outcome]:
        """Bring a message, in as many parts as it needs, to where the ledger says it is not yet.

        Args:
            key: the message's name in the ledger; parts after the first add ``|2`` and so on.
            to: the chat.
            message: what is to be read there.
            footer: a line that is no part of what is compared, such as how late it is.
            silent: without sound.

        Raises:
            UnknownOutcomeError: a part may have arrived; nothing was repeated.
            ReportError: as the client raises.
        """
        texts = split(message.html)
        first = self.ledger.get(key)
        outcomes = []
        for number, text in enumerate(texts, start=1):
            is_last = number == len(texts)
            part = _Part(
                key=key if number == 1 else f"{key}|{number}",
                to=to,
                message=replace(
                    message,
                    html=text if len(texts) == 1 else f"{text}\n\n({number}/{len(texts)})",
                    button=message.button if is_last else None,
                    facts=message.facts if number == 1 else {},
                ),
                footer=footer if is_last else "",
                silent=silent,
                parts=len(texts),
            )
            outcomes.append(self._deliver_part(part))
        for number in range(len(texts) + 1, (first.parts if first else 1) + 1):
            part = _Part(f"{key}|{number}", to, Message("— часть убрана исправлением —"), parts=0)
            outcomes.append(self._deliver_part(part))
        return outcomes

    def _deliver_part(self, part: _Part) -> Outcome:
        known = self.ledger.get(part.key)
        if known is None:
            return self._send(part, None)
        if known.state is State.FAILED:  # with a message id it is a correction that failed
            return self._send(part, known, reply_to=known.message_id)
        if known.state is State.SENT:
            if known.text_hash == text_hash(part.message.html):
                return _outcome(part, known, "unchanged")
            return self._correct(part, known)
        if self.resend:
            return self._send(part, known)
        return self._give_up(part, known)

    def _send(self, part: _Part, known: Entry | None, reply_to: int | None = None) -> Outcome:
        """Send, with the ledger written before the call and after it."""
        self.pacing.wait(part.to)
        entry = Entry(
            state=State.SENDING,
            text_hash=text_hash(part.message.html),
            updated_at=self._now(),
            footer=part.footer,
            facts=dict(part.message.facts),
            message_id=known.message_id if known else None,
            chat=part.to.chat,
            parts=part.parts,
            corrections=known.corrections if known else [],
        )
        self.ledger.put(part.key, entry)
        try:
            message_id, chat = self._call_send(part, entry, reply_to)
        except NotSentError as error:
            self._close(part, entry, State.FAILED, error)
            raise
        except UnknownOutcomeError as error:
            self._give_up(part, entry, error)
        except Exception as error:
            self._close(part, entry, State.FAILED, error)
            raise
        self.pacing.record(part.to)
        now = self._now()
        entry = replace(
            entry,
            state=State.SENT,
            message_id=message_id,
            chat=chat,
            sent_at=now,
            updated_at=now,
        )
        self.ledger.put(part.key, entry)
        return _outcome(part, entry, "answered" if reply_to else "sent")

    def _call_send(self, part: _Part, entry: Entry, reply_to: int | None) -> tuple[int, str]:
        text = self._decorated(part.message, entry)

        def call(to: Address) -> tuple[int, str]:
            sent = self.client.send(to, text, silent=part.silent, reply_to=reply_to)
            return sent, to.chat

        return self._patiently(part.to, call)

    def _correct(self, part: _Part, known: Entry) -> Outcome:
        """Edit the message; where that is impossible, answer it with the correction."""
        change = Correction(at=self._now(), change=_what_changed(known.facts, part.message.facts))
        entry = replace(
            known,
            text_hash=text_hash(part.message.html),
            facts=dict(part.message.facts),
            updated_at=change.at,
            parts=part.parts,
            corrections=[*known.corrections, change],
        )
        message_id = known.message_id or 0
        text = self._decorated(part.message, entry)

        def call(to: Address) -> None:
            self.client.edit(to, message_id, text)

        self.pacing.wait(part.to)
        try:
            self._patiently(replace(part.to, chat=known.chat or part.to.chat), call)
        except NotEditableError as error:
            log.info("%s The correction is sent as an answer to it.", error)
            answer = replace(part, silent=True)
            return self._send(answer, entry, reply_to=message_id)
        self.pacing.record(part.to)
        self.ledger.put(part.key, entry)
        return _outcome(part, entry, "corrected")

    def _patiently(self, to: Address, call: Callable[[Address], Result]) -> Result:
        """Call; wait once for a short 429, and follow a group to its new id once."""
        to = replace(to, chat=self.ledger.store.get(f"moved_to|{to.chat}") or to.chat)
        try:
            return call(to)
        except ChatMovedError as error:
            new = replace(to, chat=str(error.new_chat_id))
            self.ledger.store.set(f"moved_to|{to.chat}", new.chat)
            self.ledger.store.set(f"moved_from|{new.chat}", to.chat)
            log.warning("%s Its new id is %s: change the connection.", error, new.chat)
            if self.on_moved:
                self.on_moved(to.chat, new.chat)
            return call(new)
        except FloodWaitError as error:
            self.pacing.block(to, error.retry_after)
            if error.retry_after > SHORT_WAIT:
                raise
            log.info("%s Waiting.", error)
            self.clock.wait(error.retry_after)
            return call(to)

    def _close(self, part: _Part, entry: Entry, state: State, error: Exception) -> None:
        self.ledger.put(
            part.key, replace(entry, state=state, error=str(error), updated_at=self._now())
        )

    def _give_up(
        self, part: _Part, entry: Entry, error: UnknownOutcomeError | None = None
    ) -> Outcome:
        """Leave a message of unknown fate alone, and tell a person how to go on.

        Raises:
            UnknownOutcomeError: always.
        """
        reason = str(error or entry.error or "An earlier try was ended before the answer came.")
        self.pacing.record(part.to)
        self._close(part, entry, State.UNKNOWN, UnknownOutcomeError(reason))
        raise UnknownOutcomeError(
            f"{reason} It was not repeated, because Telegram cannot tell a repetition from a new "
            f"message. Look into chat {part.to}: is it not there, send it again. "
            f"{self.how_to_resend}".strip()
        ) from None

    def _decorated(self, message: Message, entry: Entry) -> Message:
        lines = [message.html]
        if entry.footer:
            lines.append(f"<i>{entry.footer}</i>")
        lines += [
            f"✏️ <i>Исправлено {self._readable(correction.at)}: {correction.change}</i>"
            for correction in entry.corrections[-CORRECTIONS_SHOWN:]
        ]
        return replace(message, html="\n".join(lines))

    def _readable(self, at: str) -> str:
        local = datetime.fromisoformat(at).astimezone(self.zone)
        return format_datetime(local, "d MMMM, HH:mm", locale=formatting.LOCALE)

    def _now(self) -> str:
        return datetime.fromtimestamp(self.clock.now(), UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class _Part:
    key: str
    to: Address
    message: Message
    footer: str = ""
    silent: bool = False
    parts: int = 1


def _outcome(part: _Part, entry: Entry, action: str) -> Outcome:
    return Outcome(part.key, action, entry.chat or part.to.chat, entry.message_id or 0)


def _what_changed(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    changes = [
        f"{name} {before[name]} → {value}"
        for name, value in now.items()
        if before.get(name, value) != value
    ]
    return ", ".join(changes) or "изменён текст"
