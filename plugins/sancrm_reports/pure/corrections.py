"""What a message says of itself: how late it is, and how it was corrected after it was sent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from sancrm_reports.pure.entry import Correction, Entry
from sancrm_reports.pure.language import language_of
from sancrm_reports.pure.messages import Message
from sancrm_reports.pure.parts import Limits
from sancrm_reports.pure.splitting import visible_length
from sancrm_reports.pure.templates import Templates

SHOWN = 3


def decorated(
    message: Message, entry: Entry, zone: ZoneInfo, templates: Templates, limits: Limits
) -> Message:
    """Add the footer, and of the corrections what there is room for.

    The newest changes of figures, and one line for changes of the text alone.
    """
    lines = [message.html]
    if entry.footer:
        lines.append(f"<i>{escape(entry.footer)}</i>")
    # Telegram may refuse the button's address, which is then a line of text.
    whole = replace(message, html="\n".join(lines)).with_button_as_text()
    room = limits.of(message) - visible_length(whole.html)
    shown: dict[datetime, str] = {}
    language = language_of(templates)
    for correction in _worth_showing(entry.corrections, language.word("change.text")):
        at = language.formats.moment(correction.at.astimezone(zone))
        line = language.render("correction.html.j2", at=at, change=correction.change)
        room -= visible_length(line) + 1
        if room < 0:
            break
        shown[correction.at] = line
    return replace(message, html="\n".join([*lines, *(shown[at] for at in sorted(shown))]))


def _worth_showing(corrections: Sequence[Correction], of_text: str) -> list[Correction]:
    """Return the newest changes of figures, the newest first, then the newest of the text alone."""
    figures = [correction for correction in corrections if correction.change != of_text]
    text = [correction for correction in corrections if correction.change == of_text]
    return [*figures[: -SHOWN - 1 : -1], *text[-1:]]


def what_changed(before: Mapping[str, str], now: Mapping[str, str], templates: Templates) -> str:
    """Say why, where that can be known, and which headline figures changed.

    For example: 1 repair closed later for this period: profit 900 ₽ → 1,200 ₽. A figure is named
    by its code in words.po, or as it is where that has none.
    """
    language = language_of(templates)
    changed = differing(before, now)
    changes = [
        f"{language.words.get(f'figure.{name}', name)} {before[name]} → {now[name]}"
        for name in changed
    ]
    reason = language.render(
        "correction_reason.html.j2",
        repairs=_more(before, now, "repair_count"),
        rentals=_more(before, now, "rental_count"),
        changed=changed,
    )
    said = ", ".join(changes) or language.word("change.text")
    return f"{reason}: {said}" if reason else said


def differing(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return the headline figures that changed; one that was not kept before did not."""
    return [name for name, value in now.items() if before.get(name, value) != value]


def _more(before: Mapping[str, str], now: Mapping[str, str], name: str) -> int:
    """Return how many more there are, of counts as they were written: 1 234."""
    old, new = (re.sub(r"\D", "", facts.get(name, "")) for facts in (before, now))
    return int(new) - int(old) if old and new else 0
