"""The stand-in's HTTP server: the Bot API under /bot<token>/, the page at /, controls apart."""

import asyncio
import json
import re
import socket
import struct
import threading
from typing import Any, Self

from aiohttp import web

from demo.telegram.chats import Chats
from demo.telegram.clock import Clock
from demo.telegram.control import control_routes
from demo.telegram.errors import PREFIXES, ApiError, TooManyRequests
from demo.telegram.faults import Fault, Faults, Kind
from demo.telegram.message import Message
from demo.telegram.methods import BotApi, Call
from demo.telegram.page import render_chats, render_page
from demo.telegram.rates import Rates

DEFAULT_TOKEN = "1234567890:token-of-the-stand-in"  # opens nothing
MAX_BODY = 50 * 1024 * 1024 + 64 * 1024  # a file of 50 MB, and the form around it
_TOKEN = re.compile(r"[1-9][0-9]*:[A-Za-z0-9_-]+")
_PROXY_PAGE = "<html>\r\n<head><title>{0}</title></head>\r\n<body>{0}</body>\r\n</html>\r\n"


class TelegramStandIn:
    """A small Telegram on a loopback port, in a thread of its own; use it in a ``with``.

    ``base_url`` is what a client takes (``http://127.0.0.1:PORT/bot``), ``chats`` are to be filled
    with `Chats.add`, ``faults`` make things go wrong, ``clock`` can be advanced, ``accepted`` is
    the log of all that Telegram would have carried out.
    """

    def __init__(
        self,
        token: str = DEFAULT_TOKEN,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        rate_limits: bool = True,
        clock: Clock | None = None,
        bot_name: str = "SanCRM",
        bot_username: str = "sancrm_reports_bot",
    ) -> None:
        if not _TOKEN.fullmatch(token):
            raise ValueError("a token is a number, a colon, then letters, digits, - and _")
        self.token = token
        self.clock = clock or Clock()
        self.faults = Faults()
        self.chats = Chats(self.clock, Rates(self.clock.now) if rate_limits else None, bot_name)
        self._api = BotApi(self.chats, int(token.partition(":")[0]), bot_username)
        self._host, self._port = host, port
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None
        self._runner: web.AppRunner | None = None

    @property
    def page_url(self) -> str:
        """The address of the page that shows the chats."""
        return f"http://{self._host}:{self._port}/"

    @property
    def base_url(self) -> str:
        """What python-telegram-bot takes as ``base_url``; the token comes right after it."""
        return f"{self.page_url}bot"

    @property
    def accepted(self) -> list[Message]:
        """The log of what the bot did, oldest first: see `Chats.accepted`."""
        return self.chats.accepted

    @property
    def messages(self) -> list[Message]:
        """What the chats show now: see `Chats.messages`."""
        return self.chats.messages

    def start(self) -> None:
        """Listen; the port is known when this returns."""
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="telegram-stand-in", daemon=True
        )
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop listening and drop whatever still hangs."""
        if self._runner:
            asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        if self._thread:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    async def _listen(self) -> None:
        app = web.Application(client_max_size=MAX_BODY)
        app.add_routes(
            [
                web.get("/", self._page),
                web.get("/feed", self._feed),
                *control_routes(self.chats, self.faults, self.clock),
                web.route("*", "/bot{token:[^/]*}/{method:[^/]*}", self._bot),
                web.route("*", "/{anything:.*}", _not_found),
            ]
        )
        # No access log: its lines would hold the token. Handlers end when their client gives up.
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=0.05
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def _page(self, _request: web.Request) -> web.Response:
        # the version first: a message that comes in between is then sent once more, not lost
        version = self.chats.version
        page = render_page(
            self.chats.messages, chats=self.chats, bot_name=self.chats.bot_name, version=version
        )
        return web.Response(text=page, content_type="text/html")

    async def _feed(self, request: web.Request) -> web.Response:
        """What the page asks for again and again; 204 when nothing has changed."""
        version = self.chats.version
        if request.query.get("version") == str(version):
            return web.Response(status=204)
        html = render_chats(self.chats.messages, chats=self.chats, bot_name=self.chats.bot_name)
        return web.json_response({"version": version, "html": html})

    async def _bot(self, request: web.Request) -> web.StreamResponse:
        token, method = request.match_info["token"], request.match_info["method"]
        if not _TOKEN.fullmatch(token) or not method or request.method not in ("GET", "POST"):
            return await _not_found(request)
        if token != self.token:
            return _error(ApiError(401))
        name = self._api.name_of(method)
        try:
            call = await _read_call(request, method)
        except ApiError as error:
            self.chats.refuse(name, error)
            return _error(error)

        fault = self.faults.find(name, call.number("chat_id") or None)
        if fault and not fault.after:
            self.faults.use(fault)
            return self._broken(request, name, fault)
        try:
            result = self._api.call(call)
        except ApiError as error:
            self.chats.refuse(name, error)
            return _error(error)
        if fault:
            self.faults.use(fault)
            if fault.kind is Kind.SLOW:
                await asyncio.sleep(fault.seconds)
            elif fault.kind is Kind.HANG_AFTER:
                await asyncio.shield(asyncio.wrap_future(fault.released))
            else:
                return self._broken(request, name, fault)
        return web.json_response({"ok": True, "result": result}, dumps=_json)

    def _broken(self, request: web.Request, name: str, fault: Fault) -> web.Response:
        match fault.kind:
            case Kind.RETRY_AFTER:
                flood = TooManyRequests(int(fault.seconds))
                self.chats.refuse(name, flood)
                return _error(flood)
            case Kind.GARBAGE_AFTER:
                return web.Response(text='{"ok":true,"resu', content_type="application/json")
            case Kind.DROP_BEFORE | Kind.DROP_AFTER:
                _drop(request, reset=fault.reset)
                return web.Response()  # goes nowhere
        error = ApiError(fault.status, "restart" if fault.status == 500 else "")
        if fault.kind is Kind.SERVER_ERROR_BEFORE:
            self.chats.refuse(name, error)
        if fault.html:
            page = _PROXY_PAGE.format(f"{fault.status} {PREFIXES[fault.status]}")
            return web.Response(status=fault.status, text=page, content_type="text/html")
        return _error(error)


async def _read_call(request: web.Request, method: str) -> Call:
    """Take arguments from the query and from a form, multipart or JSON body."""
    arguments: dict[str, str] = dict(request.query)
    files: dict[str, tuple[str, bytes]] = {}
    try:
        if request.content_type == "application/json":
            arguments |= _json_arguments(await request.read())
        else:
            for name, value in (await request.post()).items():
                if isinstance(value, web.FileField):
                    files[name] = (value.filename, value.file.read())
                else:
                    arguments[name] = value if isinstance(value, str) else value.decode()
    except web.HTTPRequestEntityTooLarge:
        raise ApiError(413) from None
    except ValueError:
        raise ApiError(400, "can't parse the request") from None
    return Call(method, arguments, files)


def _json_arguments(body: bytes) -> dict[str, str]:
    fields = json.loads(body or b"{}")
    if not isinstance(fields, dict):
        raise ValueError("an object is needed")
    return {
        name: value if isinstance(value, str) else _json(value) for name, value in fields.items()
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _error(error: ApiError) -> web.Response:
    headers = {}
    if "retry_after" in error.parameters:
        headers["Retry-After"] = str(error.parameters["retry_after"])
    body = error.to_json()
    return web.json_response(body, status=error.status, headers=headers, dumps=_json)


async def _not_found(_request: web.Request) -> web.Response:
    return _error(ApiError(404))


def _drop(request: web.Request, *, reset: bool) -> None:
    """Close the client's connection without an answer; ``reset`` makes it a TCP reset."""
    if request.transport is None:
        return
    if reset:
        connection = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()
