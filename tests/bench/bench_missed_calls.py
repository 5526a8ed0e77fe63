"""Missed calls on a large CRM: the query against an index scan, and 300 messages in order."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from demo.local_airflow import LocalAirflow
from demo.postgres import EmbeddedPostgres
from demo.telegram import TelegramStandIn
from sancrm_reports.settings import INCLUDE, settings
from sancrm_reports.wire.crm import read_missed_calls, sql_text
from stage import CHAT, reader_connection, telegram_connection

DUE = 300
MOST_OF_QUERY = 3  # times the scan of an index that gives the same repairs
MOST_OF_PACE = 1.15  # times what the pace of a group allows
GROUP_PER_MINUTE = 20
DAG_ID = "missed_calls"
# The rows themselves, by the same index: what is left is to join what is known of them.
LIMIT_QUERY = """
select * from repairs
where needs_callback and status_id in (4, 5)
order by accepted_at
"""


def query(dsn: str, seconds: Callable[[Callable[[], object]], float]) -> list[str]:
    """Time the question against the bare repairs, taking turns."""
    sql = sql_text(INCLUDE / "sql", "missed_calls.sql")
    statuses = {"statuses": settings().missed_calls.statuses}
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        for name, value in settings().database.session.items():
            connection.execute("select set_config(%s, %s, false)", (name, value))
        cursor = connection.cursor()
        read_missed_calls(cursor, sql, settings().missed_calls.statuses)  # as the task does
        ours, limit = [], []
        for _ in range(200):  # a few ms each: the best is one that nothing interrupted
            limit.append(seconds(lambda: cursor.execute(LIMIT_QUERY).fetchall()))
            ours.append(seconds(lambda: cursor.execute(sql, statuses).fetchall()))
        found = len(cursor.execute(sql, statuses).fetchall())
    ratio = min(ours) / min(limit)
    print(
        f"missed calls, {found} of 2M repairs: {min(ours) * 1000:.1f} ms, index scan "
        f"{min(limit) * 1000:.1f} ms, ratio {ratio:.1f}  (at most {MOST_OF_QUERY})"
    )
    return ["missed calls: query"] if ratio > MOST_OF_QUERY or found != DUE else []


def delivery(postgres: EmbeddedPostgres) -> list[str]:
    """Send the 300 by a real scheduler at Telegram's own pace; check number and order."""
    with (
        TelegramStandIn() as telegram,
        tempfile.TemporaryDirectory() as home,
    ):
        telegram.chats.add(CHAT, "supergroup", "Незвонки")
        crm = json.dumps({**json.loads(reader_connection(postgres)), "schema": "large"})
        environment = {
            "AIRFLOW_CONN_SANCRM_DB": crm,
            "AIRFLOW_CONN_TELEGRAM_DEFAULT": telegram_connection(telegram),
        }
        with LocalAirflow(postgres, Path(home), environment=environment, patience=1800) as airflow:
            airflow.trigger(DAG_ID)
            airflow.unpause(DAG_ID)
            run = airflow.wait_for_run(DAG_ID)
        return _judge(run, telegram)


def _judge(run: dict[str, Any], telegram: TelegramStandIn) -> list[str]:
    messages = telegram.accepted
    codes = [message.text.split("№\N{NO-BREAK SPACE}")[1] for message in messages]
    numbers = [int(code.partition(")")[0]) for code in codes]
    taken = messages[-1].date - messages[0].date
    allowed = (len(messages) - 1) // GROUP_PER_MINUTE * 60
    ratio = taken / allowed
    refused = len(telegram.chats.refused)
    print(
        f"{len(messages)} missed calls to one group: {taken:.0f} s, Telegram allows them in "
        f"{allowed} s, ratio {ratio:.2f}  (at most {MOST_OF_PACE}); {refused} refused"
    )
    # The longer a repair waits, the smaller its number in this CRM.
    is_complete = numbers == sorted(set(numbers)) and len(numbers) == DUE
    print(f"each of them once and in order: {'yes' if is_complete else 'no'}")
    is_well = run["state"] == "success" and is_complete and not refused
    return [] if is_well and ratio <= MOST_OF_PACE else ["missed calls: delivery"]
