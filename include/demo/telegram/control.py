"""The control API, for tests and demos that run in another process.

    GET    /control/health                     {"ok", "chats", "accepted"}
    GET    /control/accepted[?chat_id=…]       {"accepted": […], "refused": […]}
    POST   /control/chats   {"id", "type", "title", "topics": {"7": "Сводка"}, "condition",
                             "migrated_to"}    make a chat, or change the given fields of one
    POST   /control/faults  {"kind", "times", "method", "chat_id", "seconds", "status", "html",
                             "reset"}          queue a fault; only "kind" is required
    DELETE /control/faults                     forget the queue, release what hangs
    POST   /control/clock   {"advance": 60}    {"now"}

A mistake in a request is a 400 with {"error"}.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from demo.telegram.chat import Topic
from demo.telegram.chats import Chats
from demo.telegram.clock import Clock
from demo.telegram.faults import Fault, Faults, Kind

_FAULT_FIELDS = {"times", "method", "chat_id", "seconds", "status", "html", "reset"}
Handler = Callable[[web.Request], Awaitable[web.Response]]


def control_routes(chats: Chats, faults: Faults, clock: Clock) -> list[web.RouteDef]:
    """The routes under /control/."""

    async def health(_request: web.Request) -> web.Response:
        counts = {"chats": len(list(chats)), "accepted": len(chats.accepted)}
        return web.json_response({"ok": True} | counts)

    async def accepted(request: web.Request) -> web.Response:
        wanted = request.query.get("chat_id")
        log = [m.to_json() for m in chats.accepted if wanted in (None, str(m.chat_id))]
        refused = [vars(refusal) for refusal in chats.refused]
        return web.json_response({"accepted": log, "refused": refused})

    async def set_chat(request: web.Request) -> web.Response:
        return web.json_response(_set_chat(chats, await request.json()))

    async def add_fault(request: web.Request) -> web.Response:
        asked = await request.json()
        kind = Kind(asked.pop("kind"))
        if unknown := asked.keys() - _FAULT_FIELDS:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        faults.add(Fault(kind, **asked))
        return web.json_response({"pending": len(faults.pending)})

    async def clear_faults(_request: web.Request) -> web.Response:
        faults.clear()
        return web.json_response({"pending": 0})

    async def advance(request: web.Request) -> web.Response:
        clock.advance(float((await request.json())["advance"]))
        return web.json_response({"now": clock.now()})

    return [
        web.get("/control/health", health),
        web.get("/control/accepted", accepted),
        web.post("/control/chats", _explained(set_chat)),
        web.post("/control/faults", _explained(add_fault)),
        web.delete("/control/faults", clear_faults),
        web.post("/control/clock", _explained(advance)),
    ]


def _set_chat(chats: Chats, asked: dict[str, Any]) -> dict[str, Any]:
    chat_id = int(asked["id"])
    chat = chats.get(chat_id) or chats.add(chat_id, asked.get("type", "supergroup"))
    if "title" in asked:
        chat.title = asked["title"]
    if "topics" in asked:
        chat.topics = {int(key): Topic(title) for key, title in asked["topics"].items()}
    if "condition" in asked:
        chat.condition = asked["condition"]
    if "migrated_to" in asked:
        chats.migrate(chat_id, int(asked["migrated_to"]))
    return chat.to_json()


def _explained(handler: Handler) -> Handler:
    """Turn what a wrong request raises into a 400 that says so."""

    async def explained(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)

    return explained
