"""The ledger as the page reads it: from Airflow's own tables, whatever database they lie in."""

from dataclasses import replace
from datetime import date

import pytest
from airflow.models.asset import AssetModel
from airflow.models.asset_state_store import AssetStateStoreModel
from demo.deliveries import CHAT, Written, entry, write
from sancrm_reports.wire.deliveries import Deliveries
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from demo.postgres import EmbeddedPostgres
from sancrm_reports.glue.telegram import DELIVERIES
from sancrm_reports.pure.audit import Fate, Roster, fate_of, roster_key
from sancrm_reports.pure.entry import State, ledger_key
from sancrm_reports.wire.ledger import TEXT

DAY = date(2026, 11, 17)
# One that hides in another's text what tells messages apart, and one that was never answered.
ENTRIES = [
    *(entry(fate, DAY) for fate in list(Fate)[:5]),
    replace(entry(Fate.FAILED, DAY), error='"state": "sent", "footer": "", "corrections": []}'),
    replace(entry(Fate.LATE, DAY), footer='"footer": "", "corrections": []}'),
    replace(entry(Fate.SENT, DAY), state=State.SENDING),
]


@pytest.fixture(scope="module")
def postgres():
    with EmbeddedPostgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "C", "ru-RU-x-icu"])
def session(request, postgres):
    """A session with Airflow's two tables, in the orders of letters that databases have."""
    if request.param == "sqlite":
        engine = create_engine("sqlite://")
    else:
        dsn = postgres.create_database("ledger")
        engine = create_engine(dsn.replace("postgresql://", "postgresql+psycopg2://"))
    tables = [AssetModel.__table__, AssetStateStoreModel.__table__]
    AssetModel.metadata.create_all(engine, tables=tables)
    with Session(engine) as session:
        if request.param != "sqlite":
            session.execute(
                text(
                    "alter table asset_state_store "
                    f'alter column key type varchar(512) collate "{request.param}"'
                )
            )
        yield session
    engine.dispose()


def key(day, subject, report="profitability_daily", chat=CHAT):
    return ledger_key(report, day, subject, chat)


def test_what_the_database_tells_of_a_message_is_what_its_entry_says(session):
    # Its short cut and the reading of the whole entry, for messages of every kind.
    values = [
        Written(key("2026-11-17", f"branch-{place}"), entry.to_json(), "run")
        for place, entry in enumerate(ENTRIES)
    ]
    write(session, "profitability_daily", values)
    found = Deliveries(session, DELIVERIES.name).sent(
        "profitability_daily", "2026-11-17", "2026-11-18"
    )
    assert {sent.subject: sent.fate for sent in found} == {
        f"branch-{place}": fate_of(entry, is_owed=True) for place, entry in enumerate(ENTRIES)
    }


def test_a_range_holds_its_own_periods_and_nothing_else(session):
    # Neighbours in the table: other days, reports of a similar name, digests, texts, rosters, pace.
    value = entry(Fate.SENT, DAY).to_json()
    inside = [key("2026-11-17", "branch-1"), key("2026-11-30", "network", chat="@shop")]
    outside = [
        key("2026-11-16", "branch-1"),
        key("2026-12-01", "branch-1"),
        key("digest-2026-11-18", "network"),
        key("2026-11-17", "branch-1", report="profitability_dailyx"),
        key("2026-11-17", "branch-1", report="profitability"),
        key("2026-W47", "branch-1", report="profitability_weekly"),
        TEXT + key("2026-11-17", "branch-1"),
        f"lines|{key('2026-11-17', 'branch-1')}",
        f"pace|{CHAT}",
    ]
    values = [Written(name, value, "run") for name in [*inside, *outside]]
    days = ("2026-10-01", "2026-11-10", "2026-11-17", "2026-12-01")
    values += [
        Written(roster_key("profitability_daily", day), Roster(branches={1: day}).to_json(), "run")
        for day in days
    ]
    write(session, "profitability_daily", values)
    deliveries = Deliveries(session, DELIVERIES.name)
    span = ("profitability_daily", "2026-11-17", "2026-12-01")
    assert {(sent.period, sent.subject) for sent in deliveries.sent(*span)} == {
        ("2026-11-17", "branch-1"),
        ("2026-11-30", "network"),
    }
    # And the last roster before it.
    assert list(deliveries.rosters(*span)) == ["2026-11-10", "2026-11-17"]


def test_a_cell_holds_all_chats_and_parts_of_its_subject(session):
    # With the text where one is kept, and the task that wrote it; branch-10 is another branch.
    value = entry(Fate.SENT, DAY).to_json()
    names = [
        key("2026-11-17", "branch-1"),
        key("2026-11-17", "branch-1") + "|2",
        key("2026-11-17", "branch-1", chat="-100777.12"),
    ]
    values = [Written(name, value, "run", map_index=place) for place, name in enumerate(names)]
    values += [
        Written(TEXT + names[1], {"html": "вторая часть"}, "run"),
        Written(key("2026-11-17", "branch-10"), value, "run"),
        Written(key("2026-11-18", "branch-1"), value, "run"),
    ]
    write(session, "profitability_daily", values)
    found = Deliveries(session, DELIVERIES.name).of(
        "profitability_daily", "2026-11-17", "2026-11-18", "branch-1"
    )
    assert sorted((one.map_index, one.html) for one in found) == [
        (0, None),
        (1, "вторая часть"),
        (2, None),
    ]


def test_a_store_without_the_ledger_is_empty(session):
    # Before the first DAG run ever: no asset, no entry, no error.
    deliveries = Deliveries(session, DELIVERIES.name)
    assert list(deliveries.sent("profitability_daily", "2026-11-17", "2026-12-01")) == []
    assert deliveries.rosters("profitability_daily", "2026-11-17", "2026-12-01") == {}
    assert deliveries.since("profitability_daily") is None
