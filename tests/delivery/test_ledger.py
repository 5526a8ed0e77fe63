"""The ledger itself: claims, versions, what it forgets, and what it takes over."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from delivery.desk import GROUP, OTHER_GROUP, RESEND, TEMPLATES, connection, new_stand_in
from demo.ledger import open_database
from ledgers import MIGRATIONS, empty_ledger, everything, ledger_dsn, rows
from sancrm_reports.pure.audit import ExpectedMessages
from sancrm_reports.pure.entry import Entry, MessageKey, State
from sancrm_reports.pure.messages import Message
from sancrm_reports.wire.chats import Address
from sancrm_reports.wire.delivery import TURN, BeingSentError, Delivery, NotInLedgerError
from sancrm_reports.wire.ledger.database import (
    Clock,
    LedgerDatabase,
    LedgerError,
    LedgerUnreachableError,
    check_version,
    explained,
)
from sancrm_reports.wire.ledger.ledger import Ledger
from sancrm_reports.wire.ledger.messages import LEASE, ClaimLostError, Sender
from sancrm_reports.wire.ledger.migrate import migrate
from sancrm_reports.wire.ledger.retention import prune
from sancrm_reports.wire.ledger.takeover import first_day, take_over
from sancrm_reports.wire.telegram_hook import SancrmTelegramHook

KEY = MessageKey("daily", "2025-11-06", "network", str(GROUP))
DAY = date(2025, 11, 6)
ROUNDS = 20


class MovedClock(Clock):
    """A clock that stands still until a test moves it."""

    def __init__(self):
        super().__init__()
        self.seconds = 1_762_495_200.0

    def now(self):
        return self.seconds

    def wait(self, seconds):
        self.seconds += seconds


@pytest.fixture
def clock():
    return MovedClock()


@pytest.fixture
def sender(clock):
    """Open the ledger as one more sender, of a task of its own or of a given one."""
    empty_ledger()
    with ExitStack() as stack:

        def open_(task=None):
            database = stack.enter_context(open_database(ledger_dsn()))
            who = Sender("daily", "run", task) if task else Sender()
            return Ledger(database, clock, who)

        yield open_


@pytest.fixture
def telegram(monkeypatch):
    """A stand-in by the real clock, without pace."""
    with new_stand_in(rate_limits=False) as running:
        settings = connection(GROUP, running.token, base_url=running.base_url)
        monkeypatch.setenv("AIRFLOW_CONN_TELEGRAM_DEFAULT", settings)
        yield running


def entry(state, **changes):
    return Entry(state=state, updated_at=datetime(2025, 11, 7, 6, tzinfo=UTC), **changes)


@pytest.mark.parametrize("senders", [2, 4, 8])
def test_many_senders_of_one_message_send_it_once(telegram, senders):
    # Without any pool, each with its own connection: one sends, the others see that it is sent.
    dsn = empty_ledger()
    hook = SancrmTelegramHook()

    def send(number, barrier):
        with open_database(dsn) as database:
            ledger = Ledger(database, sender=Sender())
            delivery = Delivery(
                ledger,
                hook,
                timezone="Europe/Moscow",
                templates=TEMPLATES,
                group_messages_per_minute=0,
            )
            key = ledger.key("daily", str(number), "network", hook.default_address)
            barrier.wait()
            (outcome,) = delivery.deliver(key, hook.default_address, Message("Отчёт"), day=DAY)
        return outcome.action

    with ThreadPoolExecutor(senders) as pool:
        for number in range(ROUNDS):
            barrier = threading.Barrier(senders)
            actions = list(pool.map(lambda _: send(number, barrier), range(senders)))  # noqa: B023
            assert sorted(actions) == ["sent"] + ["unchanged"] * (senders - 1)
    assert len(telegram.accepted) == ROUNDS


def test_a_claim_keeps_others_out_until_its_end(sender, clock):
    # Another task waits; when the end has passed and nothing was asked, it may claim.
    first, second = sender(), sender()
    known, claim = first.messages.claim(KEY, day=DAY)
    assert known.state is State.WAITING
    assert claim is not None
    assert second.messages.claim(KEY, day=DAY) == (None, None)
    clock.wait(LEASE.total_seconds())
    _, claim_of_second = second.messages.claim(KEY, day=DAY)
    assert claim_of_second is not None
    with pytest.raises(ClaimLostError):
        claim.begin(entry(State.SENDING))
    assert rows("messages")[0]["state"] == "waiting"


def test_a_retry_of_the_same_task_does_not_wait_for_the_try_before(sender):
    # Airflow starts it when the other is over.
    sender("post").messages.claim(KEY, day=DAY)
    assert sender("post").messages.claim(KEY, day=DAY)[1] is not None
    assert sender("other").messages.claim(KEY, day=DAY) == (None, None)


def test_what_its_owner_left_in_the_middle_is_of_unknown_status(sender, clock):
    # Asked, and never answered: for as long as the claim holds it is another's, then a person's.
    first, second = sender(), sender()
    _, claim = first.messages.claim(KEY, day=DAY)
    claim.begin(entry(State.SENDING, text_hash="x"))
    assert second.messages.claim(KEY, day=DAY) == (None, None)
    clock.wait(LEASE.total_seconds())
    known, none = second.messages.claim(KEY, day=DAY)
    assert known.state is State.SENDING
    assert none is None


def test_a_frozen_sender_that_thaws_after_a_resend_sends_nothing(sender, clock):
    # It stood still in a wait; a person was told, looked, and had it sent again.
    frozen, other = sender("post"), sender("resend")
    _, claim = frozen.messages.claim(KEY, day=DAY)
    claim.begin(entry(State.SENDING))  # then a 429, and the process stands still in the wait
    clock.wait(LEASE.total_seconds())
    other.messages.give_up(KEY, 1, "nobody knows")
    with pytest.raises(ClaimLostError):
        claim.begin(entry(State.SENDING))
    _, again = other.messages.claim(KEY, day=DAY, may_resend=True)
    again.begin(entry(State.SENDING, is_resent=True))
    again.settle(entry(State.SENT, message_id=7))
    with pytest.raises(ClaimLostError):
        claim.begin(entry(State.SENDING))
    assert other.messages.get(KEY).message_id == 7


def test_an_answer_that_comes_after_all_is_believed(sender, clock):
    # The sender was slow, people were told that nobody knows; then it learns that it was sent.
    slow, other = sender(), sender()
    _, claim = slow.messages.claim(KEY, day=DAY)
    claim.begin(entry(State.SENDING))
    clock.wait(LEASE.total_seconds())
    other.messages.give_up(KEY, 1, "nobody knows")
    assert claim.settle(entry(State.SENT, message_id=5))
    assert other.messages.get(KEY).state is State.SENT
    assert other.messages.get(KEY).message_id == 5


def test_an_answer_that_comes_too_late_changes_nothing(sender, clock):
    # It was sent again meanwhile: the ledger keeps the newer, and the sender is told.
    slow, other = sender(), sender()
    _, claim = slow.messages.claim(KEY, day=DAY)
    claim.begin(entry(State.SENDING))
    clock.wait(LEASE.total_seconds())
    other.messages.give_up(KEY, 1, "nobody knows")
    _, again = other.messages.claim(KEY, day=DAY, may_resend=True)
    assert not claim.settle(entry(State.SENT, message_id=5))
    again.begin(entry(State.SENDING))
    again.settle(entry(State.SENT, message_id=6))
    assert other.messages.get(KEY).message_id == 6


def test_who_waits_in_vain_for_another_sender_says_so(desk):
    # A claim that is renewed for longer than a task may wait: a retry looks again.
    other = Ledger(desk.database, desk.clock, Sender())
    other.messages.claim(desk.key(), day=DAY)
    with pytest.raises(BeingSentError, match="Nothing was sent here"):
        desk.delivery(longest_wait=60).deliver(
            desk.key(), desk.hook.default_address, Message("Отчёт"), day=DAY
        )
    assert desk.requests == 0


def test_a_hung_post_holds_back_nobody(telegram):
    # One sender waits for an answer that does not come; another posts to the same chat meanwhile.
    dsn = empty_ledger()
    hook = SancrmTelegramHook()
    telegram.faults.hang_after()

    def post(subject):
        with open_database(dsn) as database:
            ledger = Ledger(database, sender=Sender())
            delivery = Delivery(ledger, hook, timezone="Europe/Moscow", templates=TEMPLATES)
            key = ledger.key("daily", "2025-11-06", subject, hook.default_address)
            (outcome,) = delivery.deliver(key, hook.default_address, Message(subject), day=DAY)
        return outcome.action

    with ThreadPoolExecutor(1) as pool:
        hung = pool.submit(post, "hangs")
        while not telegram.accepted and not hung.done():
            threading.Event().wait(0.01)
        assert post("alert") == "sent"
        assert not hung.done()
        telegram.faults.clear()  # lets the answer go
        assert hung.result() == "sent"


def test_an_empty_database_and_another_version_are_named(desk, tmp_path):
    # Each with what to do.
    with psycopg.connect(ledger_dsn(), autocommit=True) as admin:
        admin.execute("drop database if exists empty")
        admin.execute("create database empty")
    empty = ledger_dsn().replace("/sancrm_ledger", "/empty")
    with open_database(empty) as database:
        with pytest.raises(LedgerError, match=r"has no ledger.*make ledger"):
            check_version(database, MIGRATIONS, "sancrm_ledger")
        assert migrate(database, MIGRATIONS, None) == ["001_ledger.sql"]
        assert migrate(database, MIGRATIONS, None) == []
        check_version(database, MIGRATIONS, "sancrm_ledger")
        (tmp_path / "001_ledger.sql").touch()
        (tmp_path / "002_more.sql").touch()
        with pytest.raises(LedgerError, match=r"of version 1, this package needs 2.*make ledger"):
            check_version(database, tmp_path, "sancrm_ledger")
        database.rows("insert into sancrm_ledger.versions (number) values (2)")
        with pytest.raises(LedgerError, match="Update this package"):
            check_version(database, MIGRATIONS, "sancrm_ledger")


def test_a_file_that_fails_leaves_the_ledger_as_it_was(tmp_path):
    # All files or none.
    with psycopg.connect(ledger_dsn(), autocommit=True) as admin:
        admin.execute("drop database if exists half")
        admin.execute("create database half")
    (tmp_path / "001_ledger.sql").write_text((MIGRATIONS / "001_ledger.sql").read_text())
    (tmp_path / "002_broken.sql").write_text("create table sancrm_ledger.x (); select 1/0;")
    with open_database(ledger_dsn().replace("/sancrm_ledger", "/half")) as database:
        with pytest.raises(LedgerError, match="division by zero"):
            migrate(database, tmp_path, None)
        with pytest.raises(LedgerError, match="has no ledger"):
            check_version(database, MIGRATIONS, "sancrm_ledger")


def test_a_server_that_is_away_may_come_back_and_a_wrong_password_not():
    # By SQLSTATE, not by what the server's language is.
    away = explained(psycopg.OperationalError("connection refused"), "sancrm_ledger")
    assert isinstance(away, LedgerUnreachableError)
    wrong = explained(psycopg.errors.InvalidPassword("неверный пароль"), "sancrm_ledger")
    assert isinstance(wrong, LedgerError)


def test_a_new_ledger_posts_nothing_that_may_have_been_posted_before(desk):
    # The old one was lost: a person said up to which day reports were posted.
    desk.database.rows("insert into sancrm_ledger.horizon (posted_until) values ('2025-11-06')")
    to = desk.hook.default_address
    with pytest.raises(NotInLedgerError) as caught:
        desk.once(day=date(2025, 11, 6))
    assert RESEND in str(caught.value)
    assert desk.requests == 0
    (outcome,) = desk.once(subject="next", day=date(2025, 11, 7))
    assert outcome.action == "sent"
    (outcome,) = desk.once(day=date(2025, 11, 6), resend=True)  # a person looked: it is not there
    assert outcome.action == "sent"
    (outcome,) = desk.once("Тревога", subject="alert", to=to)  # an alert is of no period
    assert outcome.action == "sent"


def test_old_entries_without_consequences_are_forgotten(sender, clock):
    # Not those of unknown status, nor a call that nobody made; and what is forgotten is not posted.
    ledger = sender()
    old, new = date(2023, 1, 1), date(2025, 11, 1)
    for subject, day, state in (
        ("sent", old, State.SENT),
        ("unknown", old, State.UNKNOWN),
        ("kept", new, State.SENT),
    ):
        key = MessageKey("daily", day.isoformat(), subject, str(GROUP))
        _, claim = ledger.messages.claim(key, day=day)
        claim.begin(entry(State.SENDING), "текст")
        claim.settle(entry(state), "текст")
    open_call = MessageKey("missed_calls", "2023-01-01", "repair-5", str(GROUP))
    _, claim = ledger.messages.claim(open_call, day=old)
    claim.begin(entry(State.SENDING))
    claim.settle(entry(State.SENT, message_id=1))
    ledger.database.rows(
        "insert into sancrm_ledger.open_calls values ('5', 'R-5', %(chat)s, %(day)s)",
        chat=str(GROUP), day=old,
    )  # fmt: skip
    ledger.expect("daily", "2023-01-01", old, ExpectedMessages())
    gone = prune(ledger.database, before=date(2024, 1, 1), texts_before=date(2026, 1, 1))
    assert gone == 1
    assert {row["subject"] for row in rows("messages")} == {"unknown", "kept", "repair-5"}
    assert {row["html"] for row in rows("messages")} == {None}
    assert rows("expected") == []
    assert ledger.posted_until() == date(2023, 12, 31)


def test_the_old_store_is_taken_over_once(sender):
    # Messages, parts, texts, corrections, expected messages, incidents, calls, moves and notes.
    stored = [
        ("telegram_deliveries", key, json.dumps(value))
        for key, value in {
            "profitability_daily|2026-11-17|branch-3|-1001": _old_entry(parts=2),
            "profitability_daily|2026-11-17|branch-3|-1001|2": _old_entry(state="unknown"),
            "text|profitability_daily|2026-11-17|branch-3|-1001": {"html": "<b>Отчёт</b>"},
            "missed_calls|2026-11-17|repair-5|-1001": _old_entry(error="Иван, +79120000000"),
            "missed_calls|open": [5],
            "missed_calls|repair-5": {
                "code": "R-5",
                "messages": {"missed_calls|2026-11-17|repair-5|-1001": "2026-11-17"},
            },
            "missed_calls|statuses": ["Готов"],
            "roster|profitability_daily|2026-11-17": {"mode": "full", "branches": {"3": "Юг"}},
            "since|profitability_daily": {"day": "2026-11-17"},
            "incident|failure|profitability_daily|2026-11-17": {"number": 2, "open": True},
            "pace|-1001": {"sent": [1.0]},
            "moved_to|-42": "-10042",
            "moved_from|-10042": "-42",
        }.items()
    ] + [("backup_sancrm", "watch", json.dumps({"newest": "2026-11-17"}))]
    ledger = sender()
    assert take_over(ledger.database, stored) == 3
    assert take_over(ledger.database, stored) == 0
    known = ledger.messages.get(
        ledger.key("profitability_daily", "2026-11-17", "branch-3", Address("-1001"))
    )
    assert (known.state, known.parts, len(known.corrections)) == (State.SENT, 2, 1)
    assert ledger.expected("profitability_daily", "2026-11-17").branches == {3: "Юг"}
    assert ledger.since("profitability_daily") == date(2026, 11, 17)
    assert ledger.where_now("-42") == "-10042"
    assert ledger.key("x", "y", "z", Address("-10042")).chat == "-42"
    assert ledger.note("backup_watch|sancrm") == {"newest": "2026-11-17"}
    assert rows("incidents")[0]["number"] == 2
    assert rows("open_calls")[0]["repair_id"] == "5"
    assert "79120000000" not in everything()


def _old_entry(**changes):
    return {
        "state": "sent",
        "text_hash": "x",
        "updated_at": "2026-11-18T06:00:00+00:00",
        "footer": "",
        "facts": {"прибыль": "1 ₽"},
        "message_id": 5,
        "chat": "-1001",
        "sent_at": "2026-11-18T06:00:00+00:00",
        "parts": 1,
        "resent": False,
        "error": None,
        "corrections": [{"at": "2026-11-18T07:00:00+00:00", "change": "прибыль"}],
        **changes,
    }


@pytest.mark.parametrize(
    ("period", "day"),
    [
        ("2026-11-17", date(2026, 11, 17)),
        ("2026-11-17T2300Z.1", date(2026, 11, 17)),
        ("2026-W47", date(2026, 11, 16)),
        ("2026-11", date(2026, 11, 1)),
        ("digest-2026-11-18", date(2026, 11, 18)),
        ("profitability_daily.2026-11-17", None),
    ],
)
def test_a_periods_first_day_is_in_its_key(period, day):
    # Of the keys that versions before wrote.
    assert first_day(period) == day


def test_a_message_of_two_chats_is_two_messages(desk):
    # The same report in another chat, and in a topic, has a name of its own.
    ledger = desk.ledger()
    names = {
        str(ledger.key("daily", "2025-11-06", "network", to))
        for to in (Address(str(GROUP)), Address(str(GROUP), 7), Address(str(OTHER_GROUP)))
    }
    assert len(names) == 3


def test_the_pace_is_kept_between_senders_that_run_at_once(desk):
    # Twenty senders reserve at the same time: slots a second apart, none of them twice.
    def reserve(_):
        from sancrm_reports.wire.pacing import Pacing

        with open_database(desk.database.dsn) as database:
            waits = []
            clock = MovedClock()
            clock.wait = waits.append
            Pacing(database, clock).wait(Address("42"))
            return waits[0] if waits else 0.0

    with ThreadPoolExecutor(8) as pool:
        waits = sorted(pool.map(reserve, range(20)))
    assert waits == pytest.approx(list(range(20)), abs=0.01)


def test_a_clock_that_goes_wrong_does_not_change_the_pace(monkeypatch):
    # The time is the database's: a worker an hour ahead waits as any other.
    with psycopg.connect(empty_ledger(), autocommit=True) as connection:
        database = LedgerDatabase(connection, "x")
        truth = check_version(database, MIGRATIONS, "x").now()
        monkeypatch.setattr("time.time", lambda: truth + timedelta(hours=1).total_seconds())
        assert check_version(database, MIGRATIONS, "x").now() == pytest.approx(truth, abs=30)


def test_a_chat_reads_in_order_though_tasks_start_in_any(desk):
    # The second report waits until the first is on its way, and no longer than a while.
    first, second = desk.key("branch-1"), desk.key("branch-2")
    looks = []

    def look(seconds):
        looks.append(seconds)
        desk.clock.clock.advance(seconds)
        if len(looks) == 3:
            desk.once("Первый", subject="branch-1")

    desk.clock.wait = look
    desk.once("Второй", subject="branch-2", after=first)
    assert desk.shown == ["Первый", "Второй"]
    began = desk.clock.now()
    desk.once("Третий", subject="branch-3", after=desk.key("never"))
    assert desk.clock.now() - began == pytest.approx(TURN, abs=2)
    assert desk.once("Второй", subject="branch-2", after=second)[0].action == "unchanged"
