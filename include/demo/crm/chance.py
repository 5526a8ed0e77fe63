"""Weighted choices that cost no more than a look into a table."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


class Weighted(Generic[T]):
    """Values with whole-number weights, given as pairs of weight and value."""

    def __init__(self, pairs: Iterable[tuple[int, T]]) -> None:
        table = tuple(pairs)
        self._values = [value for _, value in table]
        self._cumulative = list(accumulate(weight for weight, _ in table))

    def pick(self, rng: Random) -> T:
        """Return a value, the heavier the likelier."""
        return rng.choices(self._values, cum_weights=self._cumulative)[0]
