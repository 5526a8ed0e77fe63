"""The branches of the demo network, its statuses, and what it pays every month."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from demo.crm.rows import BranchRow, FixedCostRow, PlanRow, StatusRow

MONTHS = 14


def month_start(day: date, back: int = 0) -> date:
    """Return the first day of the month that is that many months before the day's own."""
    months = day.year * 12 + day.month - 1 - back
    return date(months // 12, months % 12 + 1, 1)


@dataclass(frozen=True)
class Branch:
    """A branch and how busy it is; `daily_repairs` are repairs closed on a day of the year."""

    id: int
    name: str
    code_prefix: str
    city: str | None
    daily_repairs: float
    tools: int
    first_number: int
    is_active: bool = True
    opened_on: date | None = None
    closed_on: date | None = None
    is_big: bool = False
    rests_weekly: bool = False
    rested_yesterday: bool = False
    lost_yesterday: bool = False

    def row(self) -> BranchRow:
        """Return the row of `branches`."""
        return BranchRow(
            self.id,
            self.name,
            self.code_prefix,
            self.city,
            self.is_active,
            self.opened_on,
            self.closed_on,
        )


# Names are as owners type them: with quotes, ampersands, angle brackets and emoji.
LENINA, MOSKOVSKY, BOLT, VOKZAL, KONAKOVO, SADOVAYA, ZAVODSKAYA = range(1, 8)


def make_branches(today: date) -> list[Branch]:
    """Return the branches: one opened five months ago, one closed two months ago."""
    opened_on = month_start(today, 5).replace(day=17)
    closed_on = month_start(today, 2).replace(day=15)
    since = month_start(today, 80).replace(day=12)
    return [
        Branch(
            LENINA,
            "Филиал на Ленина",
            "R",
            "Тверь",
            8.6,
            40,
            11_508,
            opened_on=since,
            is_big=True,
        ),
        Branch(
            MOSKOVSKY,
            "Филиал на Московском шоссе",
            "M",
            "Тверь",
            6.9,
            34,
            7_215,
            opened_on=since,
            is_big=True,
        ),
        Branch(
            BOLT,
            'Сервис "Болт & Гайка" <Юг>',
            "BG",
            "Тула",
            5.2,
            30,
            4_102,
            opened_on=month_start(today, 44),
            is_big=True,
        ),
        Branch(
            VOKZAL,
            "Мастерская у вокзала",
            "V",
            None,
            2.1,
            12,
            1_340,
            rests_weekly=True,
        ),
        Branch(
            KONAKOVO,
            "Филиал в Конаково 🌲",
            "K",
            "Конаково",
            1.9,
            14,
            880,
            opened_on=month_start(today, 31),
            rests_weekly=True,
            rested_yesterday=True,
        ),
        Branch(
            SADOVAYA,
            "Прокат и ремонт на Садовой",
            "S",
            "Клин",
            2.9,
            24,
            1,
            opened_on=opened_on,
            lost_yesterday=True,
        ),
        Branch(
            ZAVODSKAYA,
            "Филиал на Заводской",
            "Z",
            "Торжок",
            2.6,
            16,
            2_690,
            is_active=False,
            opened_on=since,
            closed_on=closed_on,
        ),
    ]


# Code, name, group; the names are the CRM's own, «Подбор» is one that shops add.
_STATUSES = (
    ("open", "Открыт", "new"),
    ("diagnostics", "Диагностика", "diagnostics"),
    ("approval", "Согласование", "on_hold"),
    ("approved", "Согласован", "to_do"),
    ("selection", "Подбор", "on_hold"),
    ("order_parts", "Заказать запчасти", "to_do"),
    ("parts_ordered", "Запчасти заказаны", "on_hold"),
    ("no_parts", "Нет запчастей", "on_hold"),
    ("parts_received", "Запчасти получены", "to_do"),
    ("in_progress", "В работе", "in_progress"),
    ("ready", "Готов", "ready"),
    ("issued_unpaid", "Выдан и не оплачен", "ready"),
    ("refused", "Отказ", "refused"),
    ("closed", "Закрыт", "closed_success"),
    ("scrapped", "Утилизирован", "closed_failure"),
)
STATUSES = {
    code: StatusRow(number, code, name, group, group.startswith("closed"))
    for number, (code, name, group) in enumerate(_STATUSES, start=1)
}

RENT, SALARIES, UTILITIES = "Аренда", "Оклады", "Коммунальные услуги"
INTERNET, GUARD = "Связь и интернет", "Охрана"

# Branch, cost, roubles a month. «Мастерская у вокзала» has none on record.
_BRANCH_COSTS = (
    (LENINA, SALARIES, "318000.00"),
    (LENINA, UTILITIES, "18450.60"),
    (LENINA, INTERNET, "2890.00"),
    (MOSKOVSKY, RENT, "98000.00"),
    (MOSKOVSKY, SALARIES, "268000.00"),
    (MOSKOVSKY, UTILITIES, "14320.35"),
    (BOLT, RENT, "72500.00"),
    (BOLT, SALARIES, "205000.00"),
    (BOLT, UTILITIES, "11780.90"),
    (KONAKOVO, RENT, "24000.00"),
    (KONAKOVO, SALARIES, "69000.00"),
)


# The network's plans: of revenue, and of profit by the month, which the season changes.
_REVENUE_PLAN = Decimal(4_300_000)
_PROFIT_PLANS = {1: 800_000, 2: 800_000, 3: 1_400_000, 11: 1_600_000, 12: 1_600_000}
_USUAL_PROFIT_PLAN = 2_000_000


def make_plans(today: date) -> list[PlanRow]:
    """Return the network's plans of each month of the data."""
    months = [month_start(today, before) for before in range(MONTHS, -1, -1)]
    amounts = [
        (month, figure, amount)
        for month in months
        for figure, amount in (
            ("profit", Decimal(_PROFIT_PLANS.get(month.month, _USUAL_PROFIT_PLAN))),
            ("revenue", _REVENUE_PLAN),
        )
    ]
    return [
        PlanRow(number, month, None, figure, amount)
        for number, (month, figure, amount) in enumerate(amounts, start=1)
    ]


def make_fixed_costs(branches: list[Branch], today: date) -> list[FixedCostRow]:
    """Return the fixed costs; some start, end or change in the middle of a month."""
    rows = [
        FixedCostRow(number, branch_id, name, Decimal(amount), valid_from, valid_to)
        for number, (branch_id, name, amount, valid_from, valid_to) in enumerate(
            _costs(branches, today), start=1
        )
    ]
    return rows


def _costs(
    branches: list[Branch], today: date
) -> Iterator[tuple[int | None, str, str, date, date | None]]:
    start = month_start(today, MONTHS + 6)
    for branch_id, name, amount in _BRANCH_COSTS:
        yield branch_id, name, amount, start, None
    rent_raised = month_start(today, 4).replace(day=16)
    yield LENINA, RENT, "118000.00", start, rent_raised
    yield LENINA, RENT, "131500.00", rent_raised, None
    yield MOSKOVSKY, GUARD, "9300.00", month_start(today, 1).replace(day=11), None

    opened_on = next(branch.opened_on for branch in branches if branch.id == SADOVAYA)
    closed_on = next(branch.closed_on for branch in branches if branch.id == ZAVODSKAYA)
    if opened_on is None or closed_on is None:
        raise ValueError("the new branch has no opening day or the closed one no closing day")
    # The new branch's rent runs from before the opening, the closed one's to the month's end.
    yield SADOVAYA, RENT, "86000.00", opened_on.replace(day=10), None
    yield SADOVAYA, SALARIES, "168000.00", opened_on, None
    yield SADOVAYA, "Кредит на оборудование", "74333.33", opened_on, None
    yield ZAVODSKAYA, RENT, "46000.00", start, month_start(today, 1)
    yield ZAVODSKAYA, SALARIES, "131000.00", start, closed_on

    yield None, "Бухгалтерия", "44000.00", start, None
    advertising_cut = month_start(today, 2).replace(day=21)
    yield None, "Реклама", "64000.00", start, advertising_cut
    yield None, "Реклама", "52500.00", advertising_cut, None
    yield None, "Лицензия CRM", "7990.50", start, None
