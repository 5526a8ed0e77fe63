"""Problems that ops are alerted about once: one message each, edited when it is over.

An alert fails open: where nobody knows whether it arrived, it is sent again, because one that is
sent twice is better than one that is lost (docs/decisions/0035-alerts-fail-open.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from sancrm_reports.pure.entry import MessageKey, State
from sancrm_reports.wire.telegram_errors import UnknownOutcomeError

if TYPE_CHECKING:
    from sancrm_reports.pure.messages import Message
    from sancrm_reports.wire.chats import Address
    from sancrm_reports.wire.delivery import Delivery, Outcome

Result = TypeVar("Result")


class Incidents:
    """Incidents of one chat, by name, such as ``failure|profitability_daily|2026-11-17``.

    An incident that comes back after it was solved is a new one, with a new message.

    Args:
        delivery: of the ops chat's bot; made with ``RESEND_ALL``.
        to: the ops chat.
    """

    def __init__(self, delivery: Delivery, to: Address) -> None:
        self._delivery = delivery
        self._ledger = delivery.ledger
        self._to = to

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
        outcomes = self._bring(name, row["number"] if row else 1, message)
        if before and replaced and is_another:
            outcomes += self._bring(name, before, replaced)
        return outcomes

    def _has_other_kinds(self, name: str, number: int, message: Message) -> bool:
        """Whether a message tells of a kind of trouble that the one in the chat does not."""
        told = self._ledger.messages.get(self._key(name, number))
        if told is None or told.message_id is None:
            return False
        kinds = (facts.get("kinds", "").split() for facts in (message.facts, told.facts))
        return bool(set(next(kinds)) - set(next(kinds)))

    def _bring(self, name: str, number: int, message: Message) -> list[Outcome]:
        key = self._key(name, number)
        return deliver_at_least_once(
            lambda: self._delivery.deliver(key, self._to, message, edits_quietly=True)
        )

    def is_alerted(self, name: str) -> bool:
        """Whether it is open, and its message is surely in the chat."""
        number = self._open_number(name)
        sent = number and self._ledger.messages.get(self._key(name, number))
        return bool(sent and sent.state is State.SENT)

    def solve(self, name: str, message: Message) -> list[Outcome]:
        """Edit an open incident's message into what it came to; nothing where none is open."""
        number = self._open_number(name)
        if number is None:
            return []
        key = self._key(name, number)
        sent = self._ledger.messages.get(key)
        outcomes: list[Outcome] = []
        if sent and sent.message_id is not None:  # otherwise there is nothing to take back
            outcomes = self._bring(name, number, message)
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

    def _open_number(self, name: str) -> int | None:
        row = self._ledger.database.row(
            "select number from sancrm_ledger.incidents where name = %(name)s and is_open",
            name=name,
        )
        return row["number"] if row else None

    def _key(self, name: str, number: int) -> MessageKey:
        kind, _, rest = name.partition("|")
        period = rest.replace("|", ".")
        return self._ledger.key("ops_alert", period, f"{kind}-{number}", self._to)


def deliver_at_least_once(deliver: Callable[[], Result]) -> Result:
    """Deliver, and where the status stays unknown, once more; the delivery must resend."""
    try:
        return deliver()
    except UnknownOutcomeError:
        return deliver()
