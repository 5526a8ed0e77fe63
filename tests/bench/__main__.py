"""``make bench``: speed as ratios within one run, because machines differ.

Loads a CRM of 2M repairs (1.7 GB, a minute or two) into a temporary PostgreSQL, and posts a
hundred reports and 300 missed calls at Telegram's own pace (twenty minutes).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import bench_explain
import bench_missed_calls
import psycopg
from grid_page import page
from psycopg.rows import dict_row

from delivery import delivery
from demo.crm.load import create_indexes, create_reader, create_schema
from demo.postgres import EmbeddedPostgres
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.settings import INCLUDE, settings
from sancrm_reports.wire.crm import read_profitability, sql_text

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
ZONE = "Europe/Moscow"
LIMIT_QUERY = """
select
    branch_id,
    sum(price * quantity - discount) filter (where is_success) as repair_revenue,
    sum(purchase_price * quantity) as variable_costs,
    count(*) filter (where is_part and purchase_price is null) as parts_without_cost
from joined_lines
where closed_at >= %s and closed_at < %s
group by branch_id
"""
YEAR = (date(2025, 10, 1), date(2026, 10, 1))
MOST = {"day": 8, "month": 4, "year": 7}  # times the limit


def main() -> int:
    """Print every figure with its bound; fail where one is over it."""
    with EmbeddedPostgres() as postgres:
        dsn = load(postgres)
        too_much = (
            queries(dsn) + bench_missed_calls.query(dsn, _seconds) + imports() + memory(postgres)
        )
        too_much += bench_explain.trace(dsn) + bench_explain.documents()
        too_much += page(postgres) + delivery(postgres) + bench_missed_calls.delivery(postgres)
    print("All within bounds." if not too_much else f"Over the bound: {', '.join(too_much)}")
    return 1 if too_much else 0


def load(postgres: EmbeddedPostgres) -> str:
    """Make the large CRM, its indexes, and the joined lines."""
    started = time.perf_counter()
    dsn = postgres.create_database("large")
    with psycopg.connect(dsn) as connection:
        create_schema(connection)
        connection.execute("set session_replication_role = replica")  # no key is checked by row
        connection.execute((HERE / "large_crm.sql").read_bytes())
    with psycopg.connect(dsn, autocommit=True) as connection:
        create_indexes(connection)
        create_reader(connection, "reader")
        connection.execute((HERE / "limit.sql").read_bytes())
        connection.execute("vacuum analyze")
        size = connection.execute(
            "select pg_size_pretty(pg_database_size(current_database()))"
        ).fetchone()
    print(f"Large CRM: {size[0] if size else '?'} in {time.perf_counter() - started:.0f} s")
    return dsn


def queries(dsn: str) -> list[str]:
    """Time the formulas for a day, a month and a year against the limit, taking turns."""
    sql = sql_text(INCLUDE / "sql")
    too_much = []
    with psycopg.connect(dsn, row_factory=dict_row, autocommit=True) as connection:
        for name, value in settings().database.session.items():
            connection.execute("select set_config(%s, %s, false)", (name, value))
        cursor = connection.cursor()
        for name, period in _periods().items():
            ours, limit = [], []
            for _ in range(9 if name == "day" else 5):
                limit.append(_seconds(lambda p=period: _scan(cursor, p)))
                ours.append(_seconds(lambda p=period: read_profitability(cursor, sql, p)))
            ratio = min(ours) / min(limit)
            print(
                f"{name:6}  {min(ours) * 1000:8.1f} ms, limit {min(limit) * 1000:7.1f} ms, "
                f"ratio {ratio:4.1f}  (at most {MOST[name]})"
            )
            too_much += [name] if ratio > MOST[name] else []
    return too_much


def imports() -> list[str]:
    """Time each DAG file's import beyond that of airflow.sdk, in processes of their own."""
    too_much = []
    for file in sorted((REPOSITORY / "dags").glob("*.py")):
        code = (
            "import time, airflow.sdk, airflow.sdk.definitions.dag;"
            "from airflow.sdk import DAG, task, Param, Asset, BaseOperator;"
            "start = time.perf_counter();"
            f"import {file.stem}; print(time.perf_counter() - start)"
        )
        times = [float(_python(code)) for _ in range(5)]
        print(f"import of {file.name} beyond airflow.sdk: {min(times):.2f} s  (at most 0.3)")
        too_much += [file.name] if min(times) > 0.3 else []
    return too_much


def memory(postgres: EmbeddedPostgres) -> list[str]:
    """Print the peak memory of a process that computes a month as the task does."""
    # Not by getrusage: its peak of a new process begins with that of the one that started it.
    code = (
        "import re, pathlib, airflow.sdk;"
        "status = pathlib.Path('/proc/self/status');"
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', status.read_text())[1]) / 1024;"
        "before = peak();"
        "from bench_compute import compute; compute(); print(before, peak())"
    )
    connection = json.dumps(
        {
            "conn_type": "postgres",
            "host": postgres.host,
            "port": postgres.port,
            "schema": "large",
            "login": "sancrm_reader",
            "password": "reader",
        }
    )
    before, peak = map(float, _python(code, AIRFLOW_CONN_SANCRM_DB=connection).split())
    print(f"peak memory of a computing task: {peak:.0f} MB, of which airflow.sdk {before:.0f} MB")
    return []


def _periods() -> dict[str, Period]:
    september = date(2026, 9, 15)
    return {
        "day": Period.containing(september, kind=PeriodKind.DAY, timezone=ZONE),
        "month": Period.containing(september, kind=PeriodKind.MONTH, timezone=ZONE),
        "year": _Year(PeriodKind.MONTH, YEAR[0], ZONE),
    }


class _Year(Period):
    """Twelve months: longer than any report, to see how the formulas grow."""

    @property
    def end(self) -> date:
        return YEAR[1]


def _scan(cursor: psycopg.Cursor, period: Period) -> None:
    cursor.execute(LIMIT_QUERY, (period.starts_at, period.ends_at)).fetchall()


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _python(code: str, **environment: str) -> str:
    paths = os.pathsep.join(str(REPOSITORY / name) for name in ("dags", "plugins", "tests/bench"))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={**os.environ, "PYTHONPATH": paths, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1]


if __name__ == "__main__":
    sys.exit(main())
