"""The owner's own bounds, such as ``margin < 20 %``: what a report says where one is crossed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Self

from sancrm_reports.pure.figures import COUNTS, FIGURES, Figures
from sancrm_reports.pure.kinds import REPORT_KINDS

if TYPE_CHECKING:  # the settings read bounds, and need no Babel
    from sancrm_reports.pure.language import Language
    from sancrm_reports.pure.messages import Message
    from sancrm_reports.pure.period import Period
    from sancrm_reports.pure.templates import Templates

_WRITTEN = re.compile(
    r"((?P<report>\w+)\s*:)?\s*(?P<figure>\w+)\s*(?P<sign>[<>])"
    r"\s*(?P<amount>[-−]?\d[\d\s]*([.,]\d+)?)\s*(?P<percent>%)?\s*"
)


@dataclass(frozen=True)
class Bound:
    """A bound of one figure: of one kind of report, or with an empty ``report`` of all.

    ``amount`` is in the figure's unit: roubles, a number of things, or a ratio.
    """

    figure: str
    is_below: bool
    amount: Decimal
    report: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``margin < 20 %``, ``profit < 0`` or ``weekly: revenue < 150 000``.

        Raises:
            ValueError: it is not written so.
        """
        found = _WRITTEN.fullmatch(text.strip())
        if not found or found["figure"] not in FIGURES:
            raise ValueError(
                f"{text!r} is not a bound; write a figure, < or >, and a number, as in "
                f"margin < 20 % or weekly: profit < 0. Figures are {', '.join(FIGURES)}"
            )
        if found["report"] and found["report"] not in REPORT_KINDS:
            raise ValueError(f"{text!r}: the kinds of reports are {', '.join(REPORT_KINDS)}")
        if bool(found["percent"]) != (found["figure"] == "margin"):
            raise ValueError(f"{text!r}: a percentage is wanted of the margin, and only of that")
        amount = Decimal(re.sub(r"\s", "", found["amount"]).replace(",", ".").replace("−", "-"))
        if found["percent"]:
            amount /= 100
        return cls(found["figure"], found["sign"] == "<", amount, found["report"] or "")

    def is_crossed(self, figures: Figures) -> bool:
        """Whether the figure lies beyond the bound; one that is unknown does not."""
        value = getattr(figures, self.figure)
        if value is None:
            return False
        return bool(value < self.amount if self.is_below else value > self.amount)

    def told(self, figures: Figures, language: Language) -> str:
        """Say what is beyond what: «margin 12% is below 20%»."""
        return language.word(
            "bound.below" if self.is_below else "bound.above",
            figure=language.word(f"figure.{self.figure}"),
            value=self._written(getattr(figures, self.figure), language),
            bound=self._written(self.amount, language),
        )

    def _written(self, value: Decimal, language: Language) -> str:
        if self.figure == "margin":
            return language.formats.percent(value)
        if self.figure in COUNTS:
            return language.formats.count(int(value))
        return language.formats.money(value)


def crossed(
    bounds: Iterable[str], figures: Figures, report: str, *, templates: Templates
) -> list[str]:
    """Return what is told of the bounds that a subject's figures cross in a kind of report."""
    from sancrm_reports.pure.language import language_of

    language = language_of(templates)
    return [
        bound.told(figures, language)
        for bound in map(Bound.parse, bounds)
        if bound.report in ("", report) and bound.is_crossed(figures)
    ]


def bounds_message(
    subjects: Sequence[tuple[str, Sequence[str]]], period: Period, *, templates: Templates
) -> Message:
    """Tell a chat of its own of each subject and the bounds that it crosses; or that none does.

    The network's name is empty.
    """
    from sancrm_reports.pure.language import language_of
    from sancrm_reports.pure.messages import Message

    language = language_of(templates)
    html = language.render(
        "bounds.html.j2",
        period=period,
        subjects=[(name, told) for name, told in subjects if told],
    )
    return Message(html)
