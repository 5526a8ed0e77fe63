"""The messages of a report by the rows that ``compute_profitability`` returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sancrm_reports.pure.figures import NETWORK, Figures
from sancrm_reports.pure.kinds import report_of
from sancrm_reports.settings import settings, templates

if TYPE_CHECKING:
    from sancrm_reports.pure.messages import Comparison, Message
    from sancrm_reports.pure.period import Period
    from sancrm_reports.pure.plans import Progress

Row = Mapping[str, Any]
BOUNDS = "bounds"  # the subject of a message to the chat of the bounds


def branch_message(row: Row, period: Period) -> Message:
    """Write the report of a branch."""
    from sancrm_reports.pure.messages import branch_report

    return branch_report(
        comparison(row),
        period,
        templates=templates(),
        complete_until=row.get("complete_until"),
        has_rentals=settings().account.has_rentals,
        crossed=bounds_crossed(row, period),
        progress=progress_of(row),
    )


def bounds_crossed(row: Row, period: Period) -> list[str]:
    """Return what is told of the bounds of a row's subject."""
    from sancrm_reports.pure.bounds import crossed

    return crossed(
        settings().bounds.of(row["branch_id"]),
        Figures.from_row(row),
        report_of(period).id,
        templates=templates(),
    )


def progress_of(row: Row) -> list[Progress]:
    """Return how far the subject of a row has come."""
    from sancrm_reports.pure.plans import Progress

    return [Progress.from_json(one) for one in row.get("progress", ())]


def network_message(rows: Sequence[Row], period: Period) -> Message:
    """Write the summary of the network."""
    from sancrm_reports.pure.messages import network_report
    from sancrm_reports.pure.reasons import added, reasons

    by_subject = {row["subject"]: row for row in rows}
    url = settings().account.crm_url
    return network_report(
        comparison(by_subject[NETWORK]),
        unallocated=Figures.from_row(by_subject["unallocated"]),
        branches=[Figures.from_row(row) for row in rows if row["subject"] == "branch"],
        period=period,
        templates=templates(),
        crm_url=str(url) if url else None,
        changed_by=added(reasons(*pair) for pair in compared_parts(rows)),
        complete_until=by_subject[NETWORK].get("complete_until"),
        has_rentals=settings().account.has_rentals,
        crossed=bounds_crossed(by_subject[NETWORK], period),
        silent=by_subject[NETWORK].get("silent", ()),
        weeks=settings().bounds.silence_weeks,
        progress=progress_of(by_subject[NETWORK]),
        plans_differ=[
            (one["figure"], Decimal(one["branches"]), Decimal(one["network"]))
            for one in by_subject[NETWORK].get("plans_differ", ())
        ],
    )


def bounds_told(rows: Sequence[Row], period: Period) -> tuple[bool, Message]:
    """Return whether a bound is crossed, and what the chat of the bounds reads, network first."""
    from sancrm_reports.pure.bounds import bounds_message

    told = [
        (row["branch_name"] or "", bounds_crossed(row, period))
        for row in reversed(rows)
        if row["subject"] != "unallocated"
    ]
    message = bounds_message(told, period, templates=templates())
    return any(crossed for _, crossed in told), message


def bounds_report(period: Period) -> str:
    """Return what messages to the chat of the bounds are called in the ledger."""
    return f"bounds_{report_of(period).id}"


def compared_parts(rows: Sequence[Row]) -> list[tuple[Figures, Figures]]:
    """Return the figures of each part of the network, now and before, gone branches with them."""
    gone = [Figures.from_row(row) for row in rows[-1].get("gone", ())]
    return [
        *(compared(row) for row in rows if row["subject"] != NETWORK),
        *((Figures.none_of(figures), figures) for figures in gone),
    ]


def compared(row: Row) -> tuple[Figures, Figures]:
    """Return the figures of one subject, now and before."""
    return Figures.from_row(row), Figures.from_row(row["compared_with"])


def comparison(row: Row) -> Comparison:
    """Return the figures of a row, with those that they are compared with."""
    from sancrm_reports.pure.messages import Comparison

    return Comparison(*compared(row))
