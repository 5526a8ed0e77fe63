"""A worker killed with SIGKILL in the middle: its successor must not guess."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from delivery.desk import GROUP, connection, new_stand_in
from ledgers import empty_ledger, ledger_dsn, rows

REPOSITORY = Path(__file__).parents[2]


class Workers:
    """The processes of worker.py, and their ledger."""

    def __init__(self, process):
        self.process = process

    def start(self, text="Отчёт", **order):
        """Start a try of the task; return its process id."""
        order = {"ledger": ledger_dsn(), "text": text, **order}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return self.said()["pid"]

    def finish(self, text="Отчёт", **order):
        """Run a try of the task to its end; return what it said, and the signal that ended it."""
        self.start(text, **order)
        said = {}
        while "signal" not in said:
            said |= self.said()
        return said

    def said(self):
        return json.loads(self.process.stdout.readline())

    @property
    def states(self):
        return [message["state"] for message in rows("messages")]


@pytest.fixture(scope="module")
def telegram():
    with new_stand_in(rate_limits=False) as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def process(telegram):
    python_path = os.pathsep.join(str(REPOSITORY / name) for name in ("plugins", "include"))
    settings = connection(GROUP, telegram.token, base_url=telegram.base_url, read_timeout=30)
    environment = os.environ | {
        "PYTHONPATH": python_path,
        "AIRFLOW_CONN_TELEGRAM_DEFAULT": settings,
    }
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("worker.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert json.loads(process.stdout.readline()) == {"ready": True}
    yield process
    process.stdin.close()
    process.wait(timeout=120)
    process.stdout.close()


@pytest.fixture
def workers(process):
    empty_ledger()
    return Workers(process)


@pytest.fixture
def accepted(telegram):
    """How many messages Telegram took in this test."""
    before = len(telegram.accepted)
    return lambda: len(telegram.accepted) - before


def _repeats_nothing_until_resent(workers, accepted):
    assert workers.states == ["sending"]
    taken = accepted()
    for _ in range(2):
        said = workers.finish()
        assert said["error"] == "UnknownOutcomeError"
        assert "An earlier try was ended before the answer came" in said["text"]
        assert workers.states == ["unknown"]
    assert accepted() == taken
    assert workers.finish(resend=True)["action"] == "sent"
    assert accepted() == taken + 1
    assert workers.states == ["sent"]
    assert workers.finish(resend=True)["action"] == "unchanged"
    assert accepted() == taken + 1


def test_killed_while_telegram_keeps_its_answer(workers, telegram, accepted):
    # The message is in the chat, the answer is on its way, the worker dies: left to a person.
    telegram.faults.hang_after()
    pid = workers.start()
    deadline = time.monotonic() + 120
    while not accepted():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    assert workers.said() == {"signal": signal.SIGKILL}
    telegram.faults.clear()
    _repeats_nothing_until_resent(workers, accepted)


def test_killed_between_the_answer_and_the_ledger(workers, accepted):
    # The answer came, and the worker dies before it can write that down: left to a person.
    said = workers.finish(die_before="sent")
    assert said["signal"] == signal.SIGKILL
    assert accepted() == 1
    _repeats_nothing_until_resent(workers, accepted)


def test_killed_before_anything_was_asked(workers, accepted):
    # Nothing is in the ledger and nothing in the chat: the next try sends.
    said = workers.finish(die_before="sending")
    assert said["signal"] == signal.SIGKILL
    assert accepted() == 0
    assert workers.finish()["action"] == "sent"
    assert accepted() == 1


def test_a_crashed_sending_can_be_resent_at_once(workers, accepted):
    # The last try was killed, so no task could say "unknown": a person's resending still works.
    workers.finish(die_before="sent")
    assert workers.states == ["sending"]
    assert workers.finish(resend=True)["action"] == "sent"
    assert accepted() == 2


def test_a_killed_resending_is_not_repeated_by_its_retry(workers, accepted):
    # Nobody has looked since: the retry of the resending run says unknown.
    workers.finish(die_before="sent")
    workers.finish(resend=True, die_before="sent")
    assert workers.finish(resend=True)["error"] == "UnknownOutcomeError"
    assert accepted() == 2
    assert workers.finish(resend=True)["action"] == "sent"


def test_a_killed_correction_is_simply_made_again(workers, telegram, accepted):
    # Editing twice is harmless: the next try edits, and no message is added.
    workers.finish("Прибыль 1")
    workers.finish("Прибыль 2", die_before="sent")
    assert workers.finish("Прибыль 2")["action"] == "corrected"
    methods = [message.method for message in telegram.accepted[-accepted() :]]
    assert methods.count("sendMessage") == 1
    assert telegram.messages[-1].text.startswith("Прибыль 2")
