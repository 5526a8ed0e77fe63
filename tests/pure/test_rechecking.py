"""Why a report was corrected, and which changes count."""

from datetime import date

import pytest

from sancrm_reports.pure.corrections import what_changed
from sancrm_reports.pure.entry import MessageKey
from sancrm_reports.pure.messages import Message
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.pure.rechecking import Change
from sancrm_reports.pure.templates import Templates
from sancrm_reports.settings import INCLUDE

TEMPLATES = INCLUDE / "templates"
DAY = Period(PeriodKind.DAY, date(2026, 11, 17), "Europe/Moscow")
NO_BREAK = "\N{NO-BREAK SPACE}"


def said(before, now, language="ru"):
    return what_changed(before, now, Templates(TEMPLATES / language)).replace(NO_BREAK, " ")


@pytest.mark.parametrize(
    ("before", "now", "reason"),
    [
        ({"repair_count": "3"}, {"repair_count": "4"}, "+1 ремонт закрыт задним числом: "),
        (
            {"repair_count": f"1{NO_BREAK}234"},
            {"repair_count": f"1{NO_BREAK}236"},
            "+2 ремонта закрыты задним числом: ",
        ),
        ({"repair_count": "9"}, {"repair_count": "4"}, "−5 ремонтов открыты заново, перенесены"),
        ({"rental_count": "9"}, {"rental_count": "8"}, "−1 прокат открыт заново, перенесён или"),
        (
            {"repair_count": "3", "rental_count": "1"},
            {"repair_count": "2", "rental_count": "3"},
            "−1 ремонт открыт заново, перенесён или удалён, +2 проката возвращены задним числом: ",
        ),
        ({"revenue": "3 ₽"}, {"revenue": "4 ₽"}, "изменены суммы закрытых ремонтов или прокатов: "),
        (
            {"revenue": "3 ₽", "variable_costs": "1 ₽"},
            {"revenue": "3 ₽", "variable_costs": "2 ₽"},
            "изменены закупочные цены или списания запчастей: ",
        ),
        ({"compared_profit": "1 ₽"}, {"compared_profit": "2 ₽"}, "прибыль периода сравнения 1 ₽"),
    ],
)
def test_the_counts_say_why(before, now, reason):
    # More, fewer, or as many with other amounts.
    assert said(before, now).startswith(reason)


def test_what_was_not_kept_before_gives_no_reason():
    # A message of before such facts were kept.
    assert said({}, {"repair_count": "3", "profit": "5 ₽"}) == "изменён текст"


def test_the_reason_is_in_the_language_of_the_chat():
    # With its plural.
    assert said({"repair_count": "1"}, {"repair_count": "2"}, "en").startswith(
        "+1 repair closed retroactively: "
    )
    assert said({"repair_count": "1,003"}, {"repair_count": "1,001"}, "en").startswith(
        "−2 repairs reopened, moved or deleted: "
    )


@pytest.mark.parametrize(
    ("before", "now", "is_consequence"),
    [
        ({"profit": "1", "compared_profit": "1"}, {"profit": "2", "compared_profit": "2"}, False),
        ({"profit": "1", "compared_profit": "1"}, {"profit": "1", "compared_profit": "2"}, True),
        ({"profit": "1"}, {"profit": "1", "compared_profit": "2"}, False),  # the text, who knows
        ({}, {}, True),  # what tells of bounds
    ],
)
def test_what_follows_from_another_change_is_not_counted(before, now, is_consequence):
    # Of the 20 messages that may change.
    key = MessageKey("profitability_daily", "2026-11-17", "network", "-1001")
    change = Change(key, DAY, "", before, Message("", facts=now))
    assert change.is_consequence is is_consequence
