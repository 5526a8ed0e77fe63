"""Takes over, once, what versions before 0.2 kept in Airflow's asset state store.

What the ledger has already is left as it is, so that a repetition changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from psycopg.types.json import Jsonb

from sancrm_reports.wire.ledger.database import LedgerDatabase

NOTES = ("missed_calls|statuses", "audit_told")  # keys that are notes by the same name
Stored = tuple[str, str, str]  # asset, key, value as JSON


def take_over(database: LedgerDatabase, stored: Iterable[Stored]) -> int:
    """Write what is not there yet; return how many messages, with their parts, came over."""
    values = {(asset, key): json.loads(value) for asset, key, value in stored}
    with database.transaction():
        return sum(_take(database, values, asset, key) for asset, key in sorted(values))


def _take(
    database: LedgerDatabase, values: Mapping[tuple[str, str], Any], asset: str, key: str
) -> bool:
    """Take one value; tell whether it was a message."""
    value = values[asset, key]
    kind, _, rest = key.partition("|")
    if asset.startswith("backup_"):
        _note(database, f"backup_watch|{asset.removeprefix('backup_')}", value)
    elif key in NOTES or kind == "lines":
        _note(database, key, value)
    elif kind == "roster":
        _roster(database, rest, value)
    elif kind == "incident":
        database.rows(
            "insert into sancrm_ledger.incidents values (%(name)s, %(number)s, %(is_open)s, now())"
            " on conflict do nothing",
            name=rest,
            number=value["number"],
            is_open=value["open"],
        )
    elif kind == "moved_to":
        database.rows(
            "insert into sancrm_ledger.moved_groups values (%(old)s, %(new)s, now())"
            " on conflict do nothing",
            old=rest,
            new=value,
        )
    elif key.startswith("missed_calls|repair-"):
        _open_calls(database, key.removeprefix("missed_calls|repair-"), value)
    elif isinstance(value, dict) and "state" in value:
        text = values.get((asset, f"text|{key}"), {})
        return _message(database, key, value, text.get("html"))
    return False


def _note(database: LedgerDatabase, name: str, value: Any) -> None:
    database.rows(
        "insert into sancrm_ledger.notes values (%(name)s, %(value)s, now())"
        " on conflict do nothing",
        name=name,
        value=Jsonb(value),
    )


def _roster(database: LedgerDatabase, key: str, value: Mapping[str, Any]) -> None:
    report, _, period = key.partition("|")
    database.rows(
        "insert into sancrm_ledger.expected values (%(report)s, %(period)s, %(day)s, %(mode)s,"
        " %(branches)s, %(chats)s, now()) on conflict do nothing",
        report=report,
        period=period,
        day=first_day(period),
        mode=value["mode"],
        branches=Jsonb(value["branches"]),
        chats=Jsonb(value.get("chats", {})),
    )


def _open_calls(database: LedgerDatabase, repair_id: str, value: Mapping[str, Any]) -> None:
    for key, day in value["messages"].items():
        database.rows(
            "insert into sancrm_ledger.open_calls (repair_id, code, chat, day)"
            " values (%(repair)s, %(code)s, %(chat)s, %(day)s) on conflict do nothing",
            repair=repair_id,
            code=value["code"],
            chat=key.split("|")[3],
            day=day,
        )


def _message(
    database: LedgerDatabase, key: str, value: Mapping[str, Any], html: str | None
) -> bool:
    report, period, subject, chat, *part = key.split("|")
    row = database.row(
        "insert into sancrm_ledger.messages (report, period, subject, chat, part, parts, day,"
        " state, is_resent, sent_to, message_id, text_hash, html, footer, facts, error, sent_at,"
        " updated_at) values (%(report)s, %(period)s, %(subject)s, %(chat)s, %(part)s, %(parts)s,"
        " %(day)s, %(state)s, %(is_resent)s, %(sent_to)s, %(message_id)s, %(text_hash)s,"
        " %(html)s, %(footer)s, %(facts)s, %(error)s, %(sent_at)s, %(updated_at)s)"
        " on conflict do nothing returning id",
        report=report,
        period=period,
        subject=subject,
        chat=chat,
        part=int(part[0]) if part else 1,
        parts=value["parts"],
        day=first_day(period) or datetime.fromisoformat(value["updated_at"]).date(),
        state=value["state"],
        is_resent=value["resent"],
        sent_to=value["chat"],
        message_id=value["message_id"],
        text_hash=value["text_hash"],
        html=html,
        footer=value["footer"],
        facts=Jsonb(value["facts"]),
        error=None if html is None else value["error"],  # it may name people
        sent_at=value["sent_at"],
        updated_at=value["updated_at"],
    )
    for correction in value["corrections"] if row else ():
        database.rows(
            "insert into sancrm_ledger.corrections values (%(id)s, %(at)s, %(change)s)"
            " on conflict do nothing",
            id=row["id"] if row else None,
            at=correction["at"],
            change=correction["change"],
        )
    return row is not None


def first_day(period: str) -> date | None:
    """Return the first day of a period by its key, also of a digest; None where it has none."""
    key = period.removeprefix("digest-")[:10]
    for pattern, example in (
        ("%Y-%m-%d", key),
        ("%G-W%V-%u", f"{key}-1"),
        ("%Y-%m-%d", f"{key}-01"),
    ):
        try:
            return datetime.strptime(example, pattern).date()  # noqa: DTZ007  a day has no zone
        except ValueError:
            continue
    return None
