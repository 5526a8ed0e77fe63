"""The page's grid of a year of a hundred branches, as the API server makes it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, timedelta

from airflow.models.asset import AssetModel
from airflow.models.asset_state_store import AssetStateStoreModel as Stored
from demo.deliveries import daily_reports, write
from fastapi import Response
from fastapi.encoders import jsonable_encoder
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from demo.postgres import EmbeddedPostgres
from sancrm_reports.glue.page import grid
from sancrm_reports.pure.audit import Fate

DAG_ID = "profitability_daily"
BRANCHES = {number: f"Филиал {number}" for number in range(1, 101)}
DAYS = [date(2025, 1, 1) + timedelta(days=number) for number in range(365)]
MOST = 12  # times what reading the keys of its messages takes; parsing every entry takes more
SECONDS = 1.0


def page(postgres: EmbeddedPostgres) -> list[str]:
    """Print the time of a year's grid beside that of reading only the keys, taking turns."""
    dsn = postgres.create_database("ledger").replace("postgresql://", "postgresql+psycopg2://")
    engine = create_engine(dsn)
    AssetModel.metadata.create_all(engine, tables=[AssetModel.__table__, Stored.__table__])
    with Session(engine) as session:
        reports = daily_reports(BRANCHES, DAYS, _fate, lambda day, subject: f"{subject} {day}")
        write(session, DAG_ID, reports)
        limit, ours = [], []
        for _ in range(7):
            limit.append(_seconds(lambda: _keys(session)))
            ours.append(_seconds(lambda: _grid(session)))
    engine.dispose()
    ratio = min(ours) / min(limit)
    print(
        f"page of a year: {min(ours) * 1000:.0f} ms (at most {SECONDS * 1000:.0f}), "
        f"keys {min(limit) * 1000:.0f} ms, ratio {ratio:.1f}  (at most {MOST})"
    )
    return ["page"] if ratio > MOST or min(ours) > SECONDS else []


def _fate(day: date, subject: str) -> Fate:
    """One in seven was corrected, a month came late."""
    if (day.toordinal() + len(subject)) % 7 == 0:
        return Fate.CORRECTED
    return Fate.LATE if day.month == 3 else Fate.SENT


def _grid(session: Session) -> None:
    jsonable_encoder(grid(DAG_ID, DAYS[0], DAYS[-1], session, Response()))


def _keys(session: Session) -> None:
    start, end = f"{DAG_ID}|{DAYS[0]}", f"{DAG_ID}|{DAYS[-1] + timedelta(days=1)}"
    asset_id = select(AssetModel.id).scalar_subquery()
    keys = select(Stored.key).where(Stored.asset_id == asset_id)
    session.execute(keys.where(Stored.key >= start, Stored.key < end)).all()


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
