"""The ledger as the page reads it: ranges of periods, in a real PostgreSQL."""

from dataclasses import replace
from datetime import date

import pytest

from demo.ledger import CHAT, Written, entry, expect, open_database, write
from ledgers import empty_ledger
from sancrm_reports.pure.audit import DeliveryStatus, ExpectedMessages, status_of
from sancrm_reports.pure.entry import MessageKey, State
from sancrm_reports.wire.ledger.history import History
from sancrm_reports.wire.ledger.ledger import Ledger

DAY = date(2026, 11, 17)
DAILY = "profitability_daily"
# One of each, and one that was never answered.
ENTRIES = [
    *(entry(status, DAY) for status in list(DeliveryStatus)[:5]),
    replace(entry(DeliveryStatus.SENT, DAY), state=State.SENDING),
    replace(entry(DeliveryStatus.SENT, DAY), state=State.WAITING),
]


@pytest.fixture
def database():
    with open_database(empty_ledger()) as opened:
        yield opened


def key(day, subject, report=DAILY, chat=CHAT):
    return MessageKey(report, day, subject, chat)


def test_what_a_range_tells_of_a_message_is_what_its_entry_says(database):
    # Without reading whole entries, for messages of every kind.
    values = [
        Written(key("2026-11-17", f"branch-{place}"), known) for place, known in enumerate(ENTRIES)
    ]
    write(database, DAILY, values)
    found = History(database).sent(DAILY, "2026-11-17", "2026-11-18")
    assert {sent.subject: sent.status for sent in found} == {
        f"branch-{place}": status_of(known, is_owed=True) for place, known in enumerate(ENTRIES)
    }


def test_a_range_holds_its_own_periods_and_nothing_else(database):
    # Neighbours in the table: other days, reports of a similar name, digests.
    inside = [key("2026-11-17", "branch-1"), key("2026-11-30", "network", chat="@shop")]
    outside = [
        key("2026-11-16", "branch-1"),
        key("2026-12-01", "branch-1"),
        key("digest-2026-11-18", "network"),
        key("2026-11-17", "branch-1", report="profitability_dailyx"),
        key("2026-11-17", "branch-1", report="profitability"),
        key("2026-W47", "branch-1", report="profitability_weekly"),
    ]
    write(
        database,
        DAILY,
        [Written(one, entry(DeliveryStatus.SENT, DAY)) for one in [*inside, *outside]],
    )
    for day in (date(2026, 10, 1), date(2026, 11, 10), DAY, date(2026, 12, 1)):
        expect(database, DAILY, day, ExpectedMessages(branches={1: str(day)}))
    span = (DAILY, "2026-11-17", "2026-12-01")
    assert {(sent.period, sent.subject) for sent in History(database).sent(*span)} == {
        ("2026-11-17", "branch-1"),
        ("2026-11-30", "network"),
    }
    # And what was expected last before it.
    expected = History(database).expected(*span)
    assert list(expected) == ["2026-11-10", "2026-11-17"]
    assert expected["2026-11-10"].branches == {1: "2026-11-10"}


def test_a_subject_that_nobody_reads_is_not_expected(database):
    # By what the run noted, also where the next run did not come.
    chats = {"branch-1": [], "branch-2": ["-1001"], "network": ["-1001"]}
    expect(database, DAILY, DAY, ExpectedMessages("full", {1: "Юг", 2: "Север"}, chats))
    (expected,) = History(database).expected(DAILY, "2026-11-17", "2026-12-01").values()
    assert expected.names == {"branch-1": "Юг", "branch-2": "Север"}
    assert expected.subjects == ["branch-2", "network"]


def test_a_cell_holds_all_chats_and_parts_of_its_subject(database):
    # With the text where one is kept, and the task that wrote it; branch-10 is another branch.
    sent = entry(DeliveryStatus.SENT, DAY)
    write(
        database,
        DAILY,
        [
            Written(key("2026-11-17", "branch-1"), sent, map_index=0),
            Written(key("2026-11-17", "branch-1"), sent, "вторая часть", part=2, map_index=1),
            Written(key("2026-11-17", "branch-1", chat="-100777.12"), sent, map_index=2),
            Written(key("2026-11-17", "branch-10"), sent),
            Written(key("2026-11-18", "branch-1"), sent),
        ],
    )
    found = History(database).of(DAILY, "2026-11-17", "2026-11-18", "branch-1")
    assert [(one.name, one.part, one.map_index, one.html) for one in found] == [
        (CHAT, 1, 0, None),
        (CHAT, 2, 1, "вторая часть"),
        ("-100777.12", 1, 2, None),
    ]


def test_a_new_ledger_is_empty(database):
    # Before the first DAG run ever: no entry, no error.
    span = (DAILY, "2026-11-17", "2026-12-01")
    assert list(History(database).sent(*span)) == []
    assert History(database).expected(*span) == {}
    assert Ledger(database).since(DAILY) is None
