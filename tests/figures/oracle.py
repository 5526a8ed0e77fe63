"""The figures of docs/metrics.md computed a second time, from the definitions and not from the SQL.

Another structure on purpose: line by line and day by day, each instant turned into its local
date, amounts as exact fractions. Slow, and meant to be read beside the definitions.
"""

from calendar import monthrange
from datetime import timedelta
from fractions import Fraction
from math import floor
from zoneinfo import ZoneInfo

AMOUNTS = ("repair_revenue", "rental_revenue", "revenue", "variable_costs", "fixed_costs", "profit")
COUNTS = ("parts_without_cost", "repair_count", "rental_count")


def profitability(tables, *, start, end, timezone):
    """Return ``{(subject, branch_id): figures}`` of the local days ``start <= day < end``.

    ``tables`` maps the reference schema's tables to rows (mappings with Decimal amounts, aware
    datetimes and dates). Figures are exact fractions; fixed_costs and margin may be None.
    """
    days = [start + timedelta(days=n) for n in range((end - start).days)]
    zone = ZoneInfo(timezone)
    groups = {status["id"]: status["status_group"] for status in tables["repair_statuses"]}

    def lies_in_period(instant):
        return instant is not None and start <= instant.astimezone(zone).date() < end

    def closed(branch_id, group):
        return [
            repair
            for repair in tables["repairs"]
            if repair["branch_id"] == branch_id
            and groups[repair["status_id"]] == group
            and lies_in_period(repair["closed_at"])
        ]

    def of_branch(branch_id):
        successes = closed(branch_id, "closed_success")
        services = lines(tables["repair_services"], successes)
        parts = lines(tables["repair_parts"], successes)
        scrapped = lines(tables["repair_parts"], closed(branch_id, "closed_failure"))
        used = parts + [line for line in scrapped if line["is_written_off"]]
        rentals = [
            rental
            for rental in tables["rentals"]
            if rental["branch_id"] == branch_id
            and rental["status"] == "returned"
            and lies_in_period(rental["ended_at"])
        ]
        return completed(
            repair_revenue=sum(price_of(line, "price") for line in services)
            + sum(price_of(line, "sale_price") for line in parts),
            rental_revenue=sum(map(price_of_rental, rentals)),
            variable_costs=sum(
                Fraction(line["purchase_price"] or 0) * Fraction(line["quantity"]) for line in used
            ),
            parts_without_cost=sum(line["purchase_price"] is None for line in used),
            fixed_costs=fixed_costs(tables["fixed_costs"], branch_id, days),
            repair_count=len(successes),
            rental_count=len(rentals),
        )

    branches = {branch["id"]: of_branch(branch["id"]) for branch in tables["branches"]}
    unallocated = completed(
        **dict.fromkeys(("repair_revenue", "rental_revenue", "variable_costs"), 0),
        **dict.fromkeys(COUNTS, 0),
        fixed_costs=fixed_costs(tables["fixed_costs"], None, days),
    )
    everything = [*branches.values(), unallocated]
    network = completed(
        **{
            name: added(figures[name] for figures in everything)
            for name in (*AMOUNTS, *COUNTS)
            if name not in ("revenue", "profit")
        }
    )
    is_active = {branch["id"]: branch["is_active"] for branch in tables["branches"]}
    listed = {
        ("branch", branch_id): figures
        for branch_id, figures in branches.items()
        if is_active[branch_id] or any(figures.values())
    }
    return listed | {("unallocated", None): unallocated, ("network", None): network}


def completed(**figures):
    """Add the figures that follow from the others."""
    figures["revenue"] = figures["repair_revenue"] + figures["rental_revenue"]
    costs = figures["variable_costs"] + (figures["fixed_costs"] or 0)
    figures["profit"] = figures["revenue"] - costs
    margin = Fraction(figures["profit"], figures["revenue"]) if figures["revenue"] > 0 else None
    return figures | {"margin": margin}


def lines(rows, repairs):
    """Return the lines of these repairs."""
    return [row for row in rows if row["repair_id"] in {repair["id"] for repair in repairs}]


def price_of(line, price):
    return Fraction(line[price]) * Fraction(line["quantity"]) - Fraction(line["discount"])


def price_of_rental(rental):
    """The total, or the daily rate for each started day, a day being 24 hours."""
    if rental["total"] is not None:
        return Fraction(rental["total"])
    days, remainder = divmod(rental["ended_at"] - rental["started_at"], timedelta(days=1))
    return Fraction(rental["price_per_day"]) * max(days + (remainder > timedelta()), 1)


def fixed_costs(rows, branch_id, days):
    """What these days bear of the monthly amounts; None where no amount applies to any of them."""
    return added(
        borne(Fraction(cost["amount_per_month"]), day)
        for cost in rows
        for day in days
        if cost["branch_id"] == branch_id
        and cost["valid_from"] <= day
        and (cost["valid_to"] is None or day < cost["valid_to"])
    )


def borne(amount, day):
    """What one day bears of a monthly amount."""
    days_in_month = monthrange(day.year, day.month)[1]
    through = [half_up(amount * k / days_in_month) for k in (day.day - 1, day.day)]
    return through[1] - through[0]


def half_up(amount):
    """Round to kopecks."""
    return Fraction(floor(amount * 100 + Fraction(1, 2)), 100)


def added(values):
    """Sum what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None
