"""Numbers and dates as Russian text; unknown is a dash. The locale's data is Babel's."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from babel import Locale
from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_decimal
from babel.units import format_unit

from sancrm_reports.pure.period import Period, PeriodKind

LOCALE = Locale("ru")
DASH = "—"
MINUS = "−"
NO_BREAK = "\N{NO-BREAK SPACE}"


class PeriodForm(NamedTuple):
    """How periods of a kind are named, by Babel's patterns; ``{part}`` is its number in the year.

    ``head`` stands above the period's column of the page, ``group`` above it and its neighbours.
    """

    name: str
    head: str
    group: str


PERIOD_FORMS = {
    PeriodKind.DAY: PeriodForm("EEEE, d MMMM y", "d", "LLLL y"),
    PeriodKind.WEEK: PeriodForm("", "d", "LLLL y"),  # by its first and last day
    PeriodKind.MONTH: PeriodForm("LLLL y", "LLL", "y"),
    PeriodKind.QUARTER: PeriodForm("QQQQ y", "Q", "y"),
    PeriodKind.YEAR: PeriodForm("y 'год'", "yy", ""),
}
SIZES = (("ТБ", 10**12), ("ГБ", 10**9), ("МБ", 10**6), ("кБ", 10**3), ("Б", 1))


def money(amount: Decimal | None, *, signed: bool = False) -> str:
    """Return roubles; kopecks only where there are any: 12 345 ₽, −0,50 ₽."""
    if amount is None:
        return DASH
    rounded = amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
    places = 0 if rounded == rounded.to_integral_value() else 2
    return f"{_number(rounded, places=places, signed=signed)}{NO_BREAK}₽"


def money_difference(amount: Decimal) -> str:
    """Return a signed difference in whole roubles: +1 234 ₽."""
    return money(amount.quantize(Decimal(1), ROUND_HALF_UP), signed=True)


def count(number: int | None, *, signed: bool = False) -> str:
    """Return a number of things: 1 234."""
    return DASH if number is None else _number(Decimal(number), places=0, signed=signed)


def percent(ratio: Decimal | None, *, signed: bool = False) -> str:
    """Return a ratio as a percentage: 0.3215 as 32,2 %, and from a hundred on without decimals."""
    if ratio is None:
        return DASH
    places = 0 if abs(ratio) >= 1 else 1
    return f"{_number(ratio * 100, places=places, signed=signed)}{NO_BREAK}%"


def points(difference: Decimal) -> str:
    """Return a difference of ratios in percentage points: −0.012 as −1,2 п.п."""
    return f"{_number(difference * 100, places=1, signed=True)}{NO_BREAK}п.п."


def plural(number: int, one: str, few: str, many: str) -> str:
    """Return the word's form for the number: 1 ремонт, 2 ремонта, 5 ремонтов."""
    return {"one": one, "few": few}.get(LOCALE.plural_form(number), many)


def length_of_time(length: timedelta) -> str:
    """Return a length of time in its two largest units: 2 дн. 3 ч, 3 ч 5 мин, 12 мин."""
    minutes = max(0, int(length.total_seconds() // 60))
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        parts = [f"{days}{NO_BREAK}дн.", f"{hours}{NO_BREAK}ч" if hours else ""]
    else:
        parts = [f"{hours}{NO_BREAK}ч" if hours else "", f"{minutes}{NO_BREAK}мин"]
        parts = parts[: 1 if hours and not minutes else 2]
    return " ".join(filter(None, parts))


def moment_in(instant: datetime | None, zone: tzinfo) -> str:
    """Name an instant by a zone's clock: 17 ноября, 09:04."""
    return DASH if instant is None else moment(instant.astimezone(zone))


def span(start: datetime, end: datetime, zone: tzinfo) -> str:
    """Name two instants by a zone's clock, the day once if it is one: 17 ноября, 02:00–05:00."""
    start, end = start.astimezone(zone), end.astimezone(zone)
    if start.date() == end.date():
        return f"{moment(start)}–{end:%H:%M}"
    return f"{moment(start)} – {moment(end)}"


def one_line(name: str, limit: int = 100) -> str:
    """Return a name without line breaks, which would cut its markup, and not longer than that."""
    return shortened(" ".join(name.split()), limit)


def shortened(text: str, limit: int) -> str:
    """Return a text that is not longer than that; the end of a longer one becomes an ellipsis."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def day_name(day: date) -> str:
    """Name a day: вторник, 17 ноября 2026."""
    return format_date(day, "EEEE, d MMMM y", locale=LOCALE)


def moment(local: datetime) -> str:
    """Name a moment of this year: 17 ноября, 09:04."""
    return format_datetime(local, "d MMMM, HH:mm", locale=LOCALE)


def duration(seconds: float) -> str:
    """Return a length of time, rounded to one unit: 1 с at least, 7 мин, 30 ч, 3 дн."""
    length = timedelta(seconds=max(seconds, 1))
    return str(format_timedelta(length, format="short", threshold=1.5, locale=LOCALE))


def size(number: int) -> str:
    """Return a size in decimal units: 512 Б, 1,4 МБ, 950 МБ."""
    for unit, bytes_of_unit in SIZES:
        if number >= bytes_of_unit:
            places = 1 if number < 10 * bytes_of_unit and bytes_of_unit > 1 else 0
            text = _number(Decimal(number) / bytes_of_unit, places=places, signed=False)
            return f"{text}{NO_BREAK}{unit}"
    return f"0{NO_BREAK}Б"


def period_name(period: Period) -> str:
    """Name a period: вторник, 17 ноября 2026; 9–15 ноября 2026; октябрь 2026; 2026 год."""
    pattern = PERIOD_FORMS[period.kind].name
    if not pattern:
        return _days(period.start, period.end - timedelta(days=1))
    return _dated(period, pattern)


def column_of(period: Period) -> dict[str, str]:
    """Return what the page says of a column: its name, its head, and that of its neighbours."""
    form = PERIOD_FORMS[period.kind]
    return {
        "name": period_name(period),
        "head": _dated(period, form.head)[:3],
        "group": _dated(period, form.group),
    }


def months_name(months: int) -> str:
    """Name a number of months: 3 месяца, 1 год."""
    if months % 12:
        return format_unit(months, "month", locale=LOCALE)
    return format_unit(months // 12, "year", locale=LOCALE)


def _dated(period: Period, pattern: str) -> str:
    return str(format_date(period.start, pattern.format(part=period.part), locale=LOCALE))


def _days(first: date, last: date) -> str:
    if first.year != last.year:
        pattern, gap = "d MMMM y", " – "
    elif first.month != last.month:
        pattern, gap = "d MMMM", " – "
    else:
        pattern, gap = "d", "–"
    return (
        format_date(first, pattern, locale=LOCALE)
        + gap
        + format_date(last, "d MMMM y", locale=LOCALE)
    )


def _number(value: Decimal, *, places: int, signed: bool) -> str:
    """Round half up, and write with no-break thousands, a decimal comma and a real minus."""
    rounded = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    digits = format_decimal(
        abs(rounded), "#,##0." + "0" * places if places else "#,##0", locale=LOCALE
    )
    sign = MINUS if rounded < 0 else "+" if signed and rounded > 0 else ""
    return sign + digits


def quoted(names: Iterable[str]) -> str:
    """Write names one after the other: «Готов», «Подбор»."""
    return ", ".join(f"«{name}»" for name in names)
