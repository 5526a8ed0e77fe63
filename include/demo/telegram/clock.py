"""The stand-in's clock."""

import time


class Clock:
    """The time in seconds since 1970: the real one, or a frozen one; a test can advance either."""

    def __init__(self, frozen_at: float | None = None) -> None:
        self._frozen_at = frozen_at
        self._advanced = 0.0

    def now(self) -> float:
        """The time here."""
        return (time.time() if self._frozen_at is None else self._frozen_at) + self._advanced

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass at once."""
        self._advanced += seconds
