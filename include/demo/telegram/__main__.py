"""Run the stand-in by itself: ``python -m demo.telegram --chat "-1001:supergroup:Отчёты"``."""

import argparse
import re
import signal
import sys
import threading

from demo.telegram.chat import CHAT_TYPES
from demo.telegram.server import DEFAULT_TOKEN, TelegramStandIn


def _chat(argument: str) -> tuple[int, str, str]:
    chat_id, chat_type, title = argument.split(":", 2)
    if chat_type not in CHAT_TYPES:
        raise argparse.ArgumentTypeError(f"a chat is one of {', '.join(CHAT_TYPES)}")
    return int(chat_id), chat_type, title


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m demo.telegram", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8081)
    parser.add_argument("--token", default=DEFAULT_TOKEN)
    parser.add_argument("--chat", type=_chat, action="append", default=[], help="ID:TYPE:TITLE")
    parser.add_argument("--no-rate-limit", action="store_true")
    # A chat's id begins with a minus, which argparse takes for an option unless "=" joins them.
    arguments = re.sub(r"(?m)^--chat\n", "--chat=", "\n".join(sys.argv[1:])).splitlines()
    options = parser.parse_args(arguments)

    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    stand_in = TelegramStandIn(
        options.token,
        host=options.host,
        port=options.port,
        rate_limits=not options.no_rate_limit,
    )
    for chat_id, chat_type, title in options.chat:
        stand_in.chats.add(chat_id, chat_type, title)
    with stand_in:
        print(f"Telegram stand-in: {stand_in.page_url}", flush=True)
        stopped.wait()


if __name__ == "__main__":
    main()
