"""Stands for Airflow's workers: each line on stdin is one try of a task, in a process of its own.

    {"ledger": "postgresql://…", "text": "…", "resend": false, "die_before": "sent"}

The process of a try prints {"pid"} at once and {"action"} or {"error", "text"} at its end;
``die_before`` kills it with SIGKILL just before it writes an entry of that state. Started once and
forked for each try, because importing Airflow takes seconds.
"""

import json
import os
import signal
import sys
from pathlib import Path

import psycopg

from sancrm_reports.pure.decisions import RESEND_ALL
from sancrm_reports.pure.messages import Message
from sancrm_reports.pure.templates import Templates
from sancrm_reports.wire.delivery import Delivery
from sancrm_reports.wire.ledger.database import LedgerDatabase
from sancrm_reports.wire.ledger.ledger import Ledger
from sancrm_reports.wire.ledger.messages import Sender
from sancrm_reports.wire.telegram_hook import SancrmTelegramHook


class DeadlyDatabase(LedgerDatabase):
    """A ledger whose user is killed just before an entry of a state is written."""

    def __init__(self, dsn, die_before=None):
        super().__init__(psycopg.connect(dsn, autocommit=True), "ledger")
        self.die_before = die_before

    def rows(self, statement, **values):
        is_write = "set state = %(state)s" in statement
        if (
            is_write
            and self.die_before
            and values["state"] == self.die_before
            and values["text_hash"]
        ):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().rows(statement, **values)


def say(**fields):
    print(json.dumps(fields), flush=True)


def try_once(order):
    """One try of the task."""
    say(pid=os.getpid())
    hook = SancrmTelegramHook()
    database = DeadlyDatabase(order["ledger"], order.get("die_before"))
    ledger = Ledger(database, sender=Sender("daily", "manual__1", order.get("task", "post")))
    delivery = Delivery(
        ledger,
        hook,
        timezone="Europe/Moscow",
        templates=Templates(Path(__file__).parents[2] / "include" / "templates" / "ru"),
        decisions=RESEND_ALL if order.get("resend") else None,
    )
    to = hook.default_address
    key = ledger.key("daily", "2025-11-06", "network", to)
    try:
        (outcome,) = delivery.deliver(key, to, Message(order["text"]))
        say(action=outcome.action)
    except Exception as error:
        say(error=type(error).__name__, text=str(error))


def main():
    say(ready=True)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            try_once(json.loads(line))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        say(signal=os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0)


if __name__ == "__main__":
    main()
