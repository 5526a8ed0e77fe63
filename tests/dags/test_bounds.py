"""What a report points out: the owner's bounds, and branches that are silent, in whole runs."""

import json

from stage import CHAT, in_chat

BOUNDS_CHAT = -1003333333333


def lines(telegram, sign, chat=CHAT):
    """The lines with a sign of the messages as the chat has them now."""
    return [
        line.replace("\N{NO-BREAK SPACE}", " ")
        for message in telegram.messages
        if message.chat_id == chat
        for line in message.text.splitlines()
        if line.startswith(sign)
    ]


def test_crossed_bounds_are_a_line_in_the_report_and_a_message_elsewhere(
    run, crm, telegram, configured
):
    # The network and one branch; another branch has bounds of its own, which hold.
    telegram.chats.add(BOUNDS_CHAT, "supergroup", "Границы")
    configured(
        BOUNDS__NETWORK='["margin < 99 %"]',
        BOUNDS__BRANCHES='["daily: revenue < 9000", "weekly: profit < 999999"]',
        BOUNDS__BRANCH=json.dumps({"1": ["profit < 0"]}),
        BOUNDS__CHAT=str(BOUNDS_CHAT),
    )
    assert str(run().state) == "success"
    told = lines(telegram, "🔔")
    assert len(told) == 2
    assert [line.split(" ниже ")[1] for line in told] == ["9 000 ₽", "99,0 %"]
    (elsewhere,) = in_chat(telegram, BOUNDS_CHAT)
    first = "🔔 Вне границ, вторник, 17 ноября 2026\n\n· Вся сеть: маржинальность"
    assert elsewhere.text.startswith(first)
    assert "· Сервис <Юг> & {{ 7*7 }}: выручка" in elsewhere.text
    assert "Ленина" not in elsewhere.text
    # A correction that brings the figures within the bounds corrects that message, too.
    crm.execute("update repair_services set price = 20000; delete from repair_parts")
    crm.execute("delete from fixed_costs")
    assert str(run("recheck").state) == "success"
    assert lines(telegram, "🔔") == []
    assert len(in_chat(telegram, BOUNDS_CHAT)) == 2  # the message, and its edit
    assert lines(telegram, "✅", BOUNDS_CHAT) == [
        "✅ В границах, вторник, 17 ноября 2026: цифры исправлены"
    ]


def test_within_the_bounds_nothing_is_said(run, telegram, configured):
    # Neither in the report nor in the other chat.
    telegram.chats.add(BOUNDS_CHAT, "supergroup", "Границы")
    configured(BOUNDS__NETWORK='["profit < 0"]', BOUNDS__CHAT=str(BOUNDS_CHAT))
    assert str(run().state) == "success"
    assert lines(telegram, "🔔") == []
    assert in_chat(telegram, BOUNDS_CHAT) == []


def test_a_silent_branch_is_named_in_the_daily_summary_only(run, crm, telegram):
    # One repair a day in each shop, for weeks; on this Tuesday the second one has none.
    crm.execute(
        "update repairs set status_id = 2, closed_at = null where branch_id = 2"
        " and (closed_at at time zone 'Europe/Moscow')::date = '2026-11-17'"
    )
    run()
    run("profitability_weekly", period="2026-11-10")
    assert lines(telegram, "⚠️") == [
        "⚠️ Без движений, хотя 8 недель подряд в этот день недели они были: Сервис <Юг> & {{ 7*7 }}"
    ]


def test_a_public_holiday_is_no_silence(run, crm, telegram):
    # 4 November 2026 is a Wednesday, and a holiday in Russia.
    crm.execute(
        "update repairs set status_id = 2, closed_at = null"
        " where (closed_at at time zone 'Europe/Moscow')::date = '2026-11-04'"
    )
    run(period="2026-11-04")
    assert lines(telegram, "⚠️") == []
