"""The staff's chat over days: each repair once a day, in order, and edited when it is over."""

import traceback
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from delivery.desk import GROUP, NEW_GROUP, OLD_GROUP, OTHER_GROUP
from ledgers import changes, empty_ledger, everything, rows
from sancrm_reports.errors import ReportError
from sancrm_reports.pure.decisions import Decisions
from sancrm_reports.pure.missed_calls import MissedCall, Wording
from sancrm_reports.pure.templates import Templates
from sancrm_reports.wire.chats import Address
from sancrm_reports.wire.missed_calls import MissedCallsChat, RemainsInChatError
from sancrm_reports.wire.telegram_errors import FloodWaitError, NotSentError, UnknownOutcomeError

TEMPLATES = Templates(Path(__file__).parents[2] / "include" / "templates" / "ru")
WORDING = Wording(TEMPLATES, "Europe/Moscow", "RU", "https://crm.example.com/repairs/{id}")
FRIDAY, MONDAY, TUESDAY = date(2025, 11, 7), date(2025, 11, 10), date(2025, 11, 11)
CALLED = "✅ R-{}: перезвонили"
AGAIN = "⏬ R-{}: ещё ждёт звонка, новое сообщение ниже"

pytestmark = pytest.mark.filterwarnings("ignore:.*retry_after:DeprecationWarning")


def call(repair_id, **changes):
    """A repair that has been waiting since Friday, a minute longer than the next one."""
    since = datetime(2025, 11, 7, 6, tzinfo=UTC) + timedelta(minutes=repair_id)
    name = f"Покупатель {repair_id}"
    made = MissedCall(
        repair_id, repair_id, f"R-{repair_id}", "Готов", since, customer=name, phone="89123456789"
    )
    return replace(made, **changes)


ONE, TWO, THREE = call(1), call(2), call(3)


class Staff:
    """The chat, brought up to date as a task does it: each time anew, from the ledger."""

    def __init__(self, desk):
        self.desk = desk

    def update(
        self,
        *calls,
        day=FRIDAY,
        to=None,
        resend=False,
        wording=WORDING,
        longest_wait=5,
        **options,
    ):
        delivery = self.desk.delivery(resend=resend, longest_wait=longest_wait)
        to = Address(str(to)) if to else self.desk.hook.default_address
        chat = MissedCallsChat(delivery, to, wording, day=day, **options)
        chat.update(calls)
        return chat

    def patiently(self, *calls, **options):
        """Go on after each wait and each fault that may pass, as Airflow does."""
        for _ in range(1000):
            try:
                return self.update(*calls, **options)
            except FloodWaitError as wait:
                self.desk.clock.clock.advance(wait.retry_after)
            except ReportError:
                self.desk.clock.clock.advance(60)
        raise AssertionError("it comes to no end")

    @property
    def shown(self):
        """The first line of each message in the chat."""
        return [text.splitlines()[0] for text in self.desk.shown]

    @property
    def everywhere(self):
        """Each message's chat and first line, whatever the chat."""
        messages = self.desk.stand_in.messages
        return [(message.chat_id, message.text.splitlines()[0]) for message in messages]


@pytest.fixture
def staff(desk):
    return Staff(desk)


def to_call(repair_id, waiting=""):
    line = f"📞 Перезвонить: R-{repair_id} (№\N{NO-BREAK SPACE}{repair_id}), «Готов»"
    return f"{line}, ждёт {waiting}" if waiting else line


def test_each_repair_is_one_message_in_the_given_order(staff):
    # With the phone, and the button that leads to the card.
    staff.update(TWO, ONE, THREE)
    assert staff.shown == [to_call(2), to_call(1), to_call(3)]
    message = staff.desk.stand_in.messages[0]
    assert "+7 912 345-67-89" in message.text
    assert message.buttons[0][0].url == "https://crm.example.com/repairs/2"
    assert not message.silent


def test_a_chat_that_is_changed_in_the_middle_of_a_day_names_nobody_for_ever(staff):
    # Refused or sent in the old one, sent in the new one: each message is edited when it is over.
    chats = staff.desk.stand_in.chats
    staff.update(ONE)
    chats[GROUP].condition = "kicked"
    assert staff.update(ONE, TWO).errors
    chats[GROUP].condition = None
    staff.update(ONE, TWO, to=OTHER_GROUP)
    staff.update(TWO, day=MONDAY, to=OTHER_GROUP)
    assert staff.everywhere == [
        (GROUP, CALLED.format(1)),
        (OTHER_GROUP, CALLED.format(1)),
        (OTHER_GROUP, AGAIN.format(2)),
        (OTHER_GROUP, to_call(2, "3 дня")),
    ]
    staff.update(day=TUESDAY, to=OTHER_GROUP)
    assert not [line for _, line in staff.everywhere if "📞" in line]


@pytest.mark.parametrize("url", ["http://crm:8080/{id}", "sancrm://repair/{id}"])
def test_an_address_that_makes_no_button_is_a_line(staff, url):
    # Telegram would refuse the whole message: no dot in the host, or another scheme.
    staff.update(ONE, wording=replace(WORDING, card_url=url))
    assert staff.desk.shown[0].splitlines()[-1] == f"Открыть в CRM: {url.format(id=1)}"
    assert staff.desk.stand_in.messages[0].buttons == ()


def test_another_run_of_the_day_sends_only_what_is_new(staff):
    # And asks Telegram nothing about the others.
    staff.update(ONE, TWO)
    staff.update(ONE, TWO)
    assert staff.desk.requests == 2
    staff.update(ONE, THREE, TWO)
    assert staff.shown == [to_call(1), to_call(2), to_call(3)]
    assert staff.desk.requests == 3


def test_a_customer_who_was_called_is_marked(staff):
    # By an edit: no button, no phone, no name. The others are left alone.
    staff.update(ONE, TWO)
    chat = staff.update(TWO, day=MONDAY, supersedes=False)
    assert staff.desk.shown[0] == CALLED.format(1)
    assert staff.desk.stand_in.messages[0].buttons == ()
    assert [outcome.action for outcome in chat.outcomes] == ["corrected", "sent"]
    asked = staff.desk.requests
    staff.update(TWO, day=MONDAY, supersedes=False)
    assert staff.desk.requests == asked


def test_the_next_day_says_for_how_long_and_marks_the_message_before(staff):
    # Friday's message points down to Monday's, Monday's to Tuesday's.
    staff.update(ONE)
    staff.update(ONE, day=MONDAY)
    assert staff.desk.shown[0] == AGAIN.format(1)
    assert staff.shown[1] == to_call(1, "3 дня")
    staff.update(ONE, day=TUESDAY)
    assert staff.shown == [AGAIN.format(1), AGAIN.format(1), to_call(1, "4 дня")]
    staff.update(day=TUESDAY)
    assert staff.shown == [AGAIN.format(1), AGAIN.format(1), CALLED.format(1)]
    assert len(staff.desk.sends) == 3


def test_each_part_of_a_messages_life_can_be_switched_off(staff):
    # By settings of their own: nothing is edited, and no wait is told.
    plain = replace(WORDING, shows_waiting=False)
    off = {"closes": False, "supersedes": False, "wording": plain}
    staff.update(ONE, TWO, **off)
    staff.update(TWO, day=MONDAY, **off)
    assert staff.shown == [to_call(1), to_call(2), to_call(2)]
    assert staff.desk.edits == []


def test_a_flag_that_is_set_again_the_same_day_brings_the_message_back(staff):
    # By an edit: one message a day.
    staff.update(ONE)
    staff.update()
    assert staff.shown == [CALLED.format(1)]
    staff.update(ONE)
    assert staff.shown == [to_call(1)]
    assert "+7 912" in staff.desk.shown[0]
    assert len(staff.desk.sends) == 1


def test_a_flag_that_is_set_again_later_is_a_new_message(staff):
    # The one that says «перезвонили» stays as it is: it is true of its day.
    staff.update(ONE)
    staff.update()
    staff.update(ONE, day=MONDAY)
    assert staff.shown == [CALLED.format(1), to_call(1, "3 дня")]


def test_what_changes_during_the_day_is_edited_without_a_word(staff):
    # A phone that was mended: no line about a correction, no second message.
    staff.update(ONE)
    staff.update(replace(ONE, phone="+7 912 000-00-00"))
    assert "+7 912 000-00-00" in staff.desk.shown[0]
    assert "Исправлено" not in staff.desk.shown[0]
    assert len(staff.desk.sends) == 1


def test_a_message_that_someone_deleted_is_not_sent_again_that_day(staff):
    # Whatever changes: one message a day, and an edit that comes to nothing stops no other.
    staff.update(ONE, TWO)
    chats = staff.desk.stand_in.chats
    chats.delete(chats[GROUP], staff.desk.stand_in.messages[0].message_id)
    staff.update(replace(ONE, phone="1"), TWO)
    staff.update(TWO)
    assert staff.shown == [to_call(2)]
    assert len(staff.desk.sends) == 2


def test_a_message_that_cannot_be_edited_is_deleted(staff):
    # It names a customer who was called: it must not stay. Nothing is told, the run is green.
    staff.update(ONE, TWO)
    staff.desk.stand_in.chats[GROUP].condition = "not_editable"
    done = staff.update(TWO)
    assert [outcome.action for outcome in done.outcomes] == ["deleted"]
    assert done.errors == []
    assert staff.shown == [to_call(2)]
    assert rows("open_calls")[0]["code"] == "R-2"


def test_a_message_that_can_be_neither_edited_nor_deleted_is_told_until_it_is_removed(staff):
    # On the third day Telegram deletes no more: ops get its address, in each run, until somebody
    # says that it was deleted by hand.
    staff.update(ONE)
    staff.desk.stand_in.chats[GROUP].condition = "not_editable"
    staff.desk.clock.clock.advance(3 * 86_400)
    for _ in range(2):
        (error,) = staff.update(day=MONDAY).errors
        assert isinstance(error, RemainsInChatError)
        assert error.quote == "https://t.me/c/1234567890/1"
        (undecided,) = error.undecided
    removed = Decisions.of(removed=[undecided.name])
    assert staff.update(day=MONDAY, decisions=removed).errors == []
    assert staff.update(day=MONDAY).errors == []
    assert rows("open_calls") == []


def test_a_message_of_a_group_that_moved_is_told_too(staff):
    # The supergroup does not know what the group was told; people still see it.
    staff.desk.connect(chat=OLD_GROUP)
    staff.update(ONE)
    staff.desk.stand_in.chats.migrate(OLD_GROUP, NEW_GROUP)
    staff.update(ONE, TWO)
    (error,) = staff.update(TWO).errors
    assert isinstance(error, RemainsInChatError)
    assert len(rows("open_calls")) == 2


def test_the_run_of_an_earlier_day_adds_nothing_to_a_later_one(staff):
    # Friday's run, cleared on Monday: what Monday told is left alone.
    staff.update(ONE, day=MONDAY)
    staff.update(ONE, day=FRIDAY)
    assert len(staff.desk.sends) == 1


def test_a_refused_message_holds_up_no_other_and_is_told(staff):
    # The error names the repair; the rest arrives, and clearing sends what is left.
    class Broken(Wording):
        def to_call(self, call, day):
            message = super().to_call(call, day)
            return message if call is not ONE else replace(message, html="<b>")

    chat = staff.update(ONE, TWO, wording=Broken(**vars(WORDING)))
    (error,) = chat.errors
    assert "R-1: " in str(error)
    assert staff.shown == [to_call(2)]
    staff.update(ONE, TWO)
    assert sorted(staff.shown) == [to_call(1), to_call(2)]


def test_an_unknown_status_is_told_and_not_repeated(staff):
    # Until a person says so; that one message only.
    staff.desk.stand_in.faults.drop_after()
    (error,) = staff.update(ONE, TWO).errors
    assert isinstance(error, UnknownOutcomeError)
    assert "R-1: " in str(error)
    assert staff.update(ONE, TWO).errors
    assert len(staff.desk.sends) == 2
    assert not staff.update(ONE, TWO, resend=True).errors
    assert len(staff.desk.sends) == 3
    assert not staff.update(ONE, TWO).errors


def test_no_connection_stops_the_loop_so_that_the_order_stays(staff):
    # The first is not overtaken by the others.
    staff.desk.connect(base_url="http://127.0.0.1:1/bot")
    with pytest.raises(NotSentError):
        staff.update(ONE, TWO)
    staff.desk.connect()
    staff.update(ONE, TWO)
    assert staff.shown == [to_call(1), to_call(2)]


def test_a_hundred_go_out_in_order_at_telegrams_pace(staff):
    # Twenty a minute, the waits given back; no 429 was provoked.
    calls = [call(number) for number in range(1, 101)]
    began = staff.desk.clock.now()
    staff.patiently(*calls)
    assert staff.shown == [to_call(number) for number in range(1, 101)]
    assert staff.desk.stand_in.chats.refused == []
    assert staff.desk.clock.now() - began <= 5 * 60
    assert max(staff.desk.clock.waits) <= 5


def test_a_flood_of_429_changes_neither_order_nor_number(staff):
    # Short ones are waited for in the task, long ones outside of it.
    for seconds in (3, 45, 1, 60, 31):
        staff.desk.stand_in.faults.retry_after(seconds)
    staff.patiently(*[call(number) for number in range(1, 13)])
    assert staff.shown == [to_call(number) for number in range(1, 13)]


@pytest.mark.long
@pytest.mark.parametrize("kind", ["changes", "looks"])
def test_a_crash_at_any_step_loses_and_doubles_nothing(staff, kind):
    # The ledger fails once, at each step in turn: the chat ends up as if nothing had been.
    desk, step, unknown = staff.desk, -1, 0
    crashed = True
    while crashed:
        step, crashed = step + 1, False
        empty_ledger()
        desk.clock.clock.advance(600)
        left = iter(range(step))

        def breaks(statement, values, left=left):
            nonlocal crashed
            is_change = changes(statement, values)
            if crashed or is_change != (kind == "changes") or next(left, None) is not None:
                return False
            crashed = True
            return True

        desk.database.breaks = breaks
        sent, shown = len(desk.sends), len(desk.shown)
        one, two = 10 * step + 1, 10 * step + 2
        errors = staff.patiently(call(one), call(two)).errors
        errors += staff.patiently(call(one), day=MONDAY).errors
        texts = [message.text for message in desk.sends[sent:]]
        assert len(texts) == len(set(texts)), step
        if errors:
            unknown += 1
        else:
            expected = [AGAIN.format(one), CALLED.format(two), to_call(one, "3 дня")]
            assert staff.shown[shown:] == expected, step
    assert step > 20
    assert unknown <= 3  # between each answer of Telegram and the ledger: a person must look


def test_the_ledger_names_nobody(staff):
    # Neither name nor phone, nor a hash that could be found by trying.
    staff.desk.stand_in.faults.drop_after()
    staff.update(ONE, TWO)
    staff.update(TWO, day=MONDAY)
    kept = everything()
    assert "repair-1" in kept
    assert "Покупатель" not in kept
    assert "912" not in kept.replace(str(GROUP), "")


def test_an_unexpected_error_says_where_and_not_what(staff):
    # Its text could quote a row: neither it nor its causes are shown.
    class Named(str):
        def split(self):
            raise ValueError("; ".join([self, ONE.phone]))

    with pytest.raises(ReportError) as caught:
        staff.update(replace(ONE, customer=Named(ONE.customer)))
    said = "".join(traceback.format_exception(caught.value))
    assert "Repair 1: an unexpected ValueError in test_missed_calls.py, line" in said
    assert ONE.customer not in said
    assert ONE.phone not in said
