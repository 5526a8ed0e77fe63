"""The rows of the demo: one class per table, its fields being the columns in their order."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

# Times are local and naive until they are written: the account's zone is applied once.


class BranchRow(NamedTuple):
    """`branches`."""

    id: int
    name: str
    code_prefix: str
    city: str | None
    is_active: bool
    opened_on: date | None
    closed_on: date | None


class StatusRow(NamedTuple):
    """`repair_statuses`."""

    id: int
    code: str
    name: str
    status_group: str
    is_final: bool


class NamedRow(NamedTuple):
    """`categories` and `brands`."""

    id: int
    name: str


class CustomerRow(NamedTuple):
    """`customers`."""

    id: int
    name: str
    phone: str
    company_name: str | None


class RepairRow(NamedTuple):
    """`repairs`."""

    id: int
    branch_id: int
    number: int
    customer_id: int
    category_id: int
    brand_id: int | None
    model: str | None
    status_id: int
    needs_callback: bool
    prepayment: Decimal
    accepted_at: datetime
    closed_at: datetime | None


class StatusChangeRow(NamedTuple):
    """`repair_status_changes`."""

    id: int
    repair_id: int
    status_id: int
    changed_at: datetime
    comment: str | None


class ServiceRow(NamedTuple):
    """`repair_services`."""

    id: int
    repair_id: int
    name: str
    price: Decimal
    quantity: Decimal
    discount: Decimal


class PartRow(NamedTuple):
    """`repair_parts`."""

    id: int
    repair_id: int
    product_name: str
    quantity: Decimal
    purchase_price: Decimal | None
    sale_price: Decimal
    discount: Decimal
    is_written_off: bool


class ToolRow(NamedTuple):
    """`tools`."""

    id: int
    branch_id: int
    category_id: int
    brand_id: int | None
    model: str
    inventory_number: str
    price_per_day: Decimal


class RentalRow(NamedTuple):
    """`rentals`."""

    id: int
    branch_id: int
    tool_id: int
    customer_id: int
    status: str
    price_per_day: Decimal
    started_at: datetime
    expected_end_at: datetime
    ended_at: datetime | None
    total: Decimal | None


class FixedCostRow(NamedTuple):
    """`fixed_costs`."""

    id: int
    branch_id: int | None
    name: str
    amount_per_month: Decimal
    valid_from: date
    valid_to: date | None


class PlanRow(NamedTuple):
    """`plans`."""

    id: int
    month: date
    branch_id: int | None
    figure: str
    amount: Decimal


class BackupRunRow(NamedTuple):
    """`backup_runs`."""

    id: int
    database: str
    started_at: datetime
    finished_at: datetime | None
    status: str
    size_bytes: int | None
    location: str | None
    error: str | None


@dataclass
class Tables:
    """All tables, in an order in which every row's references are already there."""

    branches: list[BranchRow] = field(default_factory=list)
    repair_statuses: list[StatusRow] = field(default_factory=list)
    categories: list[NamedRow] = field(default_factory=list)
    brands: list[NamedRow] = field(default_factory=list)
    customers: list[CustomerRow] = field(default_factory=list)
    repairs: list[RepairRow] = field(default_factory=list)
    repair_status_changes: list[StatusChangeRow] = field(default_factory=list)
    repair_services: list[ServiceRow] = field(default_factory=list)
    repair_parts: list[PartRow] = field(default_factory=list)
    tools: list[ToolRow] = field(default_factory=list)
    rentals: list[RentalRow] = field(default_factory=list)
    fixed_costs: list[FixedCostRow] = field(default_factory=list)
    plans: list[PlanRow] = field(default_factory=list)
    backup_runs: list[BackupRunRow] = field(default_factory=list)
