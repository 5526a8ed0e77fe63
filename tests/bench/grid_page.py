"""The page's grid of a year of a hundred branches, as the API server makes it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, timedelta

from fastapi.encoders import jsonable_encoder

from demo.ledger import create_ledger, daily_reports, open_database
from demo.postgres import EmbeddedPostgres
from sancrm_reports.glue.page import grid
from sancrm_reports.pure.audit import DeliveryStatus
from sancrm_reports.wire.ledger.database import LedgerDatabase
from sancrm_reports.wire.ledger.ledger import Ledger

DAG_ID = "profitability_daily"
BRANCHES = {number: f"Филиал {number}" for number in range(1, 101)}
DAYS = [date(2025, 1, 1) + timedelta(days=number) for number in range(365)]
MOST = 12  # times what reading the keys of its messages takes
SECONDS = 0.3


def page(postgres: EmbeddedPostgres) -> list[str]:
    """Print the time of a year's grid beside that of reading only the keys, taking turns."""
    with open_database(create_ledger(postgres)) as database:
        daily_reports(database, BRANCHES, DAYS, _status, lambda day, subject: f"{subject} {day}")
        database.rows("analyze")
        limit, ours = [], []
        for _ in range(7):
            limit.append(_seconds(lambda: _keys(database)))
            ours.append(_seconds(lambda: _grid(database)))
    ratio = min(ours) / min(limit)
    print(
        f"page of a year: {min(ours) * 1000:.0f} ms (at most {SECONDS * 1000:.0f}), "
        f"keys {min(limit) * 1000:.0f} ms, ratio {ratio:.1f}  (at most {MOST})"
    )
    return ["page"] if ratio > MOST or min(ours) > SECONDS else []


def _status(day: date, subject: str) -> DeliveryStatus:
    """One in seven was corrected, a month came late."""
    if (day.toordinal() + len(subject)) % 7 == 0:
        return DeliveryStatus.CORRECTED
    return DeliveryStatus.LATE if day.month == 3 else DeliveryStatus.SENT


def _grid(database: LedgerDatabase) -> None:
    jsonable_encoder(grid(DAG_ID, DAYS[0], DAYS[-1], Ledger(database)))


def _keys(database: LedgerDatabase) -> None:
    database.tuples(
        "select period, subject from sancrm_ledger.messages where report = %(report)s",
        report=DAG_ID,
    )


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
