"""Reads the delivery ledger by the thousand, for the page: straight from Airflow's database.

Only the API server does so; a task sees the store through Airflow's own interface. A range of keys
is one scan of the table's primary key. It holds periods of one report in any collation, and what
else falls into it is left out here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from airflow.models.asset import AssetModel
from airflow.models.asset_state_store import AssetStateStoreModel as Stored
from sqlalchemy import ColumnElement, and_, case, select

from sancrm_reports.pure.audit import Fate, Roster, fate_of, roster_key, since_key
from sancrm_reports.pure.entry import Entry, State
from sancrm_reports.pure.grid import Sent
from sancrm_reports.wire.ledger import TEXT

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


# Most messages were just sent. What the text of their JSON shows need not be parsed 36 500 times;
# were it ever written in another way, all would be: slower, never wrong.
_UNCHANGED = and_(
    Stored.value.like(f'{{"state": "{State.SENT}", %'), Stored.value.like('%, "corrections": []}')
)
_IN_TIME = Stored.value.like('%, "footer": "", %')
FATE = case(
    (and_(_UNCHANGED, _IN_TIME), Fate.SENT.value),
    (and_(_UNCHANGED, Stored.value.like('%, "footer": "%')), Fate.LATE.value),
    else_=Stored.value,
)
_KNOWN = {fate.value: fate for fate in (Fate.SENT, Fate.LATE)}


@dataclass(frozen=True)
class Delivered:
    """One message, or part of one, in one chat: its entry, its text, and the task that wrote it.

    ``html`` is None of a message that names people.
    """

    entry: Entry
    html: str | None
    dag_id: str | None
    run_id: str | None
    task_id: str | None
    map_index: int | None


class Deliveries:
    """The ledger of an asset in Airflow's database."""

    def __init__(self, session: Session, asset: str) -> None:
        self._session = session
        self._asset_id = session.scalar(select(AssetModel.id).where(AssetModel.name == asset))

    def sent(self, report: str, first: str, end: str) -> Iterator[Sent]:
        """Yield what became of each message of the periods from ``first`` until before ``end``."""
        rows = self._session.execute(
            select(Stored.key, FATE).where(*self._between(f"{report}|{first}", f"{report}|{end}"))
        )
        for key, fate in rows:
            report_, _, rest = key.partition("|")
            period, _, rest = rest.partition("|")
            subject = rest.partition("|")[0]
            if report_ == report and subject:
                yield Sent(period, subject, _KNOWN.get(fate) or _fate(fate))

    def since(self, report: str) -> date | None:
        """Return the first day that the report was ever computed for; None if it never was."""
        value = self._session.scalar(
            select(Stored.value).where(
                Stored.asset_id == self._asset_id, Stored.key == since_key(report)
            )
        )
        return date.fromisoformat(json.loads(value)["day"]) if value else None

    def rosters(self, report: str, first: str, end: str) -> dict[str, Roster]:
        """Return the rosters of these periods, and the last one before them, oldest first."""
        start, stop = roster_key(report, first), roster_key(report, end)
        before = self._session.execute(
            select(Stored.key, Stored.value)
            .where(*self._between(roster_key(report, ""), start))
            .order_by(Stored.key.desc())
            .limit(1)
        )
        here = self._session.execute(
            select(Stored.key, Stored.value).where(*self._between(start, stop)).order_by(Stored.key)
        )
        prefix = roster_key(report, "")
        return {
            key.removeprefix(prefix): Roster.from_json(json.loads(value))
            for key, value in [*before, *here]
            if key.startswith(prefix)
        }

    def of(self, report: str, period: str, end: str, subject: str | None) -> list[Delivered]:
        """Return a period's messages about a subject, or a whole day's, chat by chat."""
        prefix = f"{report}|{period}" + (f"|{subject}|" if subject else "")
        rows = self._rows(f"{report}|{period}", f"{report}|{end}")
        texts = self._rows(f"{TEXT}{report}|{period}", f"{TEXT}{report}|{end}")
        return [
            Delivered(
                entry=Entry.from_json(json.loads(row.value)),
                html=json.loads(texts[TEXT + key].value)["html"] if TEXT + key in texts else None,
                dag_id=row.last_updated_by_dag_id,
                run_id=row.last_updated_by_run_id,
                task_id=row.last_updated_by_task_id,
                map_index=row.last_updated_by_map_index,
            )
            for key, row in rows.items()
            if key.startswith(prefix)
        ]

    def _rows(self, start: str, end: str) -> dict[str, Stored]:
        found = select(Stored).where(*self._between(start, end)).order_by(Stored.key)
        return {row.key: row for row in self._session.scalars(found)}

    def _between(self, start: str, end: str) -> tuple[ColumnElement[bool], ...]:
        return Stored.asset_id == self._asset_id, Stored.key >= start, Stored.key < end


def _fate(value: str) -> Fate:
    return fate_of(Entry.from_json(json.loads(value)), is_owed=True)
