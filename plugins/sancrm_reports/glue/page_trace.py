"""What the page shows of a figure: the largest rows that it is made of, and their sum."""

from __future__ import annotations

from decimal import Decimal
from heapq import nlargest
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import HTTPException

from sancrm_reports.errors import ReportError
from sancrm_reports.glue.page_language import our_language
from sancrm_reports.pure.figure_trace import (
    Part,
    TraceError,
    figure_of,
    shown,
    total,
    unit_of,
)
from sancrm_reports.pure.figures import ADDITIVE
from sancrm_reports.pure.formatting import Formats
from sancrm_reports.pure.language import explained
from sancrm_reports.pure.period import Period
from sancrm_reports.settings import INCLUDE, settings
from sancrm_reports.wire.crm import read_profitability, snapshot, sql_text
from sancrm_reports.wire.figure_trace import read_parts

SQL = INCLUDE / "sql"
SHOWN = 100  # rows; make trace prints all of them


def figures_shown() -> list[tuple[str, str]]:
    """Return the figures that can be traced, the headline first, with their names."""
    word = our_language().word
    return [
        (figure, word(f"figure.{figure}").capitalize())
        for figure in ("profit", *(figure for figure in ADDITIVE if figure != "profit"))
        if settings().account.has_rentals or not figure.startswith("rental")
    ]


def trace_of(period: Period, subject: str, figure: str) -> dict[str, Any]:
    """Return the rows of a figure as the page shows them; customers are in none.

    Raises:
        HTTPException: there is no such figure or subject, or the CRM does not answer.
    """
    branch = None if subject == "network" else subject.removeprefix("branch-")
    try:
        with snapshot(settings().database) as cursor:
            found = read_parts(cursor, SQL, figure, period, branch)
            figures = read_profitability(cursor, sql_text(SQL), period)
        now = figure_of(figures, figure, branch)
    except TraceError as error:
        raise HTTPException(404, explained(error, our_language().templates)) from None
    except ReportError as error:
        raise HTTPException(502, explained(error, our_language().templates)) from None
    write = _writer(our_language().formats, figure)
    largest = nlargest(SHOWN, found, key=lambda part: abs(part.amount))
    return {
        "count": len(found),
        "total": write(total(found)),
        "figure": write(None if now is None else Decimal(now)),
        "rows": [
            _cells(part, ZoneInfo(period.timezone)) | {"amount": write(part.amount)}
            for part in largest
        ],
    }


def _cells(part: Part, zone: ZoneInfo) -> dict[str, str]:
    row = shown(part, zone, card_url=settings().missed_calls.card_url)
    return {
        "at": row.at,
        "branch": row.branch,
        "code": row.code or row.item_id,
        "link": row.link,
        "item": row.item,
    }


def _writer(formats: Formats, figure: str) -> Any:
    if unit_of(figure) == "money":
        return formats.money
    return lambda number: formats.count(None if number is None else int(number))
