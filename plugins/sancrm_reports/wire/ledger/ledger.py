"""One sender's view of the ledger: its messages, what is expected, and what DAGs remember."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from psycopg.types.json import Jsonb

from sancrm_reports.pure.audit import ExpectedMessages
from sancrm_reports.pure.entry import MessageKey
from sancrm_reports.wire.chats import Address
from sancrm_reports.wire.ledger.database import (
    Clock,
    LedgerDatabase,
    NoLedgerError,
    check_version,
    connect,
)
from sancrm_reports.wire.ledger.messages import Messages, Sender

TITLES = "titles_of_chats"  # the key of the note


class Ledger:
    """An open ledger.

    Args:
        database: where it lies.
        clock: the time that all senders share.
        sender: whose claims are made by it.
    """

    def __init__(
        self, database: LedgerDatabase, clock: Clock | None = None, sender: Sender | None = None
    ) -> None:
        self.database = database
        self.clock = clock or Clock()
        self.messages = Messages(database, self.clock, sender or Sender())

    def key(self, report: str, period: str, subject: str, to: Address) -> MessageKey:
        """Name a message; a chat keeps its name when its group gets another id."""
        row = self.database.row(
            "select old_chat from sancrm_ledger.moved_groups where new_chat = %(chat)s"
            " order by moved_at limit 1",
            chat=to.chat,
        )
        first = Address(row["old_chat"] if row else to.chat, to.topic)
        return MessageKey(report, period, subject, str(first))

    def where_now(self, chat: str) -> str:
        """Return the id that a chat has by now."""
        row = self.database.row(
            "select new_chat from sancrm_ledger.moved_groups where old_chat = %(chat)s", chat=chat
        )
        return str(row["new_chat"]) if row else chat

    def note_move(self, old: str, new: str) -> None:
        """Remember a group's new id; also for those that moved to the old one before."""
        with self.database.transaction():
            self.database.rows(
                "update sancrm_ledger.moved_groups set new_chat = %(new)s"
                " where new_chat = %(old)s",
                old=old, new=new,
            )  # fmt: skip
            self.database.rows(
                "insert into sancrm_ledger.moved_groups values (%(old)s, %(new)s, %(now)s)"
                " on conflict (old_chat) do update set new_chat = excluded.new_chat",
                old=old, new=new, now=self.now(),
            )  # fmt: skip

    def note_title(self, chat: str, title: str) -> None:
        """Remember what a chat is called."""
        if title and self.titles_of_chats().get(chat) != title:
            self.add_to_note(TITLES, {chat: title})

    def titles_of_chats(self) -> dict[str, str]:
        """Return what chats are called, by their ids, as far as it is known."""
        return self.note(TITLES) or {}

    def title_of(self, chat: str) -> str:
        """Return what a chat is called; empty where nobody knows, or the ledger is out of reach."""
        try:
            return self.titles_of_chats().get(chat, "")
        except NoLedgerError:
            return ""

    def posted_until(self) -> date | None:
        """Return up to which day reports were posted that this ledger does not know, if any."""
        row = self.database.row("select posted_until from sancrm_ledger.horizon")
        return row["posted_until"] if row else None

    def expect(self, report: str, period: str, day: date, expected: ExpectedMessages) -> None:
        """Note which messages a report owes for a period, whose first day this is."""
        self.database.rows(
            "insert into sancrm_ledger.expected values (%(report)s, %(period)s, %(day)s, %(mode)s,"
            " %(branches)s, %(chats)s, %(now)s) on conflict (report, period) do update"
            " set mode = excluded.mode, branches = excluded.branches, chats = excluded.chats,"
            " updated_at = excluded.updated_at",
            report=report, period=period, day=day, mode=expected.mode,
            branches=Jsonb(expected.branches), chats=Jsonb(expected.chats), now=self.now(),
        )  # fmt: skip

    def expected(self, report: str, period: str) -> ExpectedMessages | None:
        """Return which messages a report owes for a period; None where no run noted it."""
        row = self.database.row(
            "select mode, branches, chats from sancrm_ledger.expected"
            " where report = %(report)s and period = %(period)s",
            report=report, period=period,
        )  # fmt: skip
        return ExpectedMessages.from_json(row) if row else None

    def since(self, report: str) -> date | None:
        """Return the first day that the report was ever computed for; None if it never was."""
        row = self.database.row(
            "select min(day) as day from sancrm_ledger.expected where report = %(report)s",
            report=report,
        )
        return row["day"] if row else None

    def note(self, name: str) -> Any:
        """Return what a DAG remembers under a name; None if nothing."""
        row = self.database.row(
            "select value from sancrm_ledger.notes where name = %(name)s", name=name
        )
        return row["value"] if row else None

    def set_note(self, name: str, value: Any) -> None:
        """Remember it instead of what was remembered."""
        self._write_note(name, value, "excluded.value")

    def add_to_note(self, name: str, value: dict[str, Any]) -> dict[str, Any]:
        """Add keys to a note, whoever else adds at the same time; return the whole."""
        whole: dict[str, Any] = self._write_note(name, value, "notes.value || excluded.value")
        return whole

    def forget_note(self, name: str) -> None:
        """Remember nothing under a name."""
        self.database.rows("delete from sancrm_ledger.notes where name = %(name)s", name=name)

    def _write_note(self, name: str, value: Any, result: str) -> Any:
        row = self.database.row(
            "insert into sancrm_ledger.notes values (%(name)s, %(value)s, %(now)s)"  # noqa: S608
            f" on conflict (name) do update set value = {result}, updated_at = excluded.updated_at"
            " returning value",
            name=name, value=Jsonb(value), now=self.now(),
        )  # fmt: skip
        return row and row["value"]

    def now(self) -> datetime:
        """Return the time that all senders share."""
        return datetime.fromtimestamp(self.clock.now(), UTC)


@contextmanager
def open_ledger(conn_id: str, migrations: Path, sender: Sender | None = None) -> Iterator[Ledger]:
    """Open the ledger of an Airflow connection, and close it in the end.

    Raises:
        LedgerUnreachableError: it does not answer.
        LedgerError: it was never made, is of another version, or may not be read.
    """
    with connect(conn_id) as connection:
        database = LedgerDatabase(connection, conn_id)
        yield Ledger(database, check_version(database, migrations, conn_id), sender)
