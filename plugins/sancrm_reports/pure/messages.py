"""Figures to text: the templates in ``include/templates`` look like the messages.

Pure: neither Airflow nor Telegram is known here, only the HTML that Telegram understands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from functools import cache
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from sancrm_reports.pure import formatting
from sancrm_reports.pure.figures import Figures
from sancrm_reports.pure.period import Period


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
class Message:
    """What a chat shows: Telegram's HTML, and at most one button.

    ``facts`` are the headline figures by name, as written: a correction says how they changed.
    A private message names people: its text is kept nowhere but in the chat. A protected one
    cannot be forwarded or saved from the chat.
    """

    html: str
    button: Button | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    is_private: bool = False
    is_protected: bool = False

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
    templates: Path,
    complete_until: str | None = None,
    has_rentals: bool = True,
) -> Message:
    """Write the report of one branch; the data are complete until a time, None for all of them."""
    html = render(
        "branch_report.html.j2",
        templates,
        figures=comparison,
        period=period,
        complete_until=complete_until,
        has_rentals=has_rentals,
    )
    return Message(html, facts=_facts(comparison.now))


def network_report(
    network: Comparison,
    *,
    unallocated: Figures,
    branches: Sequence[Figures],
    period: Period,
    templates: Path,
    crm_url: str | None,
    complete_until: str | None = None,
    has_rentals: bool = True,
) -> Message:
    """Write the summary of the network: totals, not allocated, branches ranked by profit."""
    ranked = sorted(branches, key=lambda branch: (-branch.profit, branch.branch_name or ""))
    html = render(
        "network_report.html.j2",
        templates,
        figures=network,
        unallocated=unallocated,
        ranked=[(branch, share) for branch, share in zip(ranked, shares(ranked), strict=True)],
        period=period,
        complete_until=complete_until,
        has_rentals=has_rentals,
    )
    button = Button("Открыть в CRM", crm_url) if crm_url else None
    return Message(html, button, facts=_facts(network.now))


def digest_line(network: Figures, period: Period, *, templates: Path) -> str:
    """Write one period of a digest: its name, profit and margin, as Telegram's HTML."""
    return render("digest_line.html.j2", templates, figures=network, period=period)


def digest(report: str, lines: Sequence[str], *, templates: Path) -> Message:
    """Write what was missed of a report (``daily``, …), a line a period, in one message."""
    kinds = {"daily": "ежедневные", "weekly": "еженедельные", "monthly": "ежемесячные"}
    title = f"Пропущенные отчёты, вся сеть: {kinds[report]}"
    safe = [Markup(line) for line in lines]
    return Message(render("digest.html.j2", templates, title=title, lines=safe))


def lateness(late: timedelta, *, after: timedelta) -> str:
    """Say how late a report is, in days or hours; empty where it is not late."""
    if late < after:
        return ""
    hours = int(late.total_seconds() // 3600)
    return f"Отправлено с опозданием {f'{hours // 24} дн.' if hours >= 24 else f'{hours} ч.'}"


def group_moved(old: str, new: str, conn_id: str) -> Message:
    """Tell ops that a group became a supergroup."""
    return Message(
        f"⚠️ <b>Группа стала супергруппой</b>: {escape(old)} → {escape(new)}. Сообщения уже "
        f"уходят в новую. Поменяйте id чата в соединении {escape(conn_id)} "
        "или в include/settings.toml."
    )


def shares(branches: Sequence[Figures]) -> list[Decimal | None]:
    """Return each branch's part of what the profitable branches earned; None without profit."""
    whole = sum((max(branch.profit, Decimal(0)) for branch in branches), start=Decimal(0))
    return [branch.profit / whole if branch.profit > 0 else None for branch in branches]


def _facts(figures: Figures) -> dict[str, str]:
    fixed = figures.fixed_costs
    return {
        "прибыль": formatting.money(figures.profit),
        "выручка": formatting.money(figures.revenue),
        "переменные расходы": formatting.money(figures.variable_costs),
        "постоянные расходы": "нет данных" if fixed is None else formatting.money(fixed),
        "ремонтов": formatting.count(figures.repair_count),
        "прокатов": formatting.count(figures.rental_count),
    }


def money_change(now: Decimal | None, before: Decimal | None) -> str:
    """Say how an amount changed: +1 200 ₽, +9,1 %. A percentage needs a base above 0."""
    return _change(now, before, formatting.money, formatting.money_difference)


def count_change(now: int, before: int) -> str:
    """Say how a number of things changed: +3, +15,0 %."""
    return _change(
        Decimal(now),
        Decimal(before),
        lambda number: formatting.count(int(number)),
        lambda number: formatting.count(int(number), signed=True),
    )


def margin_change(now: Decimal | None, before: Decimal | None) -> str:
    """Say how a margin changed, in percentage points."""
    if now is None:
        return "" if before is None else f"раньше {formatting.percent(before)}"
    if before is None:
        return "раньше без выручки"
    difference = formatting.points(now - before)
    return difference if difference[0] in "+−" else "без изменений"


def _change(
    now: Decimal | None,
    before: Decimal | None,
    write: Callable[[Decimal], str],
    write_difference: Callable[[Decimal], str],
) -> str:
    if now is None:
        return "" if before is None else f"раньше {write(before)}"
    if before is None:
        return "раньше нет данных"
    if now == before:
        return "без изменений"
    difference = write_difference(now - before)
    if difference[0] not in "+−":
        return "почти без изменений"
    if before > 0:
        share = formatting.percent((now - before) / before, signed=True)
        return f"{difference}, {share}" if share[0] in "+−" else difference
    return f"{difference}, раньше {write(before)}"


@cache
def _environment(templates: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "money": formatting.money,
        "count": formatting.count,
        "percent": formatting.percent,
        "one_line": formatting.one_line,
        "moment": formatting.moment,
        "duration": formatting.duration,
        "size": formatting.size,
        "length_of_time": formatting.length_of_time,
        "moment_in": formatting.moment_in,
    }
    environment.globals |= {
        "plural": formatting.plural,
        "span": formatting.span,
        "period_name": formatting.period_name,
        "money_change": money_change,
        "count_change": count_change,
        "margin_change": margin_change,
    }
    return environment


def render(template: str, templates: Path, **values: Any) -> str:
    """Fill a template in; every value is escaped, unless it is markup already."""
    text = _environment(templates).get_template(template).render(**values)
    return re.sub(r"\n{3,}", "\n\n", text).strip()
