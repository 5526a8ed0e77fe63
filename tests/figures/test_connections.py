"""Connections as they are: poolers, zones, languages, row security, encodings."""

import os
import pwd
import shutil
import socket
import struct
import subprocess
import threading
import time

import psycopg
import pytest

from figures.test_bad_input import (
    DAY,
    PASSWORD,
    READER,
    assert_says,
    crm,  # noqa: F401
    template,  # noqa: F401
)
from sancrm_reports.settings import DatabaseSettings
from sancrm_reports.wire.crm import read_profitability, snapshot
from sancrm_reports.wire.crm_errors import CrmError, CrmUnreachableError, code_in

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture
def pooled(crm, tmp_path):  # noqa: F811
    """Put a PgBouncer of one connection before the CRM, in the mode that is asked for."""
    if PGBOUNCER is None:
        pytest.skip("no pgbouncer: .ci/run installs it")
    processes = []

    def start(mode):
        port = free_port()
        (tmp_path / "users.txt").write_text(f'"{READER}" "{PASSWORD}"\n')
        (tmp_path / "bouncer.ini").write_text(
            f"[databases]\nbroken_crm = host=127.0.0.1 port={crm.server.port}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = plain\nauth_file = {tmp_path}/users.txt\npool_mode = {mode}\n"
            "default_pool_size = 1\nserver_reset_query =\n"
        )
        for folder in (tmp_path, *tmp_path.parents):  # it does not run as root
            if os.geteuid() == 0 and folder.stat().st_uid == 0 and str(folder) != "/":
                folder.chmod(folder.stat().st_mode | 0o055)
        someone = ["-u", pwd.getpwnam("nobody").pw_name] if os.geteuid() == 0 else []
        with (tmp_path / "bouncer.log").open("wb") as log:
            processes.append(
                subprocess.Popen(
                    [PGBOUNCER, *someone, tmp_path / "bouncer.ini"], stdout=log, stderr=log
                )
            )
        deadline = time.monotonic() + 120
        while socket.socket().connect_ex(("127.0.0.1", port)):
            assert processes[-1].poll() is None, (tmp_path / "bouncer.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        crm.connect(
            f"postgresql://{READER}:{PASSWORD.replace('/', '%2F').replace('@', '%40')}"
            f"@127.0.0.1:{port}/broken_crm"
        )
        return crm

    yield start
    for process in processes:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_pgbouncer_gives_every_run_its_figures(pooled, mode):
    # Run after run over the pool's one session, each of more queries than psycopg runs unprepared;
    # and what is set for one is gone with it.
    pooled = pooled(mode)
    for _ in range(3):
        with snapshot(DatabaseSettings(session={"statement_timeout": "7s"})) as cursor:
            for _ in range(8):
                assert read_profitability(cursor, pooled.sql, DAY)[0].profit == 1100
            assert cursor.execute("show statement_timeout").fetchone()["statement_timeout"] == "7s"
    with snapshot(DatabaseSettings()) as cursor:
        assert cursor.execute("show statement_timeout").fetchone()["statement_timeout"] == "0"
        assert cursor.execute("select * from pg_prepared_statements").fetchall() == []


def test_pgbouncer_that_pools_statements_is_named(pooled):
    # There can be no snapshot over several queries: what to set is said.
    error = pooled("statement").error()
    assert isinstance(error, CrmError)
    assert_says(error, "pool_mode = statement", "pool_mode = transaction")


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/St_Johns", "<+03>-3", "UTC"])
def test_the_servers_zone_does_not_matter(crm, zone):  # noqa: F811
    # Neither to a figure nor to the reading of a time.
    crm.change(f"alter database broken_crm set timezone = '{zone}'")
    assert crm.report()[0].profit == 1100
    with snapshot(DatabaseSettings()) as cursor:
        row = cursor.execute("select closed_at from repairs").fetchone()
    assert row["closed_at"].isoformat() == "2026-11-17T09:00:00+00:00"


def test_a_search_path_can_be_set(crm):  # noqa: F811
    # The CRM's tables lie in a schema of their own, which the account's search_path does not have.
    crm.change(
        "create schema shop; grant usage on schema shop to sancrm_reader;"
        "alter table branches set schema shop"
    )
    assert_says(crm.error(), '"branches" does not exist', "search_path", "[database.session]")
    assert crm.report(search_path="shop, public")[0].profit == 1100


ROW_SECURITY = "alter table repairs enable row level security;"
POLICY = "create policy one on repairs to sancrm_reader using (branch_id = 1);"


@pytest.mark.parametrize("policy", ["", POLICY], ids=["without a policy", "with one"])
def test_row_security_that_hides_rows_is_named(crm, policy):  # noqa: F811
    # Without this a green report would say that nothing moved.
    crm.change(ROW_SECURITY + policy)
    error = crm.error()
    assert isinstance(error, CrmError)
    assert_says(error, "Row security hides rows", "repairs", "bypassrls", 'row_security = "on"')
    assert crm.report(row_security="on")[0].repair_count == (1 if policy else 0)


@pytest.fixture
def ascii_crm(crm):  # noqa: F811
    """A database whose texts are in an encoding that it does not know."""
    with psycopg.connect(crm.server.dsn(), autocommit=True) as admin:
        admin.execute("drop database if exists ascii_crm with (force)")
        admin.execute(
            "create database ascii_crm encoding 'SQL_ASCII' locale 'C' template template0"
        )
    crm.connect(crm.server.dsn("ascii_crm", user=READER, password=PASSWORD))
    return crm


def letter(code, **session):
    with snapshot(DatabaseSettings(session=session)) as cursor:
        cursor.execute(f"select convert_from('\\x{code}', 'SQL_ASCII') as letter")
        return cursor.fetchone()["letter"]


def test_sql_ascii_is_named(ascii_crm):
    # Once it is said what the texts are in, they are read.
    with pytest.raises(CrmError, match=r"SQL_ASCII.*\[database.session\] set client_encoding"):
        letter("d09b")
    assert letter("d09b", client_encoding="UTF8") == "Л"
    assert letter("cb", client_encoding="WIN1251") == "Л"


def test_texts_in_another_encoding_than_was_said_are_named(ascii_crm):
    # UTF8 was set for what is in Windows' encoding.
    with pytest.raises(CrmError, match="not in the encoding that the session expects"):
        letter("cb", client_encoding="UTF8")


@pytest.mark.parametrize("code", ["25P03", "25P04", "40001", "40P01", "53300", "55P03", "57P01"])
def test_what_passes_is_known_by_its_code(crm, code):  # noqa: F811
    # An idle session or a long transaction that was ended, a conflict with recovery, a lock.
    raised = f"do $$ begin raise 'прервано' using errcode = '{code}'; end $$"
    assert isinstance(crm.error(raised), CrmUnreachableError)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("28P01", CrmError),
        ("28000", CrmError),
        ("3D000", CrmError),
        ("53300", CrmUnreachableError),
        ("57P03", CrmUnreachableError),
    ],
)
def test_a_server_that_speaks_russian_is_understood(crm, code, kind):  # noqa: F811
    # A wrong password is no outage, and an outage no wrong password, whatever the words.
    fields = {"S": "ВАЖНО", "V": "FATAL", "C": code, "M": "пользователь не прошёл проверку"}
    body = b"".join(f"{key}{value}\0".encode() for key, value in fields.items()) + b"\0"
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def refuse():
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                with client:
                    client.recv(4096)
                    client.sendall(b"E" + struct.pack("!i", len(body) + 4) + body)

        threading.Thread(target=refuse, daemon=True).start()
        port = listening.getsockname()[1]
        crm.connect(
            f"postgresql://{READER}:horse@127.0.0.1:{port}/crm?sslmode=disable&gssencmode=disable"
        )
        error = crm.error()
        listening.shutdown(socket.SHUT_RDWR)
    assert type(error) is kind
    assert_says(error, "пользователь не прошёл проверку")


def test_the_code_is_read_from_libpqs_trace():
    # As PostgreSQL 18's libpq writes it, whatever stands in the message.
    trace = b'2026-11-25 22:00:00.1\tB\t99\tErrorResponse\t S "FATAL" V "FATAL" C "28P01" M "x C y"'
    assert code_in(trace) == "28P01"
    assert code_in(b"2026-11-25\tF\t8\tSSLRequest\t 1234 5679") is None


def test_a_number_that_is_none_is_named(crm):  # noqa: F811
    # A price in the CRM that is no number: it is not said that sums disagree.
    crm.change("update repair_services set price = 'NaN'")
    assert_says(crm.error(), "repair_revenue as NaN", "make check-sources")
