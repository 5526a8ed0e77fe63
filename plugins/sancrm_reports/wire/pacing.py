"""Telegram's pace: about one message a second to a chat, twenty a minute to a group.

The times of the last messages lie in the ledger's store, so that all tasks and DAGs share them.
Thirty a second over all chats need no bookkeeping: the pool of one slot is far below.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from sancrm_reports.wire.chats import Address
from sancrm_reports.wire.ledger import Store
from sancrm_reports.wire.telegram_errors import FloodWaitError

GROUP_MESSAGES = 20
GROUP_WINDOW = 60.0  # seconds
SPACING = 1.0  # seconds between messages to one chat
LONGEST_WAIT = 65.0  # seconds in a task; a longer wait is Airflow's retry


class Clock:
    """The time, in seconds since the epoch, and waiting; tests have one that they move."""

    def now(self) -> float:
        """Return the time."""
        return time.time()

    def wait(self, seconds: float) -> None:
        """Return after so many seconds."""
        time.sleep(seconds)


def ready_at(sent: Sequence[float], *, is_group: bool) -> float:
    """Return when the next message may go, given when the last ones went (oldest first)."""
    times = [0.0]
    if sent:
        times.append(sent[-1] + SPACING)
    if is_group and len(sent) >= GROUP_MESSAGES:
        times.append(sent[-GROUP_MESSAGES] + GROUP_WINDOW)
    return max(times)


class Pacing:
    """Waits until a chat may get its next message."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock

    def wait(self, to: Address) -> None:
        """Wait for the chat's turn.

        Raises:
            FloodWaitError: the wait is longer than a task should take.
        """
        pace = self._pace(to)
        seconds = (
            max(ready_at(pace["sent"], is_group=to.is_group), pace["blocked_until"])
            - self.clock.now()
        )
        if seconds > LONGEST_WAIT:
            raise FloodWaitError(f"Chat {to.chat} may get no message for {seconds:.0f} s.", seconds)
        if seconds > 0:
            self.clock.wait(seconds)

    def record(self, to: Address) -> None:
        """Remember that a message went, or may have gone, to the chat just now."""
        pace = self._pace(to)
        sent = [*pace["sent"], self.clock.now()][-GROUP_MESSAGES:]
        self.store.set(_key(to), {**pace, "sent": sent})

    def block(self, to: Address, seconds: float) -> None:
        """Remember that Telegram asked to wait."""
        pace = self._pace(to)
        self.store.set(_key(to), {**pace, "blocked_until": self.clock.now() + seconds})

    def _pace(self, to: Address) -> dict:
        return self.store.get(_key(to)) or {"sent": [], "blocked_until": 0.0}


def _key(to: Address) -> str:
    return f"pace|{to.chat}"
