"""Telegram's pace: about one message a second to a chat, twenty a minute to a group.

The times of the last messages lie in the ledger's store, so that all tasks and DAGs share them.
Thirty a second over all chats need no bookkeeping: the pool of one slot is far below.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sancrm_reports.wire.chats import Address
from sancrm_reports.wire.ledger import Store
from sancrm_reports.wire.telegram_errors import FloodWaitError

GROUP_MESSAGES = 20
GROUP_WINDOW = 60.0  # seconds
SPACING = 1.0  # seconds between messages to one chat
LONG_TEXT = 500  # characters; a longer text counts as two messages to a chat
LONGEST_WAIT = 65.0  # seconds in a task; a longer wait is Airflow's retry


class Clock:
    """The time, in seconds since the epoch, and waiting; tests have one that they move."""

    def now(self) -> float:
        """Return the time."""
        return time.time()

    def wait(self, seconds: float) -> None:
        """Return after so many seconds."""
        time.sleep(seconds)


def ready_at(
    sent: Sequence[float],
    *,
    is_group: bool,
    after_long: bool = False,
    per_minute: int = GROUP_MESSAGES,
) -> float:
    """Return when the next message may go, given when the last ones went (oldest first).

    ``per_minute`` is the limit of a group; 0 keeps no pace at all.
    """
    times = [0.0]
    if sent and per_minute:
        times.append(sent[-1] + (2 * SPACING if after_long else SPACING))
    if is_group and 0 < per_minute <= len(sent):
        times.append(sent[-per_minute] + GROUP_WINDOW)
    return max(times)


class Pacing:
    """Waits until a chat may get its next message.

    ``per_minute`` is the limit of a group; ``longest_wait`` is what a task may wait by itself.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        per_minute: int = GROUP_MESSAGES,
        longest_wait: float = LONGEST_WAIT,
    ) -> None:
        self.store = store
        self.clock = clock
        self.per_minute = per_minute
        self.longest_wait = longest_wait

    def wait(self, to: Address) -> None:
        """Wait for the chat's turn.

        Raises:
            FloodWaitError: the wait is longer than a task should take.
        """
        pace = self._pace(to)
        ready = ready_at(
            pace["sent"],
            is_group=to.is_group,
            after_long=pace["after_long"],
            per_minute=self.per_minute,
        )
        seconds = max(ready, pace["blocked_until"]) - self.clock.now()
        if seconds > self.longest_wait:
            raise FloodWaitError(
                f"Telegram wants chat {to.chat} to be left alone for {seconds:.0f} s more. Nothing "
                "was sent; it is tried again then.",
                seconds,
            )
        if seconds > 0:
            self.clock.wait(seconds)

    def record(self, to: Address, *, length: int = 0) -> None:
        """Remember that a message of so many characters went, or may have gone, just now."""
        pace = self._pace(to)
        sent = [*pace["sent"], self.clock.now()][-(self.per_minute or 1) :]
        self.store.set(_key(to), {**pace, "sent": sent, "after_long": length > LONG_TEXT})

    def block(self, to: Address, seconds: float) -> None:
        """Remember that Telegram asked to wait."""
        pace = self._pace(to)
        until = max(pace["blocked_until"], self.clock.now() + seconds)
        self.store.set(_key(to), {**pace, "blocked_until": until})

    def _pace(self, to: Address) -> dict[str, Any]:
        nothing = {"sent": [], "after_long": False, "blocked_until": 0.0}
        return {**nothing, **self.store.get(_key(to), {})}


def _key(to: Address) -> str:
    return f"pace|{to.chat}"
