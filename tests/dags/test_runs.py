"""Whole DAG runs: a real database, real SQL, real HTTP; asserted on what Telegram accepted."""

import json
import re
from contextlib import nullcontext
from datetime import datetime
from decimal import Decimal
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import ParamValidationError
from airflow.utils.session import create_session
from sqlalchemy import MetaData, select

from dags.conftest import by_itself, import_dags, states
from ledgers import rows
from sancrm_reports.glue import same_files
from sancrm_reports.glue.reported_period import PeriodError, refuse_taken_place
from sancrm_reports.glue.timetable import timetable_of
from sancrm_reports.settings import settings
from stage import CHAT, OPS_CHAT, in_chat, reader_connection

BRANCHES = ["Филиал на Ленина", "Сервис <Юг> & {{ 7*7 }}"]


def texts(telegram):
    return [message.text.splitlines()[0] for message in in_chat(telegram)]


def test_a_run_posts_each_branch_and_then_the_network(run, telegram):
    # The report of the day before, one message a branch, the summary last; names arrive as written.
    done = run()
    assert str(done.state) == "success"
    first_lines = texts(telegram)
    assert len(first_lines) == 3
    assert "Вся сеть, вторник, 17 ноября 2026: прибыль" in first_lines[2]
    assert sorted(BRANCHES) == sorted(line.split(", вторник")[0][2:] for line in first_lines[:2])


def test_the_figures_can_be_seen_as_the_result_of_one_task(run):
    # One mapping per branch, then not allocated, then the network, amounts exact.

    done = run()
    task = done.get_task_instance("compute_profitability")
    rows = task.xcom_pull(task_ids="compute_profitability")
    assert [row["subject"] for row in rows] == ["branch", "branch", "unallocated", "network"]
    network = rows[-1]
    assert network["period"] == "2026-11-17"
    assert network["compared_with"]["period"] == "2026-11-10"
    assert Decimal(network["fixed_costs"]) == Decimal("120.00")
    assert Decimal(network["revenue"]) == sum(Decimal(row["revenue"]) for row in rows[:-1])


def test_a_weekly_report_says_why_the_profit_changed(run, crm, telegram):
    # Each message's reasons add up to the difference after its profit; the network's also where a
    # branch has no figures any more, which then has no message of its own.
    crm.execute(
        "update repair_services set price = price + id where id % 3 = 0;"
        "update branches set is_active = false where id = 2;"
        "update repairs set closed_at = closed_at - interval '7 days'"
        " where branch_id = 2 and closed_at >= '2026-11-09 00:00+03'"
        " and closed_at < '2026-11-16 00:00+03'"
    )
    assert str(run("profitability_weekly").state) == "success"
    assert len(in_chat(telegram)) == 2
    for message in in_chat(telegram):
        (why,) = re.findall("^Почему (.+) ₽: (.+)$", plain(message.text), re.MULTILINE)
        difference, reasons = why
        parts = re.findall(r"[+−][\d ]+", reasons)
        assert sum(map(number, parts)) == number(difference) != 0
        assert f"({difference} ₽, " in plain(message.text)
    assert "ремонтов меньше" in in_chat(telegram)[-1].text


def test_a_daily_report_says_nothing_of_reasons(run, telegram):
    # A day is compared with one day, of which much is chance.
    run()
    assert not any("Почему" in message.text for message in telegram.accepted)


def plain(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


def number(text):
    return int(text.replace("−", "-").replace(" ", ""))


def test_a_second_run_of_a_period_sends_nothing(run, telegram):
    # What was sent once is not sent again by another run of the same period.
    run()
    again = run()
    assert str(again.state) == "success"
    assert len(in_chat(telegram)) == 3


def test_late_data_corrects_the_messages_in_place(run, crm, telegram):
    # A repair priced after the report edits the messages, and says what changed.
    run()
    crm.execute(
        "update repair_services set price = price + 500 where repair_id in (select id from repairs"
        " where closed_at >= '2026-11-17 00:00+03' and closed_at < '2026-11-18 00:00+03'"
        " and branch_id = 1)"
    )
    done = run()
    assert str(done.state) == "success"
    assert len(telegram.messages) == 3
    edited = [message for message in telegram.messages if message.edited]
    assert len(edited) == 2  # the branch and the network; the other branch did not change
    assert all("Исправлено" in message.text for message in edited)
    assert all("прибыль" in message.text.splitlines()[-1] for message in edited)


def test_a_branch_that_cannot_be_reached_does_not_hold_up_the_network(run, telegram, monkeypatch):
    # One branch's chat is gone: the others and the summary are posted, and the run is red.
    monkeypatch.setenv("SANCRM__CHATS__BRANCHES", '{"1": ["-1009999999999"]}')
    settings.cache_clear()
    try:
        done = run()
    finally:
        monkeypatch.delenv("SANCRM__CHATS__BRANCHES")
        settings.cache_clear()
    assert str(done.state) == "failed"
    assert sorted(states(done)["post_branch_report"]) == ["failed", "success"]
    assert states(done)["post_network_report"] == "success"
    assert [message.chat_id for message in in_chat(telegram)] == [CHAT, CHAT]
    assert "Вся сеть" in in_chat(telegram)[-1].text


def test_without_a_connection_only_the_posting_fails(run, monkeypatch):
    # What the report owes is noted all the same, without chats.
    monkeypatch.delenv("AIRFLOW_CONN_TELEGRAM_DEFAULT")
    found = states(run())
    assert found["list_branches"] == "success"
    assert found["post_branch_report"] == ["failed", "failed"]


def test_sums_that_disagree_stop_the_report(run, crm, telegram, configured):
    # A repair of a branch that the list of branches lost: nothing is posted, the run is red, even
    # where the settings allow it.
    lost = ("closed_repairs", "fixed_costs")
    allowed = [f"{file}.sql: branch_id is not in branches.sql" for file in lost]
    configured(SOURCES__ALLOWED=json.dumps(allowed))
    crm.execute("create schema lost; alter table branches set schema lost")
    crm.execute("create view branches as select * from lost.branches where id <> 2")
    crm.execute(
        "grant usage on schema lost to sancrm_reader; grant select on branches to sancrm_reader"
    )
    done = run()
    assert str(done.state) == "failed"
    assert states(done)["check_network_sum"] == "failed"
    assert states(done)["post_network_report"] == "upstream_failed"
    assert in_chat(telegram) == []


def test_the_param_names_another_period(run, telegram):
    # Any day inside the period will do.
    done = run("profitability_monthly", period="2026-10-15")
    assert str(done.state) == "success"
    assert all("октябрь 2026" in line for line in texts(telegram))


def test_a_run_without_a_logical_date_reports_the_last_whole_period(run, telegram):
    # The trigger form and REST may give no logical date, and so no data interval.
    done = run("profitability_weekly", logical_date=False)
    assert str(done.state) == "success"
    assert all("9–15 ноября 2026" in line for line in texts(telegram))


def test_a_period_that_is_not_over_posts_nothing(run, telegram):
    # The day itself is still going on when the run is made.
    done = run(period="2026-11-18")
    assert str(done.state) == "failed"
    assert in_chat(telegram) == []


def test_a_malformed_period_is_refused_before_a_task_runs(run, telegram):
    # Airflow checks the param itself.
    with pytest.raises(ParamValidationError, match="date"):
        run(period="November")
    assert in_chat(telegram) == []


def test_a_dry_run_sends_nothing_and_leaves_the_ledger(run, telegram):
    # The messages are in the log; a real run afterwards posts as if nothing had been.
    assert str(run(dry_run=True).state) == "success"
    assert in_chat(telegram) == []
    run()
    assert len(in_chat(telegram)) == 3


def test_a_crm_that_is_down_posts_nothing(run, monkeypatch, postgres, telegram):
    # Half a report would be worse than none.
    monkeypatch.setenv("AIRFLOW_CONN_SANCRM_DB", reader_connection(postgres, port=1))
    done = run()
    assert str(done.state) == "failed"
    assert states(done)["wait_for_data"] == "failed"
    assert in_chat(telegram) == []


def unknown():
    """The names of the messages of unknown status."""
    return [
        f"{message['subject']}@{message['chat']}"
        for message in rows("messages")
        if message["state"] == "unknown"
    ]


def test_an_answer_that_never_came_is_not_repeated_by_itself(run, telegram):
    # The first message was accepted and the connection dropped: a person must look, then resend.
    telegram.faults.drop_after(times=1)
    assert str(run().state) == "failed"
    assert len(in_chat(telegram)) == 3  # the two others were posted
    assert str(run().state) == "failed"
    assert len(in_chat(telegram)) == 3
    (name,) = unknown()
    assert str(run(resend=[name]).state) == "success"
    assert len(in_chat(telegram)) == 4


def test_a_message_that_a_person_saw_is_taken_as_sent(run, telegram):
    # Nothing is sent again, and a later run does not ask again; a correction is a new message.
    telegram.faults.drop_after(times=1)
    run()
    (name,) = unknown()
    assert str(run(arrived=[name]).state) == "success"
    assert str(run().state) == "success"
    assert len(in_chat(telegram)) == 3


def test_the_token_is_nowhere_in_airflow(run, telegram):
    # Not in XCom, rendered templates, the ledger or task notes, also after a failure.
    telegram.faults.drop_after(times=1)
    run()
    secret = telegram.token.partition(":")[2]
    with create_session() as session:
        metadata = MetaData()
        metadata.reflect(session.get_bind())
        for table in metadata.sorted_tables:
            for row in session.execute(select(table)):
                assert secret not in repr(row), table.name


def test_a_digest_lists_the_missed_periods_in_one_message(run, telegram):
    # Three days in any order become one silent message, a line a day; a fourth run changes nothing.
    for day in ("2026-11-12", "2026-11-10", "2026-11-11", "2026-11-10"):
        assert str(run(period=day, backfill_mode="digest").state) == "success"
    [message] = telegram.messages
    lines = [line for line in message.text.splitlines() if line.startswith("·")]
    assert [line.split(",")[0] for line in lines] == ["· вторник", "· среда", "· четверг"]
    assert all("прибыль" in line for line in lines)
    assert "Исправлено" not in message.text
    assert message.silent


def test_a_digest_leaves_out_what_was_posted_by_itself(run, telegram):
    # The digest is of missed days only.
    run(period="2026-11-10")
    run(period="2026-11-10", backfill_mode="digest")
    assert len(telegram.messages) == 3


def test_a_silent_backfill_posts_nothing(run, telegram):
    # The figures are in Airflow's history, the chat is left in peace; a full run can follow.
    assert str(run(backfill_mode="silent").state) == "success"
    assert telegram.messages == []
    run()
    assert len(telegram.messages) == 3


def test_a_late_report_says_so_and_makes_no_sound(run, telegram):
    # Run long after it was due: the small CRM's days are always past.
    run()
    assert all("Отправлено с опозданием" in message.text for message in telegram.messages)
    assert all(message.silent for message in telegram.messages)


def test_a_misspelt_param_is_refused(run, telegram):
    # Airflow takes any key: without this the newest period would be reported instead.
    done = run(perod="2026-10-15")
    assert str(done.state) == "failed"
    assert in_chat(telegram) == []
    (told,) = in_chat(telegram, OPS_CHAT)
    assert told.text.startswith("⛔️ Запуск отклонён")
    assert "такого параметра нет\nperod\n" in told.text
    assert """--conf '{"period": "2026-11-17"}'""" in told.text  # how it should have been


def test_a_worker_with_other_files_refuses_to_compute(run, telegram, monkeypatch):
    # The DAG was parsed with one version, this process has another; ops are told what to do.
    parsed = import_dags()["profitability_daily"]
    [tag] = [tag for tag in parsed.tags if tag.startswith("files ")]
    monkeypatch.setattr(same_files, "files_version", lambda: "0123456789ab")
    done = run()
    assert states(done)["compute_profitability"] == "failed"
    assert in_chat(telegram) == []
    [alert] = in_chat(telegram, OPS_CHAT)
    assert f"{tag.removeprefix('files ')} ≠ 0123456789ab" in alert.text
    assert "Поставьте на все машины" in alert.text


@pytest.mark.parametrize(
    ("logical_date", "is_refused"),
    [
        ("2125-11-16T21:00:00+00:00", True),  # Moscow's midnight of a day that is to come
        ("2125-11-16T21:00:01+00:00", False),
        ("2024-11-16T21:00:00+00:00", False),  # that one will never come, or was there before
    ],
)
def test_a_run_by_hand_does_not_take_the_place_of_a_scheduled_one(dags, logical_date, is_refused):
    # Airflow makes one run of a logical date, and says nothing of the one that it cannot make.
    at = datetime.fromisoformat(logical_date)
    run = SimpleNamespace(run_type="manual", logical_date=at, run_id="manual__1")
    with pytest.raises(PeriodError) if is_refused else nullcontext():
        refuse_taken_place({"dag_run": run}, timetable_of("daily", settings()))
    run.run_type = "scheduled"
    refuse_taken_place({"dag_run": run}, timetable_of("daily", settings()))


@pytest.mark.parametrize(
    ("dag_id", "logical_date"),
    [
        ("delivery_audit", "2125-11-16T07:30:00+00:00"),
        ("recheck", "2125-11-16T02:30:00+00:00"),
        ("missed_calls", "2125-11-16T07:00:00+00:00"),
        ("restore_drill", "2125-11-18T02:00:00+00:00"),
        ("backup_watch_sancrm", "2125-11-15T23:00:00+00:00"),
    ],
)
def test_nor_does_one_of_any_other_dag(run, telegram, dag_id, logical_date):
    # It begins at once, whatever its logical date: what was to be done then never would be.
    done = by_itself(dag_id, logical_date=datetime.fromisoformat(logical_date))
    assert str(done.state) == "failed"
    [alert] = in_chat(telegram, OPS_CHAT)
    assert "занял место запуска по расписанию" in alert.text


def test_more_branches_than_airflow_makes_tasks_of_are_refused_with_what_to_set(
    run, telegram, monkeypatch
):
    # Airflow's own error would say neither how many there are nor which setting it is.
    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", "1")
    done = run()
    assert states(done)["list_branches"] == "failed"
    [alert] = in_chat(telegram, OPS_CHAT)
    assert "филиалов 2, а Airflow делает не больше 1" in alert.text
    assert "AIRFLOW__CORE__MAX_MAP_LENGTH" in alert.text
