"""Inline keyboards: what Telegram takes as ``reply_markup``."""

import json
from dataclasses import dataclass
from typing import Any

from demo.telegram.urls import UrlError, checked_url

MAX_IN_ROW = 12
MAX_CALLBACK_DATA = 64  # bytes
_UNKNOWN_KINDS = ("web_app", "login_url", "switch_inline_query", "copy_text", "pay")


class ButtonError(ValueError):
    """Telegram's reason for refusing a keyboard, and with it the whole message."""


@dataclass(frozen=True)
class Button:
    """A button under a message: a link (``url``) or a callback."""

    text: str
    url: str = ""
    callback_data: str = ""

    def to_json(self) -> dict[str, str]:
        """The button as the Bot API returns it."""
        if self.url:
            return {"text": self.text, "url": self.url}
        return {"text": self.text, "callback_data": self.callback_data}


Keyboard = tuple[tuple[Button, ...], ...]


def parse_keyboard(raw: str) -> Keyboard:
    """Read the JSON of ``reply_markup``; empty when there is none, `ButtonError` when refused.

    As in the real server a button with an empty text is left out without a word, links come back
    in their normal form, and keyboards other than inline ones change nothing in a message.
    """
    if not raw:
        return ()
    try:
        markup = json.loads(raw)
    except ValueError:
        raise ButtonError("can't parse reply keyboard markup JSON object") from None
    if not isinstance(markup, dict):
        raise ButtonError("object expected as reply markup")
    rows = markup.get("inline_keyboard", [])
    if not isinstance(rows, list):
        raise ButtonError('Field "inline_keyboard" must be of type Array')
    if not all(isinstance(row, list) for row in rows):
        raise ButtonError(
            'Field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays'
        )
    keyboard = (tuple(_button(item) for item in row) for row in rows)
    visible = (tuple(item for item in row if item.text)[:MAX_IN_ROW] for row in keyboard)
    return tuple(row for row in visible if row)


def _button(item: object) -> Button:
    if not isinstance(item, dict):
        raise _unreadable("InlineKeyboardButton must be an Object")
    if "text" not in item:
        raise _unreadable('Can\'t find field "text"')
    text, url, data = (_string(item, name) for name in ("text", "url", "callback_data"))
    if url:
        try:
            return Button(text, url=checked_url(url) if text else url)
        except UrlError as error:
            raise ButtonError(f"inline keyboard button URL '{url}' is invalid: {error}") from None
    if data:
        if len(data.encode()) > MAX_CALLBACK_DATA:
            raise ButtonError("BUTTON_DATA_INVALID")
        return Button(text, callback_data=data)
    if kind := next((kind for kind in _UNKNOWN_KINDS if kind in item), None):
        raise ButtonError(f"the stand-in does not know {kind} buttons")
    raise _unreadable("Text buttons are unallowed in the inline keyboard")


def _string(item: dict[str, Any], name: str) -> str:
    value = item.get(name, "")
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise _unreadable(f'Field "{name}" must be of type String')


def _unreadable(reason: str) -> ButtonError:
    return ButtonError(f"can't parse inline keyboard button: {reason}")
