"""Why a profit changed: how much of the difference each reason makes, exactly (docs/metrics.md).

Symmetric (Shapley): a reason gets the mean of what it would add over all orders in which the
reasons could have changed one after the other. So they add up to the difference, and with the two
periods swapped each turns its sign.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from fractions import Fraction
from math import floor

from sancrm_reports.pure.figures import Figures

OTHER = "other"
REASONS = (
    "repair_count",
    "ticket",
    "parts",
    "rental_count",
    "rental_price",
    "fixed_costs",
    "scrapped_costs",
    OTHER,
)
MOST_NAMED = 4

Reasons = Mapping[str, Fraction]  # roubles, by the names of REASONS
Pair = tuple[Fraction, Fraction]  # before, now


def reasons(now: Figures, before: Figures) -> Reasons:
    """Return what each reason adds to the change of a subject's profit.

    A ticket, price or share that one period does not have, for want of repairs, rentals or
    revenue, is that of the other: it changed nothing. ``other`` is 0 unless the formula of the
    profit was changed.
    """
    both = (before, now)
    count = _pair(Fraction(figures.repair_count) for figures in both)
    ticket = _filled([_ratio(figures.repair_revenue, figures.repair_count) for figures in both], 0)
    kept = _filled([_kept(figures) for figures in both], 1)
    # What a share cannot say: parts of repairs that brought no revenue.
    free = _pair(
        _repair_profit(figures) - n * t * k
        for figures, n, t, k in zip(both, count, ticket, kept, strict=True)
    )
    rental_count = _pair(Fraction(figures.rental_count) for figures in both)
    rental_price = _filled(
        [_ratio(figures.rental_revenue, figures.rental_count) for figures in both], 0
    )
    found = {
        "repair_count": _of_three(count, ticket, kept),
        "ticket": _of_three(ticket, count, kept),
        "parts": _of_three(kept, count, ticket) + _change(free),
        "rental_count": _of_two(rental_count, rental_price),
        "rental_price": _of_two(rental_price, rental_count),
        "fixed_costs": -_change(_pair(Fraction(figures.fixed_costs or 0) for figures in both)),
        "scrapped_costs": -_change(_pair(Fraction(figures.scrapped_costs) for figures in both)),
    }
    whole = Fraction(now.profit) - Fraction(before.profit)
    return found | {OTHER: whole - sum(found.values())}


def added(parts: Iterable[Reasons]) -> Reasons:
    """Return the reasons of the network: the sums of those of its branches and common costs."""
    everything = list(parts)
    return {name: sum((part[name] for part in everything), Fraction()) for name in REASONS}


def largest(found: Reasons, *, unnamed: Collection[str] = ()) -> dict[str, int]:
    """Return at most four reasons, the largest first, and ``other`` for the rest, in whole roubles.

    They add up to the rounded difference (largest remainder). What is 0 is left out;
    ``unnamed`` ones are a part of ``other``.
    """
    by_size = sorted(found, key=lambda name: -abs(found[name]))
    named = [name for name in by_size if found[name] and name not in (OTHER, *unnamed)][:MOST_NAMED]
    rest = sum(value for name, value in found.items() if name not in named)
    exact = {name: found[name] for name in named} | {OTHER: Fraction(rest)}
    return {name: value for name, value in _rounded(exact).items() if value}


def _rounded(exact: Mapping[str, Fraction]) -> dict[str, int]:
    whole = {name: _half_up(value) for name, value in exact.items()}
    missing = _half_up(sum(exact.values(), Fraction())) - sum(whole.values())
    step = 1 if missing > 0 else -1
    # First where rounding took most of what is missing.
    for name in sorted(exact, key=lambda name: step * (whole[name] - exact[name]))[: abs(missing)]:
        whole[name] += step
    return whole


def _half_up(value: Fraction) -> int:
    """Round to a whole number, halves away from 0, as messages do."""
    size = floor(abs(value) + Fraction(1, 2))
    return size if value > 0 else -size


def _repair_profit(figures: Figures) -> Fraction:
    """What repairs brought beyond their own parts; those of scrapped ones are apart."""
    parts = Fraction(figures.variable_costs) - Fraction(figures.scrapped_costs)
    return Fraction(figures.repair_revenue) - parts


def _kept(figures: Figures) -> Fraction | None:
    """The share of the repairs' revenue that is not the cost of their parts."""
    if figures.repair_revenue <= 0:
        return None
    return _repair_profit(figures) / Fraction(figures.repair_revenue)


def _ratio(amount: object, number: int) -> Fraction | None:
    return Fraction(amount) / number if number else None  # type: ignore[call-overload]


def _pair(values: Iterable[Fraction]) -> Pair:
    before, now = values
    return before, now


def _filled(values: list[Fraction | None], otherwise: int) -> Pair:
    known = [value for value in values if value is not None] or [Fraction(otherwise)]
    before, now = values
    return known[0] if before is None else before, known[-1] if now is None else now


def _change(pair: Pair) -> Fraction:
    return pair[1] - pair[0]


def _of_two(changing: Pair, other: Pair) -> Fraction:
    """Return the part of one factor in the change of a product of two."""
    return _change(changing) * sum(other) / 2


def _of_three(changing: Pair, second: Pair, third: Pair) -> Fraction:
    """Return the part of one factor in the change of a product of three."""
    (a, b), (c, d) = second, third
    return _change(changing) * (2 * a * c + 2 * b * d + a * d + b * c) / 6
