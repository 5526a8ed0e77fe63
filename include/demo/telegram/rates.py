"""How fast one may send: Telegram's published limits as counters over a clock."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

CHAT_PER_SECOND = 1.0
CHAT_BURST = 3.0  # messages that may come at once after a silence
LONG_TEXT = 500  # a text over this many characters costs two messages of the chat's burst
GROUP_PER_MINUTE = 20
OVERALL_PER_SECOND = 30


@dataclass
class _Bucket:
    tokens: float
    filled_at: float


@dataclass
class Rates:
    """Decides whether one more message may pass now; a refused one costs nothing.

    Per chat a token bucket of `CHAT_BURST`, refilled by `CHAT_PER_SECOND`; per group at most
    `GROUP_PER_MINUTE` in any 60 seconds; over all chats `OVERALL_PER_SECOND` in any second. Edits
    count for the group and overall, not for the chat.
    """

    now: Callable[[], float]
    _buckets: dict[int, _Bucket] = field(default_factory=dict)
    _groups: dict[int, deque[float]] = field(default_factory=dict)
    _overall: deque[float] = field(default_factory=deque)

    def take(self, chat_id: int, *, is_group: bool, length: int, is_edit: bool = False) -> int:
        """Count one message of ``length`` characters; return 0, or the seconds to wait."""
        now = self.now()
        bucket = self._buckets.setdefault(chat_id, _Bucket(CHAT_BURST, now))
        refilled = bucket.tokens + (now - bucket.filled_at) * CHAT_PER_SECOND
        bucket.tokens, bucket.filled_at = min(CHAT_BURST, refilled), now
        cost = 0.0 if is_edit else 2.0 if length > LONG_TEXT else 1.0
        group = self._groups.setdefault(chat_id, deque())
        waits = [
            (cost - bucket.tokens) / CHAT_PER_SECOND,
            _wait(self._overall, now, OVERALL_PER_SECOND, 1),
            _wait(group, now, GROUP_PER_MINUTE, 60) if is_group else 0,
        ]
        if max(waits) > 1e-6:
            return math.ceil(max(waits) - 1e-6)
        bucket.tokens -= cost
        group.append(now)
        self._overall.append(now)
        return 0


def _wait(times: deque[float], now: float, limit: int, seconds: float) -> float:
    """Forget what has left the window; return how long until one more fits in it."""
    while times and times[0] <= now - seconds:
        times.popleft()
    return times[0] + seconds - now if len(times) >= limit else 0
