"""Reads the rows that a figure is made of (``include/sql/trace/``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sancrm_reports.pure.trace import Part, families_of, parts
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


def read_parts(
    cursor: Any, folder: Path, figure: str, period: Period, branch: str | None = None
) -> list[Part]:
    """Return every row of a figure, by kind and time.

    Raises:
        TraceError: the figure is not a sum of rows.
    """
    return [
        part
        for family in families_of(figure)
        for part in parts(family, read_rows(cursor, folder, family, period, branch), figure)
    ]


def read_customers(cursor: Any, folder: Path, found: Iterable[Part]) -> Mapping[str, str]:
    """Return the names of the rows' customers by their ids, as texts. Names people."""
    ids = sorted({str(key) for part in found if (key := part.row.get("customer_id")) is not None})
    cursor.execute(sql_text(folder, "trace/customers.sql"), {"customer_ids": ids})
    return {str(row["customer_id"]): row["customer_name"] or "" for row in cursor.fetchall()}
