"""``make formula-diff``: what a changed formula changes, before anyone sees it."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import pandas as pd

from sancrm_reports.errors import ReportError
from sancrm_reports.glue.airflow_connections import see_airflows_connections
from sancrm_reports.pure.figures import FIGURES, Figures
from sancrm_reports.pure.kinds import REPORT_KINDS
from sancrm_reports.pure.period import Period, parse_day
from sancrm_reports.settings import INCLUDE, settings
from sancrm_reports.wire.crm import read_profitability, snapshot, sql_text


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute one period by two sets of SQL files in one snapshot, and print what differs."""
    parser = argparse.ArgumentParser(prog="make formula-diff", description=__doc__)
    parser.add_argument("--report", choices=REPORT_KINDS, default="monthly")
    parser.add_argument("--period", required=True, help="a day inside the period: 2026-10-15")
    parser.add_argument("--against", type=Path, help="a folder of SQL files; default: git's HEAD")
    options = parser.parse_args(arguments)
    see_airflows_connections()
    try:
        period = Period.containing(
            parse_day(options.period),
            kind=REPORT_KINDS[options.report].period,
            timezone=settings().account.timezone,
        )
        with tempfile.TemporaryDirectory() as folder:
            before = options.against or committed_sql(Path(folder))
            print(difference(before, INCLUDE / "sql", period))
    except (ReportError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def difference(before: Path, now: Path, period: Period) -> str:
    """Return a table of the figures that two folders of SQL files give differently."""
    with snapshot(settings().database) as cursor:
        old, new = (
            table(read_profitability(cursor, sql_text(folder), period)) for folder in (before, now)
        )
    old, new = old.align(new)
    changed = old.compare(new, result_names=("before", "now"))
    if changed.empty:
        return f"No figure of {period.key} changes."
    return f"What changes in {period.key}:\n{changed.to_string(na_rep='')}"


def table(rows: Sequence[Figures]) -> pd.DataFrame:
    """Return figures as a table, a row per branch; amounts stay exact decimals."""
    return pd.DataFrame(
        [[getattr(row, figure) for figure in FIGURES] for row in rows],
        index=[f"{row.branch_name} ({row.name})" if row.branch_name else row.name for row in rows],
        columns=list(FIGURES),
        dtype=object,
    )


def committed_sql(folder: Path) -> Path:
    """Unpack the SQL files of the last commit."""
    try:
        archive = subprocess.run(
            ["git", "-C", str(INCLUDE), "archive", "HEAD", "sql"], capture_output=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        raise ValueError(
            f"{INCLUDE} is in no git repository: name a folder of earlier SQL files with --against."
        ) from None
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return folder / "sql"


if __name__ == "__main__":
    sys.exit(main())
