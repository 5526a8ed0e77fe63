"""Reads the rows that a figure is made of (``include/sql/trace/``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sancrm_reports.pure.trace import TracedRow, families_of, traced
from sancrm_reports.wire.crm import parameters, sql_text

if TYPE_CHECKING:
    from sancrm_reports.pure.period import Period

UNALLOCATED = "unallocated"


def read_rows(
    cursor: Any, folder: Path, family: str, period: Period, branch: str | None
) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of one file of ``trace/``, by time; it is run when the first is asked for.

    ``branch`` is a branch's id as a text, ``unallocated`` for costs of no branch, or None for all.
    """
    of_whom = {
        "every_branch": branch is None,
        "branch": None if branch == UNALLOCATED else branch,
    }
    cursor.execute(sql_text(folder, f"trace/{family}.sql"), parameters(period) | of_whom)
    yield from cursor


def sql_version(folder: Path) -> str:
    """Return what identifies the formulas with everything that they include."""
    return sha256(sql_text(folder).encode()).hexdigest()[:12]


def read_trace(
    cursor: Any,
    folder: Path,
    figure: str,
    period: Period,
    branch: str | None = None,
    *,
    card_url: str | None = None,
    with_customers: bool = False,
) -> list[TracedRow]:
    """Return every row of a figure; with customers' names only if they are asked for.

    Raises:
        TraceError: the figure is not a sum of rows.
    """
    found: list[TracedRow] = []
    for family in families_of(figure):
        rows = list(read_rows(cursor, folder, family, period, branch))
        customers = read_customers(cursor, folder, rows) if with_customers else None
        found += traced(
            family,
            rows,
            figure,
            timezone=period.timezone,
            card_url=card_url,
            customers=customers,
        )
    return found


def read_customers(
    cursor: Any, folder: Path, rows: Iterable[Mapping[str, Any]]
) -> Mapping[str, str]:
    """Return the names of the rows' customers by their ids, as texts."""
    ids: Sequence[str] = sorted({str(row["customer_id"]) for row in rows if row.get("customer_id")})
    cursor.execute(sql_text(folder, "trace/customers.sql"), {"customer_ids": ids})
    return {str(row["customer_id"]): row["customer_name"] or "" for row in cursor.fetchall()}
