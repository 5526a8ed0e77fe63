"""The small stage that whole runs are played on: a CRM of two shops, chats, connections."""

import json
import os
import struct
import zlib
from contextlib import contextmanager

import psycopg

from demo.crm.load import create_reader, create_schema
from demo.telegram import TelegramStandIn

CHAT = -1001234567890
OPS_CHAT = -1002222222222
ZONE = "Europe/Moscow"

# Two shops and one repair a day in each: enough for a report of every kind.
SMALL_CRM = """
insert into branches (id, name, code_prefix, is_active) values
(1, 'Филиал на Ленина', 'R', true), (2, 'Сервис <Юг> & {{ 7*7 }}', 'S', true);
insert into repair_statuses values
(1, 'closed', 'Закрыт', 'closed_success', true), (2, 'open', 'Открыт', 'new', false),
(3, 'ready', 'Готов', 'ready', false), (4, 'selection', 'Подбор', 'on_hold', false);
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

# Three customers to call back, and two that are not: the one's repair is closed, the other's flag
# is not set. The longest wait is that of repair 303, the shortest of 301.
CALLBACKS = """
insert into brands values (1, 'Makita');
insert into customers values
(11, 'Соколов Андрей <b>&', '8 (912) 345-67-89', 'ООО «Кровля & Фасад»'),
(12, 'Марина', 'спросить Олега, +79435550102', null),
(13, 'Никитина Ольга', '+79435550103', null);
insert into repairs values
(301, 1, 11508, 11, 1, 1, 'HR2470', 3, true, 0, '2026-11-01 10:00+03', null),
(302, 2, 302, 12, 1, null, null, 4, true, 0, '2026-11-16 10:00+03', null),
(303, 1, 303, 13, 1, 1, null, 3, true, 0, '2026-11-02 10:00+03', null),
(304, 1, 304, 1, 1, null, null, 1, true, 0, '2026-11-02 10:00+03', '2026-11-03 10:00+03'),
(305, 1, 305, 1, 1, null, null, 3, false, 0, '2026-11-02 10:00+03', null);
insert into repair_status_changes values
(1, 301, 2, '2026-11-01 10:00+03', null), (2, 301, 3, '2026-11-10 10:00+03', null),
(3, 301, 3, '2026-11-18 08:00+03', null), (4, 303, 3, '2026-11-15 10:00+03', null);
"""
PERSONAL = ("Соколов", "Марина", "Олега", "Никитина", "Кровля", "345-67-89", "5550102", "5550103")


@contextmanager
def as_nobody():
    """Be a user who may not read what is closed, as a worker is: root may read all.

    Python itself may lie in root's home, so what this user needs must be imported already.
    """
    user = os.getuid()
    if user == 0:
        os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(user, user, user)


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


@contextmanager
def telegram_with_chats():
    """A Telegram that keeps no pace, with the chat of the reports and the one of ops."""
    with TelegramStandIn(rate_limits=False) as server:
        server.chats.add(CHAT, "supergroup", "Отчёты")
        server.chats.add(OPS_CHAT, "supergroup", "Дежурные")
        yield server


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


def png(width, height):
    """Return a grey PNG of the given size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x99" * width) * height)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
