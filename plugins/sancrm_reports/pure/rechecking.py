"""What reports that were posted would say of today's data, and what ops are told of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sancrm_reports.pure.corrections import differing, what_changed
from sancrm_reports.pure.entry import MessageKey
from sancrm_reports.pure.formatting import one_line
from sancrm_reports.pure.language import Language, language_of
from sancrm_reports.pure.messages import COMPARED, Message
from sancrm_reports.pure.ops import RunPurpose
from sancrm_reports.pure.period import Period
from sancrm_reports.pure.templates import Templates

PERIODS_SHOWN = 8
SUBJECTS_SHOWN = 8
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Change:
    """A message that was posted, and would say something else today.

    ``name`` is the branch's, empty for the network; ``before`` are the facts that were posted,
    ``footer`` is said of one that a chat gets for the first time.
    """

    key: MessageKey
    period: Period
    name: str
    before: Mapping[str, str]
    message: Message
    footer: str = ""

    @property
    def is_report(self) -> bool:
        """Whether it is the text of a report: not what is attached, nor what tells of bounds."""
        return bool(self.message.facts) and self.message.attachment is None

    @property
    def is_consequence(self) -> bool:
        """Whether no figure of its own changed: only the comparison, a picture, or bounds."""
        return not self.is_report or differing(self.before, self.message.facts) == [COMPARED]

    def told(self, language: Language) -> str:
        """Say whose figures changed, why where that is known, and how."""
        name = one_line(self.name) or language.word("network")
        return f"{name}: {what_changed(self.before, self.message.facts, language.templates)}"


def had_profit(facts: Mapping[str, str]) -> bool:
    """Whether a report that was posted told of no loss, by its facts as written."""
    return not facts.get("profit", MINUS).startswith((MINUS, "-"))


def too_many(changes: Sequence[Change], *, most: int, templates: Templates) -> Message:
    """Ask ops whether so many messages may be edited, with the command that lets them through.

    Counted are those that are no mere consequence of another.
    """
    language = language_of(templates)
    own = [change for change in changes if not change.is_consequence]
    periods = [
        _summed_up(list(group), language)
        for _, group in groupby(own, key=lambda change: (change.key.report, change.period))
    ]
    html = language.render(
        "recheck_asks.html.j2",
        count=len(own),
        most=most,
        periods=periods[:PERIODS_SHOWN],
        more=max(0, len(periods) - PERIODS_SHOWN),
        command=RunPurpose("recheck", "", conf={"most_changes": len(own)}).repair(),
    )
    return Message(html)


def few_enough(*, templates: Templates) -> Message:
    """Say that the question is settled: the messages are edited, or need not be any more."""
    return Message(language_of(templates).render("recheck_settled.html.j2"))


def frozen_differs(changes: Sequence[Change], *, templates: Templates) -> Message:
    """Tell ops that figures of one frozen period changed, and that its messages stay."""
    language = language_of(templates)
    first = changes[0]
    purpose = RunPurpose.of_report(first.key.report, first.period)
    html = language.render(
        "frozen_differs.html.j2",
        title=purpose.title(language),
        changes=[change.told(language) for change in changes[:SUBJECTS_SHOWN]],
        more=max(0, len(changes) - SUBJECTS_SHOWN),
        command=purpose.repair(correct_frozen=True),
    )
    return Message(html)


def frozen_same(report: str, period: Period, *, templates: Templates) -> Message:
    """Say that a frozen period's messages and figures are the same again."""
    language = language_of(templates)
    title = RunPurpose.of_report(report, period).title(language)
    return Message(language.render("frozen_same.html.j2", title=title))


def _summed_up(changes: Sequence[Change], language: Language) -> dict[str, Any]:
    """Return what ops read of one period: its report, how many messages, and one of them."""
    title = RunPurpose.of_report(changes[0].key.report, changes[0].period).title(language)
    network_last = sorted(changes, key=lambda change: bool(change.name))
    return {"title": title, "count": len(changes), "example": network_last[0].told(language)}
