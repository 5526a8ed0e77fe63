"""A bad day: by the messages to ops and the runbook alone, everything is posted once in the end."""

import re
import shlex
import shutil
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import psycopg
import pytest

from demo.postgres import EmbeddedPostgres
from sancrm_reports.glue.timetable import timetable_of
from sancrm_reports.settings import load_settings
from sancrm_reports.version import TAG
from scheduler.conftest import DAG_ID, backfills_over, local_airflow, senders, unpause, wait_until
from stage import CHAT, OPS_CHAT, in_chat, make_crm, telegram_with_chats

INCLUDE = Path(__file__).parents[2] / "include"
GONE, NEW = -1003333333333, -1004444444444


@pytest.fixture
def postgres():
    with EmbeddedPostgres() as server:
        make_crm(server)
        yield server


@pytest.fixture
def telegram():
    with telegram_with_chats() as server:
        server.chats.add(GONE, "supergroup", "Юг").condition = "deleted"
        server.chats.add(NEW, "supergroup", "Юг, новый")
        yield server


@pytest.fixture
def include(tmp_path):
    """Settings of its own, that ops change during the day."""
    copy = tmp_path / "include"
    shutil.copytree(INCLUDE, copy, ignore=shutil.ignore_patterns("demo"))
    route(copy, GONE)
    return copy


@pytest.fixture
def game(postgres, telegram, include, tmp_path):
    """An Airflow that retries fast and looks for dead workers often."""
    environment = {
        "SANCRM_INCLUDE": str(include),
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "10",
        "SANCRM__RETRIES__COUNT": "1",
        "SANCRM__RETRIES__DELAY_SECONDS": "1",
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "2",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "1",
    }
    home = tmp_path / "airflow"
    with local_airflow(postgres, telegram, home, environment) as running:
        yield running


def route(include, chat):
    """Set the chat of the second branch, where the delivered settings have an example."""
    text = (INCLUDE / "settings.toml").read_text("utf-8")
    example = '# 3 = ["-1009876543210", "default"]'
    assert example in text
    (include / "settings.toml").write_text(text.replace(example, f'2 = ["{chat}"]'), "utf-8")


@contextmanager
def crm_stopped(postgres):
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute("alter database crm allow_connections false")
        yield
        connection.execute("alter database crm allow_connections true")


def told(telegram):
    """What the ops chat shows last."""
    return [message for message in telegram.messages if message.chat_id == OPS_CHAT][-1]


def type_command_of(airflow, message, which=""):
    """Type the command that a message gives, as it stands there."""
    found = re.findall(r"^airflow (?:dags trigger|backfill create) .*$", message.text, re.M)
    (command,) = [command for command in found if which in command]
    wait_until(lambda: backfills_over(airflow))  # as the runbook says, of a backfill before
    airflow.command(*shlex.split(unescape(command))[1:])


def files_read(airflow):
    """The version of the files with which the DAG processor has read the DAG."""
    tags = airflow.api.get(f"/dags/{DAG_ID}").json()["tags"]
    return next(tag["name"] for tag in tags if tag["name"].startswith(TAG))


def due_periods(count):
    """The newest periods that a daily report was due for, the newest first."""
    now = datetime.now(UTC)
    timetable = timetable_of("daily", load_settings(INCLUDE / "settings.toml"))
    due = [period for _, period in timetable.due_between(now - timedelta(days=10), now)]
    return due[: -count - 1 : -1]


def test_after_a_bad_day_everything_was_posted_once(game, telegram, include, postgres):
    # Database down, chat deleted, scheduler killed while posting, days skipped: ops read and type.
    newest, *skipped, oldest = due_periods(4)

    with crm_stopped(postgres):
        unpause(game, DAG_ID)
        assert game.wait_for_run(DAG_ID)["state"] == "failed"
    alert = told(telegram)
    assert alert.text.startswith("🔴 Сбой: ежедневный отчёт")
    assert "база CRM не отвечает" in alert.text

    type_command_of(game, alert)
    assert game.wait_for_run(DAG_ID)["state"] == "failed"
    assert "post_branch_report (Сервис <Юг>" in told(telegram).text
    assert f"чат {GONE} удалён" in told(telegram).text

    before = files_read(game)
    route(include, NEW)
    wait_until(lambda: files_read(game) != before)  # until then a worker refuses to compute
    type_command_of(game, told(telegram))
    game.wait_for_run(DAG_ID)
    assert told(telegram).text.startswith("✅ Решено: ежедневный отчёт")

    kill_the_scheduler_while_posting(game, telegram, oldest)
    game.wait_for_run(DAG_ID)
    assert "Посмотрите в чат" in told(telegram).text
    type_command_of(game, told(telegram), "arrived")  # it is there
    game.wait_for_run(DAG_ID)
    assert told(telegram).text.startswith("✅ Решено: ежедневный отчёт")

    unpause(game, "delivery_audit")
    assert game.wait_for_run("delivery_audit")["state"] == "failed"
    assert told(telegram).text.startswith("⚠️ Не все отчёты отправлены")
    type_command_of(game, told(telegram))
    game.wait_for_run(DAG_ID)
    game.command("dags", "trigger", "delivery_audit")
    audit = wait_until(lambda: succeeded(game, "delivery_audit"))
    assert "отправлено: 3" in audit["note"] or "с опозданием: 3" in audit["note"]
    assert told(telegram).text == "✅ Решено: все отчёты отправлены"

    posted = Counter(
        message.text.splitlines()[0].partition(": ")[0]
        for message in telegram.accepted
        if message.method == "sendMessage" and message.chat_id in (CHAT, NEW)
    )
    assert len(posted) == 3 * len([newest, *skipped, oldest])
    assert set(posted.values()) == {1}


def kill_the_scheduler_while_posting(airflow, telegram, period):
    """Kill it with its workers, while Telegram's answer to a branch's message is on its way.

    It comes back a quarter of an hour later: that is what the heartbeats of the dead say.
    """
    before = len(in_chat(telegram))
    hanging = telegram.faults.hang_after(times=1, chat_id=CHAT)
    day = period.start.isoformat()
    airflow.command("backfill", "create", "--dag-id", DAG_ID, "--from-date", day, "--to-date", day)
    wait_until(lambda: len(in_chat(telegram)) > before and senders(airflow, telegram))
    workers = senders(airflow, telegram)
    airflow.kill("scheduler")
    for worker in workers:  # in a process group of their own
        worker.kill()
    hanging.release()
    with psycopg.connect(airflow.metadata_dsn) as connection:
        connection.execute(
            "update job set latest_heartbeat = latest_heartbeat - interval '15 minutes' "
            "where job_type = 'SchedulerJob'"
        )
        connection.execute(
            "update task_instance set last_heartbeat_at = last_heartbeat_at - interval '15 minutes'"
        )
    airflow.start("scheduler")


def succeeded(airflow, dag_id):
    runs = [run for run in airflow.runs(dag_id) if run["state"] == "success"]
    return runs[-1] if runs else None
