"""Messages in the ledger: claimed by one sender at a time, and written before and after the call.

A claim has an owner and an end. Whoever finds a live one waits; one whose end has passed, or that
an earlier try of the same task left behind, is nobody's: ``waiting`` may be claimed again, and
``sending`` is a message of unknown status.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from sancrm_reports.errors import ReportError
from sancrm_reports.pure.entry import Correction, Entry, MessageKey, State
from sancrm_reports.wire.ledger.database import Clock, LedgerDatabase, Row

# Longer than two calls may take (the second without the button); for as long a sender that vanished
# keeps others waiting.
LEASE = timedelta(seconds=150)

# A row of messages, with the corrections as an array.
ENTRIES = (
    "select messages.*, (select json_agg(json_build_array(corrected_at, change)"
    " order by corrected_at) from sancrm_ledger.corrections where message = messages.id)"
    " as corrections from sancrm_ledger.messages"
)
_UPDATE = "update sancrm_ledger.messages set "
_BY_KEY = (
    " where report = %(report)s and period = %(period)s and subject = %(subject)s"
    " and chat = %(chat)s and part = %(part)s"
)


class ClaimLostError(ReportError):
    """Another sender has this message now: what this one was about to send is not sent."""

    code = "being_sent"


@dataclass(frozen=True)
class Sender:
    """Who sends: one try of a task; ``task`` is None outside of Airflow.

    A later try of the same task knows that the earlier one is over.
    """

    dag_id: str = ""
    run_id: str = ""
    task_id: str = ""
    map_index: int = -1
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def task(self) -> str | None:
        """The task, however often it is tried."""
        if not self.task_id:
            return None
        return "/".join((self.dag_id, self.run_id, self.task_id, str(self.map_index)))


class Messages:
    """The table of messages, for one sender.

    Args:
        database: the ledger's.
        clock: the time of its leases.
        sender: whose claims these are.
    """

    def __init__(self, database: LedgerDatabase, clock: Clock, sender: Sender) -> None:
        self.database = database
        self.sender = sender
        self._clock = clock

    def get(self, key: MessageKey, part: int = 1) -> Entry | None:
        """Return what is known of a message, None if nothing is."""
        row = self.database.row(ENTRIES + _BY_KEY, **_values(key, part))
        return entry_of(row) if row else None

    def worst(self, key: MessageKey) -> Entry | None:
        """Return what is known of a message, of its parts the one that fared worst."""
        first = self.get(key)
        for part in range(2, first.parts + 1 if first and first.state is State.SENT else 2):
            entry = self.get(key, part)
            if entry is None or entry.state is not State.SENT:
                return entry
        return first

    def claim(
        self, key: MessageKey, part: int = 1, *, day: date, may_resend: bool = False
    ) -> tuple[Entry | None, Claim | None]:
        """Claim a message; return what is known of it, and the claim.

        There is none while another sender has it, nor where nobody knows whether it was sent: that
        only a person may send again (``may_resend``).
        """
        with self.database.transaction():
            self.database.rows(
                "insert into sancrm_ledger.messages"
                " (report, period, subject, chat, part, day, state, updated_at)"
                " values (%(report)s, %(period)s, %(subject)s, %(chat)s, %(part)s, %(day)s,"
                " 'waiting', %(now)s) on conflict do nothing",
                **_values(key, part),
                day=day,
                now=self.now(),
            )
            row = self.database.row(ENTRIES + _BY_KEY + " for update", **_values(key, part))
            if row is None or self._is_anothers(row):
                return None, None
            known = entry_of(row)
            if _needs_a_person(known, may_resend=may_resend):
                return known, None
            claim = Claim(self, key, row["id"])
            claim.take()
        return known, claim

    def give_up(self, key: MessageKey, part: int, reason: str) -> None:
        """Write that the status of what was being sent is unknown. Its owner stays the same.

        Should the answer come after all, the owner can still say that it was sent.
        """
        self.database.rows(
            _UPDATE
            + "state = 'unknown', error = %(reason)s, claimed_until = null, updated_at = %(now)s"
            + _BY_KEY
            + " and state = 'sending'",
            **_values(key, part),
            reason=reason,
            now=self.now(),
        )

    def take_as_sent(self, key: MessageKey, part: int) -> None:
        """Believe a person who saw a message of unknown status in the chat."""
        self.database.rows(
            _UPDATE + "state = 'sent', error = null, sent_at = coalesce(sent_at, updated_at),"
            " updated_at = %(now)s" + _BY_KEY + " and state in ('sending', 'unknown')",
            **_values(key, part),
            now=self.now(),
        )

    def now(self) -> datetime:
        """Return the time that all senders share."""
        return datetime.fromtimestamp(self._clock.now(), UTC)

    def _is_anothers(self, row: Row) -> bool:
        """Whether another sender has it now; one that is an earlier try of this task is over."""
        is_live = row["claimed_until"] is not None and row["claimed_until"] > self.now()
        is_own = row["owner"] == self.sender.id
        is_tried_again = self.sender.task is not None and row["owner_task"] == self.sender.task
        return is_live and not is_own and not is_tried_again


@dataclass(frozen=True)
class Claim:
    """A message that one sender has; every write makes sure that it still has it."""

    messages: Messages
    key: MessageKey
    id: int

    def take(self) -> None:
        """Become the owner; the row must be locked."""
        self.messages.database.rows(
            "update sancrm_ledger.messages set owner = %(owner)s, owner_task = %(task)s,"
            " claimed_until = %(until)s where id = %(id)s",
            owner=self.messages.sender.id,
            task=self.messages.sender.task,
            until=self._until,
            id=self.id,
        )

    def begin(self, entry: Entry, html: str | None = None) -> None:
        """Write, just before each call, what is about to be sent; this lengthens the claim.

        Raises:
            ClaimLostError: somebody else has claimed it since, or people were told that its status
                is unknown: this process stood still for too long.
        """
        with self.messages.database.transaction():
            if not self._write(entry, html, self._until):
                raise ClaimLostError(
                    f"{self.key} is no longer this sender's: it stood still for too long. It sends "
                    "nothing; look at the message's newest run."
                )

    def settle(self, entry: Entry, html: str | None = None) -> bool:
        """Write what came of it, and end the claim; ``html`` only where the chat shows a new one.

        False where another sender has claimed it meanwhile: then it may be in the chat twice.
        """
        with self.messages.database.transaction():
            return self._write(entry, html, None)

    def release(self) -> None:
        """Give the claim back. Of a message that was never tried nothing stays."""
        self.messages.database.rows(
            "with unused as (delete from sancrm_ledger.messages where id = %(id)s"
            " and owner = %(owner)s and state = 'waiting')"
            " update sancrm_ledger.messages set claimed_until = null"
            " where id = %(id)s and owner = %(owner)s and state <> 'waiting'"
            " and claimed_until is not null",
            **self._held_by,
        )

    @property
    def _held_by(self) -> dict[str, Any]:
        return {"id": self.id, "owner": self.messages.sender.id}

    @property
    def _until(self) -> datetime:
        return self.messages.now() + LEASE

    def _write(self, entry: Entry, html: str | None, until: datetime | None) -> bool:
        """Write while this sender has it; the end of a call also when the claim ended before."""
        sender = self.messages.sender
        written = self.messages.database.rows(
            "update sancrm_ledger.messages set state = %(state)s, claimed_until = %(until)s,"
            " parts = %(parts)s, is_resent = %(is_resent)s, sent_to = %(sent_to)s,"
            " message_id = %(message_id)s, text_hash = %(text_hash)s,"
            " html = coalesce(%(html)s, html), footer = %(footer)s, facts = %(facts)s,"
            " error = %(error)s, sent_at = %(sent_at)s, updated_at = %(updated_at)s,"
            " dag_id = %(dag_id)s, run_id = %(run_id)s, task_id = %(task_id)s,"
            " map_index = %(map_index)s where id = %(id)s and owner = %(owner)s"
            " and (claimed_until is not null or %(is_late)s) returning id",
            is_late=until is None,
            **self._held_by,
            state=entry.state,
            until=until,
            parts=entry.parts,
            is_resent=entry.is_resent,
            sent_to=entry.chat,
            message_id=entry.message_id,
            text_hash=entry.text_hash,
            html=html,
            footer=entry.footer,
            facts=Jsonb(entry.facts),
            error=entry.error,
            sent_at=entry.sent_at,
            updated_at=entry.updated_at,
            dag_id=sender.dag_id,
            run_id=sender.run_id,
            task_id=sender.task_id,
            map_index=sender.map_index,
        )
        for correction in entry.corrections if written else ():
            self.messages.database.rows(
                "insert into sancrm_ledger.corrections values (%(id)s, %(at)s, %(change)s)"
                " on conflict do nothing",
                id=self.id,
                at=correction.at,
                change=correction.change,
            )
        return bool(written)


def entry_of(row: Row) -> Entry:
    """Return the entry that a row of ``ENTRIES`` says."""
    return Entry(
        state=State(row["state"]),
        updated_at=row["updated_at"].astimezone(UTC),
        text_hash=row["text_hash"],
        footer=row["footer"],
        facts=row["facts"],
        message_id=row["message_id"],
        chat=row["sent_to"],
        sent_at=row["sent_at"] and row["sent_at"].astimezone(UTC),
        part=row["part"],
        parts=row["parts"],
        is_resent=row["is_resent"],
        error=row["error"],
        corrections=[
            Correction(datetime.fromisoformat(at).astimezone(UTC), change)
            for at, change in row["corrections"] or ()
        ],
    )


def _needs_a_person(known: Entry, *, may_resend: bool) -> bool:
    """Whether nobody may send it: its status is unknown, and no person has looked since."""
    if known.state is State.SENDING:
        return known.is_resent or not may_resend
    return known.state is State.UNKNOWN and not may_resend


def _values(key: MessageKey, part: int) -> dict[str, Any]:
    return {
        "report": key.report,
        "period": key.period,
        "subject": key.subject,
        "chat": key.chat,
        "part": part,
    }
