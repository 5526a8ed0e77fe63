"""The demo's backup runs: nightly for three months, one failed two nights ago."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from random import Random

from demo.crm.rows import BackupRunRow
from demo.crm.workdays import DAY, WorkCalendar

NIGHTS = 90
FAILED_NIGHTS_AGO = 2  # the demo watches from the night before on
GIGABYTE = 1_000_000_000


def make_backup_runs(calendar: WorkCalendar) -> Iterator[BackupRunRow]:
    """Yield the runs, the last of them of the night to today."""
    rng = Random(f"{calendar.seed} backups")
    for number, nights_ago in enumerate(range(NIGHTS - 1, -1, -1), start=1):
        night = calendar.today - nights_ago * DAY
        started_at = datetime.combine(night, time(2, 30, rng.randrange(1, 20)))
        size = 3 * GIGABYTE + number * 4_200_000 + rng.randrange(2_000_000)
        if nights_ago == FAILED_NIGHTS_AGO:
            yield BackupRunRow(
                number,
                "sancrm",
                started_at,
                started_at + timedelta(seconds=147),
                "failed",
                None,
                None,
                "pg_dump: error: could not write to output file: No space left on device",
            )
            continue
        yield BackupRunRow(
            number,
            "sancrm",
            started_at,
            started_at + timedelta(seconds=rng.randrange(380, 460)),
            "succeeded",
            size,
            f"s3://sancrm-backups/sancrm-{night:%Y-%m-%d}.dump",
            None,
        )
