"""Phone numbers as people write them."""

from __future__ import annotations

import re

import phonenumbers

HIDDEN = "·"
SHOWN_AT_THE_END = 2  # digits of a masked phone
SHOWN_AT_THE_START = 4  # the country's code and the operator's: +7 912


def phone(written: str, *, country: str, is_masked: bool = False) -> str:
    """Return a phone in the usual form, +7 912 345-67-89; what isn't a phone stays unchanged.

    Args:
        written: what somebody typed: ``89123456789``, ``8 (912) 345-67-89``, or "no phone".
        country: of two letters; its rules read a phone without a country's code.
        is_masked: hide the middle: +7 912 ···-··-89.
    """
    shown = _usual(written, country) or written
    return _masked(shown) if is_masked else shown


def _usual(written: str, country: str) -> str:
    """Return the usual form; empty if it isn't one phone, so that nothing gets lost."""
    if not re.fullmatch(r"[\d\s()+.‐-―-]+", written):
        return ""
    try:
        number = phonenumbers.parse(written, country)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def _masked(shown: str) -> str:
    digits = sum(character.isdigit() for character in shown)
    start = SHOWN_AT_THE_START if shown.startswith("+") else 0
    end = digits - SHOWN_AT_THE_END
    seen = iter(range(digits))
    return "".join(
        HIDDEN if character.isdigit() and start <= next(seen) < end else character
        for character in shown
    )
