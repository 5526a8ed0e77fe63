"""Numbers, dates and lengths of time as a language writes them; unknown is a dash.

The locale's data is Babel's. Periods are named by patterns of the language's catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, get_currency_precision
from babel.units import format_unit

from sancrm_reports.pure.currency import symbol_of
from sancrm_reports.pure.period import Period
from sancrm_reports.pure.printable import printable

DASH = "—"
MINUS = "−"
NO_BREAK = "\N{NO-BREAK SPACE}"
MILLION = 10**6
SIZES = (
    ("digital-terabyte", 10**12),
    ("digital-gigabyte", 10**9),
    ("digital-megabyte", 10**6),
    ("digital-kilobyte", 10**3),
    ("digital-byte", 1),
)


class Formats:
    """How a language writes numbers and times.

    Args:
        locale: whose data is used.
        word: gives a text of the catalogue by its code.
        currency: that amounts are in, by its code of three letters.
        is_exact: whether amounts in chats have decimals.
    """

    def __init__(
        self,
        locale: Locale,
        word: Callable[..., str],
        *,
        currency: str = "RUB",
        is_exact: bool = False,
    ) -> None:
        self.locale = locale
        self._word = word
        self._decimals = get_currency_precision(currency)
        self._symbol = symbol_of(currency, locale)
        self._is_exact = is_exact

    def money(self, amount: Decimal | None, *, signed: bool = False) -> str:
        """Return an amount; kopecks, or what they are, only where there are any: 12 345 ₽."""
        if amount is None:
            return DASH
        rounded = amount.quantize(Decimal(1).scaleb(-self._decimals), ROUND_HALF_UP)
        places = 0 if rounded == rounded.to_integral_value() else self._decimals
        return self._with_symbol(self._number(rounded, places=places, signed=signed))

    def spreadsheet_money(self) -> str:
        """Return a spreadsheet's format of amounts."""
        places = "." + "0" * self._decimals if self._decimals else ""
        before, after = (f'"{text}"' if text else "" for text in self._around())
        return f"{before}#,##0{places}{after}"

    def chat_money(self, amount: Decimal | None, *, signed: bool = False) -> str:
        """Return an amount as a chat reads it: whole units, unless decimals are wanted."""
        if amount is None or self._is_exact:
            return self.money(amount, signed=signed)
        return self.money(_whole(amount), signed=signed)

    def short_money(self, amount: Decimal | None, *, signed: bool = False) -> str:
        """Return an amount in as few signs as do not mislead: from a million on 1.20M ₽.

        The last digit shown is then less than a hundredth of the amount. Thousands would save
        no sign.
        """
        if amount is None or self._is_exact or abs(_whole(amount)) < MILLION:
            return self.chat_money(amount, signed=signed)
        unit = self.locale.compact_decimal_formats["short"]["other"][str(MILLION)].suffix[0]
        millions = self._number(amount / MILLION, places=2, signed=signed)
        return self._with_symbol(f"{millions}{unit}")

    def money_difference(self, amount: Decimal) -> str:
        """Return a signed difference in whole units: +1 234 ₽."""
        return self.money(_whole(amount), signed=True)

    def count(self, number: int | None, *, signed: bool = False) -> str:
        """Return a number of things: 1 234."""
        return DASH if number is None else self._number(Decimal(number), places=0, signed=signed)

    def percent(self, ratio: Decimal | None, *, signed: bool = False) -> str:
        """Return a ratio as a percentage: 0.3215 as 32.2%, from a hundred on 123%."""
        if ratio is None:
            return DASH
        places = 0 if abs(ratio) >= 1 else 1
        sign = self.locale.percent_formats[None].suffix[0]
        return f"{self._number(ratio * 100, places=places, signed=signed)}{sign}"

    def whole_percent(self, ratio: Decimal) -> str:
        """Return a signed ratio as a percentage without decimals: 0.3215 as +32%."""
        sign = self.locale.percent_formats[None].suffix[0]
        return f"{self._number(ratio * 100, places=0, signed=True)}{sign}"

    def rough_percent(self, ratio: Decimal) -> str:
        """Return a ratio as a percentage without decimals: 0.07 as 7%."""
        return self.whole_percent(ratio).lstrip("+")

    def points(self, difference: Decimal) -> str:
        """Return a difference of ratios in percentage points."""
        number = self._number(difference * 100, places=1, signed=True)
        return f"{number}{NO_BREAK}{self._word('unit.points')}"

    def plural(self, number: int, *forms: str) -> str:
        """Return the word's form for the number, of those that the language has, the last if fewer.

        Their order is that of CLDR: one, other in English; one, few, many in Russian.
        """
        tags = [tag for tag in ("zero", "one", "two", "few", "many", "other") if self._has(tag)]
        return forms[min(tags.index(self.locale.plural_form(number)), len(forms) - 1)]

    def length_of_time(self, length: timedelta) -> str:
        """Return a length of time in its two largest units: 2 days 3 hr, 3 hr 5 min, 12 min.

        Below a minute in seconds.
        """
        seconds = max(0, int(length.total_seconds()))
        minutes = seconds // 60
        parts = [(minutes // 1440, "day"), (minutes // 60 % 24, "hour"), (minutes % 60, "minute")]
        first = next((place for place, (number, _) in enumerate(parts) if number), None)
        if first is None:
            return self._unit(seconds, "duration-second")
        return " ".join(
            self._unit(number, f"duration-{unit}")
            for number, unit in parts[first : first + 2]
            if number
        )

    def whole_time(self, length: timedelta) -> str:
        """Return a length of time in whole days, or hours below one, in full: 3 days, 1 hour."""
        hours = max(0, int(length.total_seconds() // 3600))
        number, unit = (hours // 24, "day") if hours >= 24 else (hours, "hour")
        return format_unit(number, f"duration-{unit}", length="long", locale=self.locale)

    def month(self, day: date) -> str:
        """Name a day's month: November."""
        return format_date(day, "LLLL", locale=self.locale)

    def months(self, number: int) -> str:
        """Name a number of months: 3 months, 1 year."""
        if number % 12:
            return self._unit(number, "duration-month", length="long")
        return self._unit(number // 12, "duration-year", length="long")

    def size(self, number: int) -> str:
        """Return a size in decimal units: 512 byte, 1.4 MB, 950 MB."""
        for unit, bytes_of_unit in SIZES:
            if number >= bytes_of_unit:
                places = 1 if number < 10 * bytes_of_unit and bytes_of_unit > 1 else 0
                text = self._number(Decimal(number) / bytes_of_unit, places=places, signed=False)
                return self._unit(text, unit)
        return self._unit("0", "digital-byte")

    def day_name(self, day: date) -> str:
        """Name a day: Tuesday, 17 November 2026."""
        return format_date(day, "EEEE, d MMMM y", locale=self.locale)

    def moment(self, local: datetime) -> str:
        """Name a moment of this year: 17 November, 09:04."""
        return format_datetime(local, "d MMMM, HH:mm", locale=self.locale)

    def instant(self, instant: datetime, zone: tzinfo) -> str:
        """Name an instant of any year by a zone's clock: 17 November 2026 at 09:04."""
        local = instant.astimezone(zone)
        return format_datetime(local, self._word("instant"), locale=self.locale)

    def moment_in(self, instant: datetime | None, zone: tzinfo) -> str:
        """Name an instant by a zone's clock: 17 November, 09:04."""
        return DASH if instant is None else self.moment(instant.astimezone(zone))

    def span(self, start: datetime, end: datetime, zone: tzinfo) -> str:
        """Name two instants, the day once if it is one: 17 November, 02:00–05:00."""
        start, end = start.astimezone(zone), end.astimezone(zone)
        if start.date() == end.date():
            return f"{self.moment(start)}–{end:%H:%M}"
        return f"{self.moment(start)} – {self.moment(end)}"

    def period(self, period: Period) -> str:
        """Name a period: Tuesday, 17 November 2026; 9–15 November 2026; October 2026."""
        if pattern := self._pattern(period, "name"):
            return self._dated(period, pattern)
        return self._days(period.start, period.end - timedelta(days=1))

    def about_period(self, period: Period) -> str:
        """Say of which period a report is: «for October 2026»."""
        return self._word(
            f"period.{period.kind}.about",
            name=self.period(period),
            date=format_date(period.start, "d MMMM", locale=self.locale),
            weekday=self._word(f"weekday.{period.start.isoweekday()}"),
        )

    def column(self, period: Period) -> dict[str, str]:
        """Return what the page says of a column: its name, its head, and that of its neighbours."""
        return {
            "name": self.period(period),
            "head": self._dated(period, self._pattern(period, "head"))[:3],
            "group": self._dated(period, self._pattern(period, "group")),
        }

    def _with_symbol(self, number: str) -> str:
        """Put the currency's sign where the language has it, after the number's own sign."""
        before, after = self._around()
        sign = number[0] if number[0] in (MINUS, "+") else ""
        return f"{sign}{before}{number[len(sign) :]}{after}"

    def _around(self) -> tuple[str, str]:
        """Return what stands before and after an amount; a sign of letters keeps its distance."""
        pattern = self.locale.currency_formats["standard"]
        before = pattern.prefix[0].replace("¤", self._symbol)
        after = pattern.suffix[0].replace("¤", self._symbol)
        return before + NO_BREAK if before[-1:].isalpha() else before, after

    def _has(self, tag: str) -> bool:
        return tag in self.locale.plural_form.tags or tag == "other"

    def _pattern(self, period: Period, what: str) -> str:
        return self._word(f"period.{period.kind}.{what}", part=period.part)

    def _dated(self, period: Period, pattern: str) -> str:
        return format_date(period.start, pattern, locale=self.locale)

    def _unit(self, number: int | str, unit: str, length: str = "short") -> str:
        text = format_unit(number, unit, length=length, locale=self.locale)  # type: ignore[arg-type]
        return text.replace(" ", NO_BREAK)

    def _days(self, first: date, last: date) -> str:
        if first.year != last.year:
            pattern, gap = "d MMMM y", " – "
        elif first.month != last.month:
            pattern, gap = "d MMMM", " – "
        else:
            pattern, gap = "d", "–"
        start = format_date(first, pattern, locale=self.locale)
        return f"{start}{gap}{format_date(last, 'd MMMM y', locale=self.locale)}"

    def _number(self, value: Decimal, *, places: int, signed: bool) -> str:
        """Round half up, and write with the language's marks and a real minus."""
        rounded = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
        digits = format_decimal(
            abs(rounded), "#,##0." + "0" * places if places else "#,##0", locale=self.locale
        )
        sign = MINUS if rounded < 0 else "+" if signed and rounded > 0 else ""
        return sign + digits


def _whole(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal(1), ROUND_HALF_UP)


def one_line(name: str, limit: int = 100) -> str:
    """Return a name without line breaks, which would cut its markup, and not longer than that."""
    return shortened(" ".join(printable(name).split()), limit)


def shortened(text: str, limit: int) -> str:
    """Return a text that is not longer than that; the end of a longer one becomes an ellipsis."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def quoted(names: Iterable[str]) -> str:
    """Write names one after the other, for logs: «Ready», «Selection»."""
    return ", ".join(f"«{name}»" for name in names)


def as_text(value: str) -> str:
    """Return a text that a spreadsheet does not take for a formula: one such gets an apostrophe."""
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
