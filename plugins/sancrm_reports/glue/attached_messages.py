"""What belongs below a report's text, by the rows that ``compute_profitability`` returns.

``figures`` is one branch's row, or all of them: then it is the network's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sancrm_reports.glue.messages import Row, compared, compared_parts, comparison
from sancrm_reports.pure.figures import NETWORK, AttachmentKind, Figures, branch_of
from sancrm_reports.pure.kinds import report_of
from sancrm_reports.settings import INCLUDE, settings, templates
from sancrm_reports.wire.crm import read_profitability, snapshot, sql_text

if TYPE_CHECKING:
    from sancrm_reports.pure.messages import Message
    from sancrm_reports.pure.period import Period
    from sancrm_reports.pure.picture import Point

log = logging.getLogger(__name__)

SQL = INCLUDE / "sql"
Rows = Row | Sequence[Row]


def own_row(figures: Rows) -> Row:
    """Return the row of whom it is."""
    return figures if isinstance(figures, Mapping) else figures[-1]


def picture_message(figures: Rows, period: Period) -> Message:
    """Draw the profit over the last periods, and that of the network's branches."""
    from sancrm_reports.pure.language import language_of
    from sancrm_reports.pure.picture import picture

    whose = Figures.from_row(own_row(figures))
    branches = [
        (row["branch_name"], Figures.from_row(row).profit)
        for row in (() if isinstance(figures, Mapping) else figures)
        if row["subject"] == "branch"
    ]
    png = picture(
        whose.branch_name or language_of(templates()).word(NETWORK).capitalize(),
        _history(whose, period),
        branches,
        templates=templates(),
        theme=settings().delivery.picture_theme,
    )
    return _message("picture", png, figures, period)


def workbook_message(figures: Rows, period: Period, run_id: str = "") -> Message:
    """Write a workbook; where its lines differ from the figures, rows changed meanwhile."""
    from sancrm_reports.pure.figure_trace import FAMILIES
    from sancrm_reports.pure.workbook import About, workbook
    from sancrm_reports.wire.figure_trace import read_rows, sql_version

    network: tuple[Figures, Figures] | None = None
    if isinstance(figures, Mapping):
        parts = [compared(figures)]
    else:
        parts, network = compared_parts(figures), compared(figures[-1])
    branch = branch_of(Figures.from_row(own_row(figures)).name)
    with snapshot(settings().database) as cursor:
        book = workbook(
            parts,
            {family: read_rows(cursor, SQL, family, period, branch) for family in FAMILIES},
            period,
            About(run_id, sql_version(SQL), datetime.now(UTC)),
            templates=templates(),
            network=network,
            has_rentals=settings().account.has_rentals,
        )
    if book.differences:
        log.warning("The lines differ from the message: %s", dict(book.differences))
    return _message("workbook", book.data, figures, period, book.figures_hash)


MAKERS: Mapping[str, Callable[[Rows, Period], Message]] = {
    "picture": picture_message,
    "workbook": workbook_message,
}


def _history(whose: Figures, period: Period) -> list[Point]:
    """Return the profit of the last periods; those before the first movement are left out."""
    from sancrm_reports.pure.picture import Point

    earlier: list[Point] = []
    sql = sql_text(SQL)
    with snapshot(settings().database) as cursor:
        for back in range(report_of(period).drawn_periods - 1, 0, -1):
            before = period.before(back)
            rows = read_profitability(cursor, sql, before)
            found = next((row for row in rows if row.key == whose.key), None)
            if earlier or (found and found.has_movements):
                earlier.append(Point(before, found.profit if found else None))
    return [*earlier, Point(period, whose.profit)]


def _message(
    kind: AttachmentKind, data: bytes, figures: Rows, period: Period, fingerprint: str = ""
) -> Message:
    from sancrm_reports.pure.attachments import attachment_message

    branch = f"-{Figures.from_row(figures).name}" if isinstance(figures, Mapping) else ""
    return attachment_message(
        kind,
        data,
        compared=comparison(own_row(figures)),
        file=f"{report_of(period).dag_id}-{period.key}{branch}",
        period=period,
        templates=templates(),
        fingerprint=fingerprint,
    )
