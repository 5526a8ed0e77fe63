"""What the files in ``include/sql/sources/`` must give: docs/sources.md, as a machine checks it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from sancrm_reports.errors import PermanentError

MOST_TOLD = 20  # problems in one error; whoever fixes these sees the rest


class SourcesError(PermanentError):
    """What the sources give is not what the formulas expect: nothing may be computed of it."""

    code = "sources"


class Kind(Enum):
    """A kind of column: what is asked for, and PostgreSQL's names of the types that will do."""

    ID = "an integer, text or uuid", ("int2", "int4", "int8", "text", "varchar", "bpchar", "uuid")
    TEXT = "text", ("text", "varchar", "bpchar", "name")
    ANY = "anything that can be shown", None
    NUMBER = "numeric", ("numeric", "int2", "int4", "int8")
    BOOLEAN = "boolean", ("bool",)
    TIME = "timestamptz", ("timestamptz",)
    DATE = "date", ("date",)


# What helps where one type is given for another.
HINTS = {
    "timestamp": "Say the zone that it is in: {column} at time zone 'Europe/Moscow'.",
    "float4": "A binary float loses kopecks: {column}::numeric.",
    "float8": "A binary float loses kopecks: {column}::numeric.",
    "money": "{column}::numeric.",
    "jsonb": "Take one text out of it: {column} ->> 'ru_RU'.",
    "json": "Take one text out of it: {column} ->> 'ru_RU'.",
}

CONTRACT: Mapping[str, Mapping[str, Kind]] = {
    "branches": {
        "branch_id": Kind.ID,
        "branch_name": Kind.TEXT,
        "is_active": Kind.BOOLEAN,
        "opened_on": Kind.DATE,
    },
    "closed_repairs": {
        "repair_id": Kind.ID,
        "branch_id": Kind.ID,
        "closed_at": Kind.TIME,
        "is_success": Kind.BOOLEAN,
    },
    "service_lines": {
        "line_id": Kind.ID,
        "repair_id": Kind.ID,
        "service_name": Kind.TEXT,
        "price": Kind.NUMBER,
        "quantity": Kind.NUMBER,
        "discount": Kind.NUMBER,
    },
    "part_lines": {
        "line_id": Kind.ID,
        "repair_id": Kind.ID,
        "product_name": Kind.TEXT,
        "quantity": Kind.NUMBER,
        "purchase_price": Kind.NUMBER,
        "sale_price": Kind.NUMBER,
        "discount": Kind.NUMBER,
        "is_written_off": Kind.BOOLEAN,
    },
    "returned_rentals": {
        "rental_id": Kind.ID,
        "branch_id": Kind.ID,
        "tool_id": Kind.ID,
        "customer_id": Kind.ID,
        "price_per_day": Kind.NUMBER,
        "started_at": Kind.TIME,
        "ended_at": Kind.TIME,
        "total": Kind.NUMBER,
    },
    "fixed_costs": {
        "cost_id": Kind.ID,
        "branch_id": Kind.ID,
        "cost_name": Kind.TEXT,
        "amount_per_month": Kind.NUMBER,
        "valid_from": Kind.DATE,
        "valid_to": Kind.DATE,
    },
    "repair_cards": {
        "repair_id": Kind.ID,
        "repair_number": Kind.ANY,
        "repair_code": Kind.TEXT,
        "customer_id": Kind.ID,
    },
    "customers": {"customer_id": Kind.ID, "customer_name": Kind.TEXT},
    "tools": {"tool_id": Kind.ID, "tool_name": Kind.TEXT},
    "unreached_repairs": {
        "repair_id": Kind.ID,
        "repair_number": Kind.ANY,
        "repair_code": Kind.TEXT,
        "status_name": Kind.TEXT,
        "status_since": Kind.TIME,
        "accepted_at": Kind.TIME,
        "category_name": Kind.TEXT,
        "brand_name": Kind.TEXT,
        "model": Kind.TEXT,
        "customer_name": Kind.TEXT,
        "customer_phone": Kind.TEXT,
        "company_name": Kind.TEXT,
    },
    "repair_statuses": {"status_name": Kind.TEXT},
    "backup_runs": {
        "run_id": Kind.ANY,
        "database": Kind.TEXT,
        "started_at": Kind.TIME,
        "finished_at": Kind.TIME,
        "status": Kind.TEXT,
        "size_bytes": Kind.NUMBER,
        "location": Kind.TEXT,
        "error": Kind.TEXT,
    },
    "crm_totals": {"branch_id": Kind.ID, "day": Kind.DATE, "revenue": Kind.NUMBER},
}
OF_REPORTS = (
    "branches",
    "closed_repairs",
    "service_lines",
    "part_lines",
    "returned_rentals",
    "fixed_costs",
)
OPTIONAL = ("crm_totals",)
JOINED = ("branch_id", "repair_id", "customer_id", "tool_id")  # of one type wherever they stand
# Where a column of that name joins nothing: calls are read by themselves.
APART = ("unreached_repairs",)


@dataclass(frozen=True)
class Problem:
    """What is wrong with a source file, in how many rows, and with which of them."""

    file: str
    text: str
    row_count: int | None = None
    row_ids: tuple[str, ...] = ()
    detail: str = ""

    @property
    def name(self) -> str:
        """What ``sources.allowed`` of the settings calls it."""
        return f"{self.file}.sql: {self.text}"

    def __str__(self) -> str:
        detail = f" ({self.detail})" if self.detail else ""
        if self.row_count is None:
            return f"{self.name}{detail}"
        rows = "1 row" if self.row_count == 1 else f"{self.row_count} rows"
        ids = ", ".join(self.row_ids)
        return f"{self.name}{detail}: {rows}" + (f", such as {ids}" if ids else "")


def column_problems(file: str, found: Sequence[tuple[str, str | None]]) -> list[Problem]:
    """Compare the columns of a file, as names and types, with the contract.

    A type is PostgreSQL's name of it, or None for one that the database itself defines: an enum
    or a citext is a text.
    """
    problems = []
    names = [name for name, _ in found]
    for column, kind in CONTRACT[file].items():
        if column not in names:
            there = ", ".join(names)
            problems.append(Problem(file, f"there is no column {column}", detail=f"has {there}"))
        elif names.count(column) > 1:
            problems.append(Problem(file, f"{column} comes more than once"))
        elif text := _wrong_type(column, kind, dict(found)[column]):
            problems.append(Problem(file, text))
    return problems


def _wrong_type(column: str, kind: Kind, given: str | None) -> str:
    wanted, types = kind.value
    if types is None or given in types or (given is None and "text" in types):
        return ""
    hint = HINTS.get(given or "", "").format(column=column)
    told = given or "a type of the database's own"
    return f"{column} is {told}, and must be {wanted}. {hint}".rstrip(" .")


def join_problems(columns: Mapping[str, Mapping[str, str | None]]) -> list[Problem]:
    """Find a key, such as ``branch_id``, that is of one type here and of another there."""
    problems = []
    for name in JOINED:
        files = [file for file, types in columns.items() if name in types and file not in APART]
        first = next(iter(files), None)
        for file in files:
            here, there = columns[file][name], columns[first or file][name]
            if _family(here) != _family(there):
                problems.append(
                    Problem(file, f"{name} is {here}, and in {first}.sql it is {there}")
                )
    return problems


def _family(type_name: str | None) -> str:
    for family in ("int", "uuid"):
        if (type_name or "").startswith(family):
            return family
    return "text"


def refuse(problems: Iterable[Problem]) -> None:
    """Stop where there is a problem.

    Raises:
        SourcesError: naming each problem, its file and rows.
    """
    found = list(problems)
    if not found:
        return
    more = f" + {len(found) - 1}" if found[1:] else ""
    others = "".join(f"\n  {problem}" for problem in found[1:MOST_TOLD])
    raise SourcesError(
        f"{found[0]}.{more}{others}\n"
        "The sources do not give what docs/sources.md says, and nothing is posted. Correct the "
        "rows in the CRM or the file in include/sql/sources/, try it by make check-sources, and "
        "clear the failed task. What is so on purpose can be named in sources.allowed of "
        "include/settings.toml.",
        quote=f"{found[0]}.{more}",
    )
