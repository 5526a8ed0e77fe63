"""What people read of figures; whole messages are in test_goldens.py."""

import random
import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from demo.telegram.markup import format_message
from pure.samples import branch, earning, network, unallocated
from sancrm_reports.pure.figures import Figures, FiguresError, check_reportable
from sancrm_reports.pure.language import language_of
from sancrm_reports.pure.messages import (
    Button,
    Comparison,
    branch_report,
    lateness,
    network_report,
)
from sancrm_reports.pure.parts import TELEGRAM
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.pure.splitting import RESERVED, split, visible_length
from sancrm_reports.pure.templates import Templates

TEMPLATES = Templates(Path(__file__).parents[2] / "include" / "templates" / "ru")
RUSSIAN = language_of(TEMPLATES)
ZONE = "Europe/Moscow"
DAY = Period(PeriodKind.DAY, date(2026, 11, 17), ZONE)
WEEK = Period.containing(date(2026, 12, 1), kind=PeriodKind.WEEK, timezone=ZONE)
MONTH = Period(PeriodKind.MONTH, date(2026, 10, 1), ZONE)
NAMES = (
    "Сервис <Юг> & Ко",
    "ООО «Ремонт» \"Ключ\" 'Дом'",
    "<b>Центр</i>",
    "&lt;Центр&gt; &amp;",
    "{{ 7*7 }} {% raw %} {# нет #}",
    "😀 Ленина 🇷🇺 👨‍👩‍👧",
    "%(name)s {name} $name \\n *_`[",
)


def report(now, before=None, period=DAY):
    comparison = Comparison(now, now if before is None else before)
    return branch_report(comparison, period, templates=TEMPLATES)


def summary(branches, *, rest=None, before=None, period=DAY, crm_url=None):
    rest = rest or unallocated(fixed_costs=None)
    whole = network([*branches, rest])
    return network_report(
        Comparison(whole, before or whole),
        unallocated=rest,
        branches=branches,
        period=period,
        templates=TEMPLATES,
        crm_url=crm_url,
    )


def shown(message):
    """What a person sees, by the stand-in's strict parser; no-break spaces as plain ones."""
    return format_message(message.html, "HTML").text.replace("\N{NO-BREAK SPACE}", " ")


def line(message, beginning):
    """The line that begins so; of the two that do, the folded one, which says more."""
    found = [row for row in shown(message).splitlines() if row.lstrip("· ").startswith(beginning)]
    return found[-1]


def seen(message):
    """What a person sees before the rest is unfolded."""
    return shown(replace(message, html=message.html.partition("<blockquote")[0]))


@pytest.mark.parametrize("name", NAMES)
def test_a_branchs_name_arrives_as_written(name):
    # Markup, references and template signs in it are text; in the summary's ranking too.
    figures = branch(name=name)
    assert f" {name}, вторник" in shown(report(figures))
    assert f"1. {name}: " in shown(summary([figures]))


@pytest.mark.parametrize("name", ["Филиал " * 43, "Ф" * 300, "<&>" * 100, "😀" * 300])
def test_a_name_of_300_characters_is_shortened(name):
    # The verdict after it must still be seen, and no reference or emoji is cut.
    for message in (report(branch(name=name)), summary([branch(name=name)])):
        text = shown(message)
        assert name[:90].rstrip() in text
        assert name not in text
        assert max(map(visible_length, message.html.splitlines())) < 300
    assert "прибыль 900 ₽" in shown(report(branch(name=name))).splitlines()[0]


@pytest.mark.parametrize(
    ("period", "when"),
    [
        *((DAY, "вторник, 17 ноября 2026"), (WEEK, "30 ноября – 6 декабря 2026")),
        (MONTH, "октябрь 2026"),
    ],
)
@pytest.mark.parametrize("name", ["Филиал на Ленина", "Сервисный центр «Проспект Мира»"])
def test_the_first_line_is_the_verdict(period, when, name):
    # What, when and profit are in what a phone's push shows; with a long name the margin is not.
    now = earning("123456.50", variable_costs=23456, branch_name=name)
    first = shown(report(now, period=period)).splitlines()[0]
    assert first.endswith(f"{name}, {when}: прибыль 100 001 ₽, маржинальность 81,0 %")
    assert visible_length(first.partition(", маржинальность")[0]) <= 100


def test_a_loss_is_called_a_loss():
    # Without a minus that could be overlooked in a push.
    first = shown(report(earning(100, variable_costs=350))).splitlines()[0]
    assert first.startswith("🔴")
    assert first.endswith("убыток 250 ₽, маржинальность −250 %")
    assert not shown(report(earning(100, variable_costs=100))).startswith("🔴")


def test_no_movements_are_said_in_words():
    # And the fixed costs that run on all the same.
    nothing = Figures.none_of(branch())
    first = shown(report(nothing)).splitlines()[0]
    assert first.endswith("Филиал на Ленина, вторник, 17 ноября 2026: движений нет")
    resting = replace(nothing, fixed_costs=Decimal(100), profit=Decimal(-100))
    assert shown(report(resting)).splitlines()[0].endswith("движений нет, постоянные расходы 100 ₽")
    assert "движений нет" in line(summary([branch(2), resting]), "2. ")


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "1 запчасть без закупочной цены: её"),
        (2, "2 запчасти без закупочной цены: их"),
        (11, "11 запчастей без закупочной цены: их"),
    ],
)
def test_parts_without_a_cost_are_said(count, words):
    # The profit shown is then too high; not said where every cost is known.
    for message in (
        report(branch(parts_without_cost=count)),
        summary([branch(parts_without_cost=count)]),
    ):
        assert words in shown(message)
        assert "прибыль завышена" in line(message, "⚠️")
    assert "⚠️" not in shown(report(branch()))


def test_unknown_fixed_costs_are_said_to_be_unknown():
    # Not 0; and 0 is not unknown.
    assert (
        line(report(branch(fixed_costs=None)), "постоянные")
        == "· постоянные: нет данных, в прибыли не учтены"
    )
    assert line(report(branch(fixed_costs=Decimal(0))), "постоянные").startswith(
        "· постоянные: 0 ₽"
    )
    before, now = branch(fixed_costs=None), branch()
    assert "(раньше нет данных)" in line(report(now, before), "постоянные")


def test_a_margin_without_revenue_is_a_dash():
    # In the verdict and in the table.
    now = earning(0, variable_costs=50)
    assert shown(report(now)).splitlines()[0].endswith("убыток 50 ₽, маржинальность —")
    assert line(report(now), "Маржинальность").startswith("Маржинальность: —")


@pytest.mark.parametrize(
    ("now", "before", "words"),
    [
        ("1500", "1200", "(+300 ₽, +25,0 %)"),
        ("1200", "1500", "(−300 ₽, −20,0 %)"),
        ("1234.56", "1000.28", "(+234 ₽, +23,4 %)"),
        ("1500", "1500", "(без изменений)"),
        ("1500", "0", "(+1 500 ₽, раньше 0 ₽)"),  # no base, no percentage
        ("1500", "-50", "(+1 550 ₽, раньше −50 ₽)"),
    ],
)
def test_an_amount_is_compared(now, before, words):
    # A signed difference, and a percentage only where the base is above 0.
    assert line(report(earning(now), earning(before)), "Выручка").endswith(words)


def test_a_difference_that_is_too_small_to_be_shown_has_words():
    # Fixed costs spread over a month differ by a kopeck from day to day: «0 ₽» would be noise.
    for before in ("1500.001", "0"):
        now = Decimal(before) + Decimal("0.01")
        text = line(report(earning(now), earning(before)), "Выручка")
        assert text.endswith("(почти без изменений)")


def test_margins_are_compared_in_points():
    # Not in percent of percent; without revenue before there is nothing to compare with.
    now, before = earning(1000, variable_costs=400), earning(1000, variable_costs=385)
    assert line(report(now, before), "Маржинальность") == "Маржинальность: 60,0 % (−1,5 п.п.)"
    assert line(report(now, now), "Маржинальность") == "Маржинальность: 60,0 % (без изменений)"
    assert (
        line(report(now, Figures.none_of(now)), "Маржинальность")
        == "Маржинальность: 60,0 % (раньше без выручки)"
    )


@pytest.mark.parametrize(
    ("period", "words"),
    [
        *((DAY, "вторник, 10 ноября 2026"), (WEEK, "23–29 ноября 2026")),
        (MONTH, "сентябрь 2026"),
    ],
)
def test_below_the_figures_it_is_said_what_they_are_compared_with(period, words):
    # The same weekday, the week before, the month before.
    for message in (report(branch(), period=period), summary([branch()], period=period)):
        assert seen(message).splitlines()[7] == f"Сравнение: {words}"


def test_the_network_ranks_its_branches_by_profit():
    # The best first; equal ones by name.
    branches = [
        earning(100, branch_id=1, branch_name="Б"),
        earning(700, branch_id=2, branch_name="В"),
        earning(100, branch_id=3, branch_name="А"),
        earning(100, variable_costs=200, branch_id=4, branch_name="Г"),
    ]
    ranked = [row for row in shown(summary(branches)).splitlines() if row[:1].isdigit()]
    assert [row.split(":")[0] for row in ranked] == ["1. В", "2. А", "3. Б", "4. 🔴 Г"]


def test_costs_of_no_branch_are_a_line_of_their_own():
    # And belong to the network's profit, whose margin is not a mean of margins.
    branches = [earning(1000, branch_id=1), earning(100, variable_costs=50, branch_id=2)]
    message = summary(branches, rest=unallocated(Decimal(170)))
    assert line(message, "Общие расходы").startswith("Общие расходы (без филиала): 170 ₽")
    assert "прибыль 880 ₽, маржинальность 80,0 %" in shown(message).splitlines()[0]
    assert line(summary(branches), "Общие расходы") == "Общие расходы (без филиала): нет"


@pytest.mark.parametrize("count", [13, 100, 300, 1000])
@pytest.mark.parametrize("name", ["Филиал на Ленина, {}", "Филиал <{}> & " + "очень " * 12])
def test_a_network_of_many_branches_is_one_message(count, name):
    # The best and the worst are there; what has no room is counted, and in the middle.
    branches = [
        earning(900 + count - n, branch_id=n, branch_name=name.format(n)) for n in range(count)
    ]
    html = summary(branches).html
    assert split(html, TELEGRAM.text - RESERVED) == [html]
    ranks = [
        int(row.split(".")[0])
        for row in shown(summary(branches)).splitlines()
        if row[0:1].isdigit()
    ]
    folded = ranks[6:]
    assert ranks[:6] == [1, 2, 3, count - 2, count - 1, count]
    assert folded[:6] + folded[-6:] == [*range(1, 7), *range(count - 5, count + 1)]
    left_out = line(summary(branches), "… и ещё").split()[3] if len(folded) < count else 0
    assert len(folded) + int(left_out) == count
    assert len(folded) == count or count > 30
    assert len(folded) > 20 or count == 13


def test_losses_and_silence_of_a_large_network_are_told_by_name():
    # Ten names at most, the worst first, and how many more; none where the last places are all.
    branches = [branch(n, name=f"Ф{n}") for n in range(1, 21)]
    losing = [
        earning(10, variable_costs=50 + n, branch_id=n, branch_name=f"У{n}") for n in range(12)
    ]
    idle = replace(Figures.none_of(branch(99)), branch_name="Тишина")
    text = seen(summary([*branches, *losing, idle]))
    assert "🔴 В убытке 12: У11, У10, У9, У8, У7, У6, У5, У4, У3, У2 +2" in text
    assert "⚪️ Без движений: Тишина" in text
    few = seen(summary([*branches, *losing[:3]]))
    assert "В убытке" not in few
    assert few.count("🔴 У") == 3


@pytest.mark.parametrize(
    ("now", "before", "words"),
    [
        *(("1500", "1200", "(+25 %)"), ("1200", "1500", "(−20 %)")),
        *(("1500", "1500", "(0 %)"), ("1500.4", "1500", "(0 %)"), ("0", "0", "(0 %)")),
        *(("1500", "0", "(раньше 0 ₽)"), ("1500", "-50", "(раньше −50 ₽)")),
        ("15000", "1000", "(+14 000 ₽)"),  # +1 400 % would say less
        ("5400300", "4100200", "(+32 %)"),
    ],
)
def test_a_change_that_is_seen_at_once_is_short(now, before, words):
    # As a percentage; as amounts where that has no base, or where the amount says more.
    assert seen(report(earning(now), earning(before))).splitlines()[2].endswith(words)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        *(("999999.49", "999 999 ₽"), ("999999.50", "1,00 млн ₽")),
        *(("-1314999", "−1,31 млн ₽"), ("1234567890", "1 234,57 млн ₽"), (None, "—")),
    ],
)
def test_a_million_is_written_in_short(amount, shown):
    # Half a hundredth of it may be rounded away, never more.
    amount = amount and Decimal(amount)
    assert RUSSIAN.formats.short_money(amount).replace("\N{NO-BREAK SPACE}", " ") == shown


def test_chats_read_kopecks_where_the_account_wants_them():
    # In every figure, and no millions then.
    exact = replace(TEMPLATES, is_exact=True)
    now = earning("1234567.89")
    html = branch_report(Comparison(now, now), DAY, templates=exact).html
    assert html.count("1\N{NO-BREAK SPACE}234\N{NO-BREAK SPACE}567,89") == 6
    assert "567,89" not in report(now).html


def test_rounded_figures_contradict_each_other_by_no_more_than_the_rounding():
    # Of each sum that a message shows, by half a unit of each of its addends and of itself.
    chance, formats = random.Random(14), RUSSIAN.formats
    for _ in range(500):
        revenue, parts, fixed = (Decimal(chance.randrange(10**9)) / 100 for _ in range(3))
        figures = earning(revenue, variable_costs=parts, fixed_costs=fixed)
        costs, profit = figures.costs, figures.profit
        for total, addends in ((costs, (parts, fixed)), (revenue, (costs, profit))):
            shown_sum = sum(read(formats.chat_money(addend)) for addend in addends)
            assert abs(shown_sum - read(formats.chat_money(total))) <= 1
            units = [
                Decimal(10**4) if abs(x) >= 999_999.5 else 1 for x in (total, *addends)
            ]  # of the last digit
            short = sum(read(formats.short_money(addend)) for addend in addends)
            assert abs(short - read(formats.short_money(total))) <= sum(units) / 2


def read(amount):
    """The number that an amount of a message is, in roubles."""
    text = amount.replace("\N{NO-BREAK SPACE}", "").replace("−", "-").replace(",", ".")
    number = Decimal(text.removesuffix("₽").removesuffix("млн"))
    return number * 10**6 if "млн" in text else number


def test_a_report_fits_on_a_phone():
    # Eight lines, also with a warning; blank ones and what is folded not counted.
    text = seen(report(branch(parts_without_cost=3)))
    assert sum(bool(row) for row in text.splitlines()) <= 8


def test_the_summary_has_a_button_to_the_crm():
    # As text where Telegram would refuse the address, which it does with the whole message.
    message = summary([branch()], crm_url="https://crm.example.com/?a=1&lt=2")
    assert message.button == Button("Открыть в CRM", "https://crm.example.com/?a=1&lt=2")
    assert message.button.is_allowed
    assert shown(message.with_button_as_text()).endswith(
        "\nОткрыть в CRM: https://crm.example.com/?a=1&lt=2"
    )
    assert not Button("Открыть", "http://localhost:8080").is_allowed
    assert summary([branch()]).button is None


def test_the_facts_are_the_headline_figures():
    # A correction tells how they changed; their names are words of the catalogue.
    facts = {name: text.replace("\xa0", " ") for name, text in report(branch()).facts.items()}
    assert facts["profit"] == "900 ₽"
    assert facts["revenue"] == "1 500 ₽"
    assert facts["repair_count"] == "3"
    for amount, text in ((None, "нет данных"), (Decimal(0), "0\xa0₽")):
        assert report(branch(fixed_costs=amount)).facts["fixed_costs"] == text


@pytest.mark.parametrize(
    ("late", "words"),
    [
        (timedelta(hours=11, minutes=59), ""),
        (timedelta(hours=12), "с опозданием на 12 часов"),
        (timedelta(hours=23, minutes=59), "с опозданием на 23 часа"),
        (timedelta(hours=49), "с опозданием на 2 дня"),
        (timedelta(hours=-1), ""),
    ],
)
def test_lateness_is_said_from_its_limit_on(late, words):
    # In whole hours, from a day on in whole days, never rounded up.
    said = lateness(late, after=timedelta(hours=12), templates=TEMPLATES)
    assert said.endswith(words)
    assert bool(said) == bool(words)


def test_a_business_without_rentals_reads_nothing_of_them():
    # Neither «прокат: 0 ₽» nor «Прокатов: 0»; the rest is as it was.
    comparison = Comparison(earning("1000"), earning("900"))
    with_them = report(earning("1000"), earning("900")).html
    without = branch_report(comparison, DAY, templates=TEMPLATES, has_rentals=False).html
    with_them = with_them.replace("</blockquote>", "\n").splitlines()
    left = [re.sub(r", прокатов: .*</i>$", "", row) for row in with_them]
    left = [row for row in left if not re.match("(· п|П)рокат", row)]
    assert without.replace("</blockquote>", "\n").splitlines() == left
    assert len(with_them) - len(left) == 2
    assert "рокат" not in without


@pytest.mark.parametrize(
    ("until", "shown"), [("2026-11-17T15:00:00+00:00", "18:00"), ("", "неизвестное время")]
)
def test_data_that_end_too_early_are_told(until, shown):
    # Before the line of what is compared.
    comparison = Comparison(earning("1000"), earning("900"))
    html = branch_report(comparison, DAY, templates=TEMPLATES, complete_until=until).html
    assert f"\n⚠️ данные на {shown}\n" in html


def test_a_name_cannot_turn_the_amount_beside_it_around():
    # Marks of direction, controls and zero-width letters are left out; emoji stay whole.
    message = report(branch(name="Сер\u202eвис\u200b \u0007👩\u200d🔧"))
    assert "Сервис 👩\u200d🔧" in message.html
    assert not set("\u202e\u200b\u0007") & set(message.html)


def test_a_name_that_nobody_sees_is_none():
    # Telegram would call the text empty.
    with pytest.raises(FiguresError, match="Branch 1 has no name"):
        check_reportable([branch(1, name="\u200b\u2060")])
