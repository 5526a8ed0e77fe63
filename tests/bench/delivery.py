"""A hundred branch reports through a real scheduler into one group, at Telegram's own pace."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import psycopg

from demo.crm.load import create_reader, create_schema
from demo.local_airflow import LocalAirflow
from demo.postgres import EmbeddedPostgres
from demo.telegram import TelegramStandIn
from stage import CHAT, reader_connection, telegram_connection

BRANCHES = 100
GROUP_PER_MINUTE = 20
MOST = 1.15  # times what the pace of a group allows
DAG_ID = "profitability_weekly"
CRM = """
insert into branches (id, name, code_prefix, is_active)
select id, 'Филиал ' || id, 'B', true from generate_series(1, %s) as id
"""


def delivery(postgres: EmbeddedPostgres) -> list[str]:
    """Print the time of a hundred reports with the pace kept, and the cost of one without."""
    make_crm(postgres)
    paced, messages = span(postgres, keep_pace=True)
    allowed = (messages - 1) // GROUP_PER_MINUTE * 60
    ratio = paced / allowed
    print(
        f"{messages} messages to one group: {paced:.0f} s, Telegram allows them in {allowed} s, "
        f"ratio {ratio:.2f}  (at most {MOST})"
    )
    free, messages = span(postgres, keep_pace=False)
    print(f"without the limit: {free / (messages - 1):.2f} s a message")
    apart, messages = span(postgres, keep_pace=True, is_chat_each=True)
    print(
        f"{messages} messages to a chat each, at their own pace: {apart:.0f} s, "
        f"{apart / free:.2f} times that without the limit  (at most {MOST})"
    )
    too_much = [] if ratio <= MOST else ["pace"]
    return too_much if apart / free <= MOST else [*too_much, "pace of many chats"]


def make_crm(postgres: EmbeddedPostgres) -> None:
    """Make a CRM of a hundred branches without movements."""
    with psycopg.connect(postgres.create_database("crm"), autocommit=True) as connection:
        create_schema(connection)
        connection.execute(CRM, (BRANCHES,))
        create_reader(connection, "reader")


def span(
    postgres: EmbeddedPostgres, *, keep_pace: bool, is_chat_each: bool = False
) -> tuple[float, int]:
    """Post the weekly report; return the seconds from the first message to the last, and how many.

    All branches have one chat, or each its own.

    The stand-in enforces the rates by the real clock: a message too early would be refused.
    """
    with (
        TelegramStandIn(rate_limits=keep_pace) as telegram,
        tempfile.TemporaryDirectory() as home,
    ):
        telegram.chats.add(CHAT, "supergroup", "Отчёты")
        environment = {
            "AIRFLOW_CONN_SANCRM_DB": reader_connection(postgres),
            "AIRFLOW_CONN_TELEGRAM_DEFAULT": telegram_connection(telegram),
        }
        if is_chat_each:
            chats = {number: CHAT - number for number in range(1, BRANCHES + 1)}
            for number, chat in chats.items():
                telegram.chats.add(chat, "supergroup", f"Филиал {number}")
            environment["SANCRM__CHATS__BRANCHES"] = json.dumps(
                {str(number): [str(chat)] for number, chat in chats.items()}
            )
        if not keep_pace:
            environment["SANCRM__DELIVERY__GROUP_MESSAGES_PER_MINUTE"] = "0"
        with LocalAirflow(postgres, Path(home), environment=environment, patience=1800) as airflow:
            while airflow.api.get(f"/dags/{DAG_ID}").status_code != 200:
                time.sleep(0.5)
            airflow.api.patch(f"/dags/{DAG_ID}", json={"is_paused": False}).raise_for_status()
            run = airflow.wait_for_run(DAG_ID)
        times = [message.date for message in telegram.accepted]
        refused = len(telegram.chats.refused)
        if run["state"] != "success" or refused:
            raise RuntimeError(f"the run is {run['state']}, {refused} messages were refused")
        return times[-1] - times[0], len(times)
