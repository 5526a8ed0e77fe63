"""The language that people read: its words by code, its templates, its numbers and dates.

A language is a folder of ``include/templates`` that is named by its code: ``words.po`` has the
words, the other files are the messages, as they look.
"""

from __future__ import annotations

import re
from functools import cache, cached_property
from typing import Any

from babel import Locale
from babel.messages.pofile import read_po
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sancrm_reports.errors import ReportError
from sancrm_reports.pure.changes import Changes
from sancrm_reports.pure.formatting import Formats, one_line
from sancrm_reports.pure.kinds import compared_with
from sancrm_reports.pure.printable import printable
from sancrm_reports.pure.templates import Templates


class Language:
    """One language.

    Args:
        templates: its folder, whose name is the code, such as ``ru``; and the currency.
    """

    def __init__(self, templates: Templates) -> None:
        self.templates = templates
        self.folder = templates.folder
        self.locale = Locale.parse(self.folder.name)
        self.formats = Formats(
            self.locale, self.word, currency=templates.currency, is_exact=templates.is_exact
        )

    def word(self, code: str, /, **values: Any) -> str:
        """Return a text of the catalogue, with the values in its braces.

        Raises:
            LookupError: the catalogue has no text for the code.
        """
        text = self.words.get(code)
        if text is None:
            raise LookupError(f"{self.folder / 'words.po'} has no text for {code!r}.")
        return text.format(**values)

    @cached_property
    def words(self) -> dict[str, str]:
        """Every text by its code, with braces where values go."""
        with (self.folder / "words.po").open("rb") as file:
            catalogue = read_po(file, locale=self.locale, abort_invalid=True)
        return {str(text.id): str(text.string) for text in catalogue if text.id}

    def render(self, template: str, **values: Any) -> str:
        """Fill a template in; every value is escaped, unless it is markup already."""
        text = self.environment.get_template(template).render(**values)
        return re.sub(r"\n{3,}", "\n\n", text).strip()

    @cached_property
    def environment(self) -> Environment:
        """Jinja, as the templates of this language need it."""
        # A block on a line of its own leaves nothing behind; at the end of a line of text it is
        # written {% endif +%}, which keeps the line's end. So templates have their message's lines.
        environment = Environment(
            loader=FileSystemLoader(self.folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=lambda value: printable(value) if isinstance(value, str) else value,
        )
        formats, changes = self.formats, Changes(self.formats, self.word)
        environment.filters |= {
            "money": formats.chat_money,
            "short_money": formats.short_money,
            "count": formats.count,
            "percent": formats.percent,
            "rough_percent": formats.rough_percent,
            "month": formats.month,
            "one_line": one_line,
            "moment": formats.moment,
            "moment_in": formats.moment_in,
            "whole_time": formats.whole_time,
            "length_of_time": formats.length_of_time,
            "size": formats.size,
        }
        environment.globals |= {
            "word": self.word,
            "plural": formats.plural,
            "span": formats.span,
            "period_name": formats.period,
            "about_period": formats.about_period,
            "compared_with": compared_with,
            "money_change": changes.money,
            "short_money_change": changes.short_money,
            "short_count_change": changes.short_count,
            "count_change": changes.count,
            "margin_change": changes.margin,
        }
        return environment


@cache
def language_of(templates: Templates) -> Language:
    """Return a language as an account reads it."""
    return Language(templates)


def explained(error: ReportError, templates: Templates) -> str:
    """Say in words what an error is, and quote what a server or a tool said of it."""
    cause = language_of(templates).word(f"error.{error.code}", **error.values)
    return f"{cause}: {error.quote}" if error.quote else cause
