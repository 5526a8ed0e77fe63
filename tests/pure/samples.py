"""Figures to begin a test with; the numbers are easy to add up by eye."""

from dataclasses import replace
from decimal import Decimal

from sancrm_reports.pure.figures import ADDITIVE, COUNTS, Figures


def branch(branch_id=1, name="Филиал на Ленина", **changes):
    """Revenue 1 500, costs 600, profit 900, margin 60 %."""
    figures = Figures(
        subject="branch",
        branch_id=branch_id,
        branch_name=name,
        repair_revenue=Decimal("1000.00"),
        rental_revenue=Decimal("500.00"),
        revenue=Decimal("1500.00"),
        variable_costs=Decimal("400.00"),
        parts_without_cost=0,
        fixed_costs=Decimal("200.00"),
        profit=Decimal("900.00"),
        margin=Decimal("0.6"),
        repair_count=3,
        rental_count=2,
    )
    return replace(figures, **changes)


def earning(revenue, *, variable_costs=0, fixed_costs=0, rental_revenue=0, **changes):
    """A branch's figures that agree with each other."""
    revenue, rental_revenue = Decimal(revenue), Decimal(rental_revenue)
    fixed = None if fixed_costs is None else Decimal(fixed_costs)
    profit = revenue - Decimal(variable_costs) - (fixed or 0)
    figures = branch(
        repair_revenue=revenue - rental_revenue,
        rental_revenue=rental_revenue,
        revenue=revenue,
        variable_costs=Decimal(variable_costs),
        fixed_costs=fixed,
        profit=profit,
        margin=profit / revenue if revenue > 0 else None,
    )
    return replace(figures, **changes)


def unallocated(fixed_costs=Decimal("70.00")):
    """Costs of no branch."""
    nothing = Figures.none_of(branch(subject="unallocated", branch_id=None, branch_name=None))
    return replace(nothing, fixed_costs=fixed_costs, profit=-(fixed_costs or Decimal(0)))


def network(rows, like=None):
    """The sums of rows, as the network's or of another subject."""
    whole = like or branch(subject="network", branch_id=None, branch_name=None)
    known = {
        name: [getattr(row, name) for row in rows if getattr(row, name) is not None]
        for name in ADDITIVE
    }
    sums = {
        name: sum(values, start=0 if name in COUNTS else Decimal(0)) if values else None
        for name, values in known.items()
    }
    margin = sums["profit"] / sums["revenue"] if sums["revenue"] > 0 else None
    return replace(whole, **sums, margin=margin)
