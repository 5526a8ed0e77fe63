"""What was sent where: one entry per report, period, subject, chat and part of the message.

Kept in Airflow's asset state store, which survives retries, clears, backfills and new runs, and
works when the CRM's database is down. The store has no compare-and-set: the pool of one slot is
what keeps two senders apart.
"""

from __future__ import annotations

from typing import Any, Protocol

from sancrm_reports.pure.entry import Entry

TEXT = "text|"  # before the key of an entry: the text of its message


class Store(Protocol):
    """The part of Airflow's asset state store that is used; a dict in tests of pure code."""

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key."""

    def set(self, key: str, value: Any) -> None:
        """Write the value of a key."""


class Ledger:
    """The entries in a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def get(self, key: str) -> Entry | None:
        """Return the entry of a key, None if nothing is known of it."""
        value = self.store.get(key)
        return None if value is None else Entry.from_json(value)

    def put(self, key: str, entry: Entry) -> None:
        """Write an entry."""
        self.store.set(key, entry.to_json())

    def put_text(self, key: str, html: str) -> None:
        """Keep a message's text, apart from its entry: entries are read by the thousand."""
        self.store.set(f"{TEXT}{key}", {"html": html})
