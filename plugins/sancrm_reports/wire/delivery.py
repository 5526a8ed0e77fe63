"""Sent once, corrected in place, never twice: what the ledger knows decides what is done."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import NoReturn
from zoneinfo import ZoneInfo

from sancrm_reports.errors import DecisionNeededError, PermanentError, ReportError, Undecided
from sancrm_reports.pure.corrections import decorated, what_changed
from sancrm_reports.pure.decisions import Decisions, message_name
from sancrm_reports.pure.entry import Correction, Entry, MessageKey, State, text_hash
from sancrm_reports.pure.language import explained, language_of
from sancrm_reports.pure.messages import Message
from sancrm_reports.pure.parts import Part, parts_of
from sancrm_reports.pure.templates import Templates
from sancrm_reports.wire.channel import Channel
from sancrm_reports.wire.chats import Address, message_url
from sancrm_reports.wire.ledger.database import NoLedgerError
from sancrm_reports.wire.ledger.ledger import Ledger
from sancrm_reports.wire.ledger.messages import Claim, ClaimLostError
from sancrm_reports.wire.pacing import GROUP_MESSAGES, LONGEST_WAIT
from sancrm_reports.wire.patience import PatientClient
from sancrm_reports.wire.telegram_errors import (
    ChatMovedError,
    NotEditableError,
    RefusedError,
    UnknownOutcomeError,
)

log = logging.getLogger(__name__)

LOOK = 0.2  # seconds between looks at a message that another sender has
TURN = 10.0  # seconds to wait for the message before, which another task sends


class BeingSentError(ReportError):
    """Another sender has claimed the message and is not done with it."""

    code = "being_sent"


class NotInLedgerError(DecisionNeededError):
    """The report may have been posted before the ledger began: only a person can tell."""

    code = "not_in_ledger"


@dataclass(frozen=True)
class Outcome:
    """What came of one message: its place in Telegram, and what was done just now."""

    key: str
    action: str  # sent, corrected, answered, unchanged, left, deleted or taken as sent
    chat: str
    message_id: int

    @property
    def url(self) -> str:
        """The message's address, empty where Telegram has none."""
        return message_url(self.chat, self.message_id)


class Delivery:
    """Delivers messages by a ledger.

    Args:
        ledger: what was sent before, and who is sending now.
        channel: the wire to Telegram, or anything like it.
        timezone: the account's, for times that people read.
        templates: the language that people read.
        decisions: what a person says of messages of unknown status. A try of a resending run itself
            is not repeated, because nobody looked since.
        how_to_decide: gives, for ``resend`` or ``arrived`` and a message's name, the command for
            that person.
        is_quiet: says of a chat, by the name that it had first and by today's, whether a message
            makes no sound there now.
        group_messages_per_minute, longest_wait, on_moved: as for ``PatientClient``.
    """

    def __init__(
        self,
        ledger: Ledger,
        channel: Channel,
        *,
        timezone: str,
        templates: Templates,
        decisions: Decisions | None = None,
        how_to_decide: Callable[[str, str], str] | None = None,
        is_quiet: Callable[[Address, Address], bool] | None = None,
        group_messages_per_minute: int = GROUP_MESSAGES,
        longest_wait: float = LONGEST_WAIT,
        on_moved: Callable[[str, str], None] | None = None,
    ) -> None:
        self.ledger = ledger
        self.channel = channel
        self._messages = ledger.messages
        self._client = PatientClient(
            channel,
            ledger,
            group_messages_per_minute=group_messages_per_minute,
            longest_wait=longest_wait,
            on_moved=on_moved,
        )
        self._zone = ZoneInfo(timezone)
        self._templates = templates
        self._decisions = decisions or Decisions()
        self._how_to_decide = how_to_decide or "deliver it with {} {}".format
        self._is_quiet = is_quiet or (lambda first, now: False)
        self._longest_wait = longest_wait

    def deliver(
        self,
        key: MessageKey,
        to: Address,
        message: Message,
        *,
        day: date | None = None,
        footer: str = "",
        silent: bool = False,
        edits_quietly: bool = False,
        is_frozen: bool = False,
        reply_to: MessageKey | None = None,
        after: MessageKey | None = None,
    ) -> list[Outcome]:
        """Bring a message, in as many parts as it needs, to where the ledger says it is not yet.

        Args:
            key: the message's name in the ledger.
            to: the chat.
            message: what is to be read there.
            day: the first of the period, for what is refused if the ledger does not reach back to
                it; without one it is sent, as alerts are.
            footer: a line of plain text that is not compared, such as how late the message is.
            silent: without sound.
            edits_quietly: a changed text is edited in without a line that says what was corrected,
                as in a digest or an alert.
            is_frozen: what was sent stays as it is, whatever the text is now.
            reply_to: the name in the ledger of a message in this chat that this one answers.
            after: the name of the message in this chat that is to come before, if it comes soon.

        Raises:
            UnknownOutcomeError: a part may have arrived; nothing was repeated.
            BeingSentError: another sender has the message, and is not done with it.
            NotInLedgerError: it may have been posted before the ledger began.
            ReportError: as the channel raises, and where the ledger does not answer.
        """
        known = self._messages.get(key)
        if known is None and day is not None:
            self._refuse_what_is_not_in_the_ledger(key, day)
        parts = self._parts(key, message, known, footer)
        if known is not None and is_frozen and self.differs(key, message):
            return [Outcome(str(key), "left", known.chat or to.chat, known.message_id or 0)]
        if known is None and after is not None:
            self._wait_for(after)
        outcomes = []
        for part in parts:
            if part.is_taken_back and not self._was_sent(key, part):
                continue
            posting = _Posting(
                key,
                part,
                to,
                day or self._now().date(),
                silent=silent,
                edits_quietly=edits_quietly,
                reply_to=reply_to if part.number == 1 else None,
            )
            outcomes.append(self._deliver_part(posting))
        return outcomes

    def differs(self, key: MessageKey, message: Message) -> bool:
        """Whether a chat was sent another text than this, in one of its parts.

        A part of which nobody knows whether it was sent says nothing.
        """
        known = self._messages.get(key)
        if known is None or not known.is_posted:
            return False
        if known.state is State.FAILED:  # a correction that did not arrive
            return True
        for part in self._parts(key, message, known):
            sent = known if part.number == 1 else self._messages.get(key, part.number)
            if sent is None:
                if part.number > known.parts:
                    return True
            elif sent.state is State.SENT and sent.text_hash != self._fingerprint(part.message):
                return True
        return False

    def _parts(
        self, key: MessageKey, message: Message, known: Entry | None, footer: str = ""
    ) -> list[Part]:
        try:
            return list(
                parts_of(
                    message,
                    limits=self.channel.limits,
                    templates=self._templates,
                    footer=footer,
                    earlier=known.parts if known else 1,
                )
            )
        except ValueError as error:
            raise PermanentError(
                f"The message {key} is too long, and {error}. Shorten the template."
            ) from None

    def amend(
        self, key: MessageKey, to: Address, message: Message, *, or_delete: bool = False
    ) -> Outcome | None:
        """Edit a message that was sent, as an event of its life; no line says that it changed.

        Never sends: None where nothing was sent under this name, nobody knows whether it was, or
        the chat has it no longer. The message must fit in one part.

        Args:
            key, to, message: as for ``deliver``.
            or_delete: delete a message that cannot be edited: what it says must not stay.

        Raises:
            NotEditableError: it can be neither edited nor deleted, and ``or_delete`` was asked for.
            ReportError: as the channel raises; an edit can be repeated safely.
        """
        known = self._messages.get(key)
        if known is None or known.message_id is None:
            return None
        posting = _Posting(key, Part(1, message), to, self._now().date(), edits_quietly=True)
        if known.state is State.SENT and known.text_hash == self._fingerprint(message):
            return _outcome(posting, known, "unchanged")
        posting = replace(posting, to=self._client.where_now(to))
        known, claim = self._claim(posting, may_resend=True)
        if claim is None:
            return None
        with _released(claim):
            if known.message_id is None:
                return None
            try:
                return self._edit(posting, known, claim)
            except (NotEditableError, ChatMovedError) as error:
                log.info("%s", error)
                deleted = self._delete(posting, known) if or_delete else None
                left = replace(
                    self._entry(posting, known),
                    state=State.SENT,
                    error=self._kept_error(posting, error),
                )
                self._settle(posting, claim, left, is_new=False)
                return deleted

    def _delete(self, posting: _Posting, known: Entry) -> Outcome | None:
        """Delete a message that cannot be edited; None where its chat does not have it.

        Raises:
            NotEditableError: it cannot be deleted either, or is in a group that moved: a supergroup
                does not know the messages of the group that it was.
        """
        moved = NotEditableError(f"{posting.key} is in chat {known.chat}, which moved.")
        if known.chat != posting.to.chat:
            raise moved
        try:
            is_deleted = self._client.delete(posting.to, known.message_id or 0)
        except ChatMovedError:
            raise moved from None
        return _outcome(posting, known, "deleted") if is_deleted else None

    def _wait_for(self, before: MessageKey) -> None:
        """Let another task claim its message first, so that a chat reads in order."""
        give_up_at = self.ledger.clock.now() + TURN
        while self._messages.get(before) is None and self.ledger.clock.now() < give_up_at:
            self.ledger.clock.wait(LOOK)

    def _deliver_part(self, posting: _Posting) -> Outcome:
        known = self._messages.get(posting.key, posting.part.number)
        if known and known.state is State.SENT and self._is_same(known, posting):
            return _outcome(posting, known, "unchanged")
        posting = replace(posting, to=self._client.where_now(posting.to))
        known, claim = self._claim(posting, may_resend=self._decisions.may_resend(posting.name))
        if claim is None:
            if self._decisions.has_arrived(posting.name):
                return self._take_as_sent(posting, known)
            self._give_up(posting, known)
        with _released(claim):
            if known.state is not State.SENT:
                return self._send(posting, known, claim)
            if self._is_same(known, posting):  # another sender was quicker
                return _outcome(posting, known, "unchanged")
            return self._correct(posting, known, claim)

    def _claim(self, posting: _Posting, *, may_resend: bool) -> tuple[Entry, Claim | None]:
        """Claim a message, if need be after another sender; none where only a person may send it.

        Raises:
            BeingSentError: the other sender is not done in the time that a task may wait.
        """
        give_up_at = self.ledger.clock.now() + self._longest_wait
        while True:
            known, claim = self._messages.claim(
                posting.key, posting.part.number, day=posting.day, may_resend=may_resend
            )
            if known:
                return known, claim
            if self.ledger.clock.now() >= give_up_at:
                raise BeingSentError(
                    f"Another task is sending {posting.key} and is not done with it. Nothing was "
                    "sent here; it is looked at again later."
                )
            self.ledger.clock.wait(LOOK)

    def _take_as_sent(self, posting: _Posting, known: Entry) -> Outcome:
        """Believe the person who saw the message; its id stays unknown, so it cannot be edited."""
        self._messages.take_as_sent(posting.key, posting.part.number)
        return _outcome(posting, known, "taken as sent")

    def _send(self, posting: _Posting, known: Entry, claim: Claim) -> Outcome:
        """Send, with the ledger written before the call and after it.

        Where the chat has an earlier text, it is sent as a silent answer to that.
        """
        entry = replace(
            self._entry(posting, known),
            state=State.SENDING,
            is_resent=self._decisions.may_resend(posting.name),
        )
        text = self._decorated(posting, entry)
        self._client.wait(posting.to, text)
        try:
            message_id, chat = self._client.send(
                posting.to,
                text,
                silent=posting.silent or entry.message_id is not None or self._is_quiet_in(posting),
                answers=self._answered(posting, entry),
                before_call=partial(claim.begin, entry, self._kept(posting.part.message)),
            )
        except (ClaimLostError, NoLedgerError):
            raise  # just before a call that was not made
        except UnknownOutcomeError as error:
            self._give_up(posting, entry, error)
        except ReportError as error:
            # Surely not sent. After any other error the entry says "sending": nobody knows.
            self._settle(
                posting,
                claim,
                replace(entry, state=State.FAILED, error=self._kept_error(posting, error)),
                is_new=False,
            )
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
        self._settle(posting, claim, sent)
        with suppress(ReportError):  # a name is no reason to fail: the message is in the chat
            self.ledger.note_title(chat, self.channel.title_of(replace(posting.to, chat=chat)))
        return _outcome(posting, sent, "sent" if entry.message_id is None else "answered")

    def _is_quiet_in(self, posting: _Posting) -> bool:
        return self._is_quiet(Address.of_key(posting.key.chat), posting.to)

    def _answered(self, posting: _Posting, entry: Entry) -> Callable[[Address], int | None]:
        """Return what tells which message of a chat is answered."""
        original: Entry | None = entry
        if entry.message_id is None:
            original = self._messages.get(posting.reply_to) if posting.reply_to else None

        def message_in(to: Address) -> int | None:
            # A message's id says nothing in another chat, nor in its own group's new one.
            return original.message_id if original and to.chat == original.chat else None

        return message_in

    def _correct(self, posting: _Posting, known: Entry, claim: Claim) -> Outcome:
        """Edit the message; where that is impossible, answer it with the correction."""
        if known.message_id is None:  # a person saw it, Telegram never told its id
            return self._send(posting, known, claim)
        try:
            return self._edit(posting, known, claim)
        except (NotEditableError, ChatMovedError) as error:
            log.info("%s The correction is sent as an answer to it.", error)
            return self._send(posting, known, claim)

    def _edit(self, posting: _Posting, known: Entry, claim: Claim) -> Outcome:
        entry = replace(self._entry(posting, known), state=State.SENT)
        text = self._decorated(posting, entry)
        self._client.wait(posting.to, text)
        # Should the edit's end stay unknown, no text may pass for the one that the chat shows.
        blank = replace(known, text_hash="")
        try:
            self._client.edit(
                replace(posting.to, chat=entry.chat),
                entry.message_id or 0,
                text,
                before_call=partial(claim.begin, blank),
            )
        except (NotEditableError, ChatMovedError, ClaimLostError, NoLedgerError):
            raise
        except ReportError as error:
            # The chat shows the old text, and so does the page; a refusal is to be seen there.
            blank = replace(blank, error=self._kept_error(posting, error))
            self._settle(posting, claim, blank, is_new=False)
            raise
        self._settle(posting, claim, entry)
        return _outcome(posting, entry, "corrected")

    def _settle(
        self, posting: _Posting, claim: Claim, entry: Entry, *, is_new: bool = True
    ) -> None:
        """Write what came of it, and with a text that is new in the chat, the text."""
        message = posting.part.message
        if not claim.settle(entry, self._kept(message) if is_new else None):
            log.error(
                "%s was claimed by another sender while this one stood still. What this one did "
                "came to: %s. Look into chat %s whether it is there twice.",
                posting.key, entry.state, posting.to,
            )  # fmt: skip

    def _give_up(
        self, posting: _Posting, entry: Entry, error: UnknownOutcomeError | None = None
    ) -> NoReturn:
        """Leave a message of unknown status alone, and tell a person how to go on.

        Raises:
            UnknownOutcomeError: always.
        """
        reason = error or UnknownOutcomeError("An earlier try was ended before the answer came.")
        kept = entry.error if entry.error and not error else self._kept_error(posting, reason)
        self._messages.give_up(posting.key, posting.part.number, kept)
        raise UnknownOutcomeError(
            f"{reason} It was not repeated, because Telegram cannot tell a repetition from a new "
            f"message. Look into chat {posting.to}. If it is not there, send it again: "
            f"{self._how_to_decide('resend', posting.name)}. If it is there, say so: "
            f"{self._how_to_decide('arrived', posting.name)}.",
            undecided=[Undecided(posting.name, chat=self.ledger.title_of(posting.to.chat))],
        ) from None

    def _entry(self, posting: _Posting, known: Entry) -> Entry:
        """Return what the ledger is to say; another text than the chat has got is a correction."""
        part = posting.part
        entry = Entry(
            state=State.SENDING,
            text_hash=self._fingerprint(part.message),
            updated_at=self._now(),
            footer=part.footer,
            facts=dict(part.message.facts),
            chat=posting.to.chat,
            parts=part.count,
        )
        if known.message_id is None:
            return entry
        corrections = known.corrections
        if known.text_hash != entry.text_hash and not posting.edits_quietly:
            change = Correction(
                entry.updated_at, what_changed(known.facts, entry.facts, self._templates)
            )
            corrections = [*corrections, change]
        return replace(
            entry,
            footer=known.footer,
            message_id=known.message_id,
            chat=known.chat,
            sent_at=known.sent_at,
            corrections=corrections,
        )

    def _kept_error(self, posting: _Posting, error: ReportError) -> str:
        """Return what is kept of an error: Telegram's words may quote a message that it refuses."""
        if posting.part.message.is_private and isinstance(error, RefusedError):
            return language_of(self._templates).word("private_error")
        return explained(error, self._templates)

    def _decorated(self, posting: _Posting, entry: Entry) -> Message:
        """Return the message as the chat is to show it."""
        return decorated(
            posting.part.message, entry, self._zone, self._templates, self.channel.limits
        )

    def _was_sent(self, key: MessageKey, part: Part) -> bool:
        known = self._messages.get(key, part.number)
        return known is not None and known.message_id is not None

    def _refuse_what_is_not_in_the_ledger(self, key: MessageKey, day: date) -> None:
        """Refuse what may have been posted before the ledger began.

        Raises:
            NotInLedgerError: it may.
        """
        until, name = self.ledger.posted_until(), message_name(key)
        if until is not None and day <= until and not self._decisions.may_resend(name):
            raise NotInLedgerError(
                f"{key} is not in the ledger, which knows nothing of the reports up to {until}: "
                "it may be in the chat already, and is not posted by itself. Look into the chat. "
                f"If it is not there, send it: {self._how_to_decide('resend', name)}.",
                undecided=[Undecided(name, words=("resend",))],
            )

    def _kept(self, message: Message) -> str | None:
        """Return what is kept for the page in Airflow: nothing of what names people."""
        return None if message.is_private else message.html

    def _is_same(self, known: Entry, posting: _Posting) -> bool:
        return known.text_hash == self._fingerprint(posting.part.message)

    def _fingerprint(self, message: Message) -> str:
        """Tell texts apart; what a private one says cannot be found by trying, as a phone could."""
        return text_hash(message.compared, key=self.channel.secret if message.is_private else "")

    def _now(self) -> datetime:
        return self.ledger.now()


@contextmanager
def _released(claim: Claim) -> Iterator[None]:
    """Give the claim back, whatever happened; what was settled has none any more."""
    try:
        yield
    finally:
        with suppress(ReportError):  # where the ledger is gone, the claim ends by itself
            claim.release()


@dataclass(frozen=True)
class _Posting:
    """One part on its way to one chat."""

    key: MessageKey
    part: Part
    to: Address
    day: date
    silent: bool = False
    edits_quietly: bool = False
    reply_to: MessageKey | None = None

    @property
    def name(self) -> str:
        """What a person calls it in a run's params."""
        return message_name(self.key, self.part.number)


def _outcome(posting: _Posting, entry: Entry, action: str) -> Outcome:
    number = posting.part.number
    name = str(posting.key) if number == 1 else f"{posting.key}|{number}"
    return Outcome(name, action, entry.chat or posting.to.chat, entry.message_id or 0)
