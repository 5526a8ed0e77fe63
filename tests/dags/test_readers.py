"""Who gets what: whole runs by the settings of docs/chats.md, chats for losses, quiet hours."""

import json
import re
import tomllib
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from dags.conftest import states
from ledgers import rows
from stage import CHAT, OPS_CHAT, ZONE

DAILY, LOSSES, OWNER = "profitability_daily", -1003000000009, 501
DAY = "2026-10-12"
ROOT = Path(__file__).parents[2]
NETWORKS = (ROOT / "docs" / "chats.md").read_text("utf-8").partition("## Three networks")[2]
# Two more branches: one with a repair, and one that only pays its rent.
MORE_BRANCHES = """
insert into branches (id, name, code_prefix, is_active) values
(3, 'Третий', 'T', true), (4, 'Пустой', 'P', true);
insert into repairs values (501, 3, 501, 1, 1, null, null, 1, false, 0,
'2026-10-12 10:00+03', '2026-10-12 12:00+03');
insert into repair_services values (501, 501, 'Ремонт', 5000, 1, 0);
insert into fixed_costs values (3, 4, 'Аренда', 3000, '2026-01-01', null);
"""
NAMES = {"Филиал на Ленина": 1, "Сервис": 2, "Третий": 3, "Пустой": 4}


def networks():
    """The settings of each network, and its table: what came, by the chat and the report."""
    for section in NETWORKS.split("\n### ")[1:]:
        toml = re.search(r"^```toml\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)[1]
        lines = re.findall(r"^\| (.+?) \|$", section, re.MULTILINE)
        head, *table = [[cell.strip() for cell in line.split("|")] for line in lines]
        wanted = {
            ("" if chat.startswith("the connection") else chat.strip("`"), report.lower()): cell
            for chat, *cells in table
            for report, cell in zip(head[1:], cells, strict=True)
        }
        yield pytest.param(toml, wanted, id=section.splitlines()[0])


def told(messages):
    """What messages tell, as the tables write it."""
    found = [
        "workbook"
        if message.document
        else "picture"
        if message.photo
        else "summary"
        if "Вся сеть" in message.text
        else next(str(id_) for name, id_ in NAMES.items() if name in message.text)
        for message in messages
    ]
    branches = sorted(one for one in found if one.isdecimal())
    word = "branches" if len(branches) > 1 else "branch"
    said = [f"{word} {', '.join(branches)}"] if branches else []
    return "; ".join(said + sorted(one for one in found if not one.isdecimal()))


@pytest.fixture
def chats(telegram):
    """The chats of the docs, by how the settings write them."""
    for number, title in ((1, "Север"), (2, "Юг"), (9, "Убытки")):
        telegram.chats.add(-1003000000000 - number, "supergroup", title)
    telegram.chats.add(-1003000000003, "supergroup", "Форум", topics={7: "Третий"})
    for person in (OWNER, 502):
        telegram.chats.add(person, "private", "Анна Петрова")

    def chat(name):
        id_, _, topic = (name or str(CHAT)).partition(":")
        return [
            message
            for message in telegram.messages
            if message.chat_id == int(id_) and str(message.thread_id or "") == topic
        ]

    return chat


@pytest.fixture
def reading(configured):
    """Set readers, beside those of before or instead of them."""

    def read(*readers, **values):
        configured(CHATS__READERS=json.dumps(readers), **values)

    return read


@pytest.mark.parametrize(("toml", "wanted"), list(networks()))
def test_each_network_of_the_docs_gets_what_its_table_says(
    run, crm, telegram, configured, chats, toml, wanted
):
    # Each report once to each chat, and the audit misses nothing.
    crm.execute(MORE_BRANCHES)
    configured(CHATS=json.dumps(tomllib.loads(toml)["chats"]), REPORTS__MONTHLY__WORKBOOK="true")
    for report in ("daily", "weekly", "monthly"):
        before = {name: len(chats(name)) for name, _ in wanted}
        assert str(run(f"profitability_{report}", period=DAY).state) == "success"
        for name in before:
            assert told(chats(name)[before[name] :]) == wanted[name, report], (name, report)
    expected = sum(len(chats(name)) for name in dict.fromkeys(name for name, _ in wanted))
    assert len(telegram.messages) == expected


def test_a_branch_without_a_reader_has_no_task_and_is_not_missed(run, crm, reading, telegram):
    # Neither by the audit, nor by the page; one that is read of its losses only has a task.
    only = {"chat": str(CHAT), "summary": True}
    reading(
        only, {"chat": str(CHAT), "branches": ["2"], "only_losses": True}, CHATS__REPORTS="none"
    )
    assert states(run(DAILY, period="2026-11-16"))["post_branch_report"] == ["success"]
    assert told(telegram.messages) == "summary"
    assert str(run("delivery_audit").state) == "success"
    (noted,) = rows("expected")
    assert noted["chats"] == {"branch-1": [], "branch-2": [], "network": [str(CHAT)]}


def rent(crm, amount):
    crm.execute("update fixed_costs set amount_per_month = %s where id = 1", [amount])


def losses(chats):
    return [message.text for message in chats(str(LOSSES))]


def test_a_chat_for_losses_is_told_of_losses_and_that_one_is_none_any_more(
    run, crm, reading, chats
):
    # The rent was entered wrong: what the chat was told is corrected there.
    reading({"chat": str(LOSSES), "summary": True, "branches": "all", "only_losses": True})
    rent(crm, 300_000)
    run(DAILY, period=DAY)
    (lost,) = [text for text in losses(chats) if "Ленина" in text and "Вся сеть" not in text]
    assert len(losses(chats)) == 2  # the network's as well
    rent(crm, 3000)
    run(DAILY, period=DAY)
    assert len(losses(chats)) == 2
    assert all("исправлено" in text.lower() for text in losses(chats)), lost


@pytest.mark.parametrize("nobody_else", [False, True])
def test_the_recheck_tells_a_chat_for_losses_of_a_new_one_once(
    run, crm, reading, chats, telegram, nobody_else
):
    # By a cost that came late: without sound, and saying how late it is.
    others = {"CHATS__REPORTS": "none"} if nobody_else else {}
    reading({"chat": str(LOSSES), "branches": "all", "only_losses": True}, **others)
    run(DAILY, period=DAY)
    assert losses(chats) == []
    rent(crm, 300_000)
    for _ in range(2):
        assert str(run("recheck").state) == "success"
    (lost,) = [message for message in telegram.messages if message.chat_id == LOSSES]
    assert "Ленина" in lost.text
    assert len(chats("")) == (0 if nobody_else else 3)
    assert "с опозданием на" in lost.text
    assert lost.silent


def test_of_a_frozen_period_a_chat_for_losses_is_told_of_no_new_one(
    run, crm, reading, configured, chats
):
    # The other chats keep what they have, and ops are told; one that was never posted is posted.
    reading({"chat": str(LOSSES), "branches": "all", "only_losses": True})
    run(DAILY, period=DAY)
    rent(crm, 300_000)
    configured(RECHECK__FROZEN_UNTIL="2026-10-31")
    for _ in range(2):
        assert str(run(DAILY, period=DAY).state) == "success"
    assert losses(chats) == []
    run(DAILY, period="2026-10-13")
    assert len(losses(chats)) == 1


def test_a_chat_for_losses_that_is_new_hears_of_no_old_ones(run, crm, reading, chats):
    # They were told elsewhere as losses, when it was not there.
    rent(crm, 300_000)
    run(DAILY, period=DAY)
    reading({"chat": str(LOSSES), "branches": "all", "only_losses": True})
    assert str(run("recheck").state) == "success"
    assert losses(chats) == []


def test_a_loss_that_the_chat_refused_is_missed_by_the_audit(run, crm, reading, telegram, chats):
    # Although every chat that reads everything has it.
    reading({"chat": str(LOSSES), "branches": "all", "only_losses": True})
    rent(crm, 300_000)
    telegram.chats[LOSSES].condition = "kicked"
    assert str(run(DAILY, period="2026-11-16").state) == "failed"
    assert str(run("delivery_audit").state) == "failed"
    (alert,) = [
        message
        for message in telegram.messages
        if message.chat_id == OPS_CHAT and "Не все отчёты" in message.text
    ]
    assert "Ленина" in alert.text


@pytest.mark.parametrize("is_night", [True, False])
def test_nothing_makes_a_sound_in_quiet_hours(run, configured, telegram, is_night):
    # Of the connection's chat, by nothing but "": reports, and an alert to the same chat.
    now = datetime.now(ZoneInfo(ZONE))
    hours = [now - timedelta(hours=2), now + timedelta(hours=2)]
    start, end = (f"{hour:%H:%M}" for hour in (hours if is_night else hours[::-1]))
    configured(
        CHATS__QUIET_HOURS=json.dumps({"": f"{start}-{end}"}),
        DELIVERY__LATE_AFTER_HOURS="1000000",
    )
    run(DAILY, period=DAY)
    assert len(telegram.messages) == 3
    assert {message.silent for message in telegram.messages} == {is_night}


def test_a_person_who_never_pressed_start_is_named_by_id_and_what_to_do(
    run, reading, telegram, chats
):
    # The others have their reports; the person's name is in no alert.
    reading({"chat": str(OWNER), "summary": True})
    telegram.chats[OWNER].condition = "not_a_member"
    assert str(run(DAILY, period=DAY).state) == "failed"
    assert len(chats("")) == 3
    (alert,) = [message.text for message in telegram.messages if message.chat_id == OPS_CHAT]
    assert "501" in alert
    assert "Start" in alert or "Запустить" in alert
    assert "Петрова" not in alert
