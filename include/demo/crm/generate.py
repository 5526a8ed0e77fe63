"""All tables of the demo for a given day, the same on every machine."""

from __future__ import annotations

from datetime import date
from itertools import count

from demo.crm.backups import make_backup_runs
from demo.crm.catalogue import BRANDS, CATEGORIES
from demo.crm.customers import CustomerBook
from demo.crm.highlights import make_highlights
from demo.crm.network import STATUSES, Branch, make_branches, make_fixed_costs, make_plans
from demo.crm.rentals import RentalDraft, RentalMaker
from demo.crm.repairs import RepairDraft, RepairMaker
from demo.crm.rows import (
    NamedRow,
    PartRow,
    RentalRow,
    RepairRow,
    ServiceRow,
    StatusChangeRow,
    Tables,
    ToolRow,
)
from demo.crm.workdays import WorkCalendar

CATEGORY_IDS = {name: number for number, name in enumerate(CATEGORIES, start=1)}
BRAND_IDS = {name: number for number, name in enumerate(BRANDS, start=1)}
RENTAL_WITHOUT_TOTAL = 40  # one in so many returned rentals


def generate(today: date, seed: int = 1) -> Tables:
    """Return fourteen months of the network's life up to noon of `today`."""
    calendar = WorkCalendar(today, seed)
    branches = make_branches(today)
    customers = CustomerBook()
    tables = Tables(
        branches=[branch.row() for branch in branches],
        repair_statuses=list(STATUSES.values()),
        categories=[NamedRow(number, name) for name, number in CATEGORY_IDS.items()],
        brands=[NamedRow(number, name) for name, number in BRAND_IDS.items()],
        fixed_costs=make_fixed_costs(branches, today),
        plans=make_plans(today),
        backup_runs=list(make_backup_runs(calendar)),
    )
    _add_repairs(tables, branches, calendar, customers)
    _add_rentals(tables, branches, calendar, customers)
    tables.customers = customers.rows
    return tables


def _add_repairs(
    tables: Tables, branches: list[Branch], calendar: WorkCalendar, customers: CustomerBook
) -> None:
    makers = {branch.id: RepairMaker(branch, calendar, customers) for branch in branches}
    drafts: list[RepairDraft] = []
    for maker in makers.values():
        drafts += maker.closed()
        drafts += maker.still_open()
    drafts += make_highlights(makers)
    drafts.sort(key=lambda draft: (draft.accepted_at, draft.branch.id))

    numbers = {branch.id: count(branch.first_number) for branch in branches}
    for repair_id, draft in enumerate(drafts, start=1):
        tables.repairs.append(_repair_row(repair_id, next(numbers[draft.branch.id]), draft))
        _add_lines(tables, repair_id, draft)
    _add_changes(tables, drafts)


def _repair_row(repair_id: int, number: int, draft: RepairDraft) -> RepairRow:
    last = draft.changes[-1]
    status = STATUSES[last.code]
    brand = draft.device.brand
    return RepairRow(
        id=repair_id,
        branch_id=draft.branch.id,
        number=number,
        customer_id=draft.customer_id,
        category_id=CATEGORY_IDS[draft.device.category],
        brand_id=BRAND_IDS[brand] if brand else None,
        model=draft.device.model,
        status_id=status.id,
        needs_callback=draft.needs_callback,
        prepayment=draft.prepayment,
        accepted_at=draft.accepted_at,
        closed_at=last.changed_at if status.is_final else None,
    )


def _add_lines(tables: Tables, repair_id: int, draft: RepairDraft) -> None:
    for service in draft.services:
        tables.repair_services.append(
            ServiceRow(
                len(tables.repair_services) + 1,
                repair_id,
                service.name,
                service.price,
                service.quantity,
                service.discount,
            )
        )
    for part in draft.parts:
        tables.repair_parts.append(
            PartRow(
                len(tables.repair_parts) + 1,
                repair_id,
                part.name,
                part.quantity,
                part.purchase_price,
                part.sale_price,
                part.discount,
                part.is_written_off,
            )
        )


def _add_changes(tables: Tables, drafts: list[RepairDraft]) -> None:
    changes = [
        (change.changed_at, repair_id, change)
        for repair_id, draft in enumerate(drafts, start=1)
        for change in draft.changes
    ]
    changes.sort(key=lambda item: item[:2])
    tables.repair_status_changes = [
        StatusChangeRow(number, repair_id, STATUSES[change.code].id, changed_at, change.comment)
        for number, (changed_at, repair_id, change) in enumerate(changes, start=1)
    ]


def _add_rentals(
    tables: Tables, branches: list[Branch], calendar: WorkCalendar, customers: CustomerBook
) -> None:
    drafts: list[tuple[RentalDraft, int]] = []
    for branch in branches:
        maker = RentalMaker(branch, calendar, customers)
        for index in range(branch.tools):
            tool = maker.tool(index)
            row = ToolRow(
                len(tables.tools) + 1,
                branch.id,
                CATEGORY_IDS[tool.category],
                BRAND_IDS[tool.brand],
                tool.model,
                f"{branch.code_prefix}-{index + 1:03d}",
                maker.price_per_day(index),
            )
            tables.tools.append(row)
            drafts += [(draft, branch.id) for draft in maker.rentals_of(index, row.id)]
    drafts.sort(key=lambda item: (item[0].started_at, item[0].tool_id))
    for rental_id, (draft, branch_id) in enumerate(drafts, start=1):
        tables.rentals.append(_rental_row(rental_id, branch_id, draft))


def _rental_row(rental_id: int, branch_id: int, draft: RentalDraft) -> RentalRow:
    return RentalRow(
        id=rental_id,
        branch_id=branch_id,
        tool_id=draft.tool_id,
        customer_id=draft.customer_id,
        status="rented" if draft.ended_at is None else "returned",
        price_per_day=draft.price_per_day,
        started_at=draft.started_at,
        expected_end_at=draft.expected_end_at,
        ended_at=draft.ended_at,
        total=None if rental_id % RENTAL_WITHOUT_TOTAL == 0 else draft.total,
    )
