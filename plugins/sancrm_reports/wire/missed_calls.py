"""Tells the staff's chat whom to call back, and edits what it was told before.

A message lives by the delivery ledger, as a report's does. Beside it the same store holds what of
the chat is still open, because it has no listing: ``missed_calls|open`` lists the repairs, and
``missed_calls|repair-11508`` names that repair's code and its messages that say "call", with their
days: one a day, two where the chat of the settings was changed meanwhile. Ids and codes of repairs
only: nothing here names a person.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from sancrm_reports.errors import PermanentError, ReportError
from sancrm_reports.pure.entry import State
from sancrm_reports.pure.figures import Key
from sancrm_reports.pure.formatting import quoted
from sancrm_reports.pure.missed_calls import MissedCall, Wording
from sancrm_reports.wire.chats import Address
from sancrm_reports.wire.delivery import Delivery, Outcome

log = logging.getLogger(__name__)
REPORT = "missed_calls"
NOTHING: Mapping[Key | None, str] = {}


class MissedCallsError(PermanentError):
    """The question makes no sense in this CRM; the text says what to correct."""


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
    ) -> None:
        self.delivery = delivery
        self.to = to
        self.wording = wording
        self.day = day
        self.closes = closes
        self.supersedes = supersedes
        self.outcomes: list[Outcome] = []
        self.errors: list[PermanentError] = []

    def check_statuses(self, wanted: Sequence[str], known: Sequence[str]) -> None:
        """Make sure that nobody seems to have been called because a status has another name now.

        One that the CRM never had is left out: the settings name what some shops have.

        Raises:
            MissedCallsError: none of the wanted is known any more, or one that was.
        """
        seen = self.delivery.ledger.store.get(f"{REPORT}|statuses") or []
        there = [name for name in wanted if name in known]
        gone = [name for name in wanted if name not in known and (name in seen or not there)]
        if gone:
            raise MissedCallsError(
                f"The CRM has no status {quoted(gone)}: was it renamed? It has "
                f"{quoted(known) or 'none at all'}. Correct missed_calls.statuses in "
                "include/settings.toml."
            )
        self.delivery.ledger.store.set(f"{REPORT}|statuses", there)

    def update(
        self, calls: Sequence[MissedCall], unreadable: Mapping[Key | None, str] = NOTHING
    ) -> None:
        """Close the messages of those who were called, then tell of the others, in their order.

        ``unreadable`` are repairs of which no message can be made: reasons by id. Nobody says that
        these customers were called. What came of it is in ``outcomes``. A message that Telegram
        refuses, or whose fate is unknown, holds up no other: it is in ``errors``.

        Raises:
            ReportError: something that may pass; go on later, and nothing is sent twice.
        """
        known = self._open_repairs()
        due = {call.repair_id for call in calls} | {key for key in unreadable if key is not None}
        if None in unreadable:  # it may be any of them
            due |= known
        # Noted before anything is sent: a message that nobody knows of could never be closed.
        self._set_open_repairs(known | due)
        gone = sorted(known - due, key=_numbers_first)
        closed = {repair_id for repair_id in gone if self._try(repair_id, self._close, repair_id)}
        self._set_open_repairs(known - closed | due)
        for call in calls:
            self._try(call.repair_id, self._tell, call)
        self.errors += [
            MissedCallsError(f"Repair {key or 'without an id'}: {reason}.")
            for key, reason in unreadable.items()
        ]

    def _try(self, repair_id: Key, act: Callable[[Any], list[Outcome]], subject: Any) -> bool:
        """Act, and keep an error that is this repair's only; tell whether it went well."""
        try:
            self._note(act(subject))
        except PermanentError as error:
            self.errors.append(type(error)(f"Repair {repair_id}: {error}"))
            return False
        except ReportError:
            raise
        except Exception as error:
            raise _without_its_text(error, repair_id) from None
        return True

    def _note(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.action != "unchanged":
                log.info("%s: %s", outcome.key, outcome.action)
                self.outcomes.append(outcome)

    def _close(self, repair_id: Key) -> list[Outcome]:
        """Say that the customer was called, in each message that still says "call"."""
        code, messages = self._record(repair_id)
        outcomes = []
        if self.closes:
            outcomes = self._amend(messages, self.wording.called_back(code))
        self._set_record(repair_id, code, {})
        return outcomes

    def _tell(self, call: MissedCall) -> list[Outcome]:
        """Tell of a call, then say in the messages of earlier days that there is a newer one."""
        today = self.day.isoformat()
        _, messages = self._record(call.repair_id)
        if any(day > today for day in messages.values()):
            log.info("Repair %s was told of on a later day than %s.", call.repair_id, today)
            return []
        key = self.delivery.key(REPORT, today, f"repair-{call.repair_id}", self.to)
        earlier = [known for known, day in messages.items() if day < today]
        if key not in messages:
            self._set_record(call.repair_id, call.code, {**messages, key: today})
        outcomes = self._bring(key, call)
        if self.supersedes:
            outcomes += self._amend(earlier, self.wording.told_again(call.code))
        if earlier:
            todays = {known: day for known, day in messages.items() if day == today}
            self._set_record(call.repair_id, call.code, {**todays, key: today})
        return outcomes

    def _bring(self, key: str, call: MissedCall) -> list[Outcome]:
        """Send the day's message; once sent it is only edited, also if the chat has lost it."""
        message = self.wording.to_call(call, self.day)
        known = self.delivery.ledger.get(key)
        if known and known.state is State.SENT:
            return self._amend([key], message)
        return self.delivery.deliver(key, self.to, message)

    def _amend(self, keys: Iterable[str], message: Any) -> list[Outcome]:
        outcomes = (self.delivery.amend(key, self.to, message) for key in keys)
        return [outcome for outcome in outcomes if outcome]

    def _open_repairs(self) -> set[Key]:
        return set(self.delivery.ledger.store.get(f"{REPORT}|open") or [])

    def _set_open_repairs(self, repairs: set[Key]) -> None:
        self.delivery.ledger.store.set(f"{REPORT}|open", sorted(repairs, key=_numbers_first))

    def _record(self, repair_id: Key) -> tuple[str, dict[str, str]]:
        """Return a repair's code, and the days of its messages by their names in the ledger."""
        record = self.delivery.ledger.store.get(f"{REPORT}|repair-{repair_id}") or {}
        return record.get("code", ""), record.get("messages", {})

    def _set_record(self, repair_id: Key, code: str, messages: dict[str, str]) -> None:
        record = {"code": code, "messages": messages}
        self.delivery.ledger.store.set(f"{REPORT}|repair-{repair_id}", record)


def _numbers_first(key: Key) -> tuple[bool, Key]:
    return isinstance(key, str), key


def _without_its_text(error: Exception, repair_id: Key) -> ReportError:
    """Say where an unexpected error came from, but not its text."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return ReportError(
        f"Repair {repair_id}: an unexpected {type(error).__name__} in {Path(place.filename).name}, "
        f"line {place.lineno}. Its text is left out, because it may name a customer."
    )
