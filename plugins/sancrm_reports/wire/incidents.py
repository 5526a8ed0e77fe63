"""Problems that ops are alerted about once: one message each, edited when it is over.

An alert fails open: where nobody knows whether it arrived, it is sent again, because one that is
sent twice is better than one that is lost (docs/decisions/0035-alerts-fail-open.md).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from sancrm_reports.errors import ReportError
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

    def alert(self, name: str, message: Message) -> list[Outcome]:
        """Open an incident, or bring its message up to date without a sound."""
        row = self._ledger.database.row(
            "insert into sancrm_ledger.incidents values (%(name)s, 1, true, %(now)s)"
            " on conflict (name) do update set is_open = true, updated_at = excluded.updated_at,"
            " number = incidents.number + (not incidents.is_open)::integer returning number",
            name=name,
            now=self._ledger.now(),
        )
        number = row["number"] if row else 1

        def deliver(delivery: Delivery, to: Address, why: str = "") -> list[Outcome]:
            key = self._key(name, number, to)
            return deliver_at_least_once(
                lambda: delivery.deliver(key, to, message, edits_quietly=True, footer=why)
            )

        return self._second.deliver(f"{name}|{number}", lambda: deliver(*self._telegram()), deliver)

    def is_alerted(self, name: str) -> bool:
        """Whether it is open, and its message surely is where people read it."""
        number = self._open_number(name)
        if number is None:
            return False
        known = (self._known(name, number, route()[1]) for route in self._routes)
        return any(sent is not None and sent.state is State.SENT for sent in known)

    def solve(self, name: str, message: Message) -> list[Outcome]:
        """Edit an open incident's messages into what it came to; nothing where none is open.

        Raises:
            ReportError: it could not be edited, and is open still.
        """
        number = self._open_number(name)
        if number is None:
            return []
        outcomes: list[Outcome] = []
        try:
            outcomes += self._edit(name, number, message, *self._telegram())
        except ReportError as error:
            # Who was told by e-mail reads there that it is over; a chat that is out of reach waits.
            if not self._is_by_email(name, number) or not self._second.is_due(name, error):
                raise
            log.warning("The alert is left as it was in Telegram: %s", error)
        for route in self._second.routes:
            outcomes += self._edit(name, number, message, *route())
        self._ledger.database.rows(
            "update sancrm_ledger.incidents set is_open = false, updated_at = %(now)s"
            " where name = %(name)s and number = %(number)s",
            name=name,
            number=number,
            now=self._ledger.now(),
        )
        return outcomes

    def _is_by_email(self, name: str, number: int) -> bool:
        """Whether an e-mail tells of it."""
        known = [self._known(name, number, route()[1]) for route in self._second.routes]
        return any(sent and sent.message_id is not None for sent in known)

    @property
    def _routes(self) -> tuple[Route, ...]:
        return (self._telegram, *self._second.routes)

    def _edit(
        self, name: str, number: int, message: Message, delivery: Delivery, to: Address
    ) -> list[Outcome]:
        """Edit what one way has of an incident; without a message there is nothing to edit."""
        sent = self._known(name, number, to)
        if sent is None or sent.message_id is None:
            return []
        return deliver_at_least_once(
            lambda: delivery.deliver(self._key(name, number, to), to, message, edits_quietly=True)
        )

    def _known(self, name: str, number: int, to: Address) -> Entry | None:
        return self._ledger.messages.get(self._key(name, number, to))

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
