"""A whole run that reads a real streaming replica which is hours behind its primary."""

import os
import threading
import time

import pytest

from dags.conftest import states
from demo import postgres
from replica import ended, streaming
from sancrm_reports.wire import freshness
from stage import CHAT, OPS_CHAT, make_crm

# Two are enough here; REPLICA_HOURS="1 2 3 4 5 6 7 8 9 10" plays them all.
HOURS = [int(hours) for hours in os.environ.get("REPLICA_HOURS", "1 10").split()]


@pytest.fixture
def pair(run, tmp_path_factory, monkeypatch):
    if os.environ.get(postgres.DSN_VARIABLE):
        pytest.skip("two servers of our own are needed")
    with streaming(tmp_path_factory, monkeypatch, make_crm) as made:
        yield made


def fall_behind(pair, monkeypatch, hours):
    """Close a repair an hour that the replica does not see; the day ends when that is done.

    Servers stamp commits by the machine's clock, so the period's end is moved instead of it.
    """
    pair.at(pair.replica, "select pg_wal_replay_pause()")
    pair.at(
        pair.primary,
        "with late as (insert into repairs (id, branch_id, number, customer_id, category_id,"
        " status_id, needs_callback, prepayment, accepted_at, closed_at)"
        " select (select max(id) from repairs) + n, n %% 2 + 1,"
        " (select max(number) from repairs) + n, 1, 1, 1, false, 0, '2026-11-17 09:00+03',"
        " timestamptz '2026-11-18 00:00+03' - n * interval '59 minutes'"
        " from generate_series(1, %s) as n returning id)"
        " insert into repair_services select id + 10000, id, 'Ремонт', 5000, 1, 0 from late",
        hours,
    )
    end = ended(pair.at(pair.primary, "select clock_timestamp()"))
    ask = freshness.read_freshness
    monkeypatch.setattr(freshness, "read_freshness", lambda cursor, _: ask(cursor, end))


@pytest.mark.parametrize("hours", HOURS)
def test_a_replica_that_is_behind_holds_the_report(
    run, pair, telegram, monkeypatch, configured, hours
):
    # Nothing is posted before it has caught up, then at once and by all of the data; ops are told
    # once. What the chat has equals what the primary says.
    configured(FRESHNESS__CHECK_SECONDS="0.2")
    fall_behind(pair, monkeypatch, hours)
    caught_up, early = [], []

    def catch_up():
        while not telegram.accepted:
            time.sleep(0.05)
        early.extend(message for message in telegram.accepted if message.chat_id == CHAT)
        pair.at(pair.replica, "select pg_wal_replay_resume()")
        pair.await_replay()
        caught_up.append(time.monotonic())

    thread = threading.Thread(target=catch_up)
    thread.start()
    assert str(run().state) == "success"
    thread.join()
    assert time.monotonic() - caught_up[0] < 120
    assert early == []
    (told,) = [message for message in telegram.messages if message.chat_id == OPS_CHAT]
    assert told.text.startswith("✅ Решено: ежедневный отчёт")
    posted = [message.text for message in telegram.messages if message.chat_id == CHAT]
    assert len(posted) == 3
    assert f"Ремонтов: {2 + hours}" in posted[-1]  # the two of every day, and those of the evening
    # A dry run by the primary's data would post the same: another run changes nothing.
    pair.ask(pair.primary)
    accepted = len(telegram.accepted)
    assert states(run())["post_network_report"] == "success"
    assert len(telegram.accepted) == accepted
