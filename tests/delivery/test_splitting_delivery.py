"""A text too long for one message: numbered parts, each known to the ledger by itself."""

import pytest

from delivery.desk import GROUP
from sancrm_reports.pure.entry import State
from sancrm_reports.pure.messages import Button, Message
from sancrm_reports.wire.telegram_errors import FloodWaitError, UnknownOutcomeError

NOT_NEEDED = "— эта часть больше не нужна: отчёт исправлен —"
BUTTON = Button("Открыть в CRM", "https://crm.example.com/")

pytestmark = pytest.mark.filterwarnings("ignore:.*retry_after:DeprecationWarning")


def report(blocks, mark="я", *, button=None):
    """A text of so many blocks, each of which needs a message of its own."""
    return Message(
        "\n\n".join(f"Филиал {number}\n{mark * 3000}" for number in range(1, blocks + 1)),
        button,
        facts={"profit": mark},
    )


def numbers(desk):
    """The last lines of the parts' own text, as the chat shows them."""
    return [text.split("\n✏️")[0].splitlines()[-1] for text in desk.shown]


def actions(outcomes):
    return [outcome.action for outcome in outcomes]


def test_parts_are_numbered_in_order_and_each_is_in_the_ledger(desk):
    # Three parts in the order of the text; a second run sends none of them again.
    outcomes = desk.once(report(3))
    assert actions(outcomes) == ["sent"] * 3
    assert numbers(desk) == ["(1/3)", "(2/3)", "(3/3)"]
    assert [text.split("\n")[0] for text in desk.shown] == ["Филиал 1", "Филиал 2", "Филиал 3"]
    ids = [desk.entry(part=part).message_id for part in (1, 2, 3)]
    assert ids == [outcome.message_id for outcome in outcomes]
    assert actions(desk.once(report(3))) == ["unchanged"] * 3
    assert len(desk.sends) == 3


def test_the_button_and_the_footer_are_on_the_last_part(desk):
    # Where reading ends; a push must not show them three times.
    desk.once(report(3, button=BUTTON), footer="Отправлено с опозданием 1 дн.")
    assert [bool(message.buttons) for message in desk.stand_in.messages] == [False, False, True]
    assert ["опозданием" in text for text in desk.shown] == [False, False, True]


def test_a_retry_sends_only_what_is_missing(desk, stand_in):
    # The second part meets a long wait: the retry sends the second and the third, not the first.
    desk.once("Другое", subject="branch")  # so that the fault is not met by the first part
    stand_in.faults.slow(0)
    stand_in.faults.retry_after(120)
    error, outcomes = desk.run(report(3))
    assert isinstance(error, FloodWaitError)
    assert actions(outcomes) == ["unchanged", "sent", "sent"]
    assert numbers(desk)[1:] == ["(1/3)", "(2/3)", "(3/3)"]
    assert len(desk.sends) == 4


def test_a_part_of_unknown_status_holds_back_those_after_it(desk, stand_in):
    # Parts come in order: nothing is sent until a person resends the second, then all is there.
    stand_in.faults.slow(0)
    stand_in.faults.drop_before()
    (error,) = desk.run(report(3))
    assert isinstance(error, UnknownOutcomeError)
    (error,) = desk.run(report(3))
    assert isinstance(error, UnknownOutcomeError)
    assert len(desk.sends) == 1

    (outcomes,) = desk.run(report(3), resend=True)
    assert actions(outcomes) == ["unchanged", "sent", "sent"]
    assert numbers(desk) == ["(1/3)", "(2/3)", "(3/3)"]


def test_a_correction_touches_the_parts_that_changed(desk):
    # One block differs: its part is edited, the others stay as they are.
    desk.once(report(3))
    changed = report(3).html.replace("Филиал 2", "Филиал «Два»")
    outcomes = desk.once(Message(changed, facts=report(3).facts))
    assert actions(outcomes) == ["unchanged", "corrected", "unchanged"]
    assert [text.count("✏️") for text in desk.shown] == [0, 1, 0]
    assert len(desk.sends) == 3


def test_a_longer_text_edits_the_parts_and_adds_one(desk):
    # From two parts to three: the numbers are corrected, the third is sent, the button goes to it.
    desk.once(report(2, button=BUTTON))
    outcomes = desk.once(report(3, button=BUTTON))
    assert actions(outcomes) == ["corrected", "corrected", "sent"]
    assert numbers(desk) == ["(1/3)", "(2/3)", "(3/3)"]
    assert [bool(message.buttons) for message in desk.stand_in.messages] == [False, False, True]


def test_a_short_text_may_grow_into_parts(desk):
    # From one message without a number to two with one.
    desk.once(report(1))
    desk.once(report(2))
    assert numbers(desk) == ["(1/2)", "(2/2)"]
    assert len(desk.sends) == 2


def test_a_shorter_text_takes_parts_back_in_place(desk):
    # From three parts to one: the first loses its number, the others say that they are void.
    desk.once(report(3, button=BUTTON))
    outcomes = desk.once(report(1, "ю", button=BUTTON))
    assert actions(outcomes) == ["corrected"] * 3
    first, second, third = desk.shown
    assert "(1/" not in first
    assert second.splitlines()[0] == third.splitlines()[0] == NOT_NEEDED
    assert [bool(message.buttons) for message in desk.stand_in.messages] == [True, False, False]
    assert len(desk.sends) == 3


def test_parts_that_were_taken_back_stay_so_and_can_return(desk):
    # The short text again asks nothing; the long one brings the parts back in their places.
    desk.once(report(3))
    desk.once(report(1))
    asked = desk.requests
    assert actions(desk.once(report(1))) == ["unchanged"] * 3
    assert desk.requests == asked
    desk.once(report(3))
    assert numbers(desk) == ["(1/3)", "(2/3)", "(3/3)"]
    assert len(desk.sends) == 3


@pytest.mark.parametrize("met_at", [1, 2])
def test_taking_back_is_finished_by_the_retry(desk, stand_in, met_at):
    # The correction breaks off after the first or the second part: the retry takes back the rest.
    desk.once(report(3))
    stand_in.faults.slow(0, times=met_at)
    stand_in.faults.retry_after(90)
    tries = desk.run(report(1, "ю"))
    assert isinstance(tries[0], FloodWaitError)
    assert [text.splitlines()[0] for text in desk.shown] == ["Филиал 1", NOT_NEEDED, NOT_NEEDED]
    assert len(desk.sends) == 3


def test_what_was_never_sent_is_not_taken_back(desk, stand_in):
    # Of three parts one was sent; now one is enough: no message about parts that nobody saw.
    stand_in.faults.slow(0)
    stand_in.faults.retry_after(90)
    with pytest.raises(FloodWaitError):
        desk.once(report(3))
    desk.clock.wait(90)
    assert actions(desk.once(report(1))) == ["corrected"]
    assert len(desk.stand_in.accepted) == 2
    assert desk.entry(part=2).state is State.FAILED


def test_growth_after_a_failed_growth_sends_each_part_once(desk, stand_in):
    # A failed third part, a correction, a shorter and a longer text: the chat has each part once.
    stand_in.faults.slow(0, times=2)
    stand_in.faults.retry_after(90)
    with pytest.raises(FloodWaitError):
        desk.once(report(3))
    desk.clock.wait(90)
    desk.once(report(2))
    desk.once(report(4, "ю"))
    assert numbers(desk) == ["(1/4)", "(2/4)", "(3/4)", "(4/4)"]
    assert len(desk.sends) == 4


def test_parts_keep_their_chats_pace(desk):
    # Ten parts at once provoke no 429.
    desk.once(report(10))
    assert desk.stand_in.chats.refused == []
    assert {message.chat_id for message in desk.sends} == {GROUP}
