"""The delivery ledger of the demo and the tests: a database for it, and made-up history in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg.types.json import Jsonb

from demo.postgres import EmbeddedPostgres
from sancrm_reports.pure.audit import DeliveryStatus, ExpectedMessages
from sancrm_reports.pure.entry import Correction, Entry, MessageKey, State
from sancrm_reports.pure.figures import NETWORK, branch_subject
from sancrm_reports.settings import INCLUDE
from sancrm_reports.wire.ledger.database import LedgerDatabase
from sancrm_reports.wire.ledger.migrate import migrate

CHAT = "-1001234567890"
FACTS = {
    "прибыль": "12 345 ₽",
    "выручка": "29 800 ₽",
    "переменные расходы": "15 200 ₽",
    "постоянные расходы": "2 255 ₽",
    "ремонтов": "14",
    "прокатов": "6",
}


def create_ledger(postgres: EmbeddedPostgres, name: str = "sancrm_ledger") -> str:
    """Make an empty ledger in a database of its own; return its DSN."""
    dsn = postgres.create_database(name)
    with open_database(dsn) as database:
        migrate(database, INCLUDE / "sql" / "ledger", posted_until=None)
    return dsn


@contextmanager
def open_database(dsn: str) -> Iterator[LedgerDatabase]:
    """Open a ledger without Airflow."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield LedgerDatabase(connection, "demo")


def ledger_connection(dsn: str) -> str:
    """Return an Airflow connection, as JSON, that leads to a DSN."""
    parts = urlsplit(dsn)
    return json.dumps(
        {
            "conn_type": "postgres",
            "host": parts.hostname,
            "port": parts.port,
            "schema": parts.path.removeprefix("/"),
            "login": unquote(parts.username or ""),
            "password": unquote(parts.password or ""),
        }
    )


@dataclass(frozen=True)
class Written:
    """A message, and the task that wrote it; ``html`` is None of one that names people."""

    key: MessageKey
    entry: Entry
    html: str | None = None
    part: int = 1
    run_id: str = "scheduled__1"
    task_id: str = "post_branch_report"
    map_index: int = -1


def write(database: LedgerDatabase, dag_id: str, messages: Iterable[Written]) -> None:
    """Write messages that are not there yet, as real runs leave them."""
    with database.transaction():
        for one in messages:
            _write(database, dag_id, one)


def _write(database: LedgerDatabase, dag_id: str, one: Written) -> None:
    entry = one.entry
    row = database.row(
        "insert into sancrm_ledger.messages (report, period, subject, chat, part, parts, day,"
        " state, sent_to, message_id, text_hash, html, footer, facts, error, sent_at, updated_at,"
        " dag_id, run_id, task_id, map_index) values (%(report)s, %(period)s, %(subject)s,"
        " %(chat)s, %(part)s, %(parts)s, %(day)s, %(state)s, %(sent_to)s, %(message_id)s,"
        " %(text_hash)s, %(html)s, %(footer)s, %(facts)s, %(error)s, %(sent_at)s,"
        " %(updated_at)s, %(dag_id)s, %(run_id)s, %(task_id)s, %(map_index)s)"
        " on conflict do nothing returning id",
        **vars(one.key),
        part=one.part,
        parts=entry.parts,
        day=entry.updated_at.date(),
        state=entry.state,
        sent_to=entry.chat,
        message_id=entry.message_id,
        text_hash=entry.text_hash,
        html=one.html,
        footer=entry.footer,
        facts=Jsonb(entry.facts),
        error=entry.error,
        sent_at=entry.sent_at,
        updated_at=entry.updated_at,
        dag_id=dag_id,
        run_id=one.run_id,
        task_id=one.task_id,
        map_index=one.map_index,
    )
    for correction in entry.corrections if row else ():
        database.rows(
            "insert into sancrm_ledger.corrections values (%(id)s, %(at)s, %(change)s)",
            id=row["id"] if row else None,
            at=correction.at,
            change=correction.change,
        )


def expect(database: LedgerDatabase, report: str, day: date, expected: ExpectedMessages) -> None:
    """Note what a daily report owes for a day."""
    database.rows(
        "insert into sancrm_ledger.expected values (%(report)s, %(period)s, %(day)s, %(mode)s,"
        " %(branches)s, %(chats)s, %(day)s) on conflict do nothing",
        report=report,
        period=day.isoformat(),
        day=day,
        mode=expected.mode,
        branches=Jsonb(expected.branches),
        chats=Jsonb(expected.chats),
    )


def daily_reports(
    database: LedgerDatabase,
    branches: Mapping[int, str],
    days: Iterable[date],
    status: Callable[[date, str], DeliveryStatus],
    text: Callable[[date, str], str],
    *,
    report: str = "profitability_daily",
) -> None:
    """Write what the daily reports of these days left behind: expected and sent messages.

    A day of which nothing is expected or all is missing had no run.
    """
    subjects = {branch_subject(branch_id): place for place, branch_id in enumerate(branches)}
    for day in sorted(days):
        statuses = {subject: status(day, subject) for subject in [*subjects, NETWORK]}
        if not set(statuses.values()) - {DeliveryStatus.MISSING, DeliveryStatus.NOT_EXPECTED}:
            continue
        chats = {subject: [CHAT] for subject in statuses}
        expect(
            database, report, day, ExpectedMessages(branches=dict(branches.items()), chats=chats)
        )
        written = [
            Written(
                MessageKey(report, day.isoformat(), subject, CHAT),
                entry(what, day),
                text(day, subject),
                run_id=f"scheduled__{day + timedelta(days=1)}T06:00:00+00:00",
                task_id="post_network_report" if subject == NETWORK else "post_branch_report",
                map_index=subjects.get(subject, -1),
            )
            for subject, what in statuses.items()
            if what not in (DeliveryStatus.MISSING, DeliveryStatus.NOT_EXPECTED)
        ]
        write(database, report, written)


def entry(status: DeliveryStatus, day: date) -> Entry:
    """Return an entry whose message came to this, sent at nine in Moscow on the day after."""
    at = datetime(day.year, day.month, day.day, 6, tzinfo=UTC) + timedelta(days=1)
    is_sent = status in (DeliveryStatus.SENT, DeliveryStatus.CORRECTED, DeliveryStatus.LATE)
    errors = {
        DeliveryStatus.FAILED: "Telegram refused: the bot was kicked from the group chat. "
        "Add it again, then clear the task.",
        DeliveryStatus.UNKNOWN: "The answer of Telegram never came: ReadTimeout.",
    }
    changed = at + timedelta(hours=2)
    states = {DeliveryStatus.FAILED: State.FAILED, DeliveryStatus.UNKNOWN: State.UNKNOWN}
    return Entry(
        state=states.get(status, State.SENT),
        text_hash=f"{day.toordinal():016x}",
        updated_at=changed if status is DeliveryStatus.CORRECTED else at,
        footer="Отправлено с опозданием 3 дн." if status is DeliveryStatus.LATE else "",
        facts=FACTS,
        message_id=day.toordinal() if is_sent else None,
        chat=CHAT,
        sent_at=at if is_sent else None,
        error=errors.get(status),
        corrections=[Correction(changed, "прибыль 12 800 ₽ → 12 345 ₽")]
        if status is DeliveryStatus.CORRECTED
        else [],
    )
