"""A currency as its country writes it; the data are Babel's."""

from __future__ import annotations

from contextlib import suppress
from functools import cache

from babel import Locale, UnknownLocaleError
from babel.languages import get_official_languages
from babel.numbers import get_currency_symbol


@cache
def symbol_of(currency: str, locale: Locale) -> str:
    """Return a currency's sign: that of a language, else that at home, else its code.

    Russian and English call tenge and Belarusian roubles by their codes; at home they are ₸ and Br.
    The first two letters of a code are its country's (ISO 4217). Only signs that are read from left
    to right can stand beside our numbers.
    """
    for candidate in (locale, *_at_home(currency[:2])):
        symbol = get_currency_symbol(currency, candidate)
        if symbol != currency and candidate.text_direction == "ltr":
            return symbol
    return currency


def _at_home(country: str) -> list[Locale]:
    found = []
    for language in get_official_languages(country, de_facto=True):
        with suppress(UnknownLocaleError):
            found.append(Locale.parse(f"{language}_{country}"))
    return found
