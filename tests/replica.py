"""A primary and a streaming replica of it on loopback: two real servers."""

import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import psycopg

from demo import postgres
from demo.postgres import EmbeddedPostgres, find_bin_dir
from sancrm_reports.pure.period import Period, PeriodKind

REPLICATED = {
    "wal_level": "replica",
    "max_wal_senders": "4",
    "max_standby_streaming_delay": "0",
    "synchronous_commit": "on",  # the position that is waited for is then past the commit
}


@dataclass(frozen=True)
class Ended(Period):
    """A period that ended at any instant, not only at a midnight."""

    at: datetime | None = None

    @property
    def ends_at(self):
        return self.at


def ended(at):
    return Ended(PeriodKind.DAY, date(2026, 11, 17), "Europe/Moscow", at)


class Pair:
    """A primary and its replica on loopback, reached as the product reaches them."""

    def __init__(self, primary, replica, monkeypatch):
        self.primary, self.replica, self.monkeypatch = primary, replica, monkeypatch
        self.ask(replica)

    def ask(self, server):
        dsn = server.dsn("crm", user="sancrm_reader", password="reader")
        self.monkeypatch.setenv("AIRFLOW_CONN_SANCRM_DB", dsn)

    def at(self, server, statement, *values):
        with psycopg.connect(server.dsn("crm"), autocommit=True) as admin:
            cursor = admin.execute(statement, values)
            return cursor.fetchone()[0] if cursor.description else None

    def commit(self):
        """Change something on the primary; return when, by its clock, it was done."""
        self.at(self.primary, "update repairs set model = clock_timestamp()::text")
        return self.at(self.primary, "select clock_timestamp()")

    def await_replay(self):
        position = self.at(self.primary, "select pg_current_wal_lsn()")
        caught_up = "select pg_last_wal_replay_lsn() >= %s::pg_lsn"
        wait_until(lambda: self.at(self.replica, caught_up, position))


def wait_until(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def streaming(tmp_path_factory, monkeypatch, make):
    """A primary whose database ``make`` makes, and a replica of it that streams, as a pair."""
    monkeypatch.setattr(postgres, "SETTINGS", postgres.SETTINGS | REPLICATED)
    folder = Path(tmp_path_factory.mktemp("replica"))
    for parent in (folder, *folder.parents):  # the server's user passes through
        if os.geteuid() == 0 and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    with EmbeddedPostgres() as primary:
        make(primary)
        version = postgres._major_version(find_bin_dir())
        copy = folder / f"postgres-{version}"
        subprocess.run(
            [
                find_bin_dir() / "pg_basebackup",
                "-D",
                copy,
                "-R",
                "-X",
                "stream",
                "-c",
                "fast",
                "-d",
                primary.dsn(),
            ],
            check=True,
            capture_output=True,
        )
        with EmbeddedPostgres(folder) as replica:
            made = Pair(primary, replica, monkeypatch)
            made.await_replay()
            yield made
    shutil.rmtree(folder, ignore_errors=True)
