"""The whole demo: PostgreSQL with the demo CRM, a Telegram stand-in, and Airflow between them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import psycopg

from demo.crm.backups import FAILED_NIGHTS_AGO
from demo.crm.load import READER, READER_PASSWORD, load_demo
from demo.local_airflow import REPOSITORY, LocalAirflow, free_port
from demo.postgres import EmbeddedPostgres
from demo.telegram.server import TelegramStandIn

STATE = Path(os.environ.get("SANCRM_DEMO_STATE", REPOSITORY / ".demo"))
CHAT_ID = -1001234567890
CHAT_TITLE = "SanCRM · отчёты"


@dataclass(frozen=True)
class Demo:
    """What runs; ``telegram`` is None where messages go to the real one."""

    postgres: EmbeddedPostgres
    crm_dsn: str
    telegram: TelegramStandIn | None
    airflow: LocalAirflow


@contextmanager
def demo(
    *, today: date, airflow_port: int = 0, chat_port: int = 0, say: Callable[[str], None] = print
) -> Iterator[Demo]:
    """Start everything, fresh but for what is slow to make; stop it in reverse order."""
    with ExitStack() as stack:
        say("Starting PostgreSQL")
        postgres = stack.enter_context(EmbeddedPostgres(STATE / "postgres"))
        crm_dsn = load_crm(postgres, today=today, say=say)
        telegram = None
        if not real_telegram():
            telegram = stack.enter_context(
                TelegramStandIn(port=free_port(chat_port), rate_limits=False)
            )
            telegram.chats.add(CHAT_ID, "supergroup", CHAT_TITLE)
        say("Starting Airflow")
        airflow = stack.enter_context(
            LocalAirflow(
                postgres,
                STATE / "airflow",
                port=airflow_port,
                environment={
                    "AIRFLOW_CONN_SANCRM_DB": _reader_connection(postgres),
                    "AIRFLOW_CONN_TELEGRAM_DEFAULT": _telegram_connection(telegram),
                    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
                    # A good night, the bad one, and how it ended, one run each.
                    "SANCRM__BACKUPS__SANCRM__SINCE": watched_nights(today)[0].isoformat(),
                    "SANCRM__BACKUPS__SANCRM__SCHEDULE": "30 2 * * *",  # when today's demo begins
                    "SANCRM__PLANS__SOURCE": "sql",
                    # The demo posts the newest reports whenever it is run: none of them is late.
                    "SANCRM__DELIVERY__LATE_AFTER_HOURS": "2000",
                    # Telegram's own pace would make 21 messages a minute's wait.
                    **({"SANCRM__DELIVERY__GROUP_MESSAGES_PER_MINUTE": "0"} if telegram else {}),
                },
            )
        )
        yield Demo(postgres, crm_dsn, telegram, airflow)


def watched_nights(today: date) -> list[date]:
    """Return the nights whose backups are watched: from the one before the bad one on."""
    return [today - timedelta(days=ago) for ago in range(FAILED_NIGHTS_AGO + 1, -1, -1)]


def real_telegram() -> tuple[str, str] | None:
    """Return the token and the chat's id where the environment gives both."""
    token, chat = os.environ.get("TELEGRAM_BOT_TOKEN"), os.environ.get("TELEGRAM_CHAT_ID")
    return (token, chat) if token and chat else None


def load_crm(
    postgres: EmbeddedPostgres, *, today: date, name: str = "sancrm", say: Callable[[str], None]
) -> str:
    """Make the demo CRM of a day, unless the database already holds it; return its DSN."""
    mark = f"{today} {_fingerprint()}"
    dsn = postgres.dsn(name)
    with psycopg.connect(postgres.dsn()) as connection:
        found = connection.execute(
            "select shobj_description(oid, 'pg_database') from pg_database where datname = %s",
            (name,),
        ).fetchone()
    if found != (mark,):
        say(f"Making the demo CRM of {today}: seven branches, fourteen months")
        postgres.create_database(name)
        load_demo(dsn, today=today)
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(f"comment on database {name} is '{mark}'")
    return dsn


def _fingerprint() -> str:
    """Return what changes when the generator or the schema does."""
    files = sorted((Path(__file__).parent / "crm").glob("*.*"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def _reader_connection(postgres: EmbeddedPostgres) -> str:
    return json.dumps(
        {
            "conn_type": "postgres",
            "host": postgres.host,
            "port": postgres.port,
            "schema": "sancrm",
            "login": READER,
            "password": READER_PASSWORD,
        }
    )


def _telegram_connection(telegram: TelegramStandIn | None) -> str:
    if telegram:
        token, chat, extra = telegram.token, str(CHAT_ID), {"base_url": telegram.base_url}
    else:
        (token, chat), extra = real_telegram() or ("", ""), {}
    return json.dumps({"conn_type": "telegram", "password": token, "host": chat, "extra": extra})
