"""What explains a figure, with bounds: a month's rows, a workbook of 50,000 lines, a picture."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sancrm_reports.pure.figure_trace import FAMILIES
from sancrm_reports.pure.figures import ADDITIVE, COUNTS, Figures
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.pure.templates import Templates
from sancrm_reports.settings import INCLUDE, settings

MONTH = Period(PeriodKind.MONTH, date(2026, 9, 1), "Europe/Moscow")
RUSSIAN = Templates(INCLUDE / "templates" / "ru")
LINES = {"services": 19_000, "parts": 20_000, "repairs": 10_000, "rentals": 900, "fixed_costs": 100}
BRANCHES = range(1, 51)
MOST = {"trace": 3, "workbook": 5, "picture": 1.5}  # seconds
MOST_MEMORY = {"workbook": 150, "picture": 120}  # MB beyond the interpreter's


def trace(dsn: str) -> list[str]:
    """Time the rows of a month's profit, figure by figure, as make trace and the page read them."""
    import psycopg
    from psycopg.rows import dict_row

    from sancrm_reports.wire.figure_trace import read_parts

    too_slow = []
    with psycopg.connect(dsn, row_factory=dict_row, autocommit=True) as connection:
        for name, value in settings().database.session.items():
            connection.execute("select set_config(%s, %s, false)", (name, value))
        for figure in ("repair_count", "variable_costs", "fixed_costs", "revenue", "profit"):
            rows: list[Any] = []
            seconds = _seconds(
                lambda name=figure, found=rows: found.extend(
                    read_parts(connection.cursor(), INCLUDE / "sql", name, MONTH)
                )
            )
            print(f"{len(rows)} rows of {figure}: {seconds:.2f} s  (at most {MOST['trace']})")
            too_slow += [f"trace of {figure}"] if seconds > MOST["trace"] else []
    return too_slow


def documents() -> list[str]:
    """Make the workbook and the picture, each in a process of its own."""
    too_much = []
    for name, most in MOST_MEMORY.items():
        code = f"import bench_explain; bench_explain.measure(bench_explain.{name})"
        folder = Path(__file__).parent
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            env={**os.environ, "PYTHONPATH": f"{INCLUDE.parent / 'plugins'}{os.pathsep}{folder}"},
            capture_output=True,
            text=True,
            check=True,
        )
        seconds, megabytes = map(float, done.stdout.split())
        print(
            f"{name}: {seconds:.1f} s (at most {MOST[name]}), {megabytes:.0f} MB (at most {most})"
        )
        too_much += [name] if seconds > MOST[name] or megabytes > most else []
    return too_much


def measure(make: Callable[[], object]) -> None:
    """Print the seconds that something takes, and by how many MB it raises the peak of memory."""
    before = _peak()
    print(_seconds(make), _peak() - before)


def workbook() -> None:
    """Make a network's workbook of 50,000 lines."""
    from sancrm_reports.pure.workbook import About, workbook

    nothing: dict[str, Any] = dict.fromkeys(ADDITIVE, Decimal(0)) | dict.fromkeys(COUNTS, 0)
    network = Figures("network", None, None, margin=None, **nothing)
    parts = [Figures("branch", n, f"Филиал {n}", margin=None, **nothing) for n in BRANCHES]
    workbook(
        [(part, part) for part in parts],
        {family: _rows(family) for family in FAMILIES},
        MONTH,
        About("bench", "0123456789ab", datetime(2026, 10, 1, tzinfo=UTC)),
        network=(network, network),
        templates=RUSSIAN,
    )


def picture() -> None:
    """Draw twelve months and fifty branches."""
    from sancrm_reports.pure.picture import Point, picture

    months = [Point(MONTH.before(11 - n), Decimal(10_000 * n), Decimal(60_000)) for n in range(12)]
    branches = [(f"Филиал {n}", Decimal(1000 * n - 5000)) for n in BRANCHES]
    picture("Вся сеть", months, branches, templates=RUSSIAN)


def _rows(family: str) -> Iterator[dict[str, Any]]:
    at = datetime(2026, 9, 5, 9, tzinfo=UTC)
    amounts = dict.fromkeys(FAMILIES[family], Decimal("1234.56000"))
    for number in range(LINES[family]):
        yield {
            "branch_id": number % len(BRANCHES) + 1,
            "moved_at": at,
            "repair_id": number // 3,
            "repair_code": f"B-{number // 3}",
            "item_id": number,
            "item_name": "Замена щёток двигателя",
            "quantity": Decimal("1.000"),
            "price": Decimal("500.00"),
            "discount": Decimal("0.00"),
            "purchase_price": Decimal("300.00"),
            "total": None,
            **amounts,
        }


def _peak() -> float:
    # Not by getrusage: its peak of a new process begins with that of the one that started it.
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
