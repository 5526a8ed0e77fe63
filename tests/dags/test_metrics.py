"""What Airflow's own metrics say of deliveries, as a StatsD server hears it."""

import socket
from datetime import timedelta

import pytest

from sancrm_reports.glue.metrics import note_backup_age, note_lateness
from stage import OPS_CHAT, in_chat


@pytest.fixture
def heard(monkeypatch):
    """A StatsD server; what it yields returns what was heard since it was last asked."""
    from airflow.sdk.observability.metrics import stats_utils
    from airflow.sdk.observability.stats import initialize

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.2)
        port = server.getsockname()[1]
        for name, value in {"ON": "True", "HOST": "127.0.0.1", "PORT": str(port)}.items():
            monkeypatch.setenv(f"AIRFLOW__METRICS__STATSD_{name}", value)
        initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)
        yield lambda: list(_ours(server))
    monkeypatch.undo()
    initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)


def _ours(server):
    while True:
        try:
            line = server.recv(2000).decode()
        except TimeoutError:
            return
        if line.startswith("airflow.sancrm."):
            yield line.removeprefix("airflow.sancrm.")


def test_messages_are_counted_by_what_became_of_them(run, telegram, heard, configured):
    # Sent, and sent again as corrected; refused by Telegram; and of unknown status.
    run()
    assert heard().count("messages.sent:1|c") == 3
    telegram.faults.drop_after(times=1)
    configured(CHATS__BRANCHES='{"2": ["-1009999999999"]}')
    run(period="2026-11-16")
    told = len(in_chat(telegram, OPS_CHAT))
    assert sorted(heard()) == [
        "messages.failed:1|c",
        *["messages.sent:1|c"] * (1 + told),
        "messages.unknown:1|c",
    ]


def test_lateness_and_age_are_seconds(heard):
    # A report that is early for its time is not late.
    note_lateness("profitability_daily", timedelta(minutes=2))
    note_lateness("profitability_daily", timedelta(minutes=-2))
    note_backup_age("sancrm", timedelta(hours=1))
    assert heard() == [
        "report.late_seconds:120.0|g",
        "report.late_seconds:0.0|g",
        "backup.age_seconds:3600.0|g",
    ]
