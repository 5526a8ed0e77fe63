"""What a message says of itself: how late it is, and how it was corrected after it was sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from html import escape
from pathlib import Path
from zoneinfo import ZoneInfo

from sancrm_reports.pure.entry import Entry
from sancrm_reports.pure.language import language_of
from sancrm_reports.pure.messages import Message
from sancrm_reports.pure.parts import Limits
from sancrm_reports.pure.splitting import visible_length

SHOWN = 3


def decorated(
    message: Message, entry: Entry, zone: ZoneInfo, templates: Path, limits: Limits
) -> Message:
    """Add the footer and, newest first, as many corrections as there is room for."""
    lines = [message.html]
    if entry.footer:
        lines.append(f"<i>{escape(entry.footer)}</i>")
    # Telegram may refuse the button's address, which is then a line of text.
    whole = replace(message, html="\n".join(lines)).with_button_as_text()
    room = limits.of(message) - visible_length(whole.html)
    shown: list[str] = []
    language = language_of(templates)
    for correction in reversed(entry.corrections[-SHOWN:]):
        at = language.formats.moment(correction.at.astimezone(zone))
        line = language.render("correction.html.j2", at=at, change=correction.change)
        room -= visible_length(line) + 1
        if room < 0:
            break
        shown.insert(0, line)
    return replace(message, html="\n".join([*lines, *shown]))


def what_changed(before: Mapping[str, str], now: Mapping[str, str], templates: Path) -> str:
    """Say which headline figures changed, and how: profit 900 ₽ → 1,200 ₽.

    A figure is named by its code in words.po, or as it is where that has none.
    """
    language = language_of(templates)
    changes = [
        f"{language.words.get(f'figure.{name}', name)} {before[name]} → {value}"
        for name, value in now.items()
        if before.get(name, value) != value
    ]
    return ", ".join(changes) or language.word("change.text")
