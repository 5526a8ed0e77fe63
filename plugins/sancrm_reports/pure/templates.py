"""Which language an account's people read, in a file that imports nothing: settings need it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Templates:
    """The folder of a language, named by its code, and how amounts are written in it.

    ``is_exact`` is whether chats read kopecks.
    """

    folder: Path
    currency: str = "RUB"
    is_exact: bool = False
