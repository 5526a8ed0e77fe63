"""The HTTP request to Telegram: it ends, its answer is bounded, and its address is never logged."""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import cache
from typing import Any, cast

import httpx
from telegram.error import TelegramError
from telegram.request import HTTPXRequest

ANSWER_BYTES = 1_000_000


class AnswerTooLargeError(Exception):
    """No answer of the Bot API is so large, or packed: who knows what sent it."""


class _Bounded(httpx.AsyncByteStream):
    """A body that is read up to a limit."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = ANSWER_BYTES
        async for chunk in self._stream:
            left -= len(chunk)
            if left < 0:
                raise AnswerTooLargeError
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _bound(response: httpx.Response) -> None:
    """Let no answer fill the memory, packed or not."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise AnswerTooLargeError
    response.stream = _Bounded(cast("httpx.AsyncByteStream", response.stream))


@cache
def _certificates() -> ssl.SSLContext:
    """Return what httpx trusts, read once a process: it takes longer than a message does."""
    return httpx.create_ssl_context()


class BoundedRequest(HTTPXRequest):
    """Remembers what the library forgets: the answer's status, and whether the API gave it."""

    __slots__ = ("answered", "status")

    def __init__(self, **kwargs: Any) -> None:
        bounds = {
            "headers": {"Accept-Encoding": "identity"},
            "event_hooks": {"response": [_bound]},
            "verify": _certificates(),
        }
        super().__init__(httpx_kwargs=bounds, **kwargs)
        self.status: int | None = None
        self.answered = False

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        """Return status and body, as the library asks for them."""
        self.status, self.answered = None, False
        self.status, payload = await super().do_request(*args, **kwargs)
        with suppress(TelegramError):
            self.answered = "ok" in self.parse_json_payload(payload)
        return self.status, payload

    @staticmethod
    def parse_json_payload(payload: bytes) -> Any:
        """Read an answer. The library's own logs what is none: a page that may show the address."""
        try:
            answer = json.loads(payload)
        except ValueError:
            raise TelegramError("no JSON") from None
        if not isinstance(answer, dict):
            raise TelegramError("no JSON object")
        return answer


def silence() -> None:
    """Keep the client's libraries from logging addresses: Telegram's hold the token.

    Each time, because logging may have been configured since, and each logger, because a level
    set on a child wins.
    """
    for name in ("httpx", *logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("httpx", "httpcore", "telegram"):
            logging.getLogger(name).setLevel(logging.WARNING)
