"""Telegram's pace: about one message a second to a chat, twenty a minute to a group.

The ledger keeps it for all tasks of all workers. A sender reserves a chat's next slot under a lock
of the chat's row, and waits for it without the lock: whoever comes next gets the slot after it, and
nobody waits for a call that hangs. Thirty messages a second over all chats need no bookkeeping: the
pool's slots are far below.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sancrm_reports.wire.chats import Address
from sancrm_reports.wire.ledger.database import Clock, LedgerDatabase
from sancrm_reports.wire.telegram_errors import FloodWaitError

GROUP_MESSAGES = 20
GROUP_WINDOW = 60.0  # seconds
SPACING = 1.0  # seconds between messages to one chat
LONG_TEXT = 500  # characters; a longer text counts as two messages to a chat
LONGEST_WAIT = 120.0  # seconds in a task; a longer wait is Airflow's retry


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
        database: LedgerDatabase,
        clock: Clock,
        *,
        per_minute: int = GROUP_MESSAGES,
        longest_wait: float = LONGEST_WAIT,
    ) -> None:
        self._database = database
        self._clock = clock
        self._per_minute = per_minute
        self._longest_wait = longest_wait

    def wait(self, to: Address, *, length: int = 0) -> None:
        """Take the chat's next slot for a message of so many characters, and wait for it.

        Raises:
            FloodWaitError: the wait is longer than a task should take; no slot was taken.
        """
        seconds = self._reserve(to, is_long=length > LONG_TEXT)
        if seconds > self._longest_wait:
            raise FloodWaitError(
                f"Telegram wants chat {to.chat} to be left alone for {seconds:.0f} s more. Nothing "
                "was sent; it is tried again then.",
                seconds,
            )
        if seconds > 0:
            self._clock.wait(seconds)

    def block(self, to: Address, seconds: float) -> None:
        """Remember that Telegram asked to wait."""
        self._database.rows(
            "insert into sancrm_ledger.paces (chat, blocked_until) values (%(chat)s, %(until)s)"
            " on conflict (chat) do update"
            " set blocked_until = greatest(paces.blocked_until, excluded.blocked_until)",
            chat=to.chat,
            until=_instant(self._clock.now() + seconds),
        )

    def _reserve(self, to: Address, *, is_long: bool) -> float:
        """Return how long it is to the next slot, which is this sender's unless that is too far."""
        with self._database.transaction():
            self._database.rows(
                "insert into sancrm_ledger.paces (chat) values (%(chat)s) on conflict do nothing",
                chat=to.chat,
            )
            (pace,) = self._database.rows(
                "select slots, is_after_long, blocked_until from sancrm_ledger.paces"
                " where chat = %(chat)s for update",
                chat=to.chat,
            )
            slots = [slot.timestamp() for slot in pace["slots"]]
            ready = ready_at(
                slots,
                is_group=to.is_group,
                after_long=pace["is_after_long"],
                per_minute=self._per_minute,
            )
            blocked_until = pace["blocked_until"].timestamp() if pace["blocked_until"] else 0.0
            now = self._clock.now()
            slot = max(now, ready, blocked_until)
            if slot - now <= self._longest_wait:
                kept = [*pace["slots"], _instant(slot)][-(self._per_minute or 1) :]
                self._database.rows(
                    "update sancrm_ledger.paces set slots = %(slots)s, is_after_long = %(is_long)s"
                    " where chat = %(chat)s",
                    chat=to.chat,
                    slots=kept,
                    is_long=is_long,
                )
        return slot - now


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
