"""Tells the staff's chat whom to call back, and edits what it was told before.

A message lives by the delivery ledger, as a report's does. Beside it the ledger's table
``open_calls`` lists the messages that still say "call": one a repair and day, two where the chat of
the settings was changed meanwhile. Ids and codes of repairs only: nothing here names a person.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Self

from sancrm_reports.errors import DecisionNeededError, PermanentError, ReportError, Undecided
from sancrm_reports.pure.decisions import Decisions, message_name
from sancrm_reports.pure.entry import MessageKey, State
from sancrm_reports.pure.figures import Key
from sancrm_reports.pure.formatting import quoted
from sancrm_reports.pure.messages import Message
from sancrm_reports.pure.missed_calls import MissedCall, UnreadableCallError, Wording
from sancrm_reports.wire.chats import Address, message_url
from sancrm_reports.wire.delivery import Delivery, Outcome
from sancrm_reports.wire.telegram_errors import NotEditableError

log = logging.getLogger(__name__)
REPORT = "missed_calls"
NOTHING: Mapping[Key | None, str] = {}


class MissedCallsError(PermanentError):
    """The question makes no sense in this CRM; the text says what to correct."""

    code = "statuses"


class RemainsInChatError(DecisionNeededError):
    """A message that names a customer may stay in the chat: only a person can delete it."""

    code = "remains"

    def about_private(self, about: str) -> Self:
        """Return the same error, with the message's address: that is our own."""
        error = super().about_private(about)
        error.quote = self.quote
        return error


class MissedCallsChat:
    """The messages of one chat, as they are to be on a day.

    Whatever is repeated, a repair has one message a day: it is found by its key in the ledger.
    Everything else is an edit, and those can be repeated.

    Args:
        delivery: by the ledger.
        to: the staff's chat.
        wording: how messages are written.
        day: the run's.
        closes: edit a message once the customer has been called.
        supersedes: edit the message of an earlier day once there is a newer one.
        decisions: what a person says of messages that nobody else can say anything of.
    """

    def __init__(
        self,
        delivery: Delivery,
        to: Address,
        wording: Wording,
        *,
        day: date,
        closes: bool = True,
        supersedes: bool = True,
        decisions: Decisions | None = None,
    ) -> None:
        self.delivery = delivery
        self._ledger = delivery.ledger
        self.to = to
        self.wording = wording
        self.day = day
        self.closes = closes
        self.supersedes = supersedes
        self.decisions = decisions or Decisions()
        self.outcomes: list[Outcome] = []
        self.errors: list[PermanentError] = []

    def check_statuses(self, wanted: Sequence[str], known: Sequence[str]) -> None:
        """Make sure that nobody seems to have been called because a status has another name now.

        One that the CRM never had is left out: the settings name what some shops have.

        Raises:
            MissedCallsError: none of the wanted is known any more, or one that was.
        """
        seen = self._ledger.note(f"{REPORT}|statuses") or []
        there = [name for name in wanted if name in known]
        gone = [name for name in wanted if name not in known and (name in seen or not there)]
        if gone:
            raise MissedCallsError(
                f"The CRM has no status {quoted(gone)}: was it renamed? It has "
                f"{quoted(known) or 'none at all'}. Correct missed_calls.statuses in "
                "include/settings.toml.",
                gone=quoted(gone),
                known=quoted(known),
            )
        self._ledger.set_note(f"{REPORT}|statuses", there)

    def update(
        self, calls: Sequence[MissedCall], unreadable: Mapping[Key | None, str] = NOTHING
    ) -> None:
        """Close the messages of those who were called, then tell of the others, in their order.

        ``unreadable`` are repairs of which no message can be made: reasons by id. Nobody says that
        these customers were called. What came of it is in ``outcomes``. A message that Telegram
        refuses, or whose status is unknown, holds up no other: it is in ``errors``.

        Raises:
            ReportError: something that may pass; go on later, and nothing is sent twice.
        """
        due = {str(key) for key in (*(call.repair_id for call in calls), *unreadable)}
        gone = set() if None in unreadable else self._open_repairs() - due  # it may be any of them
        for repair_id in sorted(gone, key=lambda id_: (len(id_), id_)):
            self._try(repair_id, self._close, repair_id)
        for call in calls:
            self._try(str(call.repair_id), self._tell, call)
        self.errors += [
            UnreadableCallError(f"Repair {key}: {reason}.", about=f"#{key}", quote=reason)
            for key, reason in unreadable.items()
        ]

    def decide(self, calls: Sequence[MissedCall]) -> None:
        """Do only what a person decided of messages of a past day; nothing else is sent or closed.

        What came of it, and the errors, are as after ``update``.
        """
        for repair_id in sorted(self._open_repairs()):
            for message in self._open_messages(repair_id):
                name = message_name(message.key)
                if message.day == self.day and self.decisions.has_arrived(name):
                    self._ledger.messages.take_as_sent(message.key, 1)
            self._forget_removed(repair_id)
        for call in calls:
            key = self._key(call)
            if self.decisions.may_resend(message_name(key)):
                self._note_open(call, key)
                self._try(str(call.repair_id), partial(self._bring, key), call)

    def _key(self, call: MissedCall) -> MessageKey:
        subject = _subject(call.repair_id)
        return self._ledger.key(REPORT, self.day.isoformat(), subject, self.to)

    def _try(self, repair_id: str, act: Callable[[Any], list[Outcome]], subject: Any) -> None:
        """Act, and keep an error that is this repair's only."""
        try:
            self._note(act(subject))
        except PermanentError as error:
            self.errors.append(error.about_private(self._code(repair_id)))
        except ReportError:
            raise
        except Exception as error:
            raise _without_its_text(error, repair_id) from None

    def _code(self, repair_id: str) -> str:
        """Return what people call a repair, by what the chat was told of it."""
        told = self._open_messages(repair_id)
        return told[-1].code if told else f"#{repair_id}"

    def _note(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.action != "unchanged":
                log.info("%s: %s", outcome.key, outcome.action)
                self.outcomes.append(outcome)

    def _close(self, repair_id: str) -> list[Outcome]:
        """Say that the customer was called, in each message that still says "call".

        Raises:
            RemainsInChatError: one may be in the chat, and cannot be edited: it stays open.
        """
        self._forget_removed(repair_id)
        known = self._open_messages(repair_id)
        text = self.wording.called_back(known[0].code) if self.closes and known else None
        return self._retire(repair_id, known, text)

    def _retire(
        self, repair_id: str, messages: Sequence[_OpenMessage], text: Message | None
    ) -> list[Outcome]:
        """Edit messages that are over, where there is a text for it, and forget them.

        One that cannot be edited is deleted: it names a customer.

        Raises:
            RemainsInChatError: one may be in the chat, and can be neither: it stays open.
        """
        outcomes, remaining = [], []
        for message in messages:
            try:
                outcome = self._end(message, text) if text else None
            except NotEditableError:
                remaining.append(message)
            else:
                outcomes += [outcome] if outcome else []
                self._forget(repair_id, [message])
        if remaining:
            self._note(outcomes)
            raise RemainsInChatError(
                f"A message of {remaining[0].code} may be in chat {self.to}, and can be neither "
                "edited nor deleted. It names a customer: delete it by hand, then say so.",
                quote=", ".join(filter(None, map(self._url, remaining))),
                undecided=[
                    Undecided(message_name(message.key), message.code, ("removed",))
                    for message in remaining
                ],
            )
        return outcomes

    def _end(self, message: _OpenMessage, text: Message) -> Outcome | None:
        """Edit a message that is over, or delete it.

        Raises:
            NotEditableError: it can be neither.
        """
        if self._is_out_of_reach(message):
            raise NotEditableError(f"Telegram never told which message of its chat {message} is.")
        return self.delivery.amend(message.key, self.to, text, or_delete=True)

    def _url(self, message: _OpenMessage) -> str:
        """Return a message's address, empty where there is none."""
        known = self._ledger.messages.get(message.key)
        if known is None or known.message_id is None:
            return ""
        return message_url(known.chat, known.message_id)

    def _is_out_of_reach(self, message: _OpenMessage) -> bool:
        """Whether it may be in the chat while Telegram never told its id."""
        known = self._ledger.messages.get(message.key)
        return known is not None and known.message_id is None and known.state is not State.FAILED

    def _forget_removed(self, repair_id: str) -> None:
        """Believe the person who removed a message by hand."""
        self._forget(
            repair_id,
            [
                message
                for message in self._open_messages(repair_id)
                if message_name(message.key) in self.decisions.removed
            ],
        )

    def _tell(self, call: MissedCall) -> list[Outcome]:
        """Tell of a call, then say in the messages of earlier days that there is a newer one."""
        repair_id = str(call.repair_id)
        known = self._open_messages(repair_id)
        if any(message.day > self.day for message in known):
            log.info("Repair %s was told of on a later day than %s.", repair_id, self.day)
            return []
        key = self._key(call)
        # Noted before anything is sent: a message that nobody knows of could never be closed.
        self._note_open(call, key)
        outcomes = self._bring(key, call)
        self._forget_removed(repair_id)
        earlier = [message for message in self._open_messages(repair_id) if message.day < self.day]
        self._note(outcomes)
        return self._retire(
            repair_id, earlier, self.wording.told_again(call.code) if self.supersedes else None
        )

    def _bring(self, key: MessageKey, call: MissedCall) -> list[Outcome]:
        """Send the day's message; once sent it is only edited, also if the chat has lost it."""
        message = self.wording.to_call(call, self.day)
        known = self._ledger.messages.get(key)
        if known and known.state is State.SENT:
            outcome = self.delivery.amend(key, self.to, message)
            return [outcome] if outcome else []
        return self.delivery.deliver(key, self.to, message, day=self.day)

    def _open_repairs(self) -> set[str]:
        rows = self._ledger.database.rows("select distinct repair_id from sancrm_ledger.open_calls")
        return {row["repair_id"] for row in rows}

    def _open_messages(self, repair_id: str) -> list[_OpenMessage]:
        """Return a repair's messages that still say "call", oldest first."""
        rows = self._ledger.database.rows(
            "select repair_id, code, chat, day from sancrm_ledger.open_calls"
            " where repair_id = %(repair_id)s order by day, chat",
            repair_id=repair_id,
        )
        return [_OpenMessage(**row) for row in rows]

    def _note_open(self, call: MissedCall, key: MessageKey) -> None:
        self._ledger.database.rows(
            "insert into sancrm_ledger.open_calls values (%(repair)s, %(code)s, %(chat)s, %(day)s)"
            " on conflict (repair_id, day, chat) do update set code = excluded.code",
            repair=str(call.repair_id),
            code=call.code,
            chat=key.chat,
            day=self.day,
        )

    def _forget(self, repair_id: str, messages: Iterable[_OpenMessage]) -> None:
        for message in messages:
            self._ledger.database.rows(
                "delete from sancrm_ledger.open_calls"
                " where repair_id = %(repair)s and day = %(day)s and chat = %(chat)s",
                repair=repair_id,
                day=message.day,
                chat=message.chat,
            )


@dataclass(frozen=True)
class _OpenMessage:
    repair_id: str
    code: str
    chat: str
    day: date

    @property
    def key(self) -> MessageKey:
        """Its name in the ledger."""
        return MessageKey(REPORT, self.day.isoformat(), _subject(self.repair_id), self.chat)


def _subject(repair_id: int | str) -> str:
    """Return what the messages of a repair are about, in the ledger: repair-11508."""
    return f"repair-{repair_id}"


def _without_its_text(error: Exception, repair_id: str) -> ReportError:
    """Say where an unexpected error came from, but not its text."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return ReportError(
        f"Repair {repair_id}: an unexpected {type(error).__name__} in {Path(place.filename).name}, "
        f"line {place.lineno}. Its text is left out, because it may name a customer."
    )
