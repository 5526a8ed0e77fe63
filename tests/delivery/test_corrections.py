"""A message that was sent and has changed: edited in place, or answered where that cannot be."""

from dataclasses import replace

import pytest

from delivery.desk import GROUP
from ledgers import changes
from sancrm_reports.errors import PermanentError
from sancrm_reports.pure.entry import State
from sancrm_reports.pure.messages import Button, Message
from sancrm_reports.wire.ledger.database import LedgerUnreachableError
from sancrm_reports.wire.telegram_errors import FloodWaitError, NotSentError, UnknownOutcomeError

pytestmark = pytest.mark.filterwarnings("ignore:.*retry_after:DeprecationWarning")

FIRST = Message("Прибыль: 100 ₽", facts={"profit": "100 ₽", "repair_count": "5"})
SECOND = Message("Прибыль: 120 ₽", facts={"profit": "120 ₽", "repair_count": "5"})
THIRD = Message("Прибыль: 130 ₽", facts={"profit": "130 ₽", "repair_count": "6"})
NOTE = "✏️ Исправлено 7 ноября, 09:00: "


def _someone_deletes(desk):
    message = desk.stand_in.messages[-1]
    chats = desk.stand_in.chats
    chats.delete(chats[message.chat_id], message.message_id)


def test_a_correction_edits_the_message_and_says_what_changed(desk):
    # One message, the new text, a line with the figures that differ and the account's time.
    (sent,) = desk.once(FIRST)
    (corrected,) = desk.once(SECOND)
    assert corrected.action == "corrected"
    assert corrected.message_id == sent.message_id
    assert desk.shown == [f"Прибыль: 120 ₽\n{NOTE}прибыль 100 ₽ → 120 ₽"]
    assert len(desk.sends) == 1
    assert desk.entry().state is State.SENT
    assert [c.change for c in desk.entry().corrections] == ["прибыль 100 ₽ → 120 ₽"]


def test_a_correction_that_is_there_is_not_repeated(desk):
    # The same corrected text again: Telegram is asked nothing.
    desk.once(FIRST)
    desk.once(SECOND)
    asked = desk.requests
    (outcome,) = desk.once(SECOND)
    assert outcome.action == "unchanged"
    assert desk.requests == asked


def test_each_correction_adds_a_line_and_the_first_sending_time_stays(desk):
    # Two corrections, two lines, oldest first; the ledger still knows when the report went out.
    desk.once(FIRST)
    sent_at = desk.entry().sent_at
    desk.clock.wait(3600)
    desk.once(SECOND)
    desk.clock.wait(3600)
    desk.once(THIRD)
    (shown,) = desk.shown
    assert shown.splitlines()[1:] == [
        "✏️ Исправлено 7 ноября, 10:00: прибыль 100 ₽ → 120 ₽",
        "✏️ Исправлено 7 ноября, 11:00: +1 ремонт закрыт задним числом: "
        "прибыль 120 ₽ → 130 ₽, ремонтов 5 → 6",
    ]
    assert desk.entry().sent_at == sent_at


def test_a_change_of_wording_says_so(desk):
    # No figure differs: the line says that the text did.
    desk.once(FIRST)
    desk.once(Message("Прибыль — 100 ₽", facts=FIRST.facts))
    assert desk.shown == [f"Прибыль — 100 ₽\n{NOTE}изменён текст"]


def test_figures_and_footers_are_text_and_not_markup(desk):
    # A name or a footer with < and & must not break the message.
    desk.once(Message("А", facts={"R&D": "<1 ₽"}), footer="опоздание > 3 ч. & больше")
    desk.once(Message("Б", facts={"R&D": "<2 ₽"}))
    assert desk.shown == [f"Б\nопоздание > 3 ч. & больше\n{NOTE}R&D <1 ₽ → <2 ₽"]


def test_a_footer_belongs_to_the_first_sending(desk):
    # A correction of a report that was on time is not "late", and a late one stays late.
    desk.once(FIRST)
    desk.once(SECOND, footer="Отправлено с опозданием 3 дн.")
    desk.once(FIRST, subject="branch", footer="Отправлено с опозданием 1 дн.")
    desk.once(SECOND, subject="branch")
    on_time, late = desk.shown
    assert "опозданием" not in on_time
    assert "Отправлено с опозданием 1 дн." in late


def test_an_edit_that_happened_and_got_lost_adds_no_second_line(desk):
    # The edit is made, the ledger misses it: Telegram tells the retry that nothing is modified.
    desk.once(FIRST)
    desk.database.breaks = wrote_a_correction
    with pytest.raises(LedgerUnreachableError):
        desk.once(SECOND)
    desk.database.heal()
    (outcomes,) = desk.run(SECOND)
    assert [outcome.action for outcome in outcomes] == ["corrected"]
    assert desk.shown == [f"Прибыль: 120 ₽\n{NOTE}прибыль 100 ₽ → 120 ₽"]
    assert len(desk.sends) == len(desk.edits) == 1
    assert "not modified" in desk.stand_in.chats.refused[-1].description


def test_without_a_ledger_nothing_is_edited(desk):
    # The ledger takes no writing: the message stays as the ledger knows it, and the retry edits.
    desk.once(FIRST)
    desk.database.breaks = changes
    with pytest.raises(LedgerUnreachableError):
        desk.once(SECOND)
    assert desk.edits == []
    desk.database.heal()
    (outcome,) = desk.once(SECOND)
    assert outcome.action == "corrected"


@pytest.mark.parametrize("lost", ["answer", "ledger"])
def test_an_edit_of_unknown_end_is_not_taken_for_undone(desk, stand_in, lost):
    # The edit to 120 happened and nobody knows; the figures go back to 100: so must the message.
    desk.once(FIRST)
    if lost == "answer":
        stand_in.faults.drop_after()
    else:
        desk.database.breaks = wrote_a_correction
    with pytest.raises((NotSentError, LedgerUnreachableError)):
        desk.once(SECOND)
    desk.database.heal()
    assert desk.shown[0].startswith("Прибыль: 120 ₽\n")
    (outcome,) = desk.once(FIRST)
    assert outcome.action == "corrected"
    assert desk.shown[0].startswith("Прибыль: 100 ₽\n")
    assert len(desk.sends) == 1


def test_a_correction_of_a_deleted_message_is_posted_silently(desk):
    # Nothing to edit: one new message without sound, with the line, which later ones then edit.
    desk.once(FIRST)
    _someone_deletes(desk)
    (outcome,) = desk.once(SECOND)
    assert outcome.action == "answered"
    assert desk.shown == [f"Прибыль: 120 ₽\n{NOTE}прибыль 100 ₽ → 120 ₽"]
    assert desk.sends[-1].silent
    assert desk.entry().message_id == outcome.message_id

    (outcome,) = desk.once(THIRD)
    assert outcome.action == "corrected"
    assert len(desk.sends) == 2


def wrote_a_correction(statement, values):
    """The statement that says what the chat shows after an edit."""
    return "set state = %(state)s" in statement and values["text_hash"] and values["message_id"]


def set_message_id(desk, message_id):
    """Let the ledger name another message than it knows."""
    desk.database.rows("update sancrm_ledger.messages set message_id = %(id)s", id=message_id)


@pytest.fixture
def foreign(desk):
    """The ledger names a message that the bot may not edit, though it is in the chat."""
    desk.once(FIRST)
    message = desk.stand_in.chats.say(GROUP, "Сообщение другого бота")
    set_message_id(desk, message.message_id)
    return message


def test_a_message_that_cannot_be_edited_is_answered(desk, foreign):
    # The correction hangs on the message that it corrects, without sound.
    (outcome,) = desk.once(SECOND, footer="Отправлено с опозданием 3 дн.")
    assert outcome.action == "answered"
    assert desk.sends[-1].reply_to == foreign.message_id
    assert desk.sends[-1].silent
    assert "опозданием" not in desk.sends[-1].text  # the report itself was on time


def test_an_answer_that_was_not_sent_is_tried_again_as_an_answer(desk, stand_in, foreign):
    # Refused for now: the retry answers the same message, silently, once.
    stand_in.faults.retry_after(90, method="sendMessage")
    error, (outcome,) = desk.run(SECOND)
    assert isinstance(error, FloodWaitError)
    assert outcome.action == "answered"
    assert desk.sends[-1].reply_to == foreign.message_id
    assert desk.sends[-1].silent
    assert len(desk.sends) == 2
    assert desk.sends[-1].text.count("✏️") == 1


def test_an_answer_of_unknown_status_is_not_repeated(desk, stand_in, foreign):
    # An answer is a new message: nothing is repeated until a person resends, and then as an answer.
    stand_in.faults.drop_after(method="sendMessage")
    (error,) = desk.run(SECOND)
    assert isinstance(error, UnknownOutcomeError)
    (error,) = desk.run(SECOND)
    assert isinstance(error, UnknownOutcomeError)
    assert len(desk.sends) == 2

    (outcomes,) = desk.run(SECOND, resend=True)
    assert [outcome.action for outcome in outcomes] == ["answered"]
    assert desk.sends[-1].reply_to == foreign.message_id
    assert desk.sends[-1].silent
    assert len(desk.sends) == 3


def test_a_failed_answer_overtaken_by_another_text_tells_both_changes(desk, stand_in, foreign):
    # The chat shows 100; the answer with 120 failed; the one with 130 must not say 100 → 120 only.
    stand_in.faults.retry_after(90, method="sendMessage")
    with pytest.raises(FloodWaitError):
        desk.once(SECOND)
    assert desk.entry().sent_at is not None  # the report itself was sent
    desk.clock.wait(90)
    desk.once(THIRD)
    assert desk.sends[-1].text.splitlines()[1:] == [
        f"{NOTE}прибыль 100 ₽ → 120 ₽",
        "✏️ Исправлено 7 ноября, 09:01: +1 ремонт закрыт задним числом: "
        "прибыль 120 ₽ → 130 ₽, ремонтов 5 → 6",
    ]


@pytest.mark.parametrize("message_id", [0, None], ids=["zero", "none"])
def test_a_message_without_an_id_is_corrected_by_a_new_one(desk, message_id):
    # Telegram may give the id 0, which nothing can be done to: the correction is a message.
    desk.once(FIRST)
    set_message_id(desk, message_id)
    (outcome,) = desk.once(SECOND)
    assert outcome.message_id == desk.sends[-1].message_id
    assert len(desk.sends) == 2
    assert desk.sends[-1].reply_to is None


def test_a_refused_correction_can_be_made_later(desk, stand_in):
    # Kicked: the correction fails at once; back in the chat, clearing the task edits.
    desk.once(FIRST)
    stand_in.chats[GROUP].condition = "kicked"
    (error,) = desk.run(SECOND)
    assert isinstance(error, PermanentError)
    assert desk.entry().state is State.SENT
    stand_in.chats[GROUP].condition = None
    (outcomes,) = desk.run(SECOND)
    assert [outcome.action for outcome in outcomes] == ["corrected"]
    assert len(desk.sends) == 1


def test_what_is_edited_quietly_is_not_corrected(desk):
    # A digest with one more line is edited without a word of correction.
    desk.once("ср: 100 ₽", edits_quietly=True)
    (outcome,) = desk.once("ср: 100 ₽\nчт: 120 ₽", edits_quietly=True)
    assert outcome.action == "corrected"
    assert desk.shown == ["ср: 100 ₽\nчт: 120 ₽"]


def test_going_back_to_the_first_text_is_a_correction_too(desk):
    # 100, 120, 100: the chat shows 100 with both lines.
    for message in (FIRST, SECOND, FIRST):
        desk.once(message)
    (shown,) = desk.shown
    assert shown.startswith("Прибыль: 100 ₽\n")
    assert shown.count("✏️") == 2


def test_an_edit_keeps_the_button(desk):
    # Editing without a keyboard would take it away.
    button = Button("Открыть в CRM", "https://crm.example.com/")
    desk.once(Message("А", button))
    desk.once(Message("Б", button))
    (message,) = desk.stand_in.messages
    assert [[button.text for button in row] for row in message.buttons] == [["Открыть в CRM"]]


def test_many_corrections_fit_the_message(desk):
    # A long report corrected fifty times: Telegram takes each, and the ledger has all of them.
    for number in range(50):
        facts = {f"показатель номер {name}": f"{number} 000 000 ₽" for name in range(9)}
        desk.once(Message(f"{number} " + "я" * 3400, facts=facts))
        desk.clock.wait(10)
    assert len(desk.sends) == 1
    (shown,) = desk.shown
    assert shown.startswith("49 ")
    assert shown.count("✏️") == 1  # as many as there is room for
    assert len(desk.entry().corrections) == 49


def test_three_corrections_are_shown(desk):
    # A message does not grow for ever: the last three lines are enough.
    for number in range(6):
        desk.once(Message(f"Отчёт {number}", facts={"profit": f"{number} ₽"}))
    (shown,) = desk.shown
    assert [line.split(": ")[1] for line in shown.splitlines()[1:]] == [
        "прибыль 2 ₽ → 3 ₽",
        "прибыль 3 ₽ → 4 ₽",
        "прибыль 4 ₽ → 5 ₽",
    ]


def test_a_correction_that_cannot_reach_telegram_is_tried_again(desk):
    # Nothing is lost: the ledger keeps what the chat shows, and a later try edits.
    desk.once(FIRST)
    desk.connect(base_url="http://telegram.invalid/bot")
    tries = desk.run(SECOND)
    assert {type(error) for error in tries} == {NotSentError}
    desk.connect()
    (outcomes,) = desk.run(SECOND)
    assert [outcome.action for outcome in outcomes] == ["corrected"]


def test_a_frozen_message_stays_and_says_that_it_differs(desk):
    # The same text is unchanged; another leaves what was sent, and Telegram is asked nothing.
    desk.once(FIRST, is_frozen=True)
    asked = desk.requests
    assert [outcome.action for outcome in desk.once(FIRST, is_frozen=True)] == ["unchanged"]
    assert [outcome.action for outcome in desk.once(SECOND, is_frozen=True)] == ["left"]
    assert desk.requests == asked
    assert desk.shown == ["Прибыль: 100 ₽"]
    assert [outcome.action for outcome in desk.once(SECOND)] == ["corrected"]


def test_only_what_was_sent_can_differ(desk, stand_in):
    # Not what never arrived, nor what may have; a longer text differs by its new part, too.
    key = desk.key()
    assert not desk.delivery().differs(key, FIRST)
    stand_in.faults.retry_after(90)
    with pytest.raises(FloodWaitError):
        desk.once(FIRST)
    assert not desk.delivery().differs(key, SECOND)
    desk.clock.wait(90)
    desk.once(FIRST)
    assert not desk.delivery().differs(key, FIRST)
    assert desk.delivery().differs(key, SECOND)
    longer = Message("\n\n".join(["Прибыль: 100 ₽", *["Строка " * 100] * 9]))
    assert desk.delivery().differs(key, longer)
    desk.once(longer)
    assert not desk.delivery().differs(key, longer)
    assert desk.delivery().differs(key, FIRST)


def test_a_correction_that_failed_still_differs(desk, stand_in, foreign):
    # The chat shows the earlier text, whatever the ledger's newest is.
    stand_in.faults.retry_after(90, method="sendMessage")
    with pytest.raises(FloodWaitError):
        desk.once(SECOND)
    assert desk.delivery().differs(desk.key(), SECOND)


def test_renames_leave_the_changes_of_figures_in_sight(desk):
    # Three lines are shown of figures, and one of the text, whatever came last.
    desk.once(FIRST)
    desk.clock.wait(60)
    desk.once(SECOND)
    for name in ("Север", "Юг", "Центр"):
        desk.clock.wait(60)
        desk.once(replace(SECOND, html=f"{name}. Прибыль: 120 ₽"))
    (shown,) = desk.shown
    assert shown.splitlines()[1:] == [
        "✏️ Исправлено 7 ноября, 09:01: прибыль 100 ₽ → 120 ₽",
        "✏️ Исправлено 7 ноября, 09:04: изменён текст",
    ]
