"""The lines of a workbook: a sheet for each kind of row, and formulas that add them up."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from sancrm_reports.pure.figures import COUNTS, Figures, Key, key_of
from sancrm_reports.pure.trace import FAMILIES
from sancrm_reports.pure.workbook_sheets import Sheet, Style

REPAIR = (("moved_at", "moment"), ("repair_code", "code"), ("repair_id", "code"))
LINE = (("item_name", "text"), ("quantity", "quantity"), ("price", "money"), ("discount", "money"))
# The columns of each sheet between the branch and the figures: as in include/sql/trace, with the
# kind of their cells.
COLUMNS: Mapping[str, Sequence[tuple[str, str]]] = {
    "services": (*REPAIR, *LINE),
    "parts": (*REPAIR, *LINE, ("purchase_price", "money")),
    "rentals": (
        ("moved_at", "moment"),
        ("item_id", "code"),
        ("item_name", "text"),
        ("quantity", "quantity"),
        ("price", "money"),
        ("total", "money"),
    ),
    "fixed_costs": (("moved_at", "day"), ("item_name", "text"), ("price", "money")),
    "repairs": REPAIR,
}
HEADS = {  # where a sheet says something else by a column's name
    "rentals": {"quantity": "days", "price": "price_per_day", "item_id": "rental_id"},
    "fixed_costs": {"moved_at": "day", "price": "amount_per_month"},
}
SUBJECT = (("workbook.place", "place"), ("workbook.branch", "text"))


class Lines:
    """Writes the sheets of lines, and knows their sums.

    Args:
        subjects: whose lines there are, in the order of the totals.
        timezone: of the times.
        style: makes the sheets.
    """

    def __init__(self, subjects: Sequence[Figures], timezone: str, style: Style) -> None:
        self._places = {row.branch_id: place for place, row in enumerate(subjects, 1)}
        self._names = {row.branch_id: row.branch_name for row in subjects}
        self._zone = ZoneInfo(timezone)
        self._style = style
        self._sheets: dict[str, Sheet] = {}
        self._sums: defaultdict[tuple[str, str, int | None], Decimal] = defaultdict(Decimal)
        self._hash = sha256()

    @property
    def hash(self) -> str:
        """The hash of everything that was written and remembered."""
        return self._hash.hexdigest()

    def remember(self, value: Any) -> None:
        """Let the hash depend on a value of JSON."""
        self._hash.update(json.dumps(value, default=str, sort_keys=True).encode())

    def write(self, family: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write the sheet of a family of rows, each row as it comes.

        Raises:
            WorkbookError: there are more than a sheet can hold.
        """
        figures = FAMILIES[family]
        heads = HEADS.get(family, {})
        columns = [
            *SUBJECT,
            *((f"workbook.{heads.get(name, name)}", kind) for name, kind in COLUMNS[family]),
            *((f"figure.{name}", "count" if name in COUNTS else "money") for name in figures),
        ]
        sheet = self._sheets[family] = self._style.sheet(family, columns)
        for row in rows:
            branch = key_of(row["branch_id"])
            place = self._places.get(branch)
            values = [row[name] for name, _ in COLUMNS[family]]
            amounts = [row[name] for name in figures]
            for name, amount in zip(figures, amounts, strict=True):
                if amount is not None:
                    self._sums[family, name, place] += amount
                    self._sums[family, name, None] += amount
            sheet.write(place, self._name(branch), *map(self._cell, values), *amounts)
            self.remember([family, place, *values, *amounts])
        sheet.finish()

    def sum_formula(self, family: str, figure: str, place: int | None) -> str:
        """Return the formula that adds a figure up: of one subject, or with None of all lines."""
        sheet = self._sheets[family]
        amounts = self._range(
            sheet, len(sheet.columns) - len(FAMILIES[family]) + FAMILIES[family].index(figure)
        )
        if place is None:
            return f"SUM({amounts})"
        return f"SUMIFS({amounts},{self._range(sheet, 0)},{place})"

    def sum_of(self, family: str, figure: str, place: int | None) -> Decimal:
        """Return what the formula comes to."""
        return self._sums[family, figure, place]

    def place_of(self, subject: Figures) -> int | None:
        """Return the number of a subject in the lines; None of the network, which has them all."""
        return None if subject.subject == "network" else self._places[subject.branch_id]

    def _range(self, sheet: Sheet, column: int) -> str:
        letter = chr(ord("A") + column)
        return f"{sheet.name}!${letter}$2:${letter}${max(sheet.row, 2)}"

    def _name(self, branch: Key | None) -> str:
        return self._names.get(branch) or self._style.language.word("workbook.unallocated")

    def _cell(self, value: Any) -> Any:
        if isinstance(value, datetime):
            return value.astimezone(self._zone).replace(tzinfo=None)
        return value if value is None or isinstance(value, Decimal | date) else str(value)
