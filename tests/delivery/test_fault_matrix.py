"""Every way a sending can end: sent once, surely not sent and tried again, or unknown and left.

Asserted on what the stand-in accepted, on the ledger, and on what the error tells a person.
"""

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from delivery.desk import (
    FORUM,
    GROUP,
    NEW_GROUP,
    OLD_GROUP,
    PERSON,
    RESEND,
    TEMPLATES,
    TOPIC,
    Desk,
    server_that_answers,
)
from ledgers import changes, writes
from sancrm_reports.errors import PermanentError
from sancrm_reports.pure.entry import State
from sancrm_reports.pure.language import explained, language_of
from sancrm_reports.pure.messages import Message
from sancrm_reports.wire.chats import Address
from sancrm_reports.wire.ledger.database import LedgerUnreachableError
from sancrm_reports.wire.telegram_errors import (
    FloodWaitError,
    NotSentError,
    RefusedError,
    UnknownOutcomeError,
)

pytestmark = pytest.mark.filterwarnings("ignore:.*retry_after:DeprecationWarning")


@dataclass
class Fault:
    """A fault, and whether Telegram accepts the message all the same."""

    name: str
    queue: Callable
    accepted: bool = False
    read_timeout: float = 40

    def meet(self, desk):
        """Let the next request meet the fault."""
        desk.connect(read_timeout=self.read_timeout)
        self.queue(desk.stand_in.faults)


FAULTS = [
    *(
        Fault(
            f"{status} {'page' if html else 'json'} {'after' if after else 'before'} accepting",
            lambda faults, status=status, html=html, after=after: (
                faults.server_error_after if after else faults.server_error_before
            )(status, html=html),
            after,
        )
        for status in (500, 502, 504)
        for html in (False, True)
        for after in (False, True)
    ),
    Fault("no answer", lambda faults: faults.hang_after(), True, read_timeout=0.4),
    Fault("closed before accepting", lambda faults: faults.drop_before()),
    Fault("closed after accepting", lambda faults: faults.drop_after(), True),
    Fault("reset before accepting", lambda faults: faults.drop_before(reset=True)),
    Fault("reset after accepting", lambda faults: faults.drop_after(reset=True), True),
    Fault("torn answer", lambda faults: faults.garbage_after(), True),
]
LONG_WAIT = Fault("a long wait", lambda faults: faults.retry_after(90))
UNKNOWN = [pytest.param(fault, id=fault.name) for fault in FAULTS]


@pytest.mark.parametrize("fault", UNKNOWN)
def test_an_unknown_outcome_is_never_repeated_by_itself(desk, stand_in, fault):
    # One try, no retry; the ledger and the error say that nobody knows, and how to go on.
    fault.meet(desk)
    (error,) = desk.run()
    assert isinstance(error, UnknownOutcomeError)
    assert RESEND in str(error)
    assert str(GROUP) in str(error)
    assert desk.entry().state is State.UNKNOWN
    assert len(desk.sends) == fault.accepted


@pytest.mark.parametrize("fault", UNKNOWN)
def test_an_unknown_outcome_stays_so_until_a_person_resends(desk, stand_in, fault):
    # Clearing the task asks Telegram nothing; a resending run sends once, and the next one nothing.
    fault.meet(desk)
    desk.run()
    asked = desk.requests
    (error,) = desk.run()
    assert isinstance(error, UnknownOutcomeError)
    assert RESEND in str(error)
    assert desk.requests == asked

    (outcomes,) = desk.run(resend=True)
    assert [outcome.action for outcome in outcomes] == ["sent"]
    assert len(desk.sends) == fault.accepted + 1
    assert desk.entry().state is State.SENT
    (outcomes,) = desk.run(resend=True)
    assert [outcome.action for outcome in outcomes] == ["unchanged"]
    assert len(desk.sends) == fault.accepted + 1


ODD_ANSWERS = {
    "200 without date": (
        200,
        '{"ok":true,"result":{"message_id":1,"chat":{"id":-1,"type":"supergroup"}}}',
    ),
    "200 with a portal's page": (200, "<html>Accept our terms</html>"),
    "200 with a list": (200, '["ok"]'),
    "200 but not ok": (200, '{"ok":false}'),
    "408 of a gateway": (408, "<html>Request Timeout</html>"),
    "503 of a gateway": (503, '{"ok":false,"error_code":503,"description":"Unavailable"}'),
    "500 that asks to wait": (500, '{"ok":false,"parameters":{"retry_after":1}}'),
}


@pytest.mark.parametrize(("status", "body"), ODD_ANSWERS.values(), ids=ODD_ANSWERS)
def test_an_answer_that_settles_nothing_is_unknown(desk, status, body):
    # An answer that neither proves nor rules out that the message arrived: asked once, then left.
    with server_that_answers(status, body) as (base_url, asked):
        desk.connect(base_url=base_url)
        tries = [*desk.run(), *desk.run()]
    assert [type(error) for error in tries] == [UnknownOutcomeError] * 2
    assert len(asked) == 1
    assert desk.entry().state is State.UNKNOWN


@contextlib.contextmanager
def _refused_connection():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{free.getsockname()[1]}/bot"


@contextlib.contextmanager
def _silent_port():
    """Takes the connection and says nothing, so that TLS never begins."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"https://127.0.0.1:{server.getsockname()[1]}/bot"


@contextlib.contextmanager
def _plain_port():
    """Speaks HTTP where TLS is expected."""
    with server_that_answers(200, "{}") as (base_url, _):
        yield base_url.replace("http:", "https:")


@contextlib.contextmanager
def self_signed(folder):
    """Speaks TLS with a certificate of its own."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"),
            *("-subj", "/CN=127.0.0.1", "-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            with contextlib.suppress(OSError):
                context.wrap_socket(server.accept()[0], server_side=True)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"https://127.0.0.1:{server.getsockname()[1]}/bot"
        thread.join(10)


def _answers(status, body, **headers):
    @contextlib.contextmanager
    def answering():
        with server_that_answers(status, body, **headers) as (base_url, _):
            yield base_url

    return answering


UNREACHABLE = {
    "connection refused": _refused_connection,
    "no such host": lambda: contextlib.nullcontext("http://telegram.invalid/bot"),
    "connecting takes too long": _silent_port,
    "TLS fails": _plain_port,
    "not an address": lambda: contextlib.nullcontext("http://host:port/bot"),
    "redirected": _answers(302, "", Location="https://elsewhere.example/"),
    "a gateway's 400": _answers(400, "<html>Bad Request</html>"),
    "a gateway's 403": _answers(403, "<html>Forbidden</html>"),
    "a gateway's 404": _answers(404, '{"error":"no route"}'),
    "a gateway's 413": _answers(413, "<html>Request Entity Too Large</html>"),
    "a gateway's 404 with a JSON string": _answers(404, '"not ok"'),
}


@pytest.mark.parametrize("unreachable", UNREACHABLE.values(), ids=UNREACHABLE)
def test_what_never_reached_telegram_is_tried_again(desk, unreachable):
    # Surely not sent: each retry tries, the ledger says failed, and a later one sends exactly once.
    with unreachable() as base_url:
        desk.connect(base_url=base_url, connect_timeout=0.3)
        tries = desk.run()
    assert [type(error) for error in tries] == [NotSentError] * 4
    assert "Nothing was sent" in str(tries[0])
    assert "base_url and proxy" in str(tries[0])
    assert desk.entry().state is State.FAILED
    assert desk.entry().error == explained(tries[-1], TEMPLATES)

    desk.connect()
    (outcomes,) = desk.run()
    assert [outcome.action for outcome in outcomes] == ["sent"]
    assert len(desk.sends) == 1
    assert desk.entry().state is State.SENT
    assert desk.entry().error is None


@pytest.mark.parametrize(
    ("unreachable", "code"),
    [
        ("connection refused", "port_refused"),
        ("no such host", "host_unknown"),
        ("connecting takes too long", "telegram_silent"),
        ("TLS fails", "tls"),
        ("not an address", "address"),
        ("redirected", "on_the_way"),
    ],
)
def test_ops_read_what_kept_a_message_from_telegram(desk, unreachable, code):
    # Each has a first step of its own.
    with UNREACHABLE[unreachable]() as base_url:
        desk.connect(base_url=base_url, connect_timeout=0.3)
        with pytest.raises(NotSentError) as caught:
            desk.once()
    assert caught.value.code == code


def test_a_certificate_that_nobody_vouches_for_is_named(desk, tmp_path):
    # As of a gateway that opens the traffic.
    with self_signed(tmp_path) as base_url:
        desk.connect(base_url=base_url)
        with pytest.raises(NotSentError) as caught:
            desk.once()
    assert caught.value.code == "certificate"


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:1", "http://proxy.invalid:3128"])
def test_a_proxy_that_is_dead_or_misspelt_is_named(desk, proxy):
    desk.connect(base_url="https://api.telegram.org/bot", proxy=proxy)
    with pytest.raises(NotSentError) as caught:
        desk.once()
    assert caught.value.code == "proxy"


def test_a_captive_portal_is_named_and_the_message_is_left_to_a_person(desk):
    with server_that_answers(200, "<html>Log in to the network</html>") as (base_url, _):
        desk.connect(base_url=base_url)
        with pytest.raises(UnknownOutcomeError):
            desk.once()
    assert desk.entry().error == language_of(TEMPLATES).word("error.not_telegram")


def test_a_proxy_that_wants_a_password_is_not_telegram(desk):
    # A proxy refuses to open the tunnel: nothing was sent.
    with server_that_answers(407, "<html>Authenticate</html>") as (base_url, _):
        proxy = base_url.removesuffix("/bot")
        desk.connect(base_url="https://api.telegram.org/bot", proxy=proxy)
        tries = desk.run()
    assert {type(error) for error in tries} == {NotSentError}


def test_a_short_wait_is_waited_for_in_the_task(desk, stand_in):
    # A 429 of 7 seconds: the task waits that long, by the clock and no longer, and sends once.
    stand_in.faults.retry_after(7)
    (outcomes,) = desk.run()
    assert [outcome.action for outcome in outcomes] == ["sent"]
    assert desk.clock.waits == [7]
    assert len(desk.sends) == 1


def test_a_second_wait_is_airflows(desk, stand_in):
    # A task waits once: the second 429 in a row fails the try, and the retry sends.
    stand_in.faults.retry_after(5, times=2)
    first, second = desk.run()
    assert isinstance(first, FloodWaitError)
    assert first.retry_after == 5
    assert [outcome.action for outcome in second] == ["sent"]
    assert len(desk.sends) == 1


@pytest.mark.parametrize("seconds", [31, 300])
def test_a_long_wait_is_left_to_airflow_with_exactly_that_delay(desk, stand_in, seconds):
    # No waiting in the task, the error carries Telegram's seconds, and the retry then sends once.
    stand_in.faults.retry_after(seconds)
    error, outcomes = desk.run()
    assert isinstance(error, FloodWaitError)
    assert error.retry_after == seconds
    assert f"{seconds} s" in str(error)
    assert desk.clock.waits == []
    assert [outcome.action for outcome in outcomes] == ["sent"]
    assert len(desk.sends) == 1


@pytest.mark.parametrize(
    "body",
    [
        '{"ok":false,"error_code":429,"description":"Too Many Requests"}',
        '{"ok":false,"error_code":429,"parameters":{"retry_after":0}}',
        '{"ok":false,"error_code":429,"parameters":{"retry_after":-1}}',
        "<html>Too Many Requests</html>",
    ],
    ids=["no parameters", "zero", "below zero", "page"],
)
def test_a_429_that_does_not_say_how_long_is_waited_for(desk, body):
    # Without a number the task waits 30 seconds, and then leaves it to Airflow; nothing is sent.
    with server_that_answers(429, body) as (base_url, asked):
        desk.connect(base_url=base_url)
        with pytest.raises(FloodWaitError) as caught:
            desk.once()
    assert caught.value.retry_after == 30
    assert desk.clock.waits == [30]
    assert len(asked) == 2
    assert desk.entry().state is State.FAILED


def test_a_wait_that_no_server_means_is_bounded(desk):
    # Of thirty-one years: an hour later the chat is asked again.
    body = '{"ok":false,"error_code":429,"parameters":{"retry_after":1000000000}}'
    with server_that_answers(429, body) as (base_url, _):
        desk.connect(base_url=base_url)
        with pytest.raises(FloodWaitError) as caught:
            desk.once()
    assert caught.value.retry_after == 3600


def test_an_answer_that_trickles_ends_with_the_call(desk, monkeypatch):
    # A byte now and then keeps every time-out of the client from ending it: the call has a limit.
    monkeypatch.setattr("sancrm_reports.wire.telegram_hook.CALL_SECONDS", 0.5)
    with trickling_server() as base_url:
        desk.connect(base_url=base_url)
        (error,) = desk.run()
    assert isinstance(error, UnknownOutcomeError)
    assert desk.entry().state is State.UNKNOWN


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}], ids=["large", "packed"])
def test_an_answer_without_end_does_not_fill_the_memory(desk, headers):
    # Two megabytes where a Bot API says a few hundred bytes, or a packed one of any size.
    body = "x" * 2_000_000 if not headers else "x"
    with server_that_answers(200, body, **headers) as (base_url, asked):
        desk.connect(base_url=base_url)
        (error,) = desk.run()
    assert isinstance(error, UnknownOutcomeError)
    assert "AnswerTooLargeError" in str(error)
    assert len(asked) == 1


@contextlib.contextmanager
def trickling_server():
    """Answers a header's byte every tenth of a second, until the client has gone."""
    done = threading.Event()

    def serve(server):
        client, _ = server.accept()
        with client, contextlib.suppress(OSError):
            client.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not done.wait(0.1):
                client.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/bot"
        done.set()
        thread.join()


@dataclass
class Refusal:
    """A trouble that a person must mend: how it is made and mended, and what its text says."""

    name: str
    make: Callable
    mend: Callable
    says: str
    to: Address | None = None


def _condition(name, says, chat=GROUP, to=None):
    def make(desk):
        desk.stand_in.chats[chat].condition = name

    def mend(desk):
        desk.stand_in.chats[chat].condition = None

    return Refusal(f"{name} {chat}", make, mend, says, to)


IN_TOPIC = Address(str(FORUM), TOPIC)
NO_CHAT = -1000000000001


def _close_topic(desk, *, closed):
    desk.stand_in.chats[FORUM].topics[TOPIC].closed = closed


REFUSALS = [
    _condition("kicked", "add it to the chat again"),
    _condition("kicked", "press Start", PERSON, Address(str(PERSON))),
    _condition("not_a_member", "add it to the chat again"),
    _condition("deleted", "was deleted: set another one"),
    _condition("no_rights", "Give the bot the right to post"),
    _condition("topic_closed", f"{FORUM}:{TOPIC}", FORUM, IN_TOPIC),
    _condition("thread_not_found", "The topic does not exist", FORUM, IN_TOPIC),
    Refusal(
        "a closed topic",
        lambda desk: _close_topic(desk, closed=True),
        lambda desk: _close_topic(desk, closed=False),
        "Open the topic again",
        IN_TOPIC,
    ),
    Refusal(
        "chat not found",
        lambda desk: None,
        lambda desk: desk.stand_in.chats.add(NO_CHAT),
        "Check the chat's id",
        Address(str(NO_CHAT)),
    ),
    Refusal(
        "revoked token",
        lambda desk: desk.connect(token="1234567890:another-token"),
        lambda desk: desk.connect(),
        "BotFather",
    ),
    Refusal(
        "not a token",
        lambda desk: desk.connect(token="no-token-at-all"),
        lambda desk: desk.connect(),
        "BotFather",
    ),
]


@pytest.mark.parametrize("refusal", [pytest.param(r, id=r.name) for r in REFUSALS])
def test_a_refusal_fails_at_once_and_sends_once_when_mended(desk, refusal):
    # No retry can mend it, the text says what can; when that is done, clearing the task sends once.
    refusal.make(desk)
    (error,) = desk.run(to=refusal.to)
    assert isinstance(error, RefusedError)
    assert refusal.says in str(error)
    assert str((refusal.to or desk.hook.default_address).chat) in str(error)
    assert desk.entry(to=refusal.to).state is State.FAILED
    assert desk.sends == []

    refusal.mend(desk)
    (outcomes,) = desk.run(to=refusal.to)
    assert [outcome.action for outcome in outcomes] == ["sent"]
    assert len(desk.sends) == 1
    assert desk.entry(to=refusal.to).state is State.SENT


@pytest.mark.parametrize(
    ("html", "says"),
    [("<b>Прибыль", "include/templates"), ("", "Message text is empty")],
    ids=["bad markup", "empty"],
)
def test_a_wrong_message_is_a_loud_bug_of_ours(desk, html, says):
    # Telegram will never take it: one try, and the text says where to look.
    (error,) = desk.run(html)
    assert isinstance(error, RefusedError)
    assert says in str(error)
    assert desk.entry().state is State.FAILED
    assert desk.sends == []


def test_a_message_that_cannot_be_split_is_not_sent(desk):
    # One line of more than a message's length: the template must change, and no retry helps.
    (error,) = desk.run("я" * 5000)
    assert isinstance(error, PermanentError)
    assert "Shorten the template" in str(error)
    assert desk.entry() is None


def test_too_long_a_text_is_reported_as_our_bug(desk):
    # A footer beyond what is reserved for it: refused, not cut, and not repeated.
    (error,) = desk.run("Отчёт", footer="я" * 5000)
    assert isinstance(error, RefusedError)
    assert "report this as a bug" in str(error)
    assert desk.sends == []


def test_a_moved_group_gets_the_message_once(desk, stand_in):
    # A group that became a supergroup: one message, in the new chat, which the ledger names.
    stand_in.chats.migrate(OLD_GROUP, NEW_GROUP)
    to = Address(str(OLD_GROUP))
    (outcomes,) = desk.run(to=to)
    assert [outcome.chat for outcome in outcomes] == [str(NEW_GROUP)]
    assert [message.chat_id for message in desk.sends] == [NEW_GROUP]
    assert desk.entry(to=to).chat == str(NEW_GROUP)


def test_a_wait_after_a_move_is_waited_for_too(desk, stand_in):
    # The new chat asks to wait: the task waits, and the message arrives once.
    stand_in.chats.migrate(OLD_GROUP, NEW_GROUP)
    stand_in.faults.retry_after(4, chat_id=NEW_GROUP)
    (outcomes,) = desk.run(to=Address(str(OLD_GROUP)))
    assert [outcome.action for outcome in outcomes] == ["sent"]
    assert desk.clock.waits == [4]
    assert len(desk.sends) == 1


@pytest.mark.parametrize("fault", [*UNKNOWN, pytest.param(LONG_WAIT, id="a long wait")])
def test_a_correction_is_repeated_until_it_is_there(desk, stand_in, fault):
    # Editing twice is the same as once: every fault of an edit is retried, and no message is added.
    desk.run("Прибыль 1")
    fault.meet(desk)
    tries = desk.run("Прибыль 2")
    assert isinstance(tries[0], NotSentError)
    assert not isinstance(tries[0], PermanentError)
    assert [outcome.action for outcome in tries[-1]] == ["corrected"]
    assert len(desk.sends) == 1
    (shown,) = desk.shown
    assert shown.startswith("Прибыль 2\n✏️ Исправлено")
    assert shown.count("✏️") == 1


@pytest.mark.parametrize("step", range(10))
def test_no_ledger_no_message(desk, step):
    # Whatever step before the sending fails, nothing is sent, and the retry sends once.
    steps = iter(range(100))
    desk.database.breaks = lambda *_: next(steps) == step
    failed, outcomes = desk.run()
    assert isinstance(failed, LedgerUnreachableError)
    assert [outcome.action for outcome in outcomes] == ["sent"]
    assert len(desk.sends) == 1


def test_a_ledger_that_takes_no_writing_sends_nothing(desk):
    # Nothing goes out without a "sending" in the ledger, however often it is tried.
    desk.database.breaks = changes
    tries = desk.run()
    assert [type(error) for error in tries] == [LedgerUnreachableError] * 4
    assert desk.requests == 0


def test_sending_is_in_the_ledger_before_telegram_is_asked(desk, monkeypatch):
    # The entry that a crash would leave behind is there when the request is made.
    seen = []
    send = desk.hook.send
    monkeypatch.setattr(
        desk.hook, "send", lambda *a, **k: [seen.append(desk.entry().state), send(*a, **k)][1]
    )
    desk.run()
    assert seen == [State.SENDING]


@pytest.mark.parametrize("fault", [pytest.param(None, id="no fault"), *UNKNOWN[-3:]])
def test_a_failed_last_write_is_unknown_and_sends_nothing(desk, stand_in, fault):
    # The message may be in the chat, which the ledger cannot tell: the next try says so and stops.
    if fault:
        fault.meet(desk)
    desk.database.breaks = lambda statement, values: (
        writes("sent")(statement, values) or "state = 'unknown'" in statement
    )
    with pytest.raises(LedgerUnreachableError):
        desk.once()
    desk.database.heal()
    asked, accepted = desk.requests, len(desk.sends)
    (error,) = desk.run()
    assert isinstance(error, UnknownOutcomeError)
    assert RESEND in str(error)
    assert desk.requests == asked
    assert desk.entry().state is State.UNKNOWN

    desk.run(resend=True)
    assert len(desk.sends) == accepted + 1
    assert desk.entry().state is State.SENT


def test_a_failure_that_the_ledger_missed_is_not_repeated_either(desk, stand_in):
    # Refused, but the ledger could not be told: nothing proves that, so a person must look.
    stand_in.chats[GROUP].condition = "kicked"
    desk.database.breaks = writes("failed")
    with pytest.raises(LedgerUnreachableError):
        desk.once()
    desk.database.heal()
    stand_in.chats[GROUP].condition = None
    (error,) = desk.run()
    assert isinstance(error, UnknownOutcomeError)
    assert desk.sends == []


def test_a_pace_that_cannot_be_kept_sends_nothing(desk):
    # The slot is taken before the call: without it the chat's limit would be a guess.
    desk.database.breaks = lambda statement, values: "update sancrm_ledger.paces" in statement
    with pytest.raises(LedgerUnreachableError):
        desk.once()
    desk.database.heal()
    assert desk.requests == 0
    (outcomes,) = desk.run()
    assert [outcome.action for outcome in outcomes] == ["sent"]
    assert len(desk.sends) == 1


def test_an_error_that_nobody_foresaw_counts_as_unknown(desk, monkeypatch):
    # What is not known to be "not sent" is not repeated.
    def send(*args, **kwargs):
        raise RuntimeError("a bug")

    monkeypatch.setattr(desk.hook, "send", send)
    with pytest.raises(RuntimeError):
        desk.once()
    monkeypatch.undo()
    (error,) = desk.run()
    assert isinstance(error, UnknownOutcomeError)
    assert desk.sends == []


def test_a_resending_run_that_crashes_does_not_send_a_third_time(desk, stand_in):
    # Nobody looked between the crash of the resending run and its retry: that must not send.
    stand_in.faults.drop_after()
    desk.run()
    desk.database.breaks = writes("sent")
    with pytest.raises(LedgerUnreachableError):
        desk.once(resend=True)
    desk.database.heal()
    (error,) = desk.run(resend=True)
    assert isinstance(error, UnknownOutcomeError)
    assert len(desk.sends) == 2

    (outcomes,) = desk.run(resend=True)  # a person looked again, and started a third run
    assert [outcome.action for outcome in outcomes] == ["sent"]


def test_one_chats_trouble_is_not_anothers(desk, stand_in):
    # An unknown status in one chat leaves the same report in another chat alone.
    stand_in.faults.drop_after()
    desk.run(subject="branch-1")
    (outcomes,) = desk.run(subject="branch-2")
    assert [outcome.action for outcome in outcomes] == ["sent"]


def test_a_message_that_was_sent_is_not_sent_again(desk: Desk):
    # The same text later, and in another task: Telegram is asked nothing.
    first = desk.once(Message("Отчёт"))
    asked = desk.requests
    (again,) = desk.once(Message("Отчёт"), footer="Отправлено с опозданием 3 дн.")
    assert again.action == "unchanged"
    assert again.message_id == first[0].message_id
    assert desk.requests == asked
