"""The whole drill: a real dump, a real server of its own, and what the backup's chat then reads."""

import shutil
import subprocess
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from airflow.models.dagrun import DagRun
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from sqlalchemy import select

from dags.conftest import import_dags, states
from demo.postgres import find_bin_dir
from sancrm_reports.settings import settings
from stage import OPS_CHAT, in_chat, telegram_connection

BACKUP_CHAT = -1007777777777


@pytest.fixture
def configure(monkeypatch):
    """Set settings of the drill."""

    def configure(**values):
        for name, value in values.items():
            monkeypatch.setenv(f"SANCRM__RESTORE_DRILL__{name.upper()}", str(value))
        settings.cache_clear()

    yield configure
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def dump(crm, postgres, telegram, monkeypatch, configure):
    """A dump of the small CRM, and a chat of its own for the backup.

    A drill takes rows from the future for a mistake, so all are moved a year back.
    """
    crm.execute(
        "update repairs set accepted_at = accepted_at - interval '1 year', "
        "closed_at = closed_at - interval '1 year'"
    )
    folder = Path(tempfile.mkdtemp(prefix="sancrm-test-"))
    folder.chmod(0o711)
    path = folder / "crm.dump"
    command = [find_bin_dir() / "pg_dump", "--format=custom", f"--file={path}"]
    subprocess.run([*command, postgres.dsn("crm")], check=True)
    telegram.chats.add(BACKUP_CHAT, "supergroup", "Копии")
    monkeypatch.setenv("AIRFLOW_CONN_TELEGRAM_BACKUP", telegram_connection(telegram, BACKUP_CHAT))
    configure(
        dumps=folder / "*.dump",
        quiet_seconds=0,
        programs=find_bin_dir(),
        scratch_folder=folder,
        newest_row_hours=1e6,
    )
    yield path
    shutil.rmtree(folder)


def note_of(done):
    with create_session() as session:
        return session.scalar(select(DagRun).where(DagRun.id == done.id)).note


def test_a_sound_dump_is_told_once_to_the_backups_chat(run, dump, telegram):
    # How long it took, which dump, how many rows; the run's note has the same in a line.
    done = run("restore_drill")
    assert str(done.state) == "success"
    (told,) = in_chat(telegram, BACKUP_CHAT)
    first, _, *facts = told.text.replace("\N{NO-BREAK SPACE}", " ").splitlines()
    assert first.startswith("✅ Пробное восстановление: копия восстановлена за ")
    assert facts[0].startswith("Дамп: crm.dump, ")
    assert "Проверено таблиц: 7, строк в копии: 785" in facts
    assert "Самая новая запись: 9 декабря, 12:00" in facts[2]
    assert len(telegram.accepted) == 1
    assert note_of(done).startswith("crm.dump: 7 tables with 785 rows, restored in ")
    assert list(dump.parent.iterdir()) == [dump]


def test_a_damaged_dump_is_a_red_run_and_one_alert_with_what_to_do(run, dump, telegram):
    # The backup's chat is told; ops are not told the same a second time.
    dump.write_bytes(dump.read_bytes()[:-300])
    done = run("restore_drill")
    assert str(done.state) == "failed"
    assert states(done)["post_restore_drill"] == "success"
    (told,) = in_chat(telegram, BACKUP_CHAT)
    assert told.text.startswith("🔴 Пробное восстановление: дамп повреждён или не дописан")
    assert "👉 Сделайте копию заново" in told.text
    assert in_chat(telegram, OPS_CHAT) == []
    assert list(dump.parent.iterdir()) == [dump]


def test_what_a_hostile_dump_tried_is_told_to_the_backups_chat(run, dump, telegram):
    # In words, with what not to do; the statement itself stays out of the chat.
    outside = dump.with_name("outside")
    statement = f"COPY (SELECT 1) TO PROGRAM 'touch {outside}';"
    lines = ("-- PostgreSQL database dump", statement, "-- PostgreSQL database dump complete", "")
    dump.write_text("\n".join(lines))
    assert str(run("restore_drill").state) == "failed"
    (told,) = in_chat(telegram, BACKUP_CHAT)
    assert told.text.splitlines()[0] == (
        "🔴 Пробное восстановление: дамп пытался выйти за пределы своей базы: "
        "запустить программу на сервере"
    )
    assert "Не восстанавливайте этот дамп" in told.text
    assert "touch" not in told.text
    assert not outside.exists()


def test_a_drill_that_left_no_word_is_told_as_broken_off(run, dump, telegram, monkeypatch):
    # Its worker was killed: the message goes out all the same, and ops are told as well.
    from airflow.sdk.bases.operator import BaseOperator

    from sancrm_reports.backups.drill.operators import RestoreDumpOperator

    monkeypatch.setattr(RestoreDumpOperator, "execute", BaseOperator.execute)
    assert str(run("restore_drill").state) == "failed"
    (told,) = in_chat(telegram, BACKUP_CHAT)
    assert told.text.startswith("🔴 Пробное восстановление: прервано")
    assert len(in_chat(telegram, OPS_CHAT)) == 1


def test_no_password_is_in_a_log_or_in_airflow(run, dump, telegram, postgres, monkeypatch, capfd):
    # The scratch server's, the database's and the bot's: not on the console, not in XCom.
    monkeypatch.setattr("secrets.token_urlsafe", lambda length: "scratch-password")
    done = run("restore_drill")
    assert str(done.state) == "success"
    with create_session() as session:
        kept = [repr(value) for value in session.scalars(select(XComModel.value))]
    console = capfd.readouterr()
    assert kept
    for secret in ("scratch-password", postgres.password, telegram.token.partition(":")[2]):
        assert secret
        assert secret not in "".join([console.out, console.err, *kept])


def test_it_runs_by_hand_unless_it_is_enabled(airflow_database, configure):
    # Off by default; then by its cron expression, in the account's zone.
    assert import_dags()["restore_drill"].schedule is None
    configure(enabled=True, schedule="0 6 * * 6")
    timetable = import_dags()["restore_drill"].schedule
    assert (timetable.expression, str(timetable.timezone)) == ("0 6 * * 6", "Europe/Moscow")


@pytest.mark.parametrize(("limit", "delay"), [(1, 5), (600, 3600)])
def test_the_message_goes_out_before_the_run_is_stopped(configure, monkeypatch, limit, delay):
    # Airflow skips what is left of a run that takes too long, the message too. So all tries fit,
    # each as long as it may be, and an hour is left for the message.
    monkeypatch.setenv("SANCRM__RETRIES__DELAY_SECONDS", str(delay))
    configure(time_limit_minutes=limit)
    from airflow.dag_processing.dagbag import DagBag

    dag = DagBag().dags["restore_drill"]  # import_dags takes the retries away
    restore = dag.get_task("restore_newest_dump")
    longest = (1 + restore.retries) * restore.execution_timeout
    longest += restore.retries * restore.retry_delay
    assert restore.execution_timeout > timedelta(minutes=limit)
    assert dag.dagrun_timeout - longest > timedelta(hours=1)
