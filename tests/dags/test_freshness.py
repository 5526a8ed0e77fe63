"""Reports whose data end too early: held until they have caught up, or posted with a mark."""

import shutil
import threading
import time

import pytest

from dags.conftest import states
from sancrm_reports.pure.freshness import Freshness
from sancrm_reports.settings import INCLUDE
from stage import CHAT, OPS_CHAT, in_chat


@pytest.fixture
def load(crm, tmp_path, monkeypatch, configured):
    """A mark of the CRM's nightly load, which freshness.sql reads; moved by a test."""
    folder = shutil.copytree(INCLUDE, tmp_path / "include")
    (folder / "sql" / "freshness.sql").write_text(
        "select null::bigint as branch_id, loaded_until as complete_until from crm_loads"
    )
    monkeypatch.setattr("sancrm_reports.wire.freshness.INCLUDE", folder)
    crm.execute("create table crm_loads (loaded_until timestamptz)")
    crm.execute("grant select on crm_loads to sancrm_reader")
    crm.execute("insert into crm_loads values ('2026-11-17 18:00+03')")
    configured(FRESHNESS__CHECK_SECONDS="0.2")
    return lambda until: crm.execute("update crm_loads set loaded_until = %s", [until])


def test_a_report_waits_for_its_data_and_ops_are_told_once(run, load, telegram):
    # The data catch up once ops have been told: then it is posted, and ops read that it is over.
    waited = []

    def catch_up():
        while not in_chat(telegram, OPS_CHAT):
            time.sleep(0.1)
        waited.extend(in_chat(telegram, CHAT))
        load("2026-11-18 00:00+03")

    thread = threading.Thread(target=catch_up)
    thread.start()
    done = run()
    thread.join()
    assert str(done.state) == "success"
    assert waited == []
    assert len(in_chat(telegram, CHAT)) == 3
    assert not any("данные на" in message.text for message in telegram.messages)
    (told,) = [message for message in telegram.messages if message.chat_id == OPS_CHAT]
    assert told.text.startswith("✅ Решено: ежедневный отчёт")
    first = in_chat(telegram, OPS_CHAT)[0].text
    assert first.startswith("⏳ Ждём данных: ежедневный отчёт")
    assert "полны только на 18:00" in first


def test_a_report_whose_data_never_come_fails(run, load, telegram, configured):
    # After the hours of the settings; nothing is posted, and the error says until when they are.
    configured(FRESHNESS__LONGEST_HOURS="0.0001", FRESHNESS__CHECK_SECONDS="0.2")
    done = run()
    assert states(done)["wait_for_data"] == "failed"
    assert states(done)["compute_profitability"] == "upstream_failed"
    assert in_chat(telegram, CHAT) == []
    assert any(
        "The CRM's data are complete until 2026-11-17 15:00 UTC" in message.text
        for message in in_chat(telegram, OPS_CHAT)
    )


def test_a_report_is_marked_where_the_settings_want_that(run, load, telegram, configured):
    # At once, with the time in every message; and a later run, with all the data, takes it away.
    configured(FRESHNESS__WHEN_STALE="mark")
    assert str(run().state) == "success"
    assert len(in_chat(telegram, CHAT)) == 3
    assert all("⚠️ данные на 18:00" in message.text for message in telegram.messages)
    load("2026-11-18 00:00+03")
    assert str(run().state) == "success"
    assert not any("данные на" in message.text for message in telegram.messages)
    assert len(telegram.messages) == 3


def test_nobody_looks_where_the_settings_ignore_it(run, load, telegram, configured):
    # As it was before there was a gate.
    configured(FRESHNESS__WHEN_STALE="ignore")
    assert str(run().state) == "success"
    assert not any("данные на" in message.text for message in telegram.messages)


def test_a_snapshot_of_another_replica_is_not_reported(run, load, telegram, monkeypatch):
    # Behind a balancer the one that was asked had caught up, and the one that is read has not.
    monkeypatch.setattr("sancrm_reports.wire.freshness.look", lambda _: Freshness(is_complete=True))
    done = run()
    assert states(done)["compute_profitability"] == "failed"
    assert in_chat(telegram, CHAT) == []
