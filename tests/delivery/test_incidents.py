"""Troubles that are told once, in the ops chat, over real HTTP."""

import pytest

from delivery.desk import GROUP, TEMPLATES
from sancrm_reports.errors import ReportError
from sancrm_reports.pure.messages import Message
from sancrm_reports.wire.incidents import Incidents
from sancrm_reports.wire.second_way import SecondWay

NAME = "failure|profitability_daily|2025-11-06"
LONG = "\n\n".join(["я" * 1500] * 4)


@pytest.fixture
def incidents(desk):
    ledger, to = desk.ledger(), desk.hook.default_address
    second = SecondWay(ledger, templates=TEMPLATES)
    return Incidents(ledger, lambda: (desk.delivery(resend=True), to), second)


def test_a_long_trouble_is_taken_back_in_all_its_parts(desk, incidents):
    # Otherwise its end would stand below «решено» as if it were going on.
    incidents.alert(NAME, Message(LONG))
    assert len(desk.shown) > 1
    incidents.solve(NAME, Message("✅ Решено"))
    assert desk.shown[0].startswith("✅ Решено")
    assert all("больше не нужна" in text for text in desk.shown[1:])


def test_what_was_never_told_is_not_called_solved(desk, incidents):
    # The chat refused the trouble, and takes messages again: «решено» alone would say nothing.
    desk.stand_in.chats[GROUP].condition = "kicked"
    with pytest.raises(ReportError):
        incidents.alert(NAME, Message("🔴 Сбой"))
    desk.stand_in.chats[GROUP].condition = None
    assert incidents.solve(NAME, Message("✅ Решено")) == []
    assert desk.shown == []


def test_ops_know_of_what_is_in_their_chat_and_not_over(incidents, desk):
    # Not of what Telegram refused, nor of what is solved.
    desk.stand_in.chats[GROUP].condition = "kicked"
    with pytest.raises(ReportError):
        incidents.alert(NAME, Message("🔴 Сбой"))
    assert not incidents.is_alerted(NAME)
    desk.stand_in.chats[GROUP].condition = None
    incidents.alert(NAME, Message("🔴 Сбой"))
    assert incidents.is_alerted(NAME)
    incidents.solve(NAME, Message("✅ Решено"))
    assert not incidents.is_alerted(NAME)


def test_trouble_of_another_kind_is_a_new_message(desk, incidents):
    # A silent edit would not be read; less or the same trouble is one.
    def alert(text, kinds):
        incidents.alert(NAME, Message(text, facts={"kinds": kinds}), replaced=Message("⏬ ниже"))

    alert("нет связи", "not_sent")
    alert("нет связи и прав", "no_right not_sent")
    assert desk.shown == ["⏬ ниже", "нет связи и прав"]
    alert("нет прав", "no_right")
    assert desk.shown == ["⏬ ниже", "нет прав"]
    incidents.solve(NAME, Message("✅ Решено"))
    assert desk.shown == ["⏬ ниже", "✅ Решено"]
