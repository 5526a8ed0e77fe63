"""From a figure to the rows that it is made of: which SQL gives them, and what each adds.

The files in ``include/sql/trace/`` give rows of the same CTEs that the formulas add up. A column
called as a figure says what the row adds to it; null is nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sancrm_reports.errors import PermanentError
from sancrm_reports.pure.figures import ADDITIVE, COUNTS, DETAILS, Figures

# The files of include/sql/trace, each with the figures that its rows add to.
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "services": ("repair_revenue",),
    "parts": ("repair_revenue", "variable_costs", "scrapped_costs", "parts_without_cost"),
    "rentals": ("rental_revenue", "rental_count"),
    "fixed_costs": ("fixed_costs",),
    "repairs": ("repair_count",),
}
# What figures that follow from others are made of, with its sign.
TERMS: Mapping[str, Mapping[str, int]] = {
    "revenue": {"repair_revenue": 1, "rental_revenue": 1},
    "profit": {"repair_revenue": 1, "rental_revenue": 1, "variable_costs": -1, "fixed_costs": -1},
}
TRACED = (*ADDITIVE, *DETAILS)


class TraceError(PermanentError):
    """There are no rows of such a figure or subject."""

    code = "trace"


class Part(NamedTuple):
    """A row of a figure, as the SQL gives it, and what it adds to the figure; exact."""

    family: str
    row: Mapping[str, Any]
    amount: Decimal


class ShownRow(NamedTuple):
    """A row as people read it: a repair, a line of one, a rental, or a day of a fixed cost.

    ``at`` is when a repair was closed or a rental returned, by the account's clock, or the day.
    ``price`` is of one, or a cost's month; ``link`` is the repair's card in the CRM. ``customer``
    names people, and is empty unless somebody asked for names.
    """

    family: str
    branch: str
    at: str
    number: str
    code: str
    repair_id: str
    link: str
    item_id: str
    item: str
    quantity: Decimal | None
    price: Decimal | None
    discount: Decimal | None
    purchase_price: Decimal | None
    amount: Decimal
    customer: str = ""


def families_of(figure: str) -> list[str]:
    """Return the files whose rows make a figure.

    Raises:
        TraceError: the figure is not a sum of rows.
    """
    if figure not in TRACED:
        raise TraceError(
            f"{figure!r} is not a sum of rows. These are: {', '.join(TRACED)}; the margin is "
            "profit / revenue."
        )
    terms = _terms(figure)
    return [family for family, figures in FAMILIES.items() if terms.keys() & set(figures)]


def parts(family: str, rows: Iterable[Mapping[str, Any]], figure: str) -> Iterator[Part]:
    """Yield those of a family's rows that have a part in a figure."""
    terms = [(name, sign) for name, sign in _terms(figure).items() if name in FAMILIES[family]]
    for row in rows:
        known = [sign * Decimal(row[name]) for name, sign in terms if row[name] is not None]
        if known:
            yield Part(family, row, sum(known[1:], known[0]))


def shown(
    part: Part,
    zone: ZoneInfo,
    *,
    card_url: str | None = None,
    customers: Mapping[str, str] | None = None,
) -> ShownRow:
    """Return a row as people read it.

    ``card_url`` is the pattern of a repair's card; ``customers`` has names by id.
    """
    row = part.row
    repair = {name: _text(row.get(f"repair_{name}")) for name in ("id", "number", "code")}
    return ShownRow(
        family=part.family,
        branch=_text(row["branch_name"]),
        at=_moment(row["moved_at"], zone),
        number=repair["number"],
        code=repair["code"],
        repair_id=repair["id"],
        link=card_url.format(**repair) if card_url and repair["id"] else "",
        item_id=_text(row["item_id"]),
        item=_text(row.get("item_name")),
        quantity=row.get("quantity"),
        price=row.get("price"),
        discount=row.get("discount"),
        purchase_price=row.get("purchase_price"),
        amount=part.amount,
        customer=(customers or {}).get(_text(row.get("customer_id")), ""),
    )


def total(found: Iterable[Part]) -> Decimal:
    """Return what the rows of a figure add up to."""
    return sum((part.amount for part in found), Decimal(0))


def figure_of(rows: Iterable[Figures], figure: str, branch: str | None) -> Decimal | int | None:
    """Return the figure of a subject, as the report has it; None where it is unknown.

    ``branch`` is a branch's id as a text, ``unallocated``, or None for the network.

    Raises:
        TraceError: there is no such branch.
    """
    found = {row.subject if row.subject != "branch" else str(row.branch_id): row for row in rows}
    subject = found.get(branch or "network")
    if subject is None:
        ids = ", ".join(key for key in found if key != "network")
        raise TraceError(f"There is no branch {branch!r} in this period. There are: {ids}.")
    value: Decimal | int | None = getattr(subject, figure)
    return value


def unit_of(figure: str) -> str:
    """Return whether a figure counts things or roubles: ``count`` or ``money``."""
    return "count" if figure in COUNTS else "money"


def _terms(figure: str) -> Mapping[str, int]:
    return TERMS.get(figure, {figure: 1})


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _moment(value: datetime | date, zone: ZoneInfo) -> str:
    if isinstance(value, datetime):
        return value.astimezone(zone).replace(tzinfo=None).isoformat(" ", "minutes")
    return value.isoformat()
