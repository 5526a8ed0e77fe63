"""Sent once, corrected in place, never twice: what the ledger knows decides what is done.

The client is the Telegram hook, or anything with its ``send`` and ``edit``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar
from zoneinfo import ZoneInfo

from sancrm_reports.errors import PermanentError, ReportError
from sancrm_reports.pure.corrections import decorated, what_changed
from sancrm_reports.pure.entry import Correction, Entry, State, ledger_key, text_hash
from sancrm_reports.pure.language import explained, language_of
from sancrm_reports.pure.messages import Message
from sancrm_reports.pure.splitting import split, visible_length
from sancrm_reports.wire.chats import Address, message_url
from sancrm_reports.wire.ledger import Ledger
from sancrm_reports.wire.pacing import GROUP_MESSAGES, LONGEST_WAIT, Clock, Pacing
from sancrm_reports.wire.telegram_errors import (
    ChatMovedError,
    FloodWaitError,
    NotEditableError,
    UnknownOutcomeError,
)

if TYPE_CHECKING:
    from sancrm_reports.wire.telegram_hook import SancrmTelegramHook

log = logging.getLogger(__name__)
Result = TypeVar("Result")

SHORT_WAIT = 30.0  # seconds: a 429 up to here is waited for in the task
CORRECTIONS_KEPT = 20  # a value of the store has an upper size


@dataclass(frozen=True)
class Outcome:
    """What came of one message: its place in Telegram, and what was done just now."""

    key: str
    action: str  # sent, corrected, answered, unchanged or taken as sent
    chat: str
    message_id: int

    @property
    def url(self) -> str:
        """The message's address, empty where Telegram has none."""
        return message_url(self.chat, self.message_id)


class Delivery:
    """Delivers messages by a ledger.

    Args:
        ledger: what was sent before; also keeps the pace of chats and groups that moved.
        client: the wire to Telegram.
        timezone: the account's, for times that people read.
        templates: the folder of the language that people read.
        resend: send again what has an unknown fate, because a person looked and it is not there;
            a try of a resending run itself is not repeated, because nobody looked since.
        arrived: take what has an unknown fate as sent, because a person looked and it is there.
        how_to_resend: the command for that person, for the error's text.
        group_messages_per_minute: the pace of a group; 0 for none.
        longest_wait: seconds that the pace may take in here; for a longer wait an error is raised.
        on_moved: told (old chat, new chat) once when a group became a supergroup.
    """

    def __init__(
        self,
        ledger: Ledger,
        client: SancrmTelegramHook,
        *,
        timezone: str,
        templates: Path,
        resend: bool = False,
        arrived: bool = False,
        how_to_resend: str = "",
        clock: Clock | None = None,
        group_messages_per_minute: int = GROUP_MESSAGES,
        longest_wait: float = LONGEST_WAIT,
        on_moved: Callable[[str, str], None] | None = None,
    ) -> None:
        self.ledger = ledger
        self.client = client
        self.zone = ZoneInfo(timezone)
        self.templates = templates
        self.resend = resend
        self.arrived = arrived
        self.how_to_resend = how_to_resend
        self.clock = clock or Clock()
        self.pacing = Pacing(
            ledger.store,
            self.clock,
            per_minute=group_messages_per_minute,
            longest_wait=longest_wait,
        )
        self.on_moved = on_moved

    def key(self, report: str, period: str, subject: str, to: Address) -> str:
        """Name a message in the ledger; a chat keeps its name when its group gets another id."""
        chat = self.ledger.store.get(f"moved_from|{to.chat}") or to.chat
        return ledger_key(report, period, subject, str(replace(to, chat=chat)))

    def state_of(self, report: str, period: str, subject: str, to: Address) -> Entry | None:
        """Return what is known of a message, of its parts the one that fared worst."""
        key = self.key(report, period, subject, to)
        whole = self.ledger.get(key)
        if whole is None or whole.state is not State.SENT:
            return whole
        for number in range(2, whole.parts + 1):
            part = self.ledger.get(f"{key}|{number}")
            if part is None or part.state is not State.SENT:
                return part
        return whole

    def deliver(
        self,
        key: str,
        to: Address,
        message: Message,
        *,
        footer: str = "",
        silent: bool = False,
        grows: bool = False,
        reply_to: str = "",
    ) -> list[Outcome]:
        """Bring a message, in as many parts as it needs, to where the ledger says it is not yet.

        Args:
            key: the message's name in the ledger; parts after the first add ``|2`` and so on.
            to: the chat.
            message: what is to be read there.
            footer: a line of plain text that is not compared, such as how late the message is.
            silent: without sound.
            grows: another text is no correction, but more of the same, as in a digest.
            reply_to: the name in the ledger of a message in this chat that this one answers.

        Raises:
            UnknownOutcomeError: a part may have arrived; nothing was repeated.
            ReportError: as the client raises.
        """
        try:
            texts = split(message.html)
        except ValueError as error:
            raise PermanentError(
                f"The message {key} is too long, and {error}. Shorten the template."
            ) from None
        known = self.ledger.get(key)
        parts = max(len(texts), known.parts if known else 1)
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
                parts=parts,
                grows=grows,
                reply_to=reply_to if number == 1 else "",
            )
            outcomes.append(self._deliver_part(part))
        for number in range(len(texts) + 1, parts + 1):
            not_needed = f"— {language_of(self.templates).word('part_not_needed')} —"
            part = _Part(f"{key}|{number}", to, Message(not_needed), parts=parts)
            known = self.ledger.get(part.key)
            if known and known.message_id is not None:  # otherwise there is nothing to take back
                outcomes.append(self._deliver_part(part))
        return outcomes

    def amend(self, key: str, to: Address, message: Message) -> Outcome | None:
        """Edit a message that was sent, as an event of its life; no line says that it changed.

        Never sends: None where nothing was sent under this name, nobody knows whether it was, or
        the chat has it no longer. The message must fit in one part.

        Raises:
            ReportError: as the client raises; an edit can be repeated safely.
        """
        part = _Part(key, self._where_now(to), message, grows=True)
        known = self.ledger.get(key)
        if known is None or known.message_id is None:
            return None
        if known.state is State.SENT and known.text_hash == self._fingerprint(message):
            return _outcome(part, known, "unchanged")
        try:
            return self._edit(part, known)
        except (NotEditableError, ChatMovedError) as error:
            log.info("%s It is left as it is.", error)
            self.ledger.put(key, replace(self._entry(part, known), state=State.SENT))
            return None

    def _deliver_part(self, part: _Part) -> Outcome:
        part = replace(part, to=self._where_now(part.to))
        known = self.ledger.get(part.key)
        if known is None or known.state is State.FAILED:
            return self._send(part, known)
        if known.state is State.SENT:
            if known.text_hash == self._fingerprint(part.message):
                return _outcome(part, known, "unchanged")
            return self._correct(part, known)
        if self.arrived:
            return self._take_as_sent(part, known)
        if self.resend and not (known.state is State.SENDING and known.resent):
            return self._send(part, known)
        self._give_up(part, known)

    def _take_as_sent(self, part: _Part, known: Entry) -> Outcome:
        """Believe the person who saw the message; its id stays unknown, so it cannot be edited."""
        at = known.sent_at or known.updated_at
        sent = replace(known, state=State.SENT, sent_at=at, updated_at=self._now(), error=None)
        self.ledger.put(part.key, sent)
        return _outcome(part, sent, "taken as sent")

    def _send(self, part: _Part, known: Entry | None) -> Outcome:
        """Send, with the ledger written before the call and after it.

        Where the chat has an earlier text, it is sent as a silent answer to that.
        """
        entry = replace(self._entry(part, known), state=State.SENDING, resent=self.resend)
        text = decorated(part.message, entry, self.zone, self.templates)
        self.pacing.wait(part.to)
        self._keep_text(part)
        self.ledger.put(part.key, entry)
        try:
            message_id, chat = self._post(part, entry, text)
        except UnknownOutcomeError as error:
            self._give_up(part, entry, error)
        except ReportError as error:
            # Surely not sent. After any other error the entry says "sending": nobody knows.
            self._close(part, entry, State.FAILED, error)
            raise
        now = self._now()
        sent = replace(
            entry,
            state=State.SENT,
            message_id=message_id,
            chat=chat,
            sent_at=entry.sent_at or now,
            updated_at=now,
        )
        self.ledger.put(part.key, sent)
        self.pacing.record(replace(part.to, chat=chat), length=visible_length(text.html))
        return _outcome(part, sent, "sent" if entry.message_id is None else "answered")

    def _post(self, part: _Part, entry: Entry, text: Message) -> tuple[int, str]:
        """Send to the chat, and where its group has got another id, to that: return id and chat."""
        is_correction = entry.message_id is not None
        silent = part.silent or is_correction
        answered = self.ledger.get(part.reply_to) if part.reply_to else None
        original = entry if is_correction else answered

        def call(to: Address) -> tuple[int, str]:
            # A message's id says nothing in another chat, nor in its own group's new one.
            reply_to = original.message_id if original and to.chat == original.chat else None
            return self.client.send(to, text, silent=silent, reply_to=reply_to), to.chat

        try:
            return self._patiently(part.to, call)
        except ChatMovedError as error:
            return self._patiently(self._follow(part.to, error), call)

    def _correct(self, part: _Part, known: Entry) -> Outcome:
        """Edit the message; where that is impossible, answer it with the correction."""
        if known.message_id is None:  # a person saw it, Telegram never told its id
            return self._send(part, known)
        try:
            return self._edit(part, known)
        except (NotEditableError, ChatMovedError) as error:
            log.info("%s The correction is sent as an answer to it.", error)
            return self._send(part, known)

    def _edit(self, part: _Part, known: Entry) -> Outcome:
        entry = replace(self._entry(part, known), state=State.SENT)
        text = decorated(part.message, entry, self.zone, self.templates)

        def call(to: Address) -> None:
            self.client.edit(to, entry.message_id or 0, text)

        self.pacing.wait(part.to)
        self._keep_text(part)
        # Should the edit's end stay unknown, no text may pass for the one that the chat shows.
        self.ledger.put(part.key, replace(known, text_hash=""))
        self._patiently(replace(part.to, chat=entry.chat), call)
        self.ledger.put(part.key, entry)
        self.pacing.record(part.to)
        return _outcome(part, entry, "corrected")

    def _patiently(self, to: Address, call: Callable[[Address], Result]) -> Result:
        """Call, and where Telegram asks for a short wait, once more."""
        try:
            return call(to)
        except FloodWaitError as error:
            self.pacing.block(to, error.retry_after)
            if error.retry_after > SHORT_WAIT:
                raise
            log.info("%s Waiting.", error)
            self.clock.wait(error.retry_after)
        try:
            return call(to)
        except FloodWaitError as error:
            self.pacing.block(to, error.retry_after)
            raise

    def _where_now(self, to: Address) -> Address:
        return replace(to, chat=self.ledger.store.get(f"moved_to|{to.chat}") or to.chat)

    def _follow(self, to: Address, moved: ChatMovedError) -> Address:
        """Remember a group's new id, and tell of it."""
        new = replace(to, chat=str(moved.new_chat_id))
        self.ledger.store.set(f"moved_from|{new.chat}", to.chat)
        self.ledger.store.set(f"moved_to|{to.chat}", new.chat)
        log.warning("%s Its new id is %s: change the connection.", moved, new.chat)
        if self.on_moved:
            try:
                self.on_moved(to.chat, new.chat)
            except Exception as error:  # the message matters more than the news of the move
                log.warning("Nobody was told that chat %s moved: %s", to.chat, error)
        return new

    def _keep_text(self, part: _Part) -> None:
        """Keep what is to be read for the page in Airflow, unless it names people."""
        if not part.message.is_private:
            self.ledger.put_text(part.key, part.message.html)

    def _fingerprint(self, message: Message) -> str:
        """Tell texts apart; what a private one says cannot be found by trying, as a phone could."""
        return text_hash(message.html, key=self.client.token if message.is_private else "")

    def _close(self, part: _Part, entry: Entry, state: State, reason: object) -> None:
        told = explained(reason, self.templates) if isinstance(reason, ReportError) else str(reason)
        closed = replace(entry, state=state, error=told, updated_at=self._now())
        self.ledger.put(part.key, closed)

    def _give_up(
        self, part: _Part, entry: Entry, error: UnknownOutcomeError | None = None
    ) -> NoReturn:
        """Leave a message of unknown fate alone, and tell a person how to go on.

        Raises:
            UnknownOutcomeError: always.
        """
        reason = error or entry.error or "An earlier try was ended before the answer came."
        self._close(part, entry, State.UNKNOWN, reason)
        if error:
            self.pacing.record(part.to, length=visible_length(part.message.html))
        raise UnknownOutcomeError(
            f"{reason} It was not repeated, because Telegram cannot tell a repetition from a new "
            f"message. Look into chat {part.to}. If it is not there, send it again: "
            f"{self.how_to_resend or 'deliver it with resend'}. If it is there, the same with "
            "arrived in place of resend."
        ) from None

    def _entry(self, part: _Part, known: Entry | None) -> Entry:
        """Return what the ledger is to say; another text than the chat has got is a correction."""
        entry = Entry(
            state=State.SENDING,
            text_hash=self._fingerprint(part.message),
            updated_at=self._now(),
            footer=part.footer,
            facts=dict(part.message.facts),
            chat=part.to.chat,
            parts=part.parts,
        )
        if known is None or known.message_id is None:
            return entry
        corrections = known.corrections
        if known.text_hash != entry.text_hash and not part.grows:
            change = Correction(
                entry.updated_at, what_changed(known.facts, entry.facts, self.templates)
            )
            corrections = [*corrections, change][-CORRECTIONS_KEPT:]
        return replace(
            entry,
            footer=known.footer,
            message_id=known.message_id,
            chat=known.chat,
            sent_at=known.sent_at,
            corrections=corrections,
        )

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
    grows: bool = False
    reply_to: str = ""


def _outcome(part: _Part, entry: Entry, action: str) -> Outcome:
    return Outcome(part.key, action, entry.chat or part.to.chat, entry.message_id or 0)
