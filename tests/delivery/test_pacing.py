"""The pace: no message provokes a 429, and none waits longer than it must.

The stand-in counts: a burst of 3 to a chat, refilled by one a second, a text of more than 500
characters twice, and 20 a minute to a group. Time passes only by waiting.
"""

import pytest

from delivery.desk import GROUP, MORNING, OTHER_GROUP, PERSON
from ledgers import rows
from sancrm_reports.wire.chats import Address
from sancrm_reports.wire.pacing import LONGEST_WAIT, Pacing, ready_at
from sancrm_reports.wire.telegram_errors import FloodWaitError

SHORT, LONG = "я" * 400, "я" * 900
PRIVATE = Address(str(PERSON))

pytestmark = pytest.mark.filterwarnings("ignore:.*retry_after:DeprecationWarning")


def send_many(desk, count, text=SHORT, *, to=None):
    """Send so many reports, each by a task of its own; return the seconds that it took."""
    began = desk.clock.now()
    for number in range(count):
        desk.once(f"{number} {text}", to=to, subject=f"branch-{number}")
    return desk.clock.now() - began


@pytest.mark.parametrize("text", [SHORT, LONG], ids=["short", "long"])
def test_a_hundred_reports_to_a_group_provoke_no_429(desk, text):
    # 20 a minute: four full minutes and the last twenty messages at a second or two each.
    seconds = send_many(desk, 100, text)
    assert len(desk.sends) == 100
    assert desk.stand_in.chats.refused == []
    last_twenty = 19 if text is SHORT else 38
    assert seconds == pytest.approx(4 * 60 + last_twenty, abs=1)


@pytest.mark.parametrize(("text", "spacing"), [(SHORT, 1), (LONG, 2)], ids=["short", "long"])
def test_a_person_gets_one_message_a_second(desk, text, spacing):
    # No limit per minute in a private chat; a long text counts twice.
    seconds = send_many(desk, 30, text, to=PRIVATE)
    assert desk.stand_in.chats.refused == []
    assert seconds == pytest.approx(29 * spacing, abs=1)


def test_two_groups_do_not_wait_for_each_other(desk):
    # Sixty messages to two groups in turn take as long as thirty to one.
    began = desk.clock.now()
    for number in range(30):
        desk.once(SHORT, subject=f"branch-{number}")
        desk.once(SHORT, subject=f"branch-{number}", to=Address(str(OTHER_GROUP)))
    assert desk.stand_in.chats.refused == []
    assert desk.clock.now() - began == pytest.approx(60 + 9, abs=1)


def test_edits_count_for_the_group(desk):
    # Fifteen messages and fifteen corrections of them are thirty for a group.
    send_many(desk, 15)
    for number in range(15):
        desk.once(f"Исправлено {number}", subject=f"branch-{number}")
    assert desk.stand_in.chats.refused == []
    assert len(desk.edits) == 15
    assert desk.clock.now() - MORNING == pytest.approx(60 + 9, abs=1)


def test_what_is_there_already_waits_for_nothing(desk):
    # A second run over a hundred reports takes no time.
    send_many(desk, 25)
    assert send_many(desk, 25) == 0


def test_a_message_that_may_have_arrived_counts(desk, stand_in):
    # Nineteen messages and one of unknown status: the next waits for the minute to pass.
    send_many(desk, 19)
    stand_in.faults.drop_after()
    desk.run("Неизвестно", subject="lost")
    desk.once("Следующий", subject="next")
    assert desk.stand_in.chats.refused == []
    assert desk.clock.now() - MORNING == pytest.approx(60, abs=1)


def test_a_long_wait_holds_back_other_tasks_without_asking(desk, stand_in):
    # After a 429 of 5 minutes another task does not ask Telegram; it says how long, and then sends.
    stand_in.faults.retry_after(300)
    with pytest.raises(FloodWaitError):
        desk.once("Первый", subject="branch-1")
    desk.clock.wait(100)
    asked = desk.requests
    with pytest.raises(FloodWaitError) as caught:
        desk.once("Второй", subject="branch-2")
    assert caught.value.retry_after == pytest.approx(200)
    assert "200 s" in str(caught.value)
    assert desk.requests == asked
    assert desk.entry("branch-2") is None

    desk.clock.wait(200)
    assert [outcome.action for outcome in desk.once("Второй", subject="branch-2")] == ["sent"]


def test_the_rest_of_a_wait_is_waited_for_in_the_task(desk, stand_in):
    # When little of Telegram's wait is left, the next task waits it out and sends.
    stand_in.faults.retry_after(100)
    with pytest.raises(FloodWaitError):
        desk.once("Первый", subject="branch-1")
    desk.clock.wait(80)
    desk.once("Второй", subject="branch-2")
    assert desk.clock.waits[-1] == pytest.approx(20)
    assert len(desk.sends) == 1


def test_a_wait_of_one_chat_is_not_anothers(desk, stand_in):
    # A blocked group does not hold back a person.
    stand_in.faults.retry_after(300, chat_id=GROUP)
    with pytest.raises(FloodWaitError):
        desk.once()
    desk.once(to=PRIVATE)
    assert desk.clock.now() == MORNING


@pytest.fixture
def pacing_of(desk):
    """Make a pacing by the desk's ledger."""
    return lambda **options: Pacing(desk.database, desk.clock, **options)


def test_a_shorter_wait_does_not_end_a_longer_one(pacing_of):
    # Two answers of 429: the later end counts.
    pacing = pacing_of()
    pacing.block(PRIVATE, 300)
    pacing.block(PRIVATE, 5)
    with pytest.raises(FloodWaitError) as caught:
        pacing.wait(PRIVATE)
    assert caught.value.retry_after == pytest.approx(300)


def test_the_pace_is_small_in_the_ledger(pacing_of):
    # The ledger keeps the last twenty times and no more.
    pacing = pacing_of()
    for _ in range(100):
        pacing.wait(PRIVATE)
    (pace,) = rows("paces")
    assert len(pace["slots"]) == 20


@pytest.mark.parametrize(
    ("sent", "is_group", "after_long", "expected"),
    [
        ([], True, False, 0),
        ([100.0], True, False, 101),
        ([100.0], True, True, 102),
        ([float(second) for second in range(100, 119)], True, False, 119),
        ([float(second) for second in range(100, 120)], True, False, 160),
        ([float(second) for second in range(100, 120)], False, False, 120),
    ],
)
def test_when_the_next_message_may_go(sent, is_group, after_long, expected):
    # A second after the last, two after a long one, a minute after the twentieth last of a group.
    assert ready_at(sent, is_group=is_group, after_long=after_long) == expected


def test_a_group_may_be_given_another_pace(desk, pacing_of):
    # Five a minute as the settings want it, and the ledger keeps no more times than that needs.
    group = Address(str(GROUP))
    pacing = pacing_of(per_minute=5)
    for _ in range(11):
        pacing.wait(group)
    assert desk.clock.now() - MORNING == pytest.approx(120)
    (pace,) = rows("paces")
    assert len(pace["slots"]) == 5


def test_no_pace_still_heeds_telegrams_own_waits(desk, pacing_of):
    # For a Bot API of one's own: nothing is spaced out, but a 429 is heard.
    group = Address(str(GROUP))
    pacing = pacing_of(per_minute=0)
    for _ in range(50):
        pacing.wait(group, length=1000)
    assert desk.clock.waits == []
    pacing.block(group, 10)
    pacing.wait(group)
    assert desk.clock.waits == [10]


def test_no_task_waits_longer_than_a_minute_and_a_bit(desk):
    # The group's own window is waited out in the task: Airflow's retries are for Telegram's waits.
    send_many(desk, 45)
    assert max(desk.clock.waits) <= LONGEST_WAIT
