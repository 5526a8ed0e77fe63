"""What a message says of itself: how late it is, and how it was corrected after it was sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from html import escape
from zoneinfo import ZoneInfo

from sancrm_reports.pure import formatting
from sancrm_reports.pure.entry import Entry
from sancrm_reports.pure.messages import Message
from sancrm_reports.pure.splitting import LIMIT, visible_length

SHOWN = 3


def decorated(message: Message, entry: Entry, zone: ZoneInfo) -> Message:
    """Add the footer and, newest first, as many corrections as there is room for."""
    lines = [message.html]
    if entry.footer:
        lines.append(f"<i>{escape(entry.footer)}</i>")
    # Telegram may refuse the button's address, which is then a line of text.
    whole = replace(message, html="\n".join(lines)).with_button_as_text()
    room = LIMIT - visible_length(whole.html)
    shown: list[str] = []
    for correction in reversed(entry.corrections[-SHOWN:]):
        at = formatting.moment(correction.at.astimezone(zone))
        line = f"✏️ <i>Исправлено {at}: {escape(correction.change)}</i>"
        room -= visible_length(line) + 1
        if room < 0:
            break
        shown.insert(0, line)
    return replace(message, html="\n".join([*lines, *shown]))


def what_changed(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Say which headline figures changed, and how: прибыль 900 ₽ → 1 200 ₽."""
    changes = [
        f"{name} {before[name]} → {value}"
        for name, value in now.items()
        if before.get(name, value) != value
    ]
    return ", ".join(changes) or "изменён текст"
