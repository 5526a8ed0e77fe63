"""How a figure changed against the period before, in words."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from sancrm_reports.pure.formatting import Formats

MOST_TIMES = 10  # a larger change says more as an amount than as a percentage


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
        return self._change(now, before, self._formats.chat_money, self._formats.money_difference)

    def short_money(self, now: Decimal | None, before: Decimal | None) -> str:
        """Say how an amount changed as a percentage: +9 %; as amounts where there is none."""
        return self._short(now, before, self._formats.short_money, self._short_difference)

    def count(self, now: int, before: int) -> str:
        """Say how a number of things changed: +3, +15,0 %."""
        return self._change(Decimal(now), Decimal(before), self._count, self._count_difference)

    def short_count(self, now: int, before: int) -> str:
        """Say how a number of things changed as a percentage: +15 %."""
        return self._short(Decimal(now), Decimal(before), self._count, self._count_difference)

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

    def _short(
        self,
        now: Decimal | None,
        before: Decimal | None,
        write: Callable[[Decimal], str],
        write_difference: Callable[[Decimal], str],
    ) -> str:
        if now is None or before is None:
            return self._change(now, before, write, write_difference)
        if now != before and (before <= 0 or now < 0):
            return self._before(write(before))
        share = (now - before) / (before or 1)
        if abs(share) >= MOST_TIMES:
            return write_difference(now - before)
        return self._formats.whole_percent(share)

    def _short_difference(self, amount: Decimal) -> str:
        return self._formats.short_money(amount, signed=True)

    def _count(self, number: Decimal) -> str:
        return self._formats.count(int(number))

    def _count_difference(self, number: Decimal) -> str:
        return self._formats.count(int(number), signed=True)

    def _before(self, value: str) -> str:
        return self._word("change.before", value=value)
