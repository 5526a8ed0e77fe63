"""``make formula-diff``: what a changed formula changes, before anyone sees it."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from sancrm_reports.errors import ReportError
from sancrm_reports.glue.airflow_connections import see_airflows_connections
from sancrm_reports.pure.figures import FIGURES, Figures
from sancrm_reports.pure.kinds import REPORT_KINDS
from sancrm_reports.pure.period import Period, parse_day
from sancrm_reports.settings import INCLUDE, settings
from sancrm_reports.wire.crm import read_profitability, snapshot, sql_text
from sancrm_reports.wire.sources import ALL_TIME

FROZEN = "frozen"


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute periods by two sets of SQL files in one snapshot, and print what differs."""
    parser = argparse.ArgumentParser(prog="make formula-diff", description=__doc__)
    parser.add_argument("--report", choices=REPORT_KINDS, default="monthly")
    parser.add_argument(
        "--period",
        required=True,
        help=f"a day inside the period: 2026-10-15; {FROZEN}: every month that is frozen",
    )
    parser.add_argument("--against", type=Path, help="a folder of SQL files; default: git's HEAD")
    options = parser.parse_args(arguments)
    see_airflows_connections()
    try:
        with tempfile.TemporaryDirectory() as folder:
            before = options.against or committed_sql(Path(folder))
            with snapshot(settings().database) as cursor:
                periods = asked_for(options.period, options.report, cursor)
                print(differences(cursor, before, INCLUDE / "sql", periods))
    except (ReportError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def asked_for(period: str, report: str, cursor: Any) -> list[Period]:
    """Return the period that a day lies in; of ``frozen`` all frozen months with movements.

    Raises:
        ValueError: it is no day, or no month is frozen.
    """
    zone = settings().account.timezone
    if period != FROZEN:
        kind = REPORT_KINDS[report].period
        return [Period.containing(parse_day(period), kind=kind, timezone=zone)]
    cursor.execute(sql_text(INCLUDE / "sql", "first_movement.sql"), ALL_TIME)
    first, here = cursor.fetchone()["first_at"], ZoneInfo(zone)
    frozen = settings().recheck.frozen(datetime.now(here).date())
    months = frozen.months_from(first.astimezone(here).date(), zone) if first else []
    if not months:
        raise ValueError(
            "No month with movements is frozen: recheck.frozen_until and recheck.freeze_after_days "
            "in include/settings.toml say which are."
        )
    return months


def differences(cursor: Any, before: Path, now: Path, periods: Sequence[Period]) -> str:
    """Return the tables of periods whose figures differ, and of how many they do not."""
    found = [difference(cursor, before, now, period) for period in periods]
    same = [period.key for period, text in zip(periods, found, strict=True) if not text]
    if same:
        others = f" (nor of {len(same) - 1} more periods, until {same[-1]})" if same[1:] else ""
        found.append(f"No figure of {same[0]}{others} changes.")
    return "\n\n".join(filter(None, found))


def difference(cursor: Any, before: Path, now: Path, period: Period) -> str:
    """Return a table of the figures that two folders of SQL files give differently, if any."""
    old, new = (
        table(read_profitability(cursor, sql_text(folder), period)) for folder in (before, now)
    )
    old, new = old.align(new)
    changed = old.compare(new, result_names=("before", "now"))
    if changed.empty:
        return ""
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
