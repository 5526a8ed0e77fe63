"""A stand-in for Telegram's Bot API: the demo and the tests talk to it over HTTP."""

from demo.telegram.clock import Clock
from demo.telegram.faults import Condition
from demo.telegram.page import render_page, render_text
from demo.telegram.server import TelegramStandIn

__all__ = ["Clock", "Condition", "TelegramStandIn", "render_page", "render_text"]
