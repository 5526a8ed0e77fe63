"""Problems that ops are alerted about once: one message each, edited when it is over.

An alert fails open: where nobody knows whether it arrived, it is sent again, because one that is
sent twice is better than one that is lost (docs/decisions/0035-alerts-fail-open.md).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from sancrm_reports.errors import PermanentError, ReportError
from sancrm_reports.pure.entry import Entry, MessageKey, State
from sancrm_reports.wire.telegram_errors import UnknownOutcomeError

if TYPE_CHECKING:
    from sancrm_reports.pure.messages import Message
    from sancrm_reports.wire.chats import Address
    from sancrm_reports.wire.delivery import Delivery, Outcome
    from sancrm_reports.wire.ledger.ledger import Ledger
    from sancrm_reports.wire.second_way import Route, SecondWay

log = logging.getLogger(__name__)
Result = TypeVar("Result")


class Incidents:
    """Incidents that ops are told of, by name, such as ``failure|profitability_daily|2026-11-17``.

    An incident that comes back after it was solved is a new one, with a new message.

    Args:
        ledger: remembers which are open.
        telegram: opens the way to the ops chat: a delivery, made with ``RESEND_ALL``, and the chat.
        second: where alerts go that Telegram does not take.
    """

    def __init__(self, ledger: Ledger, telegram: Route, second: SecondWay) -> None:
        self._ledger = ledger
        self._telegram = telegram
        self._second = second

    def alert(
        self, name: str, message: Message, *, replaced: Message | None = None
    ) -> list[Outcome]:
        """Open an incident, or bring its message up to date without a sound.

        Args:
            name: the incident's.
            message: what is to be read; its fact ``kinds`` has the kinds of trouble, by spaces.
            replaced: what the message before it becomes where there is trouble of another kind:
                that is a new message, because nobody reads a silent edit twice.
        """
        before = self._open_number(name)
        is_another = before and replaced and self._has_other_kinds(name, before, message)
        row = self._ledger.database.row(
            "insert into sancrm_ledger.incidents values (%(name)s, 1, true, %(now)s)"
            " on conflict (name) do update set is_open = true, updated_at = excluded.updated_at,"
            " number = incidents.number + (not incidents.is_open or %(is_another)s)::integer"
            " returning number",
            name=name,
            now=self._ledger.now(),
            is_another=bool(is_another),
        )
        number = row["number"] if row else 1

        def deliver(delivery: Delivery, to: Address, why: str = "") -> list[Outcome]:
            key = self._key(name, number, to)
            return deliver_at_least_once(
                lambda: delivery.deliver(key, to, message, edits_quietly=True, footer=why)
            )

        outcomes = self._second.deliver(
            f"{name}|{number}", lambda: deliver(*self._telegram()), deliver
        )
        if before and replaced and is_another:
            try:
                outcomes += self._edit_everywhere(name, before, replaced)
            except ReportError as error:  # people have the new message
                log.warning("The message before it is left as it was: %s", error)
        return outcomes

    def is_alerted(self, name: str) -> bool:
        """Whether it is open, and its message surely is where people read it."""
        number = self._open_number(name)
        if number is None:
            return False
        return any(sent.state is State.SENT for sent in self._told(name, number))

    def solve(self, name: str, message: Message) -> list[Outcome]:
        """Edit an open incident's messages into what it came to; nothing where none is open.

        Raises:
            ReportError: it could not be edited, and is open still.
        """
        number = self._open_number(name)
        if number is None:
            return []
        outcomes = self._edit_everywhere(name, number, message)
        self._ledger.database.rows(
            "update sancrm_ledger.incidents set is_open = false, updated_at = %(now)s"
            " where name = %(name)s and number = %(number)s",
            name=name,
            number=number,
            now=self._ledger.now(),
        )
        return outcomes

    def open_ones(self, kind: str) -> list[str]:
        """Return the names of the open incidents of a kind: what stands before the first bar."""
        rows = self._ledger.database.rows(
            "select name from sancrm_ledger.incidents"
            " where is_open and starts_with(name, %(kind)s || '|') order by name",
            kind=kind,
        )
        return [row["name"] for row in rows]

    def _edit_everywhere(self, name: str, number: int, message: Message) -> list[Outcome]:
        """Edit what each way has of an incident.

        Who was told by e-mail reads there that it is over, also while a chat is out of reach.
        """
        outcomes: list[Outcome] = []
        try:
            outcomes += self._edit(name, number, message, *self._telegram())
        except ReportError as error:
            is_by_email = any(self._told(name, number, self._second.routes))
            if not is_by_email or not self._second.is_due(f"{name}|{number}", error):
                raise
            log.warning("The alert is left as it was in Telegram: %s", error)
        for route in self._second.routes:
            outcomes += self._edit(name, number, message, *route())
        return outcomes

    def _edit(
        self, name: str, number: int, message: Message, delivery: Delivery, to: Address
    ) -> list[Outcome]:
        """Edit what one way has of an incident; without a message there is nothing to edit."""
        key = self._key(name, number, to)
        sent = self._ledger.messages.get(key)
        if sent is None or sent.message_id is None:
            return []
        return deliver_at_least_once(lambda: delivery.deliver(key, to, message, edits_quietly=True))

    def _has_other_kinds(self, name: str, number: int, message: Message) -> bool:
        """Whether a message tells of a kind of trouble that those that people have do not."""
        told = self._told(name, number)
        known = {kind for sent in told for kind in sent.facts.get("kinds", "").split()}
        return bool(told) and not known.issuperset(message.facts.get("kinds", "").split())

    def _told(self, name: str, number: int, routes: Sequence[Route] = ()) -> list[Entry]:
        """Return what is known of the messages that people have, by these ways or all."""
        found = []
        for route in routes or (self._telegram, *self._second.routes):
            with suppress(PermanentError):  # a way that cannot be opened has told nothing lately
                found.append(self._ledger.messages.get(self._key(name, number, route()[1])))
        return [sent for sent in found if sent and sent.message_id is not None]

    def _open_number(self, name: str) -> int | None:
        row = self._ledger.database.row(
            "select number from sancrm_ledger.incidents where name = %(name)s and is_open",
            name=name,
        )
        return row["number"] if row else None

    def _key(self, name: str, number: int, to: Address) -> MessageKey:
        kind, _, rest = name.partition("|")
        period = rest.replace("|", ".")
        return self._ledger.key("ops_alert", period, f"{kind}-{number}", to)


def deliver_at_least_once(deliver: Callable[[], Result]) -> Result:
    """Deliver, and where the status stays unknown, once more; the delivery must resend."""
    try:
        return deliver()
    except UnknownOutcomeError:
        return deliver()
