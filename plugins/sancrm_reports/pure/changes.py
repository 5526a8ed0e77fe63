"""How a figure changed against the period before, in words."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from sancrm_reports.pure.formatting import Formats


class Changes:
    """Writes changes in a language; what stands in brackets after a figure (docs/metrics.md).

    Args:
        formats: how the language writes numbers.
        word: gives a text of the catalogue by its code.
    """

    def __init__(self, formats: Formats, word: Callable[..., str]) -> None:
        self._formats = formats
        self._word = word

    def money(self, now: Decimal | None, before: Decimal | None) -> str:
        """Say how an amount changed: +1 200 ₽, +9,1 %. A percentage needs a base above 0."""
        return self._change(now, before, self._formats.money, self._formats.money_difference)

    def count(self, now: int, before: int) -> str:
        """Say how a number of things changed: +3, +15,0 %."""
        return self._change(
            Decimal(now),
            Decimal(before),
            lambda number: self._formats.count(int(number)),
            lambda number: self._formats.count(int(number), signed=True),
        )

    def margin(self, now: Decimal | None, before: Decimal | None) -> str:
        """Say how a margin changed, in percentage points."""
        if now is None:
            return "" if before is None else self._before(self._formats.percent(before))
        if before is None:
            return self._word("change.no_revenue_before")
        difference = self._formats.points(now - before)
        return difference if difference[0] in "+−" else self._word("change.none")

    def _change(
        self,
        now: Decimal | None,
        before: Decimal | None,
        write: Callable[[Decimal], str],
        write_difference: Callable[[Decimal], str],
    ) -> str:
        if now is None:
            return "" if before is None else self._before(write(before))
        if before is None:
            return self._word("change.unknown_before")
        if now == before:
            return self._word("change.none")
        difference = write_difference(now - before)
        if difference[0] not in "+−":
            return self._word("change.almost_none")
        if before > 0:
            share = self._formats.percent((now - before) / before, signed=True)
            return f"{difference}, {share}" if share[0] in "+−" else difference
        return f"{difference}, {self._before(write(before))}"

    def _before(self, value: str) -> str:
        return self._word("change.before", value=value)
