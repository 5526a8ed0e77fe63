"""Pictures and documents: sent once, corrected in place, by the same ledger as texts."""

import pytest

from delivery.desk import GROUP, TOPIC
from ledgers import everything
from sancrm_reports.errors import PermanentError
from sancrm_reports.pure.entry import State
from sancrm_reports.pure.messages import Attachment, Message
from sancrm_reports.wire.telegram_errors import RefusedError, UnknownOutcomeError
from stage import png

NOTE = "✏️ Исправлено 7 ноября, 09:00: изменён текст"


def picture(width=300, caption="Прибыль по неделям", fingerprint=None):
    data = png(width, 200)
    return Message(
        caption, attachment=Attachment("picture", "p.png", data, fingerprint or str(width))
    )


def workbook(data=b"PK1", fingerprint="figures 1"):
    return Message("Таблица", attachment=Attachment("document", "Таблица.xlsx", data, fingerprint))


@pytest.mark.parametrize("message", [picture(), workbook()], ids=["picture", "document"])
def test_an_attachment_is_sent_once_with_its_caption(desk, message):
    # A second run asks Telegram nothing.
    (first,) = desk.once(message, subject="network+x")
    asked = desk.requests
    (second,) = desk.once(message, subject="network+x")
    assert (first.action, second.action) == ("sent", "unchanged")
    assert desk.requests == asked
    (shown,) = desk.stand_in.messages
    assert shown.media.data == message.attachment.data
    assert shown.text == message.html


def test_it_answers_the_text_that_it_belongs_to(desk, topic):
    # In the text's topic, so that a reader sees what it is of.
    (text,) = desk.once("Отчёт", to=topic)
    desk.once(
        picture(), subject="network+picture", to=topic, reply_to=desk.key(to=topic), silent=True
    )
    shown = desk.stand_in.messages[-1]
    assert (shown.reply_to, shown.thread_id, shown.silent) == (text.message_id, TOPIC, True)


def test_a_correction_replaces_picture_and_caption_and_says_so(desk):
    desk.once(picture(300))
    (corrected,) = desk.once(picture(400, "Прибыль по дням"))
    assert corrected.action == "corrected"
    (shown,) = desk.stand_in.messages
    assert (shown.photo.width, shown.method) == (400, "editMessageMedia")
    assert shown.text == f"Прибыль по дням\n{NOTE}"
    assert len(desk.entry().corrections) == 1


def test_a_file_of_the_same_figures_is_the_same(desk):
    # Each workbook is another file: it has the time in it.
    desk.once(workbook(b"PK1"))
    (outcome,) = desk.once(workbook(b"PK2"))
    assert outcome.action == "unchanged"
    (corrected,) = desk.once(workbook(b"PK3", "figures 2"))
    assert corrected.action == "corrected"
    assert desk.stand_in.messages[0].document.data == b"PK3"


def test_where_it_cannot_be_edited_the_new_one_answers_the_old(desk):
    desk.once(picture(300))
    chats = desk.stand_in.chats
    chats.delete(chats[GROUP], 1)
    (outcome,) = desk.once(picture(400))
    assert outcome.action == "answered"
    assert [message.photo.width for message in desk.stand_in.messages] == [400]


@pytest.mark.parametrize("fault", ["drop_after", "drop_before"])
def test_one_of_unknown_fate_is_not_repeated_by_itself(desk, fault):
    getattr(desk.stand_in.faults, fault)()
    with pytest.raises(UnknownOutcomeError):
        desk.once(picture())
    with pytest.raises(UnknownOutcomeError):
        desk.once(picture())
    assert len(desk.stand_in.messages) == (fault == "drop_after")
    assert desk.entry().state is State.UNKNOWN
    desk.once(picture(), resend=True)
    assert desk.entry().state is State.SENT


def test_one_that_telegram_refuses_fails_for_good(desk):
    # Its sides are too far apart: the text that went before is not touched.
    desk.once("Отчёт")
    wide = Message("x", attachment=Attachment("picture", "p.png", png(2100, 100), "1"))
    with pytest.raises(RefusedError, match=r"(?i)photo.invalid.dimensions"):
        desk.once(wide, subject="network+picture")
    assert desk.entry("network+picture").state is State.FAILED
    assert desk.shown == ["Отчёт"]


def test_a_caption_that_is_too_long_is_a_fault_of_the_template(desk):
    with pytest.raises(PermanentError, match="caption of 1025 characters"):
        desk.once(picture(caption="я" * 1025))
    assert desk.requests == 0


def test_corrections_leave_a_caption_within_its_limit(desk):
    # A caption has a quarter of a text's room: what does not fit is left out, and all is sent.
    desk.once(picture(300, "я" * 1000))
    (outcome,) = desk.once(picture(400, "ю" * 1000))
    assert outcome.action == "corrected"
    assert desk.shown == ["ю" * 1000]


def test_the_pace_counts_attachments(desk):
    # Each is a message: the stand-in would refuse what comes too early.
    for number in range(25):
        desk.once(picture(), subject=f"branch-{number}+picture")
    assert len(desk.stand_in.messages) == 25
    assert desk.stand_in.chats.refused == []
    assert sum(desk.clock.waits) > 60


def test_the_ledger_keeps_no_file(desk):
    # Only the caption and a fingerprint.
    desk.once(workbook(b"secret of the shops"))
    assert "secret" not in str(everything())
    assert "figures 1" not in str(everything())
