"""A customer whom nobody could reach, as a message, and what becomes of that message.

What personal data there is stays in these objects: neither their ``repr`` nor an error shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from sancrm_reports.pure.language import language_of
from sancrm_reports.pure.messages import Button, Message
from sancrm_reports.pure.phones import phone

LONGEST = 400  # characters of a name; even of emoji, all lines fit into one message


@dataclass(frozen=True)
class MissedCall:
    """A repair whose customer is to be called back; ``since`` is when the wait began."""

    repair_id: int
    number: int
    code: str
    status: str
    since: datetime
    category: str = field(default="", repr=False)
    brand: str = field(default="", repr=False)
    model: str = field(default="", repr=False)
    customer: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    company: str = field(default="", repr=False)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> MissedCall:
        """Read a row of ``missed_calls.sql``; what is unknown or blank there is empty here."""
        texts = ("category", "brand", "model", "customer", "phone", "company")
        return cls(
            repair_id=row["repair_id"],
            number=row["number"],
            code=row["code"],
            status=row["status"],
            since=row["since"],
            **{name: (row[name] or "").strip() for name in texts},
        )


@dataclass(frozen=True)
class Wording:
    """How the messages are written.

    Args:
        templates: the folder of their language.
        timezone: the account's, in which days are counted.
        country: whose phones are written without a country's code.
        card_url: the address of a repair's card, with ``{id}``, ``{number}`` or ``{code}`` in it;
            None for no button.
        shows_waiting: say for how many days the customer has been waiting.
        masks_phone: hide the middle of the phone.
        is_protected: messages cannot be forwarded or saved.
    """

    templates: Path
    timezone: str
    country: str
    card_url: str | None = None
    shows_waiting: bool = True
    masks_phone: bool = False
    is_protected: bool = False

    def to_call(self, call: MissedCall, day: date) -> Message:
        """Write whom to call, as it is on a day."""
        html = language_of(self.templates).render(
            "missed_call.html.j2",
            call=call,
            device=" · ".join(filter(None, (call.category, call.brand, call.model))),
            phone=phone(call.phone, country=self.country, is_masked=self.masks_phone),
            waiting=self._waiting(call, day),
            LONGEST=LONGEST,
        )
        return self._message(html, self._button(call))

    def called_back(self, code: str) -> Message:
        """Write what a message becomes once the customer has been called."""
        return self._by("missed_call_called_back.html.j2", code)

    def told_again(self, code: str) -> Message:
        """Write what a message becomes once a newer one says the same."""
        return self._by("missed_call_told_again.html.j2", code)

    def _by(self, template: str, code: str) -> Message:
        return self._message(language_of(self.templates).render(template, code=code))

    def _message(self, html: str, button: Button | None = None) -> Message:
        return Message(html, button, is_private=True, is_protected=self.is_protected)

    def _waiting(self, call: MissedCall, day: date) -> timedelta | None:
        """Return the days of waiting: None on the day itself, and so the same all day long."""
        waiting = day - call.since.astimezone(ZoneInfo(self.timezone)).date()
        return waiting if self.shows_waiting and waiting.days >= 1 else None

    def _button(self, call: MissedCall) -> Button | None:
        if self.card_url is None:
            return None
        values = {"id": call.repair_id, "number": call.number, "code": call.code}
        return Button(
            language_of(self.templates).word("button.crm"), card_address(self.card_url, values)
        )


def card_address(pattern: str, values: Mapping[str, Any]) -> str:
    """Return the address of a repair's card, with the values in it made safe for an address."""
    return pattern.format(**{key: quote(str(value), safe="") for key, value in values.items()})
