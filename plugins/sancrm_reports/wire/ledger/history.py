"""What became of many messages at once, for the page: ranges of periods by the tables' indexes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache

from sancrm_reports.pure.audit import DeliveryStatus, ExpectedMessages, ledger_status
from sancrm_reports.pure.entry import Entry, State
from sancrm_reports.pure.figures import ATTACHMENTS, attached_subject, text_subject
from sancrm_reports.pure.grid import Sent
from sancrm_reports.wire.ledger.database import LedgerDatabase
from sancrm_reports.wire.ledger.messages import ENTRIES, entry_of


@dataclass(frozen=True)
class Delivered:
    """One message, or part of one, in one chat: its entry, its text, and the task that wrote it.

    ``html`` is None of a message that names people. ``name`` is that of the chat in the ledger.
    """

    entry: Entry
    subject: str
    name: str
    part: int
    html: str | None
    dag_id: str | None
    run_id: str | None
    task_id: str | None
    map_index: int | None


class History:
    """The ledger of the past. A range is from ``first`` until before ``end``, keys of periods."""

    def __init__(self, database: LedgerDatabase) -> None:
        self._database = database

    def posted_days(self, report: str, count: int) -> list[date]:
        """Return the first days of the newest periods that were posted by themselves.

        Also of those whose run had a report that nobody was to read.
        """
        rows = self._database.tuples(
            "select day from sancrm_ledger.messages where report = %(report)s"
            " and state = 'sent' and period not like 'digest-%%'"
            " union select day from sancrm_ledger.expected where report = %(report)s"
            " and mode = 'full' and exists (select from jsonb_each(chats) where value = '[]')"
            " order by day desc limit %(count)s",
            report=report, count=count,
        )  # fmt: skip
        return [day for (day,) in rows]

    def sent(self, report: str, first: str, end: str) -> Iterator[Sent]:
        """Yield what became of each message of these periods."""
        known: dict[tuple[str, bool, bool], DeliveryStatus] = {}
        rows = self._database.tuples(
            "select period, subject, state, footer <> '', exists"
            " (select from sancrm_ledger.corrections where message = messages.id)"
            " from sancrm_ledger.messages where report = %(report)s"
            " and period >= %(first)s and period < %(end)s",
            report=report, first=first, end=end,
        )  # fmt: skip
        for period, subject, state, is_late, is_corrected in rows:
            what = known.get((state, is_late, is_corrected))
            if what is None:
                what = ledger_status(State(state), is_late=is_late, is_corrected=is_corrected)
                known[state, is_late, is_corrected] = what
            yield Sent(period, text_subject(subject), what)

    def has_any(self, report: str) -> bool:
        """Whether anything was ever sent of a report, or tried."""
        row = self._database.row(
            "select 1 as found from sancrm_ledger.messages where report = %(report)s limit 1",
            report=report,
        )
        return row is not None

    def expected(self, report: str, first: str, end: str) -> dict[str, ExpectedMessages]:
        """Return the expected messages of these periods, and the last before them, oldest first.

        Of the chats only whose list is empty. Most days are like the day before, so that few are
        parsed.
        """
        rows = self._database.tuples(
            "select period, mode, branches::text, coalesce((select jsonb_object_agg(key, value)"
            " from jsonb_each(chats) where value = '[]')::text, '{}') from sancrm_ledger.expected"
            " where report = %(report)s and period < %(end)s and period >= coalesce("
            "(select max(period) from sancrm_ledger.expected"
            " where report = %(report)s and period < %(first)s), %(first)s) order by period",
            report=report, first=first, end=end,
        )  # fmt: skip
        read = cache(json.loads)
        return {
            period: ExpectedMessages.from_json(
                {"mode": mode, "branches": read(branches), "chats": read(chats)}
            )
            for period, mode, branches, chats in rows
        }

    def of(self, report: str, first: str, end: str, subject: str | None) -> list[Delivered]:
        """Return these periods' messages about a subject, or all, with what is attached to them."""
        subjects = None  # "" is a subject that nothing has
        if subject is not None:
            subjects = [subject, *(attached_subject(subject, kind) for kind in ATTACHMENTS)]
        rows = self._database.rows(
            ENTRIES + " where report = %(report)s and period >= %(first)s and period < %(end)s"
            " and (%(subjects)s::text[] is null or subject = any(%(subjects)s))"
            " order by period, subject, chat, part",
            report=report, first=first, end=end, subjects=subjects,
        )  # fmt: skip
        return [
            Delivered(
                entry=entry_of(row),
                subject=row["subject"],
                name=row["chat"],
                part=row["part"],
                html=row["html"],
                dag_id=row["dag_id"],
                run_id=row["run_id"],
                task_id=row["task_id"],
                map_index=row["map_index"],
            )
            for row in rows
        ]
