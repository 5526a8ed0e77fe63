"""Numbers and dates read as their language writes them, and are rounded for display only."""

import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sancrm_reports.pure.formatting import NO_BREAK, one_line
from sancrm_reports.pure.language import language_of
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.pure.templates import Templates

TEMPLATES = Path(__file__).parents[2] / "include" / "templates"
RUSSIAN, ENGLISH = (language_of(Templates(TEMPLATES / code)).formats for code in ("ru", "en"))


def visible(text):
    """Write no-break spaces as underscores, so that a test shows them."""
    return text.replace("\N{NO-BREAK SPACE}", "_")


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0_₽"),
        ("1", "1_₽"),
        ("999.00", "999_₽"),
        ("1000", "1_000_₽"),
        ("1234567.5", "1_234_567,50_₽"),
        ("-1234.56", "−1_234,56_₽"),
        ("0.005", "0,01_₽"),
        ("0.0049999", "0_₽"),
        ("-0.005", "−0,01_₽"),
        ("-0.004", "0_₽"),
        ("2.675", "2,68_₽"),  # binary floats give 2,67
        ("999.995", "1_000_₽"),
        ("12345678901234567890.12", "12_345_678_901_234_567_890,12_₽"),
    ],
)
def test_money_is_rounded_half_up_and_grouped(amount, text):
    # No-break spaces, a decimal comma, a real minus, kopecks only where there are any.
    assert visible(RUSSIAN.money(Decimal(amount))) == text


@pytest.mark.parametrize(
    ("currency", "russian", "english"),
    [
        ("RUB", "−1_234,50_₽", "−₽1,234.50"),
        (
            "KZT",
            "−1_234,50_₸",
            "−₸1,234.50",
        ),  # the sign at home, where a language has the code only
        ("BYN", "−1_234,50_Br", "−Br_1,234.50"),  # letters keep their distance
        ("JPY", "−1_235_¥", "−¥1,235"),  # no decimals
        ("KWD", "−1_234,500_KWD", "−KWD_1,234.500"),  # three; its sign is read from the right
        ("TJS", "−1_234,50_TJS", "−TJS_1,234.50"),  # no sign anywhere
    ],
)
def test_an_amount_is_in_the_currency_of_the_account(currency, russian, english):
    # Sign, decimals and place are Babel's; the minus comes first.
    for code, text in (("ru", russian), ("en", english)):
        formats = language_of(Templates(TEMPLATES / code, currency)).formats
        assert visible(formats.money(Decimal("-1234.5"))) == text


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        *(("1234.56", "+1_235_₽"), ("1.5", "+2_₽"), ("-1.49", "−1_₽"), ("-999.5", "−1_000_₽")),
        *(("0.99", "+1_₽"), ("-0.01", "0_₽"), ("0", "0_₽")),
    ],
)
def test_a_difference_has_a_sign_and_no_idle_kopecks(difference, text):
    # Whole roubles: kopecks of a difference tell a reader nothing.
    assert visible(RUSSIAN.money_difference(Decimal(difference))) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        *(("0.3215", "32,2_%"), ("0.32149", "32,1_%"), ("-0.0005", "−0,1_%"), ("-0.0004", "0,0_%")),
        *(("1", "100_%"), ("12.3456", "1_235_%"), ("0", "0,0_%")),
    ],
)
def test_a_ratio_is_shown_with_one_place(ratio, text):
    # Half up, away from zero for negatives; never «−0,0».
    assert visible(RUSSIAN.percent(Decimal(ratio))) == text


def test_unknown_is_a_dash():
    # Not 0, not None, not a blank.
    for write in (RUSSIAN.money, RUSSIAN.percent, RUSSIAN.count):
        assert write(None) == "—"


def test_signs_are_shown_where_asked_for():
    # A plus only on what is above 0 as shown.
    assert visible(RUSSIAN.money(Decimal(5), signed=True)) == "+5_₽"
    assert visible(RUSSIAN.money(Decimal("0.001"), signed=True)) == "0_₽"
    assert visible(RUSSIAN.count(-3, signed=True)) == "−3"
    assert visible(RUSSIAN.count(1234)) == "1_234"
    assert visible(RUSSIAN.percent(Decimal("0.091"), signed=True)) == "+9,1_%"
    assert visible(RUSSIAN.points(Decimal("-0.0123"))) == "−1,2_п.п."
    assert visible(RUSSIAN.points(Decimal("0.0123"))) == "+1,2_п.п."


@given(st.decimals(-(10**12), 10**12, places=4))
def test_shown_money_is_the_amount_to_half_a_kopeck(amount):
    # Read back, it differs by rounding only, and a half goes away from zero.
    text = visible(RUSSIAN.money(amount)).removesuffix("_₽")
    shown = Decimal(text.replace("_", "").replace(",", ".").replace("−", "-"))
    assert abs(shown - amount) <= Decimal("0.005")
    if abs(shown - amount) == Decimal("0.005"):
        assert abs(shown) > abs(amount)
    assert re.fullmatch(r"−?\d{1,3}(_\d{3})*(,\d\d)?", text)


@pytest.mark.parametrize(
    ("number", "word"),
    [
        *((1, "ремонт"), (21, "ремонт"), (101, "ремонт")),
        *((2, "ремонта"), (4, "ремонта"), (22, "ремонта"), (1003, "ремонта")),
        *((0, "ремонтов"), (5, "ремонтов"), (11, "ремонтов"), (14, "ремонтов")),
        *((111, "ремонтов"), (112, "ремонтов"), (25, "ремонтов")),
    ],
)
def test_words_agree_with_their_number(number, word):
    # Three forms, with the teens as the trap.
    assert RUSSIAN.plural(number, "ремонт", "ремонта", "ремонтов") == word


@pytest.mark.parametrize(
    ("kind", "day", "name"),
    [
        (PeriodKind.DAY, date(2026, 11, 17), "вторник, 17 ноября 2026"),
        (PeriodKind.DAY, date(2028, 2, 29), "вторник, 29 февраля 2028"),
        (PeriodKind.DAY, date(2026, 5, 1), "пятница, 1 мая 2026"),
        (PeriodKind.WEEK, date(2026, 11, 15), "9–15 ноября 2026"),
        (PeriodKind.WEEK, date(2026, 12, 1), "30 ноября – 6 декабря 2026"),
        (PeriodKind.WEEK, date(2027, 1, 1), "28 декабря 2026 – 3 января 2027"),
        (PeriodKind.MONTH, date(2026, 10, 31), "октябрь 2026"),
        (PeriodKind.MONTH, date(2026, 5, 1), "май 2026"),
        (PeriodKind.QUARTER, date(2026, 10, 1), "4-й квартал 2026"),
        (PeriodKind.YEAR, date(2026, 1, 1), "2026 год"),
    ],
)
def test_a_period_is_named_as_people_say_it(kind, day, name):
    # Months alone are in the nominative, days in the genitive, a week names what differs.
    period = Period.containing(day, kind=kind, timezone="Europe/Moscow")
    assert RUSSIAN.period(period) == name


@pytest.mark.parametrize(
    ("name", "line"),
    [("Юг", "Юг"), (" a\nb\n\nc\t", "a b c"), ("x" * 101, "x" * 99 + "…"), ("x" * 100, "x" * 100)],
)
def test_a_name_stays_on_its_line(name, line):
    # A line break in it would let a long message be cut inside its markup.
    assert one_line(name) == line


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "0 с"),
        (12, "12 с"),
        (400, "6 мин"),
        (26_400, "7 ч 20 мин"),
        (86_430, "1 дн."),
        (108_000, "1 дн. 6 ч"),
    ],
)
def test_a_length_of_time_is_in_its_two_largest_units(seconds, text):
    # Whole ones; seconds only below a minute.
    assert RUSSIAN.length_of_time(timedelta(seconds=seconds)).replace(NO_BREAK, " ") == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 Б"),
        (999, "999 Б"),
        (1_500, "1,5 кБ"),
        (120_400_000, "120 МБ"),
        (4 * 10**12, "4,0 ТБ"),
    ],
)
def test_a_size_is_in_decimal_units(number, text):
    # As disks and object stores count; one decimal below ten.
    assert RUSSIAN.size(number) == text.replace(" ", NO_BREAK)
