"""``make trace``: the rows that a figure is made of, their sum, and the figure."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import TextIO
from zoneinfo import ZoneInfo

from sancrm_reports.errors import ReportError
from sancrm_reports.glue.airflow_connections import see_airflows_connections
from sancrm_reports.pure.formatting import as_text
from sancrm_reports.pure.kinds import REPORT_KINDS
from sancrm_reports.pure.period import Period, parse_day
from sancrm_reports.pure.trace import ShownRow, figure_of, shown, total
from sancrm_reports.settings import INCLUDE, settings
from sancrm_reports.wire.crm import read_profitability, snapshot, sql_text
from sancrm_reports.wire.trace import read_customers, read_parts

SQL = INCLUDE / "sql"
NUMBERS = ("quantity", "price", "discount", "purchase_price", "amount")  # to the right


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the rows of a figure; 1 where they don't add up to it, or cannot be read."""
    parser = argparse.ArgumentParser(prog="make trace", description=__doc__)
    parser.add_argument("--figure", required=True, help="as docs/metrics.md names it: profit")
    parser.add_argument("--report", choices=REPORT_KINDS, default="monthly")
    parser.add_argument("--period", required=True, help="a day inside the period: 2026-10-15")
    parser.add_argument("--branch", help="its id, or unallocated; default: the network")
    parser.add_argument("--format", choices=("table", "csv"), default="table")
    parser.add_argument("--customers", action="store_true", help="name the customers, too")
    options = parser.parse_args(arguments)
    see_airflows_connections()
    try:
        period = Period.containing(
            parse_day(options.period),
            kind=REPORT_KINDS[options.report].period,
            timezone=settings().account.timezone,
        )
        with snapshot(settings().database, is_private=options.customers) as cursor:
            parts = read_parts(cursor, SQL, options.figure, period, options.branch)
            customers = read_customers(cursor, SQL, parts) if options.customers else None
            figures = read_profitability(cursor, sql_text(SQL), period)
        figure = figure_of(figures, options.figure, options.branch)
    except (ReportError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    zone, card_url = ZoneInfo(period.timezone), settings().missed_calls.card_url
    rows = [shown(part, zone, card_url=card_url, customers=customers) for part in parts]
    columns = ShownRow._fields[: None if options.customers else -1]
    write = write_csv if options.format == "csv" else write_table
    write(rows, columns, sys.stdout)
    whole = total(parts)
    whose = f"branch {options.branch}" if options.branch else "the network"
    print(
        f"{options.figure} of {whose}, {period.key}: {len(rows)} rows, sum {whole:f}, "
        f"figure {'unknown' if figure is None else f'{figure:f}'}",
        file=sys.stderr if options.format == "csv" else sys.stdout,
    )
    return 0 if whole == (figure or 0) else 1


def write_csv(rows: Sequence[ShownRow], columns: Sequence[str], out: TextIO) -> None:
    """Write rows for a spreadsheet, in which a text never becomes a formula."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        cells = row[: len(columns)]
        writer.writerow([as_text(cell) if isinstance(cell, str) else cell for cell in cells])


def write_table(rows: Sequence[ShownRow], columns: Sequence[str], out: TextIO) -> None:
    """Write rows in columns, numbers to the right; columns without a value are left out."""
    cells = [[_cell(getattr(row, name)) for name in columns] for row in rows]
    shown = [place for place in range(len(columns)) if any(row[place] for row in cells)]
    widths = [max(len(line[place]) for line in [columns, *cells]) for place in shown]
    for line in [columns, *cells] if rows else []:
        padded = (
            line[place].rjust(width) if columns[place] in NUMBERS else line[place].ljust(width)
            for place, width in zip(shown, widths, strict=True)
        )
        print("  ".join(padded).rstrip(), file=out)


def _cell(value: object) -> str:
    text = f"{value:f}" if isinstance(value, Decimal) else "" if value is None else str(value)
    return " ".join(text.split())


if __name__ == "__main__":
    sys.exit(main())
