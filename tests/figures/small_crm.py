"""A small CRM as plain rows, and how they get into PostgreSQL and come back."""

import json
from contextlib import contextmanager
from fractions import Fraction

from sancrm_reports.pure.figures import FIGURES

# code -> group and whether it is final. «Подбор» and a final refusal are what shops add.
STATUSES = {
    "open": ("new", False),
    "diagnostics": ("diagnostics", False),
    "to_do": ("to_do", False),
    "in_progress": ("in_progress", False),
    "on_hold": ("on_hold", False),
    "ready": ("ready", False),
    "issued_unpaid": ("ready", False),
    "refused": ("refused", False),
    "refused_for_good": ("refused", True),
    "closed": ("closed_success", True),
    "scrapped": ("closed_failure", True),
}
STATUS_IDS = {code: number for number, code in enumerate(STATUSES, 1)}

# What a row holds where a test does not care; in the order in which rows can be inserted.
DEFAULTS = {
    "branches": {"code_prefix": "R", "is_active": True},
    "repair_statuses": {},
    "categories": {},
    "customers": {},
    "repairs": {
        "customer_id": 1,
        "category_id": 1,
        "needs_callback": False,
        "prepayment": 0,
        "accepted_at": "2020-01-01 12:00",
        "closed_at": None,
    },
    "repair_status_changes": {},
    "repair_services": {"name": "Ремонт", "quantity": 1, "discount": 0},
    "repair_parts": {
        "product_name": "Щётка",
        "quantity": 1,
        "purchase_price": None,
        "sale_price": 0,
        "discount": 0,
        "is_written_off": False,
    },
    "tools": {},
    "rentals": {
        "tool_id": 1,
        "customer_id": 1,
        "status": "returned",
        "price_per_day": 0,
        "started_at": "2020-01-01 12:00",
        "expected_end_at": "2020-01-02 12:00",
        "ended_at": None,
        "total": None,
    },
    "fixed_costs": {"branch_id": None, "name": "Аренда", "valid_to": None},
}
COMMON = {
    "repair_statuses": [
        {"id": STATUS_IDS[code], "code": code, "name": code}
        | {"status_group": group, "is_final": is_final}
        for code, (group, is_final) in STATUSES.items()
    ],
    "categories": [{"id": 1, "name": "Электроинструмент"}],
    "customers": [{"id": 1, "name": "Иван", "phone": "+79120000000"}],
}


def completed(tables):
    """Fill in ids and defaults, and the tables that are always the same."""
    full = COMMON | {
        name: [{"id": n} | defaults | row for n, row in enumerate(tables.get(name, ()), 1)]
        for name, defaults in DEFAULTS.items()
        if name not in COMMON
    }
    for number, row in enumerate(full["repairs"], 1):
        row["number"] = number
    if full["branches"]:
        tool = {"id": 1, "branch_id": full["branches"][0]["id"], "category_id": 1}
        full["tools"] = [tool | {"model": "HR2470", "inventory_number": "1", "price_per_day": 0}]
    for name in ("repairs", "repair_status_changes"):
        for row in full[name]:
            if "status" in row:
                row["status_id"] = STATUS_IDS[row.pop("status")]
    return full


def insert(connection, tables, timezone="UTC"):
    """Insert rows; times without an offset are local ones of the zone."""
    connection.execute("select set_config('timezone', %s, true)", [timezone])
    for name in DEFAULTS:
        if tables.get(name):
            connection.execute(
                f"insert into {name} select * from json_populate_recordset(null::{name}, %s)",  # noqa: S608
                [json.dumps(tables[name], default=str)],
            )
    # Far from every zone of the tests: the figures must not depend on the session's.
    connection.execute("select set_config('timezone', 'Pacific/Honolulu', true)")


@contextmanager
def holding(connection, tables, timezone="UTC"):
    """A cursor on a database that holds these rows until the block ends."""
    try:
        insert(connection, tables, timezone)
        yield connection.cursor()
    finally:
        connection.rollback()


def read_back(cursor):
    """Return all rows as PostgreSQL's own values."""
    return {
        name: cursor.execute(f"select * from {name} order by id").fetchall()  # noqa: S608
        for name in DEFAULTS
    }


def by_subject(rows):
    """Figures as comparable mappings; a subject that comes twice is an error."""
    keys = [row.key for row in rows]
    assert len(set(keys)) == len(keys), f"doubled: {keys}"
    return {row.key: {name: getattr(row, name) for name in FIGURES} for row in rows}


def assert_same(found, wanted):
    """Compare to the last digit; only the margin, a quotient, may differ beyond 1e-12 of it."""
    assert list(found)[-2:] == [("unallocated", None), ("network", None)]
    assert found.keys() == wanted.keys()
    for subject, figures in wanted.items():
        different = {
            name: f"{found[subject][name]} instead of {value if value is None else float(value)}"
            for name, value in figures.items()
            if not _equal(found[subject][name], value, 1e-12 if name == "margin" else 0)
        }
        assert not different, f"{subject}: {different}"


def _equal(found, wanted, tolerance):
    if found is None or wanted is None:
        return found is wanted
    return abs(Fraction(found) - wanted) <= tolerance * max(1, abs(wanted))
