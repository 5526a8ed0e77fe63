"""Figures to messages, by the templates of a language, which look like them.

Pure: neither Airflow nor Telegram is known here, only the HTML that Telegram understands.
``templates`` says in which language, and in which currency.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from html import escape
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from markupsafe import Markup

from sancrm_reports.pure.figures import Figures
from sancrm_reports.pure.kinds import report_of
from sancrm_reports.pure.language import Language, language_of
from sancrm_reports.pure.period import Period
from sancrm_reports.pure.plans import Progress
from sancrm_reports.pure.ranking import Ranking
from sancrm_reports.pure.reasons import Reasons, reasons
from sancrm_reports.pure.reasons_text import why
from sancrm_reports.pure.splitting import ONE_MESSAGE, visible_length
from sancrm_reports.pure.templates import Templates

LONGEST_PLACE = 70  # a line of the folded list: more than this is never cut at once
COMPARED = "compared_profit"  # among the facts: of the period compared with, not of this one


@dataclass(frozen=True)
class Button:
    """A button below a message that opens an address."""

    text: str
    url: str

    @property
    def is_allowed(self) -> bool:
        """Whether Telegram takes the address: it refuses a whole message for http://localhost."""
        address = urlsplit(self.url)
        return address.scheme in ("http", "https", "tg") and "." in (address.hostname or "")


@dataclass(frozen=True)
class Attachment:
    """A picture or a document.

    Attachments are compared by ``fingerprint``: a workbook's is of its figures, because the same
    figures make another file each time.
    """

    kind: Literal["picture", "document"]
    name: str
    data: bytes = field(repr=False)
    fingerprint: str


@dataclass(frozen=True)
class Message:
    """What a chat shows: Telegram's HTML, at most one button, and at most one attachment.

    With an attachment the text is its caption.
    ``facts`` are the headline figures by name, as written: a correction says how they changed.
    A private message names people: its text is kept nowhere but in the chat. A protected one
    cannot be forwarded or saved from the chat.
    """

    html: str
    button: Button | None = None
    attachment: Attachment | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    is_private: bool = False
    is_protected: bool = False

    @property
    def compared(self) -> str:
        """All that another message must have alike to be the same."""
        return self.html + (f"\n{self.attachment.fingerprint}" if self.attachment else "")

    def with_button_as_text(self) -> Message:
        """Return the message with a line of text in place of its button."""
        if self.button is None:
            return self
        line = f"{escape(self.button.text)}: {escape(self.button.url)}"
        return replace(self, html=f"{self.html}\n{line}", button=None)


@dataclass(frozen=True)
class Comparison:
    """Figures of one subject, and of the same subject in the period compared with."""

    now: Figures
    before: Figures


def branch_report(
    comparison: Comparison,
    period: Period,
    *,
    templates: Templates,
    complete_until: str | None = None,
    has_rentals: bool = True,
    crossed: Sequence[str] = (),
    progress: Sequence[Progress] = (),
) -> Message:
    """Write the report of one branch.

    ``complete_until`` says, as ISO 8601, until when there are data; empty where nobody knows, None
    where there are all. Without rentals nothing is said of them. ``crossed`` is what is told of
    bounds, ``progress`` what is told of plans.
    """
    language = language_of(templates)
    html = language.render(
        "branch_report.html.j2",
        figures=comparison,
        why=_why(
            reasons(comparison.now, comparison.before), comparison, period, language, has_rentals
        ),
        period=period,
        is_incomplete=complete_until is not None,
        complete_until=until_when(_instant(complete_until), period, language),
        has_rentals=has_rentals,
        crossed=crossed,
        progress=progress,
    )
    return Message(html, facts=headline_facts(comparison, language))


def network_report(
    network: Comparison,
    *,
    unallocated: Figures,
    branches: Sequence[Figures],
    period: Period,
    templates: Templates,
    crm_url: str | None,
    changed_by: Reasons | None = None,
    complete_until: str | None = None,
    has_rentals: bool = True,
    crossed: Sequence[str] = (),
    silent: Sequence[str] = (),
    weeks: int = 0,
    progress: Sequence[Progress] = (),
    plans_differ: Sequence[tuple[str, Decimal, Decimal]] = (),
) -> Message:
    """Write the summary of the network: totals, not allocated, branches ranked by profit.

    It is one message, however many branches there are.

    ``changed_by`` are the reasons of the profit's change, added up over the branches.
    ``complete_until``, ``has_rentals`` and ``crossed`` as in the report of a branch. ``silent`` are
    branches without movements, which had some on the same weekday of each of the last ``weeks``.
    ``progress`` is what is told of plans; ``plans_differ`` are figures whose plans of branches add
    up to something else than the network's: that sum, and the network's plan.
    """
    language = language_of(templates)
    html = _in_one_message(
        Ranking.of(branches, silent),
        lambda ranking: language.render(
            "network_report.html.j2",
            figures=network,
            why=_why(changed_by, network, period, language, has_rentals),
            unallocated=unallocated,
            branches=ranking,
            period=period,
            is_incomplete=complete_until is not None,
            complete_until=until_when(_instant(complete_until), period, language),
            has_rentals=has_rentals,
            crossed=crossed,
            silent=silent,
            weeks=weeks,
            progress=progress,
            plans_differ=plans_differ,
        ),
    )
    button = Button(language.word("button.crm"), crm_url) if crm_url else None
    return Message(html, button, facts=headline_facts(network, language))


def _in_one_message(ranking: Ranking, write: Callable[[Ranking], str]) -> str:
    """Leave out of the folded list what has no room, from its middle; the ends are telling."""
    html = write(ranking)
    shown = len(ranking.places)
    while (over := visible_length(html) - ONE_MESSAGE) > 0 and shown:
        shown = max(0, shown - max(1, over // LONGEST_PLACE))
        html = write(replace(ranking, shown=shown))
    return html


def _why(
    found: Reasons | None,
    compared: Comparison,
    period: Period,
    language: Language,
    has_rentals: bool,
) -> str:
    if found is None or not report_of(period).has_reasons:
        return ""
    return why(found, compared.now, compared.before, language, has_rentals=has_rentals)


def until_when(until: datetime | None, period: Period, language: Language) -> str:
    """Name the time until when data are complete: 18:00, of another day than the last with it."""
    if until is None:
        return ""
    local = until.astimezone(ZoneInfo(period.timezone))
    is_last_day = local.date() == period.end - timedelta(days=1)
    return f"{local:%H:%M}" if is_last_day else language.formats.moment(local)


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def digest_line(network: Figures, period: Period, *, templates: Templates) -> str:
    """Write one period of a digest: its name, profit and margin, as Telegram's HTML."""
    language = language_of(templates)
    return language.render("digest_line.html.j2", figures=network, period=period)


def digest(report: str, lines: Sequence[str], *, templates: Templates) -> Message:
    """Write what was missed of a report (``daily``, …), a line a period, in one message."""
    safe = [Markup(line) for line in lines]
    return Message(language_of(templates).render("digest.html.j2", report=report, lines=safe))


def lateness(late: timedelta, *, after: timedelta, templates: Templates) -> str:
    """Say how late a report is, in days or hours; empty where it is not late."""
    if late < after:
        return ""
    language = language_of(templates)
    return language.word("lateness", time=language.formats.whole_time(late))


def group_moved(
    old: str, new: str, conn_id: str, *, title: str = "", templates: Templates
) -> Message:
    """Tell ops that a group became a supergroup."""
    values = {"old": old, "new": new, "conn_id": conn_id, "title": title}
    return Message(language_of(templates).render("group_moved.html.j2", **values))


def headline_facts(comparison: Comparison, language: Language) -> dict[str, str]:
    """Return the headline figures as written: a correction says which of them changed."""
    figures, formats = comparison.now, language.formats
    fixed = figures.fixed_costs
    unknown = language.word("figure.unknown")
    return {
        "profit": formats.chat_money(figures.profit),
        "revenue": formats.chat_money(figures.revenue),
        "variable_costs": formats.chat_money(figures.variable_costs),
        "fixed_costs": unknown if fixed is None else formats.chat_money(fixed),
        "repair_count": formats.count(figures.repair_count),
        "rental_count": formats.count(figures.rental_count),
        COMPARED: formats.chat_money(comparison.before.profit),
    }
