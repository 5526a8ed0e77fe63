"""What a report says of plans and of the month's pace, by its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sancrm_reports.glue.workdays import workdays_of
from sancrm_reports.pure.figures import NETWORK, Figures, Key
from sancrm_reports.pure.period import Days, Period, PeriodKind
from sancrm_reports.pure.plans import (
    FIRST_DAY,
    Plans,
    days_of,
    disagreements,
    months_of,
    progress,
)
from sancrm_reports.settings import INCLUDE, settings
from sancrm_reports.wire.crm import read_profitability
from sancrm_reports.wire.plans import read_plans

Rows = Mapping[tuple[str, Key | None], dict[str, Any]]


def plans_told(cursor: Any, sql: str, period: Period, now: Sequence[Figures]) -> Rows:
    """Return what is added to the rows of a report, by their figures' keys.

    ``progress`` of each branch and of the network; and of the network ``plans_differ``, where its
    plan is not the sum of its branches'. The month so far is computed by the same formulas.

    Raises:
        PlansError: the plans cannot be read, or one of them is wrong.
    """
    wanted = settings().plans
    plans = read_plans(cursor, INCLUDE, wanted.source)
    months = months_of(period)
    has_pace = wanted.pace and _is_within_a_month(period)
    has_plans = any(month in months for month, _, _ in plans)
    if not has_plans and not (has_pace and _last(period).day >= FIRST_DAY):
        return {}
    branches = [row.branch_id for row in now if row.subject == "branch" and row.branch_id]
    workdays = [day for month in months for day in days_of(month) if _counts(day)]
    found: dict[tuple[str, Key | None], dict[str, Any]] = {}
    for row in _so_far(cursor, sql, period, months[0], now):
        is_network = row.subject == NETWORK
        parts = branches if is_network else ()
        told = progress(period, row, plans, workdays, parts, has_pace=has_pace and is_network)
        if told and row.subject != "unallocated":
            found[row.key] = {"progress": [one.to_json() for one in told]}
    if differing := _differing(period, plans, branches):
        found.setdefault((NETWORK, None), {})["plans_differ"] = differing
    return found


def _so_far(
    cursor: Any, sql: str, period: Period, first: date, now: Sequence[Figures]
) -> Sequence[Figures]:
    if not _is_within_a_month(period):
        return now
    return read_profitability(cursor, sql, Days(first, period.end, period.timezone))


def _is_within_a_month(period: Period) -> bool:
    return period.kind in (PeriodKind.DAY, PeriodKind.WEEK)


def _last(period: Period) -> date:
    return period.days[-1].start


def _counts(day: date) -> bool:
    return settings().plans.days == "calendar" or day in workdays_of(settings())


def _differing(period: Period, plans: Plans, branches: Sequence[Key]) -> list[dict[str, str]]:
    return [
        {"figure": figure, "branches": f"{of_branches:f}", "network": f"{own:f}"}
        for figure, of_branches, own in disagreements(period, plans, branches)
    ]
