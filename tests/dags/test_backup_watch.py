"""Nights of a watched backup as whole runs: real table, real files, real HTTP."""

import asyncio
import json
import os
import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import TaskDeferred

from dags.conftest import by_itself, forget_deliveries, states
from sancrm_reports.backups.alert_operator import found_out
from sancrm_reports.backups.facts import Window
from sancrm_reports.backups.sensor import BackupSensor, TriggererError, VerifyBackupOperator
from sancrm_reports.backups.trigger import BackupTrigger
from sancrm_reports.backups.verdicts import BadBackupError, Judgement, Verdict
from sancrm_reports.backups.watch import look
from sancrm_reports.errors import PermanentError
from stage import OPS_CHAT, reader_connection, telegram_connection

DAG_ID = "backup_watch_sancrm"
FIRST = datetime(2025, 1, 9, 23, tzinfo=UTC)  # 10 January, 02:00 in Moscow: over, whatever today is
NIGHT, HOUR = timedelta(days=1), timedelta(hours=1)
BACKUPS = -1005555
OF_THE_YEAR = {
    "BACKUPS__SANCRM__SCHEDULE": "0 0 1 1 *",
    "BACKUPS__SANCRM__WINDOW_MINUTES": str(365 * 24 * 60),
    "BACKUPS__SANCRM__GRACE_MINUTES": "0",
}


@pytest.fixture
def watch(airflow_database, crm, telegram):
    """Watch one night, as its scheduled run does."""
    forget_deliveries()

    def watch(night=0, *, leave_out=None, **conf):
        opens = FIRST + night * NIGHT
        return by_itself(
            DAG_ID,
            logical_date=opens,
            run_after=opens,
            run_conf=conf,
            mark_success_pattern=leave_out,
        )

    return watch


@pytest.fixture
def backup(crm):
    """Write the row of a night's backup."""

    def write(night=0, *, status="succeeded", size=3_000_000_000, error=None):
        started = FIRST + night * NIGHT + HOUR / 2
        ended = started + HOUR / 6
        crm.execute(
            "insert into backup_runs values (%s, 'sancrm', %s, %s, %s, %s, null, %s)",
            (night + 100, started, ended, status, size, error),
        )

    return write


def test_a_good_night_is_green_and_says_nothing(watch, backup, telegram):
    # The grid shows it; the chat is left in peace.
    backup()
    done = watch()
    assert str(done.state) == "success"
    assert set(states(done).values()) == {"success"}
    assert telegram.accepted == []


def test_a_bad_night_is_red_and_the_next_good_one_closes_it(watch, backup, telegram):
    # The sensor fails, the alert does not; a clear and a run by hand tell nothing again.
    backup(0)
    watch(0)
    backup(1, status="failed", size=None, error="pg_dump: error: No space left on device")
    done = watch(1)
    assert str(done.state) == "failed"
    assert states(done)["wait_for_backup"] == "failed"
    assert states(done)["post_backup_alert"] == "success"
    [alert] = telegram.messages
    assert alert.text.startswith("🔴 Сбой резервного копирования sancrm")
    assert "No space left on device" in alert.text
    assert "Открыть журнал: http" in alert.text  # no button: Airflow is on localhost here
    assert "wait_for_backup" in alert.text
    assert str(watch(1).state) == "failed"
    assert len(telegram.accepted) == 1
    backup(2)
    assert str(watch(2).state) == "success"
    edited, answer = telegram.messages
    assert edited.text.startswith("✅ Резервные копии sancrm снова в порядке")
    assert answer.reply_to == edited.message_id
    assert not answer.silent


def test_a_crm_that_is_down_is_a_verdict_and_no_crash(watch, telegram, postgres, monkeypatch):
    # The alert needs nothing of it.
    monkeypatch.setenv("AIRFLOW_CONN_SANCRM_DB", reader_connection(postgres, port=1))
    done = watch()
    assert str(done.state) == "failed"
    [alert] = telegram.messages
    assert "Неизвестно, есть ли резервная копия" in alert.text
    assert "Причина: база CRM не отвечает." in alert.text


def test_a_missing_backup_is_told_at_the_deadline(watch, telegram):
    # No row at all: nobody reported a failure.
    assert str(watch().state) == "failed"
    [alert] = telegram.messages
    assert "Нет резервной копии sancrm" in alert.text
    assert "10 января, 02:00–05:00" in alert.text


@pytest.mark.parametrize(
    ("task", "words"),
    [("wait_for_backup", "Неизвестно, есть ли"), ("verify_backup", "не проверена")],
)
def test_a_task_that_found_nothing_out_is_no_good_news(watch, backup, telegram, task, words):
    # As one that was killed, or that a person marked as success.
    backup()
    watch(leave_out=task)
    [alert] = telegram.messages
    assert words in alert.text


def test_after_a_clear_the_wait_is_believed_and_not_what_was_read_before():
    # verify_backup is then upstream_failed, and the good word that it left before stays in XCom.
    missing, good = (Judgement(verdict, FIRST) for verdict in (Verdict.MISSING, Verdict.OK))
    assert told_of(wait_for_backup=missing, verify_backup=good) == (missing, "wait_for_backup")
    damaged = Judgement(Verdict.DAMAGED, FIRST)
    assert told_of(wait_for_backup=good, verify_backup=damaged) == (damaged, "verify_backup")


def told_of(**left):
    """What the alert makes of what the tasks left in XCom."""

    def pull(task_ids, key):
        return {"judgement": left[task_ids].to_json(), "log_url": task_ids}

    return found_out({"ti": SimpleNamespace(xcom_pull=pull)})


def test_the_backup_chat_has_a_connection_of_its_own(watch, telegram, monkeypatch):
    # Where there is none, the common one serves, as the other tests show.
    own = {**json.loads(telegram_connection(telegram)), "host": str(BACKUPS)}
    monkeypatch.setenv("AIRFLOW_CONN_TELEGRAM_BACKUP", json.dumps(own))
    telegram.chats.add(BACKUPS, "supergroup", "Копии")
    watch()
    assert [message.chat_id for message in telegram.messages] == [BACKUPS]


def test_a_backup_chat_that_is_gone_turns_the_alert_to_ops(watch, telegram, monkeypatch):
    # The task is red, because somebody must mend the chat: of that they are told, too.
    own = {**json.loads(telegram_connection(telegram)), "host": str(BACKUPS)}
    monkeypatch.setenv("AIRFLOW_CONN_TELEGRAM_BACKUP", json.dumps(own))
    done = watch()
    assert states(done)["post_backup_alert"] == "failed"
    alert, failure = telegram.messages
    assert alert.chat_id == failure.chat_id == OPS_CHAT
    assert "Нет резервной копии sancrm" in alert.text
    assert "post_backup_alert" in failure.text


def test_a_rehearsal_proves_the_whole_path(watch, backup, telegram):
    # Marked, edited, answered; the run is green, and the next real alert is not swallowed.
    backup(0)
    watch(0)
    assert str(watch(1, rehearse=True).state) == "success"
    assert [message.method for message in telegram.accepted] == [
        "sendMessage",
        "editMessageText",
        "sendMessage",
    ]
    assert all("чебная тревога" in message.text.lower() for message in telegram.accepted)
    watch(1)
    assert telegram.accepted[-1].text.startswith("🔴")


def test_a_dump_that_was_cut_is_red_in_the_task_that_read_it(watch, telegram, configured, tmp_path):
    # Waiting found it good; its last byte is missing.
    path = tmp_path / "sancrm.sql"
    head = "--\n-- PostgreSQL database dump\n--\n" + "--\n" * 1000
    path.write_text(head + "-- PostgreSQL database dump complet")
    moment = (FIRST + HOUR).timestamp()
    os.utime(path, (moment, moment))
    configured(
        BACKUPS__SANCRM__PROBE=json.dumps({"kind": "files", "path": str(tmp_path)}),
        BACKUPS__SANCRM__VERIFY__LEVEL="full",
    )
    done = watch()
    assert states(done)["wait_for_backup"] == "success"
    assert states(done)["verify_backup"] == "failed"
    assert str(done.state) == "failed"
    [alert] = telegram.messages
    assert "повреждена" in alert.text
    assert "Причина: копия не дописана до конца." in alert.text
    path.write_text(head + "-- PostgreSQL database dump complete\n--\n")
    os.utime(path, (moment, moment))
    assert str(watch().state) == "success"
    assert "снова в порядке" in telegram.messages[0].text


def test_a_dump_that_is_not_whole_is_read_again_until_the_deadline(
    airflow_database, crm, configured, tmp_path, monkeypatch
):
    # It stood still for minutes, hours before the deadline: a slow disk, or a lock. It is waited
    # for without a worker, and read again once it has changed; at the deadline it is judged.
    head = "--\n-- PostgreSQL database dump\n--\n" + "--\n" * 1000
    path = tmp_path / "sancrm.sql"

    def write(text, minutes_ago):
        path.write_text(text)
        moment = (datetime.now(UTC) - minutes_ago * HOUR / 60).timestamp()
        os.utime(path, (moment, moment))

    configured(
        BACKUPS__SANCRM__PROBE=json.dumps({"kind": "files", "path": str(tmp_path)}),
        BACKUPS__SANCRM__VERIFY__LEVEL="full",
        BACKUPS__SANCRM__LIMITS__SMALL_BYTES="0",
        **OF_THE_YEAR,
    )
    pushed, slept = {}, []
    ti = SimpleNamespace(
        xcom_push=lambda key, value: pushed.update({key: value}),
        xcom_pull=lambda task_ids, key: pushed.get(key),
        log_url="",
    )
    run = SimpleNamespace(run_after=datetime.now(UTC), run_type="scheduled")
    context = {"dag_run": run, "params": {}, "ti": ti}
    write(head, 10)
    BackupSensor(task_id="wait_for_backup", backup="sancrm").execute(context)
    verify = VerifyBackupOperator(task_id="verify_backup", backup="sancrm")
    with pytest.raises(TaskDeferred) as caught:
        verify.execute(context)

    async def pause(seconds):
        slept.append(seconds)
        if len(slept) == 3:
            write(head + "--\n-- PostgreSQL database dump complete\n--\n", 5)

    async def event():
        _, arguments = caught.value.trigger.serialize()
        return await anext(BackupTrigger(**arguments).run())

    monkeypatch.setattr("asyncio.sleep", pause)
    found = asyncio.run(event()).payload
    assert len(slept) == 3
    verify.verify_again(context, found)
    assert pushed["judgement"]["judgement"]["verdict"] == "ok"
    write(head, 20)
    monkeypatch.setattr("sancrm_reports.backups.sensor.window_of", lambda *_: window_that_is_over())
    with pytest.raises(BadBackupError, match="damaged"):
        verify.execute(context)


def window_that_is_over():
    now = datetime.now(UTC)
    return Window(now - 2 * HOUR, now - HOUR, now + HOUR)


@pytest.mark.parametrize("limit", [1, 120, 600])
def test_the_alert_goes_out_before_the_run_is_stopped(configured, limit):
    # Airflow skips what is left of a run that takes too long, the alert too. So all tries of the
    # tasks before it fit, each as long as it may be, and an hour is left for the alert.
    configured(
        BACKUPS__SANCRM__VERIFY__LIMIT_MINUTES=str(limit),
        RETRIES__COUNT="5",
        RETRIES__DELAY_SECONDS="600",
    )
    from airflow.dag_processing.dagbag import DagBag

    dag = DagBag().dags[DAG_ID]  # import_dags takes the retries away
    wait, verify = dag.get_task("wait_for_backup"), dag.get_task("verify_backup")
    longest = timedelta(minutes=180 + 10) + wait.retries * wait.retry_delay
    longest += (1 + verify.retries) * verify.execution_timeout + verify.retries * verify.retry_delay
    assert verify.execution_timeout > timedelta(minutes=limit)
    assert dag.dagrun_timeout - longest > HOUR


def test_a_run_without_a_logical_date_watches_the_newest_window(
    airflow_database, crm, telegram, backup
):
    # As the trigger form makes it: by its run_after, never by the clock.
    forget_deliveries()
    backup(3)
    moment = FIRST + 3 * NIGHT + 10 * HOUR
    done = by_itself(DAG_ID, logical_date=None, run_after=moment)
    assert str(done.state) == "success"


def test_a_trigger_that_fails_is_retried_by_airflow_and_not_in_a_circle(crm, configured):
    # The window of this year is open: the worker looks, and has nothing to say yet.
    configured(**OF_THE_YEAR)
    context = {
        "dag_run": SimpleNamespace(run_after=datetime.now(UTC), run_type="scheduled"),
        "params": {},
    }
    sensor = BackupSensor(task_id="wait_for_backup", backup="sancrm")
    with pytest.raises(TriggererError, match="does it see plugins/") as caught:
        sensor.resume_execution("__fail__", {"error": "Trigger failure"}, context)
    assert not isinstance(caught.value, PermanentError)


def test_a_probe_that_never_answers_is_an_error_like_any_other(configured, monkeypatch, tmp_path):
    # As a stalled NFS, here a pipe that nobody writes. However often is looked, one look at most is
    # left behind, and what has come back is looked at again.
    report = tmp_path / "backups.json"
    os.mkfifo(report)
    configured(BACKUPS__SANCRM__PROBE=json.dumps({"kind": "walg", "file": str(report)}))
    monkeypatch.setattr("sancrm_reports.backups.watch.LOOK_SECONDS", -59.9)  # of the tool's
    now = datetime.now(UTC)
    window = Window(now - HOUR, now + HOUR, now + NIGHT)
    found = [look("sancrm", window, errors) for errors in range(3)]
    assert [one.verdict for one in found] == ["waiting", "waiting", "probe_broken"]
    assert "did not answer in 0.1 s" in found[2].detail
    assert look("sancrm", Window(now - HOUR, now, now + NIGHT)).verdict == "probe_broken"
    [stalled] = [thread for thread in threading.enumerate() if thread.name == "look-sancrm"]
    os.close(os.open(report, os.O_WRONLY))
    stalled.join()
    report.unlink()
    report.write_text("null")
    monkeypatch.setattr("sancrm_reports.backups.watch.LOOK_SECONDS", 60)
    found = look("sancrm", window)
    assert (found.verdict, found.detail) == ("waiting", "")


def test_the_look_of_the_worker_is_the_first_of_three_in_a_row(configured, monkeypatch, tmp_path):
    # And the triggerer pauses before the second: a report that is missing, in this year's window.
    probe = {"kind": "walg", "file": str(tmp_path / "none.json")}
    configured(
        BACKUPS__SANCRM__PROBE=json.dumps(probe),
        **OF_THE_YEAR,
    )
    done = []

    def counted(*args):
        done.append("look")
        return look(*args)

    async def pause(seconds):
        done.append(seconds)

    for module in ("trigger", "watch"):
        monkeypatch.setattr(f"sancrm_reports.backups.{module}.look", counted)
    monkeypatch.setattr("asyncio.sleep", pause)
    context = {
        "dag_run": SimpleNamespace(run_after=datetime.now(UTC), run_type="scheduled"),
        "params": {},
    }
    with pytest.raises(TaskDeferred) as caught:
        BackupSensor(task_id="wait_for_backup", backup="sancrm").execute(context)
    _, arguments = caught.value.trigger.serialize()

    async def event():
        return await anext(BackupTrigger(**arguments).run())

    judgement = Judgement.from_json(asyncio.run(event()).payload)
    assert judgement.verdict is Verdict.PROBE_BROKEN
    assert done == ["look", 300, "look", 300, "look"]


@pytest.mark.parametrize("catchup", [False, True])
def test_windows_follow_each_other_and_are_waited_in(catchup):
    # A run begins as its window opens; its interval ends at the deadline.
    from airflow.timetables.base import DagRunInfo, TimeRestriction
    from pendulum import instance

    from sancrm_reports.backups.timetable import BackupWindowTimetable

    timetable = BackupWindowTimetable("0 2 * * *", timezone="Europe/Moscow", minutes=180)
    timetable = BackupWindowTimetable.deserialize(timetable.serialize())
    restriction = TimeRestriction(instance(FIRST - HOUR), None, catchup)
    first = timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=restriction)
    assert (first.run_after == FIRST) is catchup  # otherwise the newest window
    assert first.data_interval.end - first.run_after == timedelta(minutes=180)
    last = DagRunInfo(run_after=instance(FIRST), data_interval=first.data_interval)
    after = timetable.next_dagrun_info_v2(last_dagrun_info=last, restriction=restriction)
    assert (after.run_after == FIRST + NIGHT) is catchup
    window = timetable.window(FIRST)
    assert window.next_at == FIRST + NIGHT
    assert timetable.infer_manual_data_interval(
        run_after=instance(FIRST + HOUR)
    ).start == FIRST  # fmt: skip
