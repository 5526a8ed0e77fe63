"""Incidents over real HTTP: each is told once, reminded of daily, and closed, whatever dies."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest

from delivery.desk import GROUP, OTHER_GROUP, Desk, new_stand_in
from sancrm_reports.backups.alerts import AlertInDoubtError, BackupAlerts
from sancrm_reports.backups.facts import Backup, BackupState, Facts, Window
from sancrm_reports.backups.notifications import Watch, note_of
from sancrm_reports.backups.settings import Limits
from sancrm_reports.backups.text import Subject
from sancrm_reports.backups.verdicts import judge
from sancrm_reports.errors import PermanentError, ReportError
from sancrm_reports.pure.templates import Templates
from sancrm_reports.wire.chats import Address

TEMPLATES = Templates(Path(__file__).parents[2] / "include" / "templates" / "ru")
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
FIRST = datetime(2025, 11, 8, 2, tzinfo=ZoneInfo("Europe/Moscow")).astimezone(UTC)
GB = 1_000_000_000


@pytest.fixture
def stand_in():
    with new_stand_in(rate_limits=False) as running:
        yield running


@pytest.fixture
def night(stand_in, monkeypatch):
    return Nights(Desk(stand_in, monkeypatch))


class Nights:
    """Nights, one after the other: each judged at its end, and told as a task would tell it."""

    def __init__(self, desk):
        self.desk = desk
        self.backups = []
        self.chats = [GROUP, OTHER_GROUP]
        self.kept = 1000  # backups, by retention

    def window(self, number):
        opens = FIRST + number * DAY
        return Window(opens, opens + 3 * HOUR, opens + DAY)

    def make(self, number, *, size=3 * GB, failed=False):
        started = self.window(number).opens_at + 30 * MINUTE
        state = BackupState.FAILED if failed else BackupState.DONE
        ended = started + 10 * MINUTE
        error = "disk full" if failed else ""
        self.backups.append(Backup(f"b{number}", state, started, ended, size=size, error=error))

    def judged(self, number, *, at=3 * HOUR):
        now = self.window(number).opens_at + at
        facts = Facts(now, tuple(self.backups[-self.kept :]))
        memory = Watch.from_json(self.desk.ledger().note(note_of("sancrm"))).memory
        window = self.window(number)
        return judge(facts, window=window, now=now, limits=Limits(), memory=memory)

    def tell(self, number, *, at=3 * HOUR, rehearse=False):
        """Tell what a night came to; returns the texts that the chats took just now."""
        window, now = self.window(number), self.window(number).opens_at + at
        clock = self.desk.clock.clock
        clock.advance(max(0.0, now.timestamp() - clock.now()))
        alerts = BackupAlerts(
            "sancrm",
            Subject("sancrm", "table", "Europe/Moscow", window),
            ledger=self.desk.ledger(),
            routes=[self.route(chat) for chat in self.chats],
            templates=TEMPLATES,
        )
        before = len(self.desk.stand_in.accepted)
        if rehearse:
            alerts.rehearse(self.judged(number, at=at), run_id="manual/1", log_url="")
        else:
            alerts.notify(self.judged(number, at=at), today=now.date(), log_url="")
        self.errors = alerts.errors
        return [message.text for message in self.desk.stand_in.accepted[before:]]

    def route(self, chat):
        return lambda: (self.desk.delivery(resend=True), Address(str(chat)))


def kinds(texts):
    """What kind of message each is."""
    marks = {
        "-й день": "reminder",
        "копии прошло": "answer",
        "Было:": "edit",
        "🔴": "alert",
    }
    return [next(kind for mark, kind in marks.items() if mark in text) for text in texts]


def test_a_night_that_failed_is_told_once_reminded_and_closed(night):
    # The alert, a reminder a day as answers to it, its edit at the end, and an answer with sound.
    night.make(0)
    assert night.tell(0) == []
    night.make(1, failed=True)
    assert kinds(night.tell(1)) == ["alert"]
    assert kinds(night.tell(2)) == ["reminder"]
    assert kinds(night.tell(3)) == ["reminder"]
    night.make(4)
    assert kinds(night.tell(4)) == ["edit", "answer"]
    alert, *others = night.desk.stand_in.messages
    assert "снова в порядке" in alert.text
    assert "4\xa0дн." in alert.text
    assert all(other.reply_to == alert.message_id for other in others)
    assert not any(message.silent for message in night.desk.stand_in.messages)


@pytest.mark.parametrize("kept", [1000, 2])
def test_a_month_tells_each_incident_exactly_once(night, kept):
    # Failures, gaps, shrinking, a flapping job and good nights, by chance but the same each time;
    # also where retention keeps two backups, and only the ledger knows of the others.
    night.kept = kept
    rng = Random(7)
    statuses, told = [], []
    for number in range(45):
        status = "good" if number < 8 else rng.choice(["good"] * 5 + ["failed", "gap", "small"])
        if status != "gap":
            size = GB // 10 if status == "small" else int(3 * GB * rng.uniform(0.8, 1.2))
            night.make(number, size=size, failed=status == "failed")
        statuses.append(status)
        told.append(kinds(night.tell(number)))
        assert night.tell(number) == []  # a task that is cleared says nothing again
    expected = []
    for before, status in zip(["good", *statuses], statuses, strict=False):
        match before == "good", status == "good":
            case True, True:
                expected.append([])
            case True, False:
                expected.append(["alert"])
            case False, False:
                expected.append(["reminder"])
            case False, True:
                expected.append(["edit", "answer"])
    assert told == expected
    assert {"failed", "gap", "small"} <= set(statuses)
    assert told.count(["alert"]) > 5


@pytest.mark.parametrize("kept", [1000, 1])
def test_a_healthy_month_says_nothing(night, kept):
    # Sizes wander by 20 percent.
    night.kept = kept
    rng = Random(3)
    for number in range(31):
        night.make(number, size=int(3 * GB * rng.uniform(0.8, 1.2)))
        assert night.tell(number) == []


def test_an_earlier_night_that_is_cleared_changes_nothing(night):
    # How things are now is what counts: neither closes the incident nor opens another.
    night.make(0)
    night.tell(0)
    night.tell(1)
    assert night.tell(0, at=2 * DAY) == []
    night.make(2)
    night.tell(2)
    assert night.tell(1, at=2 * DAY) == []


def test_the_same_night_that_was_bad_and_is_good_after_all_closes(night):
    # Somebody ran the backup by day, and cleared the night's run.
    night.tell(0)
    night.make(0)
    assert kinds(night.tell(0, at=9 * HOUR)) == ["edit", "answer"]
    night.backups.clear()  # and if it is lost again, that is another incident
    assert kinds(night.tell(0, at=10 * HOUR)) == ["alert"]


@pytest.mark.parametrize("step", range(30))
def test_whatever_dies_nothing_is_lost_or_told_twice(night, step):
    # The ledger fails at one step of telling; the retry completes it, and each text is there once.
    night.make(0)
    night.tell(0)
    steps = iter(range(step + 1))

    def breaks(statement, values):
        return next(steps, None) == step

    said = []
    for number in (1, 2):
        if number == 2:
            night.make(2)
        night.desk.database.breaks = breaks
        for _ in range(4):
            try:
                night.tell(number)
                break
            except Exception as error:
                said.append(error)
                night.desk.database.heal()
        night.desk.database.heal()
    shown = night.desk.shown
    assert sum("Было:" in text for text in shown) == 1
    assert sum("копии прошло" in text for text in shown) == 1
    # A send whose end nobody saw is the one thing that is said again.
    assert len(shown) <= 3 if said else len(shown) == 2


def test_an_answer_that_never_came_is_asked_for_again(night):
    # An alert fails open: better told twice than lost.
    night.desk.stand_in.faults.drop_after(times=1)
    with pytest.raises(AlertInDoubtError) as caught:
        night.tell(0)
    assert not isinstance(caught.value, PermanentError)  # so Airflow's retry sends it
    assert kinds(night.tell(0)) == ["alert"]
    assert len(night.desk.shown) == 2
    assert night.tell(0) == []


def test_a_chat_that_refuses_is_passed_over(night):
    # The bot was removed from the backup chat: ops are told there is no backup, and of the chat.
    night.desk.stand_in.chats[GROUP].condition = "kicked"
    assert kinds(night.tell(0)) == ["alert"]
    assert [m.chat_id for m in night.desk.stand_in.messages] == [OTHER_GROUP]
    assert len(night.errors) == 1
    night.make(1)
    assert kinds(night.tell(1)) == ["edit", "answer"]


def test_an_alert_that_no_chat_takes_is_told_when_one_does(night):
    # It is not remembered as told.
    for chat in night.chats:
        night.desk.stand_in.chats[chat].condition = "kicked"
    with pytest.raises(ReportError):
        night.tell(0)
    night.desk.stand_in.chats[GROUP].condition = None
    assert kinds(night.tell(1)) == ["alert"]
    assert kinds(night.tell(2)) == ["reminder"]


def test_a_bad_night_that_no_chat_took_is_told_with_its_end(night):
    # Telegram was down until the next good night: both are told then, and once.
    night.make(0)
    night.tell(0)
    for chat in night.chats:
        night.desk.stand_in.chats[chat].condition = "kicked"
    for _ in range(2):
        with pytest.raises(ReportError):
            night.tell(1)
    night.desk.stand_in.chats[GROUP].condition = None
    night.make(2)
    told = night.tell(2)
    assert kinds(told) == ["edit", "answer"]
    assert "Было: не было копии" in told[0]
    assert night.tell(2) == night.tell(3, at=HOUR) == []


def test_a_reminder_keeps_the_last_good_backup_that_was_known(night):
    # A damaged file of yesterday looks like a good one in today's facts.
    night.make(0)
    night.tell(0)
    night.make(1, size=20)
    night.tell(1)
    [reminder] = night.tell(2)
    assert "\nb0" in reminder


def test_a_broken_probe_does_not_forget_the_last_good_backup(night):
    # It cannot tell of it; the watch remembers.
    night.make(0)
    night.tell(0)
    night.judged = lambda number, at: judge(
        None,
        window=night.window(number),
        now=night.window(number).opens_at + at,
        limits=Limits(),
        error=ReportError("no route to host"),
    )
    [alert] = night.tell(1)
    assert "Неизвестно, есть ли резервная копия" in alert
    assert "\nb0" in alert


def test_a_rehearsal_goes_the_whole_way_and_leaves_no_trace(night):
    # Sent, edited and answered, each marked; the incident's state is as before.
    night.make(0)
    night.tell(0)
    before = json.dumps(night.desk.ledger().note("backup_watch|sancrm"))
    texts = night.tell(1, at=HOUR, rehearse=True)
    assert kinds(texts) == ["alert", "edit", "answer"]
    assert all("чебная тревога" in text.lower() for text in texts)
    assert json.dumps(night.desk.ledger().note("backup_watch|sancrm")) == before
