"""Stands for Airflow's workers: each line on stdin is one try of a task, in a process of its own.

    {"store": "ledger.json", "text": "…", "resend": false, "die_before": "sent"}

The process of a try prints {"pid"} at once and {"action"} or {"error", "text"} at its end;
``die_before`` kills it with SIGKILL just before it writes an entry of that state. Started once and
forked for each try, because importing Airflow takes seconds.
"""

import json
import os
import signal
import sys
from pathlib import Path

from sancrm_reports.pure.messages import Message
from sancrm_reports.wire.delivery import Delivery
from sancrm_reports.wire.ledger import Ledger
from sancrm_reports.wire.telegram_hook import SancrmTelegramHook


class FileStore:
    """A store in a JSON file; what is written is there when ``set`` returns."""

    def __init__(self, path, die_before=None):
        self.path = Path(path)
        self.die_before = die_before

    def get(self, key, default=None):
        return self._read().get(key, default)

    def set(self, key, value):
        if self.die_before and isinstance(value, dict) and value.get("state") == self.die_before:
            os.kill(os.getpid(), signal.SIGKILL)
        whole = self.path.with_suffix(".new")
        whole.write_text(json.dumps({**self._read(), key: value}))
        whole.replace(self.path)

    def _read(self):
        return json.loads(self.path.read_text()) if self.path.exists() else {}


def say(**fields):
    print(json.dumps(fields), flush=True)


def try_once(order):
    """One try of the task."""
    say(pid=os.getpid())
    hook = SancrmTelegramHook()
    delivery = Delivery(
        Ledger(FileStore(order["store"], order.get("die_before"))),
        hook,
        timezone="Europe/Moscow",
        templates=Path(__file__).parents[2] / "include" / "templates" / "ru",
        resend=order.get("resend", False),
    )
    to = hook.default_address
    key = delivery.key("daily", "2025-11-06", "network", to)
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
