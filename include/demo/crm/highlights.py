"""What every demo day must show, so that nobody has to wait for chance.

Yesterday: a scrapped device with parts used up, a part that nobody entered the cost of, and a
branch that lost money on a warranty case. Now: a dozen customers who could not be reached,
and repairs that came back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from demo.crm import routes
from demo.crm.catalogue import Device
from demo.crm.network import BOLT, KONAKOVO, LENINA, MOSKOVSKY, SADOVAYA, VOKZAL
from demo.crm.repairs import (
    REOPENED_COMMENT,
    PartLine,
    RepairDraft,
    RepairMaker,
    ServiceLine,
)


@dataclass(frozen=True)
class Unreached:
    """A customer who did not answer, with the device that waits."""

    branch_id: int
    device: Device
    name: str
    is_ready: bool = True
    company: str | None = None
    has_malformed_phone: bool = False


def _device(category: str, brand: str | None, model: str | None) -> Device:
    return Device(category, brand, model, 1)


UNREACHED = (
    Unreached(LENINA, _device("Электроинструмент", "Makita", "HR2470"), "Соколов Андрей Петрович"),
    Unreached(
        LENINA,
        _device("Электроинструмент", "Bosch", "GBH 2-26 DRE"),
        "Никитина Ольга",
        company='ООО "Кровля & Фасад"',
    ),
    Unreached(LENINA, _device("Бензоинструмент", "Stihl", None), "Виктор"),
    Unreached(LENINA, _device("Сварка", None, None), "Серёга 🔧 с дачи"),
    Unreached(MOSKOVSKY, _device("Генераторы", "Huter", "DY6500L"), "Тарасов Игорь Олегович"),
    Unreached(
        MOSKOVSKY,
        _device("Электроинструмент", "Metabo", "KHE 2860"),
        "Белова Марина Юрьевна",
        is_ready=False,
    ),
    Unreached(MOSKOVSKY, _device("Садовая техника", None, "газонокосилка"), "Королёв Пётр"),
    Unreached(BOLT, _device("Компрессоры", "Fubag", "VDC 400/50 CM3"), "Марина & Олег <соседи>"),
    Unreached(
        BOLT,
        _device("Электроинструмент", "DeWalt", "D25133K"),
        "Жуков Фёдор Иванович",
        has_malformed_phone=True,
    ),
    Unreached(VOKZAL, _device("Бензоинструмент", "Husqvarna", "128R"), "Егоров Алексей"),
    Unreached(
        KONAKOVO,
        _device("Садовая техника", "Kärcher", "K 5 Full Control"),
        "Фролова Светлана Николаевна",
        is_ready=False,
    ),
    Unreached(
        SADOVAYA,
        _device("Электроинструмент", "Интерскол", "П-30/900ЭР"),
        'Прораб "Михалыч"',
        is_ready=False,
    ),
)


def make_highlights(makers: dict[int, RepairMaker]) -> Iterator[RepairDraft]:
    """Yield the repairs that the demo promises for its day."""
    yield _scrapped_yesterday(makers[MOSKOVSKY])
    yield _part_without_cost_yesterday(makers[LENINA])
    yield _loss_yesterday(makers[SADOVAYA])
    yield _reopened_now(makers[LENINA])
    yield _reopened_now(makers[BOLT])
    for unreached in UNREACHED:
        yield _unreached(makers[unreached.branch_id], unreached)


def _scrapped_yesterday(maker: RepairMaker) -> RepairDraft:
    draft = maker.close(maker.calendar.yesterday, routes.SCRAPPED_LATE)
    draft.device = _device("Генераторы", "Huter", "DY6500L")
    regulator = PartLine(
        "Регулятор напряжения AVR 5 кВт", Decimal(1), Decimal("1180.00"), Decimal("2150.00")
    )
    not_used = PartLine(
        "Ротор 5 кВт",
        Decimal(1),
        Decimal("8700.00"),
        Decimal("12900.00"),
        is_written_off=False,
    )
    draft.parts += [regulator, not_used]
    return draft


def _part_without_cost_yesterday(maker: RepairMaker) -> RepairDraft:
    draft = maker.close(maker.calendar.yesterday, routes.CLOSED)
    draft.device = _device("Электроинструмент", "Makita", "HM1203C")
    draft.services.append(ServiceLine("Ремонт ударного механизма", Decimal("2100.00"), Decimal(1)))
    draft.parts.append(PartLine("Ударный боёк с кольцами", Decimal(2), None, Decimal("1150.00")))
    return draft


def _loss_yesterday(maker: RepairMaker) -> RepairDraft:
    """Return a warranty case: the shop pays for the part and for the work."""
    draft = maker.reopened(maker.calendar.yesterday)
    draft.device = _device("Генераторы", "Fubag", "BS 6600 A ES")
    draft.services.append(
        ServiceLine(
            "Ремонт альтернатора", Decimal("4800.00"), Decimal(1), discount=Decimal("4800.00")
        )
    )
    draft.parts.append(
        PartLine(
            "Альтернатор в сборе 6,6 кВт",
            Decimal(1),
            Decimal("26480.00"),
            Decimal("34900.00"),
            discount=Decimal("34900.00"),
        )
    )
    return draft


def _reopened_now(maker: RepairMaker) -> RepairDraft:
    """Return a repair that was closed and is in work again."""
    route = routes.REOPENED_NOW
    draft = maker.open_repair(route)
    draft.changes[route.index("closed") + 1].comment = REOPENED_COMMENT
    return draft


def _unreached(maker: RepairMaker, unreached: Unreached) -> RepairDraft:
    draft = maker.open_repair(routes.READY if unreached.is_ready else routes.SELECTION)
    draft.device = unreached.device
    draft.customer_id = maker.customers.add(
        unreached.name, unreached.company, malformed=unreached.has_malformed_phone
    )
    draft.needs_callback = True
    draft.changes[-1].comment = "Не дозвонились"
    return draft
