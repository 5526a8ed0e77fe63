"""The line that says why a profit changed."""

from __future__ import annotations

from decimal import Decimal

from sancrm_reports.pure.figures import Figures
from sancrm_reports.pure.language import Language
from sancrm_reports.pure.reasons import Reasons, largest

COUNTED = ("repair_count", "rental_count")


def why(
    found: Reasons, now: Figures, before: Figures, language: Language, *, has_rentals: bool = True
) -> str:
    """Write why the profit changed; empty where it changed by less than half a rouble."""
    hidden = () if has_rentals else ("rental_count", "rental_price")
    shown = largest(found, unnamed=hidden)
    difference = sum(shown.values())
    if not difference:
        return ""
    return language.word(
        "reasons",
        difference=language.formats.money_difference(Decimal(difference)),
        reasons=", ".join(
            f"{_name(code, value, now, before, language)} "
            f"{language.formats.count(value, signed=True)}"
            for code, value in shown.items()
        ),
    )


def _name(code: str, value: int, now: Figures, before: Figures, language: Language) -> str:
    """Name a reason; more or fewer of something only where that explains the sign."""
    if code in COUNTED:
        change = getattr(now, code) - getattr(before, code)
        if change * value > 0:
            direction = "more" if change > 0 else "fewer"
            return language.word(f"reason.{code}.{direction}")
    return language.word(f"reason.{code}")
