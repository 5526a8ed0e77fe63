"""Which language an account's people read, in a file that imports nothing: settings need it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Templates:
    """The folder of a language, named by its code, and the currency that amounts are in."""

    folder: Path
    currency: str = "RUB"
