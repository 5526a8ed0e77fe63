"""``make ledger``, and what docs/ledger.md has people type."""

import json
import os
import re
import subprocess
from pathlib import Path

import psycopg
import pytest

from demo.ledger import ledger_connection, open_database
from demo.postgres import find_bin_dir
from ledgers import ledger_dsn
from sancrm_reports.glue.ledger import main
from sancrm_reports.wire.ledger.ledger import Ledger

PAGE = (Path(__file__).parents[2] / "docs" / "ledger.md").read_text("utf-8")


@pytest.fixture
def dsn(monkeypatch):
    """An empty database, and the connection that leads to it."""
    with psycopg.connect(ledger_dsn(), autocommit=True) as admin:
        admin.execute("drop database if exists fresh")
        admin.execute("create database fresh")
    fresh = ledger_dsn().replace("/sancrm_ledger", "/fresh")
    monkeypatch.setenv("AIRFLOW_CONN_SANCRM_LEDGER", ledger_connection(fresh))
    return fresh


def test_a_new_ledger_needs_a_persons_answer_and_then_none(dsn, capsys):
    # What was posted before it cannot be known; a second time nothing is to be done.
    assert main([]) == 1
    assert "POSTED_UNTIL=nothing" in capsys.readouterr().err
    assert main(["--posted-until", "17.11.2026"]) == 1
    assert "17.11.2026 isn't a day" in capsys.readouterr().err
    assert main(["--posted-until", "2026-11-17"]) == 0
    assert "nothing of the reports up to 2026-11-17" in capsys.readouterr().out
    assert main([]) == 0
    assert "nothing was to be done" in capsys.readouterr().out
    with open_database(dsn) as database:
        assert str(Ledger(database).posted_until()) == "2026-11-17"


def test_the_ledger_does_not_go_into_the_crm(dsn, monkeypatch, capsys):
    # The same server is fine, the same database is not.
    monkeypatch.setenv("AIRFLOW_CONN_SANCRM_DB", os.environ["AIRFLOW_CONN_SANCRM_LEDGER"])
    assert main(["--posted-until", "nothing"]) == 1
    assert "lead to the same database" in capsys.readouterr().err
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select to_regnamespace('sancrm_ledger')").fetchone() == (None,)


def test_a_wrong_connection_is_named_without_its_password(monkeypatch, capsys):
    # No such server, no such account, no such connection.
    wrong = json.loads(ledger_connection(ledger_dsn())) | {"password": "hunter2", "login": "nobody"}
    for value, says in ((wrong | {"port": 1}, "does not answer"), (wrong, "sancrm_ledger")):
        monkeypatch.setenv("AIRFLOW_CONN_SANCRM_LEDGER", json.dumps(value))
        assert main([]) == 1
        said = capsys.readouterr().err
        assert says in said
        assert "hunter2" not in said
    monkeypatch.delenv("AIRFLOW_CONN_SANCRM_LEDGER")
    assert main([]) == 1


def test_backup_and_restore_as_the_page_says(dsn, tmp_path):
    # The commands as they stand there: what was in the ledger is there again, with the horizon.
    main(["--posted-until", "nothing"])
    with open_database(dsn) as database:
        Ledger(database).set_note("kept", 1)
    section = PAGE.partition("## Backup and restore")[2].partition("\n## ")[0]
    dump, restore = re.findall(r"```bash\n(.*?)```", section, re.DOTALL)
    environment = {"PATH": f"{find_bin_dir()}:{os.environ['PATH']}", "LEDGER_DSN": dsn}
    _type(dump, tmp_path, environment)
    with open_database(dsn) as database:
        Ledger(database).set_note("kept", 2)
    _type(restore, tmp_path, environment)
    with open_database(dsn) as database:
        assert Ledger(database).note("kept") == 1
        assert str(Ledger(database).posted_until()) == "2026-11-17"


def test_a_dba_can_run_the_files_without_us(dsn):
    # As docs and the files' own headers say, twice, by a plain owner of the database.
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute("drop role if exists plain_owner")
        admin.execute("create role plain_owner login password 'x'")
        admin.execute("alter database fresh owner to plain_owner")
    as_owner = re.sub(r"//[^@]*@", "//plain_owner:x@", dsn)
    psql = f"{find_bin_dir()}/psql"
    folder = Path(__file__).parents[2] / "include" / "sql" / "ledger"
    for file in 2 * sorted(folder.glob("*.sql")):
        command = [psql, "-qX", "-1", "-v", "ON_ERROR_STOP=1", "-f", str(file), as_owner]
        subprocess.run(command, check=True, capture_output=True)
    with open_database(as_owner) as database:
        Ledger(database).set_note("x", 1)


def _type(commands, folder, environment):
    subprocess.run(["bash", "-ec", commands], check=True, cwd=folder, env=environment)
