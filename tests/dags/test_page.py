"""What a run leaves behind for the page, read as the API server reads it."""

from airflow.utils.session import create_session
from sqlalchemy import select

from sancrm_reports.glue.telegram import DELIVERIES
from sancrm_reports.pure.audit import Fate
from sancrm_reports.wire.deliveries import FATE, Deliveries, Stored

SPAN = ("profitability_daily", "2026-11-17", "2026-11-18")


def test_the_page_finds_all_that_a_run_posted(run, telegram):
    # Names, texts and what became of each; that, the database tells without an entry being parsed.
    run()
    with create_session() as session:
        deliveries = Deliveries(session, DELIVERIES.name)
        sent = list(deliveries.sent(*SPAN))
        rosters = deliveries.rosters(*SPAN)
        [network] = deliveries.of(*SPAN, "network")
        told = session.scalars(select(FATE).where(Stored.key.startswith("|".join(SPAN[:2])))).all()
    assert {one.subject for one in sent} == {"branch-1", "branch-2", "network"}
    assert rosters["2026-11-17"].branches[1] == "Филиал на Ленина"
    assert network.entry.message_id == telegram.messages[-1].message_id
    assert "Вся сеть" in network.html
    assert set(told) <= {Fate.SENT, Fate.LATE}
