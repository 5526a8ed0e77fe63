"""Asks a CRM whether the source files give what docs/sources.md says; SQL decides about rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from jinja2 import TemplateError
from psycopg import Error

from sancrm_reports.pure.figures import key_of
from sancrm_reports.pure.source_contract import (
    CONTRACT,
    OF_REPORTS,
    OPTIONAL,
    Problem,
    column_problems,
    join_problems,
)
from sancrm_reports.wire.crm import sql_text
from sancrm_reports.wire.crm_errors import CrmError, explained

FIRST_OF_OWN_TYPES = 16384  # PostgreSQL's FirstNormalObjectId: what a database defines itself
_UNREADABLE = (Error, OSError, TemplateError, UnicodeDecodeError)
REPORT_CHECKS = ("check_sources.sql", "check_amounts.sql", "check_majorities.sql")
MARK = "|"  # before the columns of each file; no column of ours is called so
TIME_ZONES = ("UTC", "Pacific/Honolulu")
# No period ends later; the SQL refuses what lies beyond.
ALL_TIME = {
    "period_start": datetime(1990, 1, 1, tzinfo=UTC),
    "period_end": datetime(2100, 1, 1, tzinfo=UTC),
    "first_day": date(1990, 1, 1),
    "end_day": date(2100, 1, 1),
}


def sources_there(folder: Path, files: Iterable[str] = tuple(CONTRACT)) -> list[str]:
    """Return the files, without optional ones that don't exist."""
    return [file for file in files if file not in OPTIONAL or has_source(folder, file)]


def has_source(folder: Path, file: str) -> bool:
    """Whether there is such a source file."""
    return (folder / "sources" / f"{file}.sql").exists()


def check_report_sources(cursor: Any, folder: Path, period: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with what a report of a period is made of.

    ``period`` holds the parameters of ``profitability.sql``. The rest of the problems is looked
    for only where the columns are right.
    """
    files = sources_there(folder, (*OF_REPORTS, *OPTIONAL))
    return (
        check_columns(cursor, folder, files, period)
        or check_time_zone(cursor, folder, period)
        or check_rows(cursor, folder, REPORT_CHECKS, period)
    )


def check_all_sources(cursor: Any, folder: Path) -> list[Problem]:
    """Return what is wrong with any row of any file."""
    problems = check_columns(cursor, folder, sources_there(folder), ALL_TIME)
    broken = {problem.file for problem in problems}
    if not broken & set(OF_REPORTS):
        problems += check_report_sources(cursor, folder, ALL_TIME)
    if not broken - set(OF_REPORTS):
        problems += check_rows(cursor, folder, ("check_callbacks.sql",), ALL_TIME)
    return problems


def check_columns(
    cursor: Any, folder: Path, files: Sequence[str], period: Mapping[str, Any]
) -> list[Problem]:
    """Compare names and types of columns with the contract; reads no row."""
    try:
        columns = _columns(cursor, folder, files, period)
    except _UNREADABLE:  # one by one it is seen which
        return [problem for file in files if (problem := _refusal(cursor, folder, file, period))]
    problems = [problem for file in files for problem in column_problems(file, columns[file])]
    return problems or join_problems({file: dict(found) for file, found in columns.items()})


def _columns(
    cursor: Any, folder: Path, files: Sequence[str], period: Mapping[str, Any]
) -> dict[str, list[tuple[str, str | None]]]:
    """Return names and types of each file's columns, by one question that reads no row."""
    sources = {file: sql_text(folder, f"sources/{file}.sql") for file in files}
    selected = ", ".join(f'null as "{MARK}{file}", {file}.*' for file in files)
    joined = " cross join ".join(f"(\n{source}\n) as {file}" for file, source in sources.items())
    with cursor.connection.transaction():  # an error undoes nothing but itself
        cursor.execute(f"select {selected} from {joined} limit 0", period)  # noqa: S608
    found: dict[str, list[tuple[str, str | None]]] = {}
    for column in cursor.description:
        if column.name.startswith(MARK):
            columns = found[column.name.removeprefix(MARK)] = []
        else:
            columns.append((column.name, _type_name(cursor, column.type_code)))
    return found


def _refusal(cursor: Any, folder: Path, file: str, period: Mapping[str, Any]) -> Problem | None:
    """Return why a file cannot be run, None where it can."""
    from sancrm_reports.settings import settings

    try:
        _columns(cursor, folder, [file], period)
    except Error as error:
        reason = explained(settings().database, error)
        if not isinstance(reason, CrmError):
            raise
        return Problem(file, "cannot be run", detail=str(reason))
    except _UNREADABLE as error:
        return Problem(file, "cannot be read", detail=f"{type(error).__name__}: {error}")
    return None


def _type_name(cursor: Any, oid: int) -> str | None:
    if oid >= FIRST_OF_OWN_TYPES:
        return None
    known = cursor.adapters.types.get(oid)
    if known is None:
        return f"type {oid}"
    return f"{known.name}[]" if oid == known.array_oid else str(known.name)


def check_time_zone(cursor: Any, folder: Path, period: Mapping[str, Any]) -> list[Problem]:
    """Find times that depend on the session's zone: without one, and cast to timestamptz."""
    seen = []
    for zone in TIME_ZONES:
        cursor.execute("select set_config('timezone', %s, true)", [zone])
        cursor.execute(sql_text(folder, "check_times.sql"), period)
        seen.append(cursor.fetchall())
    cursor.execute("select set_config('timezone', %s, true)", [TIME_ZONES[0]])
    return [
        Problem(
            here["file_name"],
            f"{here['column_name']} depends on the TimeZone of the session",
            row_count=here["row_count"],
            detail=f"say its zone: {here['column_name']} at time zone 'Europe/Moscow'",
        )
        for here, there in zip(*seen, strict=True)
        if here != there
    ]


def check_rows(
    cursor: Any, folder: Path, queries: Sequence[str], period: Mapping[str, Any]
) -> list[Problem]:
    """Run queries that say what is wrong with rows."""
    problems = []
    for query in queries:
        cursor.execute(sql_text(folder, query), period)
        problems += [
            Problem(
                file=row["file_name"],
                text=row["problem"],
                row_count=row["row_count"],
                row_ids=tuple(str(row_id) for row_id in row["row_ids"] or ()),
                detail=row.get("detail") or "",
            )
            for row in cursor.fetchall()
        ]
    return problems


def not_allowed(problems: Iterable[Problem], allowed: Sequence[str]) -> list[Problem]:
    """Leave out what the settings say is so on purpose."""
    return [problem for problem in problems if problem.name not in allowed]


def check_totals(
    cursor: Any,
    folder: Path,
    period: Mapping[str, Any],
    revenues: Mapping[Any, tuple[str | None, Decimal]],
    tolerance: int,
) -> list[Problem]:
    """Compare the revenue of each branch with the CRM's own, where there is ``crm_totals.sql``.

    ``revenues`` holds the report's, by the branch's id, with its name.
    """
    if not has_source(folder, "crm_totals"):
        return []
    cursor.execute(sql_text(folder, "crm_totals.sql"), period)
    return list(_differences(cursor.fetchall(), revenues, tolerance))


def _differences(
    rows: Iterable[Mapping[str, Any]],
    revenues: Mapping[Any, tuple[str | None, Decimal]],
    tolerance: int,
) -> Iterator[Problem]:
    problem = Problem("crm_totals", "")
    for row in rows:
        name, ours = revenues.get(key_of(row["branch_id"]), (None, Decimal(0)))
        if row["revenue"] is None or not abs(row["revenue"] - ours) <= tolerance:
            whose = f"branch {row['branch_id']}" + (f" ({name})" if name else "")
            yield replace(
                problem,
                text=f"the CRM's revenue of {whose} is {row['revenue']}, the report's is {ours}",
            )
