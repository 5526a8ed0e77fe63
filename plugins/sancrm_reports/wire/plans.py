"""Reads the plans: from the CRM, or from a file."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from sancrm_reports.pure.plans import Plan, Plans, PlansError, plans_of
from sancrm_reports.wire.crm import sql_text


def read_plans(cursor: Any, include: Path, source: str) -> Plans:
    """Return all plans.

    Args:
        cursor: one of the CRM.
        include: the folder that has ``sql/sources/plans.sql`` or ``plans.csv``.
        source: ``sql`` or ``csv``; empty where there are none.

    Raises:
        PlansError: a plan is none, or there are two for the same.
    """
    if source == "sql":
        cursor.execute(sql_text(include / "sql", "sources/plans.sql"))
        rows = [(f"plans.sql, row {n}", row) for n, row in enumerate(cursor.fetchall(), start=1)]
    elif source == "csv":
        rows = _lines(include / "plans.csv")
    else:
        rows = []
    return plans_of(Plan.from_row(row, place) for place, row in rows)


def _lines(file: Path) -> list[tuple[str, dict[str, Any]]]:
    """Read a file as spreadsheets save it: with commas or semicolons, with a byte order mark."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise PlansError(
            f"{file} is missing. Make it, with the head month,branch_id,figure,amount, or set "
            'plans.source = "" in include/settings.toml.'
        ) from None
    except UnicodeDecodeError:
        raise PlansError(f"{file} is not UTF-8: save it in that encoding.") from None
    lines = text.splitlines()
    separator = ";" if ";" in next(iter(lines), "") else ","
    reader = csv.DictReader(lines, delimiter=separator, restkey="more")
    rows = []
    for row in reader:
        place = f"plans.csv, line {reader.line_num}"
        if "more" in row:
            raise PlansError(f"{place} has more cells than the head: quote an amount with a comma.")
        cells = {(name or "").strip(): (cell or "").strip() for name, cell in row.items()}
        if any(cells.values()):
            rows.append((place, cells))
    return rows
