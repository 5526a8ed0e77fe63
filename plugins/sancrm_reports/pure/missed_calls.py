"""A customer whom nobody could reach, as a message, and what becomes of that message.

What personal data there is stays in these objects: neither their ``repr`` nor an error shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from sancrm_reports.errors import PermanentError
from sancrm_reports.pure.figures import Key, key_of
from sancrm_reports.pure.language import language_of
from sancrm_reports.pure.messages import Button, Message
from sancrm_reports.pure.phones import phone
from sancrm_reports.pure.templates import Templates

LONGEST = 400  # characters of a name; even of emoji, all lines fit into one message


TEXTS = ("category", "brand", "model", "customer", "phone", "company")


class UnreadableCallError(PermanentError):
    """A row of which no message can be made; the text says why."""

    code = "unreadable_call"


@dataclass(frozen=True)
class MissedCall:
    """A repair whose customer is to be called back; ``since`` is when the wait began."""

    repair_id: Key
    number: Any
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
        """Read a row of ``missed_calls.sql``; what is unknown or blank there is empty here.

        Raises:
            UnreadableCallError: a message cannot be made of it; the text quotes no name.
        """
        for name in ("code", "status", *TEXTS):
            value = row[name]
            if not isinstance(value, str) and (value is not None or name in ("code", "status")):
                raise UnreadableCallError(f"its {name} is not text, but {type(value).__name__}")
        since = row["since"]
        if not isinstance(since, datetime) or since.tzinfo is None:
            raise UnreadableCallError(
                f"the time since when it waits is {since or 'null'}, and must be one with a zone"
            )
        return cls(
            repair_id=row["repair_id"],
            number=row["number"],
            code=row["code"],
            status=row["status"],
            since=since,
            **{name: (row[name] or "").strip() for name in TEXTS},
        )


@dataclass(frozen=True)
class CallList:
    """Whom to call back, the longest wait first; and of which repairs no message can be made.

    ``unreadable`` holds reasons by the repair's id, None where even that is unknown.
    """

    calls: list[MissedCall]
    unreadable: dict[Key | None, str]

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Any]]) -> CallList:
        """Read rows of ``missed_calls.sql``: a bad one keeps back no other."""
        calls: dict[Key, MissedCall] = {}
        unreadable: dict[Key | None, str] = {}
        for row in rows:
            repair_id = key_of(row["repair_id"])
            try:
                if repair_id is None:
                    raise UnreadableCallError("its repair_id is null")
                if repair_id in calls:
                    raise UnreadableCallError("it comes more than once, and the first row counts")
                calls[repair_id] = MissedCall.from_row({**row, "repair_id": repair_id})
            except UnreadableCallError as error:
                unreadable[repair_id] = (
                    f"{error}. Correct the row in the CRM, or "
                    "include/sql/sources/unreached_repairs.sql; make check-sources tries it"
                )
        return cls(list(calls.values()), unreadable)


@dataclass(frozen=True)
class Wording:
    """How the messages are written.

    Args:
        templates: the language that people read.
        timezone: the account's, in which days are counted.
        country: whose phones are written without a country's code.
        card_url: the address of a repair's card, with ``{id}``, ``{number}`` or ``{code}`` in it;
            None for no button.
        shows_waiting: say for how many days the customer has been waiting.
        masks_phone: hide the middle of the phone.
        is_protected: messages cannot be forwarded or saved.
    """

    templates: Templates
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
