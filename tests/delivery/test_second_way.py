"""Alerts that Telegram does not take go by e-mail: a real mail server, every way it can fail."""

import contextlib
import socket
import threading
from functools import partial

import pytest

from delivery.desk import GROUP, TEMPLATES
from mail import DROP, MailServer
from sancrm_reports.errors import PermanentError, ReportError
from sancrm_reports.pure.decisions import RESEND_ALL
from sancrm_reports.pure.entry import State
from sancrm_reports.pure.messages import Button, Message
from sancrm_reports.wire import email_channel
from sancrm_reports.wire.chats import Address
from sancrm_reports.wire.delivery import Delivery
from sancrm_reports.wire.email_channel import EmailChannel
from sancrm_reports.wire.incidents import Incidents
from sancrm_reports.wire.second_way import SecondWay
from sancrm_reports.wire.telegram_errors import NotSentError, RefusedError, UnknownOutcomeError

NAME = "failure|profitability_daily|2025-11-06"
ALERT = Message("🔴 <b>Сбой: отчёт &amp; касса</b>\n\nКоманда:\n<code>airflow dags trigger</code>")
MAILBOX = Address("ops_email")


@pytest.fixture
def mails(monkeypatch):
    with MailServer().running() as server:
        monkeypatch.setenv("AIRFLOW_CONN_OPS_EMAIL", server.connection())
        yield server


@pytest.fixture
def channel(mails):
    return EmailChannel("ops_email", ["ops@example.com", "boss@example.com"], TEMPLATES)


@pytest.fixture
def incidents(desk, channel):
    """Ops' incidents, as one more try of a task opens them."""

    def opened(*, is_last_try=False, routes=True):
        ledger = desk.ledger()
        by_email = Delivery(
            ledger, channel, timezone="Europe/Moscow", templates=TEMPLATES, decisions=RESEND_ALL
        )
        second = SecondWay(
            ledger,
            routes=(lambda: (by_email, MAILBOX),) if routes else (),
            is_last_try=is_last_try,
            templates=TEMPLATES,
        )
        telegram = (desk.delivery(resend=True), Address(str(GROUP)))
        return Incidents(ledger, lambda: telegram, second)

    return opened


@pytest.fixture
def silent(desk):
    """Telegram cannot be reached, until it is called."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        desk.connect(base_url=f"http://127.0.0.1:{free.getsockname()[1]}/bot")
    return partial(desk.connect)


def entry(desk):
    key = desk.ledger().key(
        "ops_alert", NAME.partition("|")[2].replace("|", "."), "failure-1", MAILBOX
    )
    return desk.ledger().messages.get(key)


def tell(desk, incidents, *, tries=6):
    """Tell as Airflow runs a task, a minute between tries; return the minute that told."""
    for minute in range(tries):
        with contextlib.suppress(NotSentError):
            incidents().alert(NAME, ALERT)
            return minute
        desk.clock.clock.advance(60)
    return None


def test_telegram_has_five_minutes(desk, incidents, mails, silent):
    # Not sooner, and then once; the e-mail says that it is instead of Telegram, and why.
    assert tell(desk, incidents) == 5
    (mail,) = mails.accepted
    assert mail["Subject"] == "[вместо Telegram] 🔴 Сбой: отчёт & касса"
    assert mail.recipients == ["ops@example.com", "boss@example.com"]
    assert "Письмом, потому что Telegram этого не принял. Причина: " in mails.text()
    assert "airflow dags trigger" in mails.text()
    assert entry(desk).state is State.SENT
    incidents(is_last_try=True).alert(NAME, ALERT)  # the task is cleared
    assert len(mails.accepted) == 1


def test_what_telegram_takes_in_time_is_no_email(desk, incidents, mails, silent):
    # Three minutes of trouble: the chat has it, the mailbox does not, and no time is remembered.
    assert tell(desk, incidents, tries=3) is None
    silent()
    incidents().alert(NAME, ALERT)
    assert len(desk.shown) == 1
    assert mails.accepted == []
    assert desk.ledger().note(f"not_taken|{NAME}|1") is None


def test_nothing_is_sent_by_email_where_that_is_off(desk, incidents, mails, silent):
    # The default: the error stays, and Airflow shows it.
    with pytest.raises(NotSentError):
        incidents(is_last_try=True, routes=False).alert(NAME, ALERT)
    assert mails.accepted == []


def test_the_last_try_does_not_wait_for_five_minutes(desk, incidents, mails, silent):
    # Few retries in the settings: nobody would try again.
    incidents(is_last_try=True).alert(NAME, ALERT)
    assert len(mails.accepted) == 1


def test_a_refusal_goes_by_email_at_once(desk, incidents, mails):
    # No time heals a bot that was removed: the e-mail says so.
    desk.stand_in.chats[GROUP].condition = "kicked"
    incidents().alert(NAME, ALERT)
    assert "бот" in mails.text()
    assert len(mails.accepted) == 1


def test_a_pause_longer_than_five_minutes_is_not_waited_for(desk, incidents, mails):
    # Airflow would try again when Telegram's pause is over.
    desk.stand_in.faults.retry_after(3000)
    incidents().alert(NAME, ALERT)
    assert len(mails.accepted) == 1


def test_what_was_told_by_email_is_solved_by_email(desk, incidents, mails, silent):
    # As an answer to the first, whether Telegram is back or not; a second run says nothing more.
    tell(desk, incidents)
    silent()
    assert incidents().is_alerted(NAME)
    incidents().solve(NAME, Message("✅ <b>Решено</b>"))
    incidents().solve(NAME, Message("✅ <b>Решено</b>"))
    alert, solved = mails.accepted
    assert solved["Subject"] == "[вместо Telegram] ✅ Решено"
    assert solved["In-Reply-To"] == solved["References"] == alert["Message-ID"]
    assert desk.shown == []  # Telegram never had it
    assert not incidents().is_alerted(NAME)


def test_what_both_were_told_is_solved_in_both(desk, incidents, mails, silent):
    # The e-mail came first, then another failure of the same run when Telegram was back.
    tell(desk, incidents)
    silent()
    incidents().alert(NAME, Message("🔴 Сбой: другая причина"))
    incidents().solve(NAME, Message("✅ Решено"))
    assert mails.subjects[-1] == "[вместо Telegram] ✅ Решено"
    assert desk.shown == ["✅ Решено"]


def test_telegram_that_stays_silent_does_not_hold_up_the_end(desk, incidents, mails, silent):
    # It has the first text, the mailbox the second: once Telegram had its time, that one is solved.
    silent()
    incidents().alert(NAME, ALERT)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        desk.connect(base_url=f"http://127.0.0.1:{free.getsockname()[1]}/bot")
    incidents(is_last_try=True).alert(NAME, Message("🔴 Сбой: другая причина"))
    with pytest.raises(NotSentError):
        incidents().solve(NAME, Message("✅ Решено"))
    assert mails.subjects == ["[вместо Telegram] 🔴 Сбой: другая причина"]
    incidents(is_last_try=True).solve(NAME, Message("✅ Решено"))
    assert mails.subjects[1:] == ["[вместо Telegram] ✅ Решено"]
    assert not incidents().is_alerted(NAME)


SERVER_FAULTS = {
    # the step, what happens there, the error, and whether the server keeps the e-mail
    "refuses the sender": ("MAIL", "550 no", RefusedError, False),
    "is busy": ("MAIL", "451 later", NotSentError, False),
    "refuses everybody": ("RCPT", "550 no such user", RefusedError, False),
    "greylists": ("RCPT", "450 later", NotSentError, False),
    "drops before": ("RCPT", DROP, NotSentError, False),
    "refuses the text": ("before", "554 spam", RefusedError, False),
    "has no room": ("before", "452 full", NotSentError, False),
    "drops the text": ("before", DROP, UnknownOutcomeError, False),
    "drops after accepting": ("after", DROP, UnknownOutcomeError, True),
    "hangs after accepting": ("after", "hang", UnknownOutcomeError, True),
    "hangs before": ("MAIL", "hang", NotSentError, False),
}


@pytest.mark.parametrize(
    ("step", "what", "error", "kept"), SERVER_FAULTS.values(), ids=SERVER_FAULTS
)
def test_what_a_mail_servers_answer_means(channel, mails, monkeypatch, step, what, error, kept):
    # Surely not sent, never to be taken, or nobody knows; never repeated by itself.
    monkeypatch.setattr(email_channel, "CALL_SECONDS", 0.5)
    freed = threading.Event()
    mails.faults[step] = freed if what == "hang" else what
    with pytest.raises(ReportError) as caught:
        channel.send(MAILBOX, ALERT)
    freed.set()
    assert type(caught.value) is error
    assert len(mails.accepted) == kept


def test_one_recipient_who_is_unknown_does_not_keep_it_from_the_other(channel, mails):
    # Somebody left: the rest are told.
    mails.faults["boss@example.com"] = "550 no such user"
    channel.send(MAILBOX, ALERT)
    assert mails.accepted[0].recipients == ["ops@example.com"]


@pytest.mark.parametrize(
    ("account", "error"),
    [
        ({"port": 1}, NotSentError),
        ({"host": "mail.invalid"}, NotSentError),
        ({"extra": {"from_email": "a@b.c", "disable_ssl": False}}, NotSentError),  # no TLS here
        ({"extra": {"from_email": "a@b.c", "disable_ssl": True}}, NotSentError),  # nor STARTTLS
        ({"extra": {}}, PermanentError),
        ({"host": ""}, PermanentError),
    ],
    ids=["refused", "no such host", "no TLS", "no STARTTLS", "no sender", "no host"],
)
def test_what_never_reached_the_server_was_not_sent(channel, mails, monkeypatch, account, error):
    # The password is not sent in the clear where the connection asks for TLS.
    account = {**account, "login": "sancrm", "password": "a-mail-password"}
    monkeypatch.setenv("AIRFLOW_CONN_OPS_EMAIL", mails.connection(**account))
    with pytest.raises(error) as caught:
        channel.send(MAILBOX, ALERT)
    assert "a-mail-password" not in str(caught.value)
    assert mails.accepted == []


def test_a_missing_connection_is_said_so(channel, monkeypatch):
    # Switched on in the settings, and forgotten in Airflow.
    monkeypatch.delenv("AIRFLOW_CONN_OPS_EMAIL")
    with pytest.raises(PermanentError) as caught:
        channel.send(MAILBOX, ALERT)
    assert caught.value.code == "no_email_connection"


def test_a_server_that_never_greets_does_not_hold_the_task(channel, mails, monkeypatch):
    # It takes the connection and says nothing.
    monkeypatch.setattr(email_channel, "CALL_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("AIRFLOW_CONN_OPS_EMAIL", mails.connection(port=port))
        with pytest.raises(NotSentError):
            channel.send(MAILBOX, ALERT)


@pytest.mark.parametrize("step", ["before", "after"])
def test_an_email_whose_end_nobody_saw_is_sent_again(desk, incidents, mails, silent, step):
    # An alert better comes twice than never; the ledger knows the one whose answer came.
    once = iter([DROP])
    meet = mails.meet

    async def meet_once(at, server):
        if at == step:
            mails.faults[step] = next(once, None)
        return await meet(at, server)

    mails.meet = meet_once
    incidents(is_last_try=True).alert(NAME, ALERT)
    assert len(mails.accepted) == (2 if step == "after" else 1)
    assert entry(desk).state is State.SENT


def test_where_both_are_out_of_reach_the_next_try_has_both(desk, incidents, mails, silent):
    # Telegram is asked first each time, and the alert is in neither twice.
    mails.faults["MAIL"] = "451 later"
    assert tell(desk, incidents, tries=8) is None
    mails.faults.clear()
    incidents().alert(NAME, ALERT)
    assert len(mails.accepted) == 1


def test_a_mail_server_that_refuses_leaves_telegram_its_retries(desk, incidents, mails, silent):
    # The error that may pass is the one that is raised: Airflow goes on trying.
    mails.faults["MAIL"] = "550 no"
    assert tell(desk, incidents, tries=5) is None
    with pytest.raises(NotSentError):
        incidents().alert(NAME, ALERT)


def test_what_names_people_is_never_sent_by_email(channel, mails):
    # Whoever calls: customers' names and phones stay in their chat.
    with pytest.raises(PermanentError):
        channel.send(MAILBOX, Message("Позвоните: +7 912 345-67-89", is_private=True))
    assert mails.accepted == []


def test_an_email_reads_as_the_message_does(channel, mails):
    # Line breaks and bold type in HTML, plain text beside it, the button's address as a line.
    message = Message("<b>Сбой</b>\nстрока", Button("Открыть журнал", "https://a.example/log"))
    channel.send(MAILBOX, message)
    html = mails.accepted[0].get_body(("html",)).get_content()
    assert html.strip() == "<b>Сбой</b><br>строка<br>Открыть журнал: https://a.example/log"
    assert mails.text().splitlines() == ["Сбой", "строка", "Открыть журнал: https://a.example/log"]
    assert mails.accepted[0]["Auto-Submitted"] == "auto-generated"


def test_a_name_cannot_write_headers(channel, mails):
    # What stands in the first line stays in the subject.
    channel.send(MAILBOX, Message("Сбой\r\nBcc: thief@example.com"))
    assert mails.accepted[0]["Bcc"] is None
    assert mails.accepted[0].recipients == ["ops@example.com", "boss@example.com"]
