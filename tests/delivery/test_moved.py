"""A group that became a supergroup: its id changed, and its messages are known all the same."""

import pytest

from delivery.desk import NEW_GROUP, OLD_GROUP
from sancrm_reports.pure.entry import State
from sancrm_reports.pure.messages import Message
from sancrm_reports.wire.chats import Address
from sancrm_reports.wire.telegram_errors import ChatMovedError, FloodWaitError

MOVE = (str(OLD_GROUP), str(NEW_GROUP))

pytestmark = pytest.mark.filterwarnings("ignore:.*retry_after:DeprecationWarning")


@pytest.fixture
def old(desk):
    """The desk, whose connection names the old group."""
    desk.connect(chat=OLD_GROUP)
    return desk


@pytest.fixture
def moved(old, stand_in):
    """One report was sent before the move."""
    old.once("Прибыль 1", subject="before")
    stand_in.chats.migrate(OLD_GROUP, NEW_GROUP)
    return old


def test_the_new_id_is_remembered_and_told_once(moved, stand_in):
    # Three more reports: all in the new chat, the old id is asked once, the move is told once.
    for number in range(3):
        moved.once(f"Отчёт {number}", subject=f"branch-{number}")
    assert [message.chat_id for message in moved.sends[1:]] == [NEW_GROUP] * 3
    assert len(stand_in.chats.refused) == 1
    assert moved.moves == [MOVE]


def test_the_parts_of_one_message_tell_of_the_move_once(moved, stand_in):
    # The group moves before a message of three parts.
    moved.once("\n\n".join("я" * 3000 for _ in range(3)))
    assert [message.chat_id for message in moved.sends[1:]] == [NEW_GROUP] * 3
    assert moved.moves == [MOVE]
    assert len(stand_in.chats.refused) == 1


def test_a_changed_connection_sends_nothing_again(moved):
    # The connection is given the new id, as ops were told to: the ledger's names stay the same.
    moved.once("Отчёт", subject="after")
    keys = moved.key("before"), moved.key("after")
    moved.connect(chat=NEW_GROUP)
    assert (moved.key("before"), moved.key("after")) == keys
    for subject, text in (("before", "Прибыль 1"), ("after", "Отчёт")):
        (outcome,) = moved.once(text, subject=subject)
        assert outcome.action == "unchanged"
    assert len(moved.sends) == 2
    moved.once("Новый", subject="next")
    assert moved.sends[-1].chat_id == NEW_GROUP
    assert moved.moves == [MOVE]


@pytest.mark.parametrize("connection_changed", [False, True])
def test_a_correction_after_the_move_edits_in_the_new_chat(moved, connection_changed):
    # What was sent to the new chat is edited there.
    moved.once("Прибыль 1", subject="after")
    if connection_changed:
        moved.connect(chat=NEW_GROUP)
    (outcome,) = moved.once("Прибыль 2", subject="after")
    assert outcome.action == "corrected"
    assert outcome.chat == str(NEW_GROUP)
    assert moved.shown[-1].startswith("Прибыль 2")


@pytest.mark.parametrize("connection_changed", [False, True])
def test_a_correction_from_before_the_move_is_posted_in_the_new_chat(
    moved, stand_in, connection_changed
):
    # The old message cannot be edited, and its id names another message in the new chat: that one
    # must neither be edited nor answered.
    moved.once("Другой отчёт", subject="after")
    if connection_changed:
        moved.connect(chat=NEW_GROUP)
    same_id = moved.entry("before").message_id
    assert moved.entry("after").message_id == same_id
    (outcome,) = moved.once("Прибыль 2", subject="before")
    assert outcome.action == "answered"
    assert outcome.chat == str(NEW_GROUP)
    assert moved.edits == []
    assert moved.sends[-1].chat_id == NEW_GROUP
    assert moved.sends[-1].reply_to is None
    assert moved.sends[-1].silent
    assert "✏️" in moved.sends[-1].text
    assert stand_in.chats.find(NEW_GROUP, same_id).text == "Другой отчёт"

    (outcome,) = moved.once("Прибыль 3", subject="before")
    assert outcome.action == "corrected"
    assert moved.edits[-1].chat_id == NEW_GROUP


def test_a_correction_can_be_what_discovers_the_move(moved, stand_in):
    # Nothing was sent since the move: the correction follows it, tells of it, and arrives once.
    (outcome,) = moved.once("Прибыль 2", subject="before")
    assert outcome.action == "answered"
    assert outcome.chat == str(NEW_GROUP)
    assert moved.sends[-1].reply_to is None
    assert moved.moves == [MOVE]
    assert len(moved.sends) == 2


def test_an_edit_that_is_told_of_the_move_does_not_follow_it(moved, monkeypatch):
    # Should Telegram name the new id to an edit: the message there with that id is another one.
    def edit(*args, **kwargs):
        raise ChatMovedError("moved", NEW_GROUP)

    monkeypatch.setattr(moved.hook, "edit", edit)
    (outcome,) = moved.once("Прибыль 2", subject="before")
    assert outcome.action == "answered"
    assert moved.sends[-1].reply_to is None


def test_the_move_is_remembered_though_nobody_could_be_told(moved, monkeypatch):
    # The ops chat is out of reach: the message goes out all the same, once.
    def fail(old, new):
        raise RuntimeError("the ops chat is gone")

    monkeypatch.setattr(moved, "tell_moved", fail)
    (outcomes,) = moved.run("Отчёт", subject="after")
    assert [outcome.chat for outcome in outcomes] == [str(NEW_GROUP)]
    assert moved.entry("after").state is State.SENT
    assert len(moved.sends) == 2


def test_a_wait_of_the_new_chat_holds_back_who_still_names_the_old_one(moved, stand_in):
    # The connection still has the old id; the pace is that of the chat that is written to.
    stand_in.faults.retry_after(300, chat_id=NEW_GROUP)
    with pytest.raises(FloodWaitError):
        moved.once("Первый", subject="branch-1")
    asked = moved.requests
    with pytest.raises(FloodWaitError):
        moved.once("Второй", subject="branch-2")
    assert moved.requests == asked


def test_forty_reports_after_the_move_keep_the_pace(moved, stand_in):
    # The old id in the connection and the new chat's limits: only the move itself is refused.
    for number in range(40):
        moved.once(f"Отчёт {number}", subject=f"branch-{number}")
    assert [refused.status for refused in stand_in.chats.refused] == [400]


def test_a_group_that_moves_onto_itself_ends(old, stand_in):
    # A wrong answer of Telegram's must not make a loop: the try fails and may be repeated.
    stand_in.chats[OLD_GROUP].migrated_to = OLD_GROUP
    with pytest.raises(ChatMovedError):
        old.once()
    assert old.entry().state is State.FAILED
    assert old.sends == []


def test_topics_keep_their_names_too(moved):
    # A topic of the moved group has the ledger's name from before.
    before = moved.key("before", Address(str(OLD_GROUP), 7))
    moved.once(Message("Отчёт"), subject="after")
    assert moved.key("before", Address(str(NEW_GROUP), 7)) == before
