"""Troubles that ops are told of once: one message each, edited when it is over.

An alert fails open: where nobody knows whether it arrived, it is sent again, because one that is
told twice is better than one that is lost (docs/decisions/0035-alerts-fail-open.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from sancrm_reports.pure.entry import State
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
        delivery: of the ops chat's bot; made with ``resend``, so that it insists.
        to: the ops chat.
    """

    def __init__(self, delivery: Delivery, to: Address) -> None:
        self.delivery = delivery
        self.store: Any = delivery.ledger.store
        self.to = to

    def tell(self, name: str, message: Message) -> list[Outcome]:
        """Open an incident, or bring its message up to date without a sound."""
        state = self._state(name)
        if not state["open"]:
            state = {"number": state["number"] + 1, "open": True}
            self.store.set(_state_key(name), state)
        key = self._key(name, state["number"])
        return insist(lambda: self.delivery.deliver(key, self.to, message, grows=True))

    def is_told(self, name: str) -> bool:
        """Whether it is open, and its message is surely in the chat."""
        state = self._state(name)
        told = self.delivery.ledger.get(self._key(name, state["number"]))
        return bool(state["open"] and told and told.state is State.SENT)

    def solve(self, name: str, message: Message) -> list[Outcome]:
        """Edit an open incident's message into what it came to; nothing where none is open."""
        state = self._state(name)
        if not state["open"]:
            return []
        key = self._key(name, state["number"])
        told = self.delivery.ledger.get(key)
        outcomes: list[Outcome] = []
        if told and told.message_id is not None:  # otherwise there is nothing to take back
            outcomes = insist(lambda: self.delivery.deliver(key, self.to, message, grows=True))
        self.store.set(_state_key(name), {**state, "open": False})
        return outcomes

    def _state(self, name: str) -> dict[str, Any]:
        known: dict[str, Any] = self.store.get(_state_key(name), {})
        return {"number": 0, "open": False} | known

    def _key(self, name: str, number: int) -> str:
        kind, _, rest = name.partition("|")
        return self.delivery.key("ops_alert", rest.replace("|", "."), f"{kind}-{number}", self.to)


def insist(deliver: Callable[[], Result]) -> Result:
    """Deliver, and where the fate stays unknown, once more; the delivery must resend."""
    try:
        return deliver()
    except UnknownOutcomeError:
        return deliver()


def _state_key(name: str) -> str:
    return f"incident|{name}"
