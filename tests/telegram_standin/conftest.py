"""A stand-in with a frozen clock and a few chats, and a plain HTTP client for it."""

import httpx
import pytest

from demo.telegram import Clock, TelegramStandIn
from stage import png

MORNING = 1_762_495_200.0  # 7 November 2025, 09:00 in Moscow
GROUP, FORUM, OLD_GROUP, PERSON = -1001, -1002, -3, 42


def plain_http(**settings) -> httpx.Client:
    """A client for loopback: no proxy, and no certificates to load, which would be slow."""
    return httpx.Client(timeout=60, trust_env=False, verify=False, **settings)


class Client:
    """Calls methods as python-telegram-bot does: a form, nested objects as JSON strings."""

    def __init__(self, stand_in: TelegramStandIn) -> None:
        self.http = plain_http()
        self._root = stand_in.base_url + stand_in.token

    def __call__(self, method: str, *, files=None, **arguments) -> httpx.Response:
        return self.http.post(f"{self._root}/{method}", data=arguments, files=files)

    def send(self, text: str = "Отчёт", **arguments) -> httpx.Response:
        return self("sendMessage", **({"chat_id": GROUP, "text": text} | arguments))

    def refusal(self, method: str, **arguments) -> tuple[int, str]:
        answer = self(method, **arguments)
        body = answer.json()
        assert body["ok"] is False
        assert body["error_code"] == answer.status_code
        return answer.status_code, body["description"]


@pytest.fixture
def stand_in():
    with TelegramStandIn(clock=Clock(frozen_at=MORNING)) as running:
        running.chats.add(GROUP, "supergroup", "Отчёты", members={7: "Ольга"})
        running.chats.add(FORUM, "supergroup", "Форум", topics={7: "Сводка"})
        running.chats.add(OLD_GROUP, "group", "Старая группа")
        running.chats.add(PERSON, "private", "Ольга")
        yield running


@pytest.fixture
def http():
    """A plain HTTP client for any address on loopback."""
    with plain_http() as http:
        yield http


@pytest.fixture
def client(stand_in):
    client = Client(stand_in)
    with client.http:
        yield client


@pytest.fixture
def make_png():
    """Make a grey PNG of a width and a height."""
    return png
