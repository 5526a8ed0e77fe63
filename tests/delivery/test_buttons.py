"""A button must never cost the message: an address that Telegram refuses becomes a line of text."""

import pytest

from delivery.desk import Desk
from sancrm_reports.pure.messages import Button, Message
from sancrm_reports.wire.telegram_errors import NotSentError, UnknownOutcomeError

GOOD = Button("Открыть в CRM", "https://crm.example.com/")
LOCAL = Button("Открыть в CRM", "http://localhost:8080/?a=1&b=2")
# Passes our own check of the address, and not Telegram's.
REFUSED = Button("Открыть в CRM", "https://crm|x.example.com/?a=1&b=2")


def buttons(desk: Desk):
    return [
        [(button.text, button.url) for row in message.buttons for button in row]
        for message in desk.stand_in.messages
    ]


def test_a_good_address_is_a_button(desk):
    # One message, one button, no line.
    desk.once(Message("Отчёт", GOOD))
    assert buttons(desk) == [[("Открыть в CRM", "https://crm.example.com/")]]
    assert desk.shown == ["Отчёт"]


@pytest.mark.parametrize(("button", "refused"), [(LOCAL, 0), (REFUSED, 1)], ids=["local", "odd"])
def test_a_refused_address_becomes_a_line(desk, stand_in, button, refused):
    # Exactly one message, without a button, with the address as it is written.
    (outcome,) = desk.once(Message("Отчёт", button))
    assert outcome.action == "sent"
    assert desk.shown == [f"Отчёт\nОткрыть в CRM: {button.url}"]
    assert buttons(desk) == [[]]
    assert len(stand_in.chats.refused) == refused
    (outcome,) = desk.once(Message("Отчёт", button))
    assert outcome.action == "unchanged"


def test_the_line_stands_after_footer_and_corrections(desk):
    # And a correction of such a message is one edit, with the line again.
    desk.once(Message("Отчёт", REFUSED), footer="поздно")
    desk.once(Message("Отчёт 2", REFUSED))
    (shown,) = desk.shown
    first, footer, correction, line = shown.splitlines()
    assert (first, footer) == ("Отчёт 2", "поздно")
    assert correction.startswith("✏️")
    assert line == f"Открыть в CRM: {REFUSED.url}"
    assert len(desk.sends) == len(desk.edits) == 1


def test_the_second_request_can_be_of_unknown_status(desk, stand_in):
    # Refused with the button, then no answer without it: unknown, and not repeated.
    stand_in.faults.drop_after()
    (error,) = desk.run(Message("Отчёт", REFUSED))
    assert isinstance(error, UnknownOutcomeError)
    desk.run(Message("Отчёт", REFUSED))
    assert len(desk.sends) == 1


def test_the_second_request_can_fail_safely_in_an_edit(desk, stand_in):
    # The same of an edit: tried again until it is there.
    desk.once(Message("Отчёт", REFUSED))
    stand_in.faults.drop_after()
    error, (outcome,) = desk.run(Message("Отчёт 2", REFUSED))
    assert isinstance(error, NotSentError)
    assert outcome.action == "corrected"


def test_a_long_report_with_a_refused_button_still_fits(desk):
    # The line of the address takes its room before corrections do.
    for number in range(4):
        facts = {f"показатель {name}": f"{number} 000 000 ₽" for name in range(5)}
        button = Button("Открыть в CRM", f"https://crm|x.example.com/{'п' * 250}")
        desk.once(Message(f"{number} " + "я" * 3490, button, facts=facts))
    (shown,) = desk.shown
    assert shown.startswith("3 ")
    assert shown.splitlines()[-1].startswith("Открыть в CRM: https://crm|x")
