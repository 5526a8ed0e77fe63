"""Made-up deliveries in Airflow's asset state store, as real runs write them: for the page's tests,
bench and pictures.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from airflow.models.asset import AssetModel
from airflow.models.asset_state_store import AssetStateStoreModel
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from sancrm_reports.glue.telegram import DELIVERIES
from sancrm_reports.pure.audit import NETWORK, Fate, Roster, roster_key, since_key
from sancrm_reports.pure.entry import Correction, Entry, State, ledger_key
from sancrm_reports.wire.ledger import TEXT

CHAT = "-1001234567890"
FACTS = {
    "прибыль": "12 345 ₽",
    "выручка": "29 800 ₽",
    "переменные расходы": "15 200 ₽",
    "постоянные расходы": "2 255 ₽",
    "ремонтов": "14",
    "прокатов": "6",
}


@dataclass(frozen=True)
class Written:
    """A value of the store, and the task that wrote it."""

    key: str
    value: Mapping[str, Any]
    run_id: str
    task_id: str = "post_branch_report"
    map_index: int = -1


def write(session: Session, dag_id: str, values: Iterable[Written]) -> None:
    """Write values into the store of the ledger's asset, which is made where it is missing."""
    asset_id = session.scalar(select(AssetModel.id).where(AssetModel.name == DELIVERIES.name))
    if asset_id is None:
        asset = AssetModel(name=DELIVERIES.name, uri=DELIVERIES.uri, group="asset", extra={})
        session.add(asset)
        session.flush()
        asset_id = asset.id
    rows = [
        {
            "asset_id": asset_id,
            "key": written.key,
            "value": json.dumps(written.value),
            "updated_at": datetime.now(UTC),
            "last_updated_by_kind": "task",
            "last_updated_by_dag_id": dag_id,
            "last_updated_by_run_id": written.run_id,
            "last_updated_by_task_id": written.task_id,
            "last_updated_by_map_index": written.map_index,
        }
        for written in values
    ]
    session.execute(insert(AssetStateStoreModel), rows)
    session.commit()


def daily_reports(
    branches: Mapping[int, str],
    days: Iterable[date],
    fate: Callable[[date, str], Fate],
    text: Callable[[date, str], str],
    *,
    dag_id: str = "profitability_daily",
) -> Iterator[Written]:
    """Yield what the daily reports of these days left behind: rosters, entries and texts.

    A day of which nothing is expected or all is missing had no run.
    """
    days = list(days)
    yield Written(since_key(dag_id), {"day": min(days).isoformat()}, "scheduled__first")
    subjects = {f"branch-{branch_id}": place for place, branch_id in enumerate(branches)}
    for day in days:
        fates = {subject: fate(day, subject) for subject in [*subjects, NETWORK]}
        if not set(fates.values()) - {Fate.MISSING, Fate.NOT_EXPECTED}:
            continue
        run_id = f"scheduled__{day + timedelta(days=1)}T06:00:00+00:00"
        chats = {subject: [CHAT] for subject in fates}
        roster = Roster(branches=dict(branches.items()), chats=chats).to_json()
        yield Written(roster_key(dag_id, day.isoformat()), roster, run_id, "list_branches")
        for subject, what in fates.items():
            if what in (Fate.MISSING, Fate.NOT_EXPECTED):
                continue
            key = ledger_key(dag_id, day.isoformat(), subject, CHAT)
            place = subjects.get(subject)
            by = (
                (run_id, "post_network_report", -1)
                if place is None
                else (run_id, "post_branch_report", place)
            )
            yield Written(key, entry(what, day).to_json(), *by)
            yield Written(TEXT + key, {"html": text(day, subject)}, *by)


def entry(fate: Fate, day: date) -> Entry:
    """Return an entry whose message came to this, sent at nine in Moscow on the day after."""
    at = datetime(day.year, day.month, day.day, 6, tzinfo=UTC) + timedelta(days=1)
    is_sent = fate in (Fate.SENT, Fate.CORRECTED, Fate.LATE)
    errors = {
        Fate.FAILED: "Telegram refused: the bot was kicked from the group chat. Add it again, "
        "then clear the task.",
        Fate.UNKNOWN: "The answer of Telegram never came: ReadTimeout.",
    }
    changed = (at + timedelta(hours=2)).isoformat()
    states = {Fate.FAILED: State.FAILED, Fate.UNKNOWN: State.UNKNOWN}
    return Entry(
        state=states.get(fate, State.SENT),
        text_hash=f"{day.toordinal():016x}",
        updated_at=changed if fate is Fate.CORRECTED else at.isoformat(),
        footer="Отправлено с опозданием 3 дн." if fate is Fate.LATE else "",
        facts=FACTS,
        message_id=day.toordinal() if is_sent else None,
        chat=CHAT,
        sent_at=at.isoformat() if is_sent else None,
        error=errors.get(fate),
        corrections=[Correction(changed, "прибыль 12 800 ₽ → 12 345 ₽")]
        if fate is Fate.CORRECTED
        else [],
    )
