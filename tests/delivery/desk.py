"""A desk to send from: the stand-in over real HTTP, one frozen clock, a ledger that can fail."""

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from demo.telegram import Clock as StandInClock
from demo.telegram import TelegramStandIn
from ledgers import BreakableDatabase, empty_ledger
from sancrm_reports.errors import PermanentError
from sancrm_reports.pure.decisions import RESEND_ALL
from sancrm_reports.pure.messages import Message
from sancrm_reports.pure.templates import Templates
from sancrm_reports.wire.delivery import Delivery
from sancrm_reports.wire.ledger.database import Clock
from sancrm_reports.wire.ledger.ledger import Ledger
from sancrm_reports.wire.ledger.messages import Sender
from sancrm_reports.wire.telegram_hook import SancrmTelegramHook

TEMPLATES = Templates(Path(__file__).parents[2] / "include" / "templates" / "ru")
MORNING = 1_762_495_200.0  # 7 November 2025, 09:00 in Moscow
GROUP, OTHER_GROUP, FORUM = -1001234567890, -1009876543210, -1005555555555
OLD_GROUP, NEW_GROUP, PERSON = -4242, -1004242424242, 42
TOPIC = 7
RESEND = "resend network@-1001234567890"
RETRIES = 3  # as the DAGs have them
RETRY_DELAY = 60.0


class SharedClock(Clock):
    """The stand-in's frozen clock, which waiting moves on."""

    def __init__(self, clock):
        self.clock = clock
        self.waits = []

    def now(self):
        return self.clock.now()

    def wait(self, seconds):
        assert seconds >= 0
        self.waits.append(seconds)
        self.clock.advance(seconds)


class Desk:
    """Sends as a task does: each time with a fresh Delivery, and again as Airflow would."""

    def __init__(self, stand_in, monkeypatch):
        self.stand_in = stand_in
        self.monkeypatch = monkeypatch
        self.database = BreakableDatabase(empty_ledger())
        self.clock = SharedClock(stand_in.clock)
        self.moves = []
        self.chat = GROUP
        self.connect()

    def connect(self, *, token=None, chat=None, **extra):
        """Change the Airflow connection."""
        self.chat = self.chat if chat is None else chat
        self.monkeypatch.setenv(
            "AIRFLOW_CONN_TELEGRAM_DEFAULT",
            connection(
                self.chat,
                token or self.stand_in.token,
                **{"base_url": self.stand_in.base_url, **extra},
            ),
        )
        self.hook = SancrmTelegramHook()

    def ledger(self):
        """The ledger, as one more try of a task opens it."""
        return Ledger(self.database, self.clock, Sender("daily", "manual__1", "post"))

    def delivery(self, *, resend=False, **options):
        return Delivery(
            self.ledger(),
            self.hook,
            timezone="Europe/Moscow",
            templates=TEMPLATES,
            decisions=RESEND_ALL if resend else None,
            how_to_decide=lambda word, name: f"{word} {name}",
            on_moved=lambda old, new: self.tell_moved(old, new),
            **options,
        )

    def tell_moved(self, old, new):
        self.moves.append((old, new))

    def once(self, text="Отчёт", *, to=None, subject="network", resend=False, **options):
        """Deliver once; raises as the delivery does."""
        to = to or self.hook.default_address
        message = text if isinstance(text, Message) else Message(text)
        delivery = self.delivery(resend=resend)
        return delivery.deliver(self.key(subject, to), to, message, **options)

    def run(self, text="Отчёт", **options):
        """Deliver as Airflow runs a task, with retries; return what each try came to."""
        tries = []
        for _ in range(1 + RETRIES):
            try:
                tries.append(self.once(text, **options))
                break
            except PermanentError as error:
                tries.append(error)
                break
            except Exception as error:
                tries.append(error)
                self.clock.clock.advance(getattr(error, "retry_after", RETRY_DELAY))
        return tries

    def key(self, subject="network", to=None):
        return self.ledger().key("daily", "2025-11-06", subject, to or self.hook.default_address)

    def entry(self, subject="network", to=None, part=1):
        return self.ledger().messages.get(self.key(subject, to), part)

    @property
    def sends(self):
        """The new messages that Telegram took."""
        return [m for m in self.stand_in.accepted if m.method == "sendMessage"]

    @property
    def edits(self):
        return [m for m in self.stand_in.accepted if m.method == "editMessageText"]

    @property
    def shown(self):
        """The texts that the chats show now."""
        return [message.text for message in self.stand_in.messages]

    @property
    def requests(self):
        """How many requests the stand-in has answered in any way."""
        return len(self.stand_in.accepted) + len(self.stand_in.chats.refused)


def connection(chat, token, **extra):
    """The connection as the environment gives it."""
    return json.dumps(
        {"conn_type": "telegram", "host": str(chat), "password": token, "extra": extra}
    )


@contextlib.contextmanager
def server_that_answers(status, body, **headers):
    """Serve every POST with one answer; gives the base URL and the list of requested paths."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(self.path)
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            payload = body.replace("{path}", self.path).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(payload)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/bot", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def new_stand_in(**options):
    """A stand-in with all the chats of these tests."""
    stand_in = TelegramStandIn(clock=StandInClock(frozen_at=MORNING), **options)
    stand_in.chats.add(GROUP, "supergroup", "Отчёты")
    stand_in.chats.add(OTHER_GROUP, "supergroup", "Филиал")
    stand_in.chats.add(FORUM, "supergroup", "Форум", topics={TOPIC: "Сводка"})
    stand_in.chats.add(OLD_GROUP, "group", "Старая группа")
    stand_in.chats.add(PERSON, "private", "Ольга")
    return stand_in
