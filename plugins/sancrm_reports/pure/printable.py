"""Texts of the CRM without letters that nobody sees."""

from __future__ import annotations

import unicodedata

# Joiners, which emoji are made of, and marks that turn nothing but themselves.
KEPT = (
    "\n\t\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}\N{LEFT-TO-RIGHT MARK}\N{RIGHT-TO-LEFT MARK}"
)


def printable(text: str) -> str:
    """Return a text without what nobody sees: controls, turns of direction, zero-width spaces.

    A name could turn the amount beside it around, or be no name at all. Escaped text stays escaped.
    """
    kept = "".join(
        letter
        for letter in text
        if letter in KEPT or unicodedata.category(letter) not in ("Cc", "Cf", "Cs")
    )
    return type(text)(kept)
