"""The small stage that whole runs are played on: a CRM of two shops, chats, connections."""

import json

import psycopg

from demo.crm.load import create_reader, create_schema

CHAT = -1001234567890
OPS_CHAT = -1002222222222
ZONE = "Europe/Moscow"

# Two shops and one repair a day in each: enough for a report of every kind.
SMALL_CRM = """
insert into branches (id, name, code_prefix, is_active) values
(1, 'Филиал на Ленина', 'R', true), (2, 'Сервис <Юг> & {{ 7*7 }}', 'S', true);
insert into repair_statuses values
(1, 'closed', 'Закрыт', 'closed_success', true), (2, 'open', 'Открыт', 'new', false);
insert into categories values (1, 'Электроинструмент');
insert into customers values (1, 'Иван', '+79120000000', null);
insert into repairs
select
    id, id % 2 + 1, id, 1, 1, null, null, 1, false, 0,
    timestamptz '2026-08-01 10:00+03' + id * interval '12 hours',
    timestamptz '2026-08-01 12:00+03' + id * interval '12 hours'
from generate_series(1, 260) as id;
insert into repair_services select id, id, 'Ремонт', 1000 + id, 1, 0
from generate_series(1, 260) as id;
insert into repair_parts select id, id, 'Щётка', 1, 300.50, 500, 0, true
from generate_series(1, 260) as id;
insert into fixed_costs values
(1, 1, 'Аренда', 3000, '2026-01-01', null), (2, null, 'Реклама', 600, '2026-01-01', null);
"""


def make_crm(postgres):
    """Make the small CRM anew, and return the DSN of its superuser."""
    dsn = postgres.create_database("crm")
    with psycopg.connect(dsn, autocommit=True) as connection:
        create_schema(connection)
        connection.execute(SMALL_CRM)
        create_reader(connection, "reader")
    return dsn


def reader_connection(postgres, **changes):
    return json.dumps(
        {
            "conn_type": "postgres",
            "host": postgres.host,
            "port": postgres.port,
            "schema": "crm",
            "login": "sancrm_reader",
            "password": "reader",
            **changes,
        }
    )


def telegram_connection(telegram, chat=CHAT):
    return json.dumps(
        {
            "conn_type": "telegram",
            "host": str(chat),
            "password": telegram.token,
            "extra": {"base_url": telegram.base_url},
        }
    )


def in_chat(telegram, chat=CHAT):
    """What Telegram took for a chat, oldest first: new messages and edits."""
    return [message for message in telegram.accepted if message.chat_id == chat]
