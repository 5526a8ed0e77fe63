"""``make doctor``: each thing that somebody may have left out is named, and nothing else."""

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from psycopg import sql

from demo.ledger import ledger_connection
from ledgers import empty_ledger
from sancrm_reports.glue import doctor, doctor_airflow
from sancrm_reports.settings import INCLUDE
from sancrm_reports.version import files_version
from stage import reader_connection, telegram_connection

# What this stage has not, in every test: an API server, and what the small CRM needs no index for.
ALWAYS = {"API server at http://localhost:8080", "api.base_url = http://localhost:8080"}


@pytest.fixture(scope="module")
def known_dags(airflow_database):
    done = subprocess.run(
        [sys.executable, "-m", "airflow", "dags", "reserialize"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture
def session(known_dags):
    """Airflow's database, with everything as it should be: pools, components, DAGs switched on."""
    from airflow.jobs.job import Job
    from airflow.models.dag import DagModel
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session

    now = datetime.now(UTC)
    with create_session() as session:
        for name in ("telegram", "telegram_alerts"):
            session.add(Pool(pool=name, slots=4, description="", include_deferred=False))
        for kind in doctor_airflow.COMPONENTS:
            job = Job()
            job.job_type, job.state = kind, "running"
            job.start_date, job.latest_heartbeat = now + timedelta(days=1), now
            session.add(job)
        session.query(DagModel).update({"is_paused": False})
        session.commit()
        yield session
        session.rollback()
        session.query(Pool).filter(Pool.pool.like("telegram%")).delete()
        session.query(Job).delete()


@pytest.fixture
def installed(session, crm, telegram, configured, monkeypatch):
    """An installation that lacks nothing; what it yields are connections to break it by."""
    monkeypatch.setenv("AIRFLOW_CONN_SANCRM_LEDGER", ledger_connection(empty_ledger()))
    for statement in (INCLUDE / "sql" / "indexes.sql").read_text("utf-8").split(";"):
        crm.execute(statement)
    configured(
        ACCOUNT__CRM_URL="https://crm.example.com", MISSED_CALLS__STATUSES='["Готов", "Подбор"]'
    )
    return configured


def troubles():
    """What is wrong, by what it is about."""
    found = {finding.what: finding.problem for finding in doctor.findings() if finding.problem}
    return {what: problem for what, problem in found.items() if what not in ALWAYS}


def test_where_nothing_is_left_out_nothing_is_named(installed, capsys):
    # But for what this stage never has; nothing is sent.
    assert troubles() == {}
    assert doctor.main() == 1  # no API server
    assert "✓ ledger, connection sancrm_ledger" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["telegram", "telegram_alerts"])
def test_a_missing_pool_is_named_with_its_command(installed, session, name):
    # Nothing else tells of it: tasks stay scheduled.
    from airflow.models.pool import Pool

    session.query(Pool).filter(Pool.pool == name).delete()
    session.commit()
    assert f"airflow pools set {name} " in troubles()[f"pool {name}"]


def test_a_pool_without_slots_is_named(installed, session):
    # It is there, and takes nothing.
    from airflow.models.pool import Pool

    session.query(Pool).filter(Pool.pool == "telegram").update({"slots": 0})
    session.commit()
    assert "no slots" in troubles()["pool telegram"]


@pytest.mark.parametrize(
    ("connection", "what"),
    [
        ("SANCRM_DB", "sources"),
        ("SANCRM_LEDGER", "ledger"),
        ("TELEGRAM_DEFAULT", "chat of chats.reports: the chat of the connection"),
    ],
)
def test_a_missing_connection_is_named(installed, monkeypatch, connection, what):
    # Each by its id, and where it is made.
    monkeypatch.delenv(f"AIRFLOW_CONN_{connection}")
    assert connection.lower() in troubles()[what]


@pytest.mark.parametrize("kind", sorted(doctor_airflow.COMPONENTS))
def test_a_component_that_does_not_run_is_named(installed, session, kind):
    # By the command that starts it.
    from airflow.jobs.job import Job

    long_ago = datetime.now(UTC) - timedelta(hours=1)
    session.query(Job).filter(Job.job_type == kind).update({"latest_heartbeat": long_ago})
    session.commit()
    command = doctor_airflow.COMPONENTS[kind]
    assert troubles() == {command.partition(" ")[2]: f"None is running. Start it: {command}"}


def test_a_component_that_was_not_restarted_is_named(installed, session):
    # It runs, and knows nothing of what was installed since.
    from airflow.jobs.job import Job

    before = datetime(2026, 1, 1, tzinfo=UTC)
    session.query(Job).filter(Job.job_type == "TriggererJob").update({"start_date": before})
    session.commit()
    assert "restart it" in troubles()["triggerer"]


def test_a_wrong_setting_is_named_and_ends_the_search(installed):
    # Without the settings nothing else can be looked at.
    installed(ACCOUNT__TIMEZONE="Europe/Moskow")
    assert list(troubles()) == ["settings"]
    assert "Europe/Moskow" in troubles()["settings"]


def test_a_ledger_without_tables_is_named(installed, postgres, monkeypatch):
    # Made, and never filled: with the command.
    dsn = postgres.create_database("bare")
    monkeypatch.setenv("AIRFLOW_CONN_SANCRM_LEDGER", ledger_connection(dsn))
    assert "make ledger" in troubles()["ledger"]


def test_a_ledger_in_the_crms_database_is_named(installed, postgres, monkeypatch):
    # Nothing of ours belongs there.
    same = json.loads(ledger_connection(empty_ledger()))
    monkeypatch.setenv("AIRFLOW_CONN_SANCRM_DB", json.dumps(same))
    assert "lead to the same database" in troubles()["ledger"]


@pytest.mark.parametrize("table", ["repairs", "customers", "backup_runs", "fixed_costs"])
def test_a_missing_right_of_the_account_is_named(installed, crm, table):
    # Of the reports, the missed calls and the backup watch alike; by its file.
    crm.execute(sql.SQL("revoke select on {} from sancrm_reader").format(sql.Identifier(table)))
    found = troubles()
    assert found.keys() == {"CRM"}
    assert f"permission denied for table {table}" in found["CRM"]


def test_an_account_that_may_write_is_named(installed, crm):
    # Reports go out all the same, so this is advice.
    crm.execute("grant delete on repairs to sancrm_reader")
    assert "public.repairs" in troubles()["CRM account sancrm_reader"]


def test_missing_indexes_are_named(installed, crm):
    # Each of them; another index that begins alike is as good.
    crm.execute("drop index repairs_closed_at_idx; drop index rentals_ended_at_idx")
    crm.execute("create index theirs on repairs (closed_at, id)")
    assert list(troubles()) == ["index rentals_ended_at_idx"]


def test_a_slow_query_is_named(installed, monkeypatch):
    # By how long it took.
    monkeypatch.setattr(doctor, "SLOW", timedelta(0))
    [(what, problem)] = troubles().items()
    assert what.startswith("a daily report is computed in ")
    assert "indexes.sql" in problem


def test_statuses_that_the_crm_has_not_are_named(installed):
    # Missed calls would fail each morning.
    installed(MISSED_CALLS__STATUSES='["Ready"]')
    assert "Ready" in troubles()["missed_calls.statuses"]


def test_branches_of_the_settings_that_the_crm_has_not_are_named(installed):
    # By whichever setting: nobody would miss their reports.
    installed(
        CHATS__READERS='[{"chat": "-1001234567890", "branches": ["1", "77"]}]',
        BOUNDS__BRANCH='{"88": ["profit < 0"], "2": []}',
    )
    found = troubles()
    assert found.keys() == {"branch 77 of the settings", "branch 88 of the settings"}
    assert "It has: 1, 2" in found["branch 77 of the settings"]


def test_a_chat_that_the_bot_may_not_write_to_is_named(installed, telegram):
    # By its setting, as make check-telegram does.
    installed(CHATS__SUMMARY="-1009")
    assert list(troubles()) == ["chat of chats.summary: -1009"]
    assert telegram.accepted == []


def test_dags_that_are_missing_or_off_are_named(installed, session):
    # A backup whose DAG no file has made yet, and one that nobody has switched on.
    from airflow.models.dag import DagModel

    installed(REPORTS__YEARLY__SCHEDULE="30 9 1 1 *")
    session.query(DagModel).filter(DagModel.dag_id == "delivery_audit").update({"is_paused": True})
    session.commit()
    found = troubles()
    assert found.keys() == {"DAG profitability_yearly", "switched off: delivery_audit"}


def test_dags_that_were_parsed_with_other_files_are_named(installed, monkeypatch):
    # The other version is named; a worker of a Celery would be asked as well.
    monkeypatch.setattr(doctor_airflow, "files_version", lambda: "0123456789ab")
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    found = troubles()
    assert found.keys() == {"files of version 0123456789ab", "executor CeleryExecutor"}
    assert files_version() in found["files of version 0123456789ab"]


def test_a_zone_in_which_typed_days_are_others_is_named(installed):
    # UTC's midnight is still yesterday in New York.
    installed(ACCOUNT__TIMEZONE="America/New_York")
    assert "offset" in troubles()["core.default_timezone = utc"]


def test_a_package_that_is_missing_is_named_before_anything_else(installed, monkeypatch):
    # Python's own way to say that a module cannot be had.
    monkeypatch.setitem(sys.modules, "telegram.ext", None)
    assert list(troubles()) == ["Python package telegram.ext"]
    assert "pip install" in troubles()["Python package telegram.ext"]


def test_a_database_of_a_wrong_password_is_named(installed, postgres, monkeypatch):
    # The other looks still come.
    wrong = reader_connection(postgres, host="127.0.0.1", port=1)
    monkeypatch.setenv("AIRFLOW_CONN_SANCRM_DB", wrong)
    assert "does not answer" in troubles()["sources"]
    assert "pool telegram" not in troubles()


DOCTOR = "from sancrm_reports.glue import doctor_airflow as d; print(*d.plugin(), sep='\\n')"


@pytest.fixture
def home(tmp_path, airflow_database):
    """An installed Airflow's folder."""
    from sancrm_reports.install import CHECKOUT, install

    install(CHECKOUT, tmp_path)
    return tmp_path


def plugin_of(home, monkeypatch, plugins=None):
    """What the doctor that lies in a folder says of the plugin there."""
    monkeypatch.setenv("AIRFLOW__CORE__PLUGINS_FOLDER", str(plugins or home / "plugins"))
    monkeypatch.setenv("PYTHONPATH", str(home / "plugins"))
    done = subprocess.run([sys.executable, "-c", DOCTOR], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_an_installed_plugin_is_found(home, monkeypatch):
    # As make install leaves it.
    assert "✓ plugin in" in plugin_of(home, monkeypatch)


def test_a_plugin_that_is_left_out_or_hidden_is_named(home, monkeypatch):
    # Its file, the file that keeps the loader off the package, and the whole folder.
    (home / "plugins" / ".airflowignore").write_text("sancrm_*\n")
    assert "an .airflowignore has it" in plugin_of(home, monkeypatch)
    (home / "plugins" / ".airflowignore").unlink()
    (home / "plugins" / "sancrm_reports" / ".airflowignore").unlink()
    assert "files of the package as plugins" in plugin_of(home, monkeypatch)
    (home / "elsewhere").mkdir()
    assert "has no folder" in plugin_of(home, monkeypatch, home / "elsewhere")


def test_another_copy_than_airflows_is_refused(home, monkeypatch):
    # A doctor of the checkout would praise the checkout.
    copy = home / "copy" / "plugins"
    shutil.copytree(home / "plugins", copy)
    assert "start the one in" in plugin_of(home, monkeypatch, copy)


def test_the_chat_of_the_connection_is_asked(installed, telegram, monkeypatch):
    # A connection whose host names no chat.
    bare = {**json.loads(telegram_connection(telegram)), "host": ""}
    monkeypatch.setenv("AIRFLOW_CONN_TELEGRAM_DEFAULT", json.dumps(bare))
    assert any(what.startswith("chat of chats.reports") for what in troubles())
