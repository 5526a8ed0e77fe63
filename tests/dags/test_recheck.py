"""The recheck: what was posted is computed anew, and edited in place where it changed since."""

import json
import shutil

import pytest

from dags.conftest import states
from ledgers import rows
from sancrm_reports.settings import INCLUDE
from stage import CHAT, OPS_CHAT, in_chat, reader_connection

DAILY, WEEKLY, MONTHLY = (f"profitability_{kind}" for kind in ("daily", "weekly", "monthly"))
DAY = "2026-10-12"  # a Monday; its week and its month are over, too


def post(run, *reports, period=DAY):
    for report in reports:
        assert str(run(report, period=period).state) == "success"


def change_prices(crm, day=DAY, by=500):
    crm.execute(
        "update repair_services set price = price + %s where repair_id in (select id from repairs"
        " where (closed_at at time zone 'Europe/Moscow')::date = %s)",
        [by, day],
    )


def edited(telegram):
    return [m.text for m in telegram.messages if m.edited and m.chat_id == CHAT]


def in_ops(telegram):
    return [message.text for message in telegram.messages if message.chat_id == OPS_CHAT]


@pytest.fixture
def formula(tmp_path, monkeypatch):
    """Change a formula, as an engineer does in include/sql/."""
    folder = shutil.copytree(INCLUDE, tmp_path / "include")

    def change(old, new):
        file = folder / "sql" / "profitability.sql"
        text = file.read_text("utf-8")
        assert old in text
        file.write_text(text.replace(old, new), "utf-8")

    # Where DAGs look for templates; the DAG files are imported anew by each run.
    monkeypatch.setattr("sancrm_reports.settings.INCLUDE", folder)
    return change


def test_a_hundred_reopened_repairs_are_told_in_every_report_without_a_sound(run, crm, telegram):
    # Daily, weekly and monthly: the next morning each says what today's SQL says, and why.
    crm.execute(
        "insert into repairs select id, id % 2 + 1, id, 1, 1, null, null, 1, false, 0,"
        " '2026-10-10 10:00+03', '2026-10-12 12:00+03' from generate_series(1001, 1100) as id;"
        "insert into repair_services select id, id, 'Ремонт', 990, 1, 0"
        " from generate_series(1001, 1100) as id"
    )
    post(run, DAILY, WEEKLY, MONTHLY)
    posted = len(telegram.accepted)
    crm.execute("update repairs set status_id = 2, closed_at = null where id > 1000")
    assert str(run("recheck").state) == "success"
    corrections = telegram.accepted[posted:]
    assert len(corrections) == 9
    assert all(message.edited for message in corrections)
    last_lines = [message.text.splitlines()[-1] for message in telegram.messages]
    assert (
        sum("−50 ремонтов открыты заново, перенесены или удалены: " in t for t in last_lines) == 6
    )
    assert sum("−100 ремонтов открыты заново" in text for text in last_lines) == 3
    # A run by hand finds nothing that differs from today's SQL, and the next night neither.
    post(run, DAILY, WEEKLY, MONTHLY)
    assert str(run("recheck").state) == "success"
    assert len(telegram.accepted) == posted + 9
    assert in_ops(telegram) == []


def test_pictures_and_workbooks_are_made_anew_with_their_text(run, crm, telegram, configured):
    # Each in its place; a run by hand finds nothing that differs, and they count as no changes.
    configured(REPORTS__DAILY__PICTURE="true", REPORTS__DAILY__WORKBOOK="true")
    configured(RECHECK__MOST_CHANGES="3")
    post(run, DAILY)
    assert len(telegram.messages) == 5
    change_prices(crm)
    assert str(run("recheck").state) == "success"
    assert len(telegram.messages) == 5
    assert all(message.edited for message in telegram.messages)
    accepted = len(telegram.accepted)
    post(run, DAILY)
    assert len(telegram.accepted) == accepted


def test_a_report_says_when_only_what_it_is_compared_with_changed(run, crm, telegram):
    # The same weekday a week later: its own figures stay.
    post(run, DAILY, period="2026-10-19")
    change_prices(crm)
    run("recheck")
    texts = [message.text for message in telegram.messages]
    assert sum("прибыль периода сравнения" in text.splitlines()[-1] for text in texts) == 3


def test_too_many_changes_edit_nothing_and_ops_are_asked_once(run, telegram, formula, configured):
    # A formula counts parts twice. Another night asks no second time; the command lets it through.
    configured(RECHECK__MOST_CHANGES="5")
    post(run, DAILY, WEEKLY)
    before = [message.text for message in in_chat(telegram)]
    formula("- variable_costs", "- 2 * variable_costs")
    assert states(run("recheck"))["recheck_reports"] == "failed"
    run("recheck")
    assert [message.text for message in in_chat(telegram)] == before
    (asked,) = in_chat(telegram, OPS_CHAT)
    assert "Другими стали бы 6 сообщений" in asked.text
    assert "ежедневный отчёт за понедельник, 12 октября (3): вся сеть: прибыль" in asked.text
    assert """airflow dags trigger recheck --conf '{"most_changes": 6}'""" in asked.text
    assert str(run("recheck", most_changes=6).state) == "success"
    assert len(edited(telegram)) == 6
    assert in_ops(telegram)[0].startswith("✅ Решено: перепроверка")


def test_what_was_not_posted_is_not_posted_by_the_recheck(run, crm, telegram):
    # Of unknown status, and silent: nothing is sent, and what was sent is corrected all the same.
    run(DAILY, period="2026-10-11", backfill_mode="silent")
    telegram.faults.drop_after(times=1)
    run(DAILY, period=DAY)
    change_prices(crm)
    change_prices(crm, "2026-10-11")
    before = len(telegram.messages)
    assert str(run("recheck").state) == "success"
    assert len(telegram.messages) == before
    assert len(edited(telegram)) == 2
    assert sorted(row["state"] for row in rows("messages") if row["report"] == DAILY) == [
        "sent", "sent", "unknown",
    ]  # fmt: skip


def test_a_frozen_month_is_told_and_stays(run, crm, telegram, configured):
    # By the night, once, and by a run by hand; the param corrects it, and ops read that.
    post(run, MONTHLY)
    configured(RECHECK__FROZEN_UNTIL="2026-10-31")
    change_prices(crm)
    before = [message.text for message in in_chat(telegram)]
    for _ in range(2):
        assert str(run("recheck").state) == "success"
    assert str(run(MONTHLY, period=DAY).state) == "success"
    assert [message.text for message in in_chat(telegram)] == before
    (told,) = in_chat(telegram, OPS_CHAT)
    assert told.text.startswith("❄️ Период закрыт, а цифры стали другими: ежемесячный отчёт")
    assert "вся сеть: изменены суммы закрытых ремонтов или прокатов: прибыль" in told.text
    command = json.dumps({"period": "2026-10-01", "correct_frozen": True})
    assert f"airflow dags trigger {MONTHLY} --conf '{command}'" in told.text
    assert str(run(MONTHLY, period=DAY, correct_frozen=True).state) == "success"
    assert len(edited(telegram)) == 3
    assert in_ops(telegram)[0].startswith("✅ Решено: ежемесячный отчёт за октябрь 2026")


def test_a_month_that_froze_long_ago_is_still_compared(run, crm, telegram, configured):
    # It has left the newest reports; one that is not frozen is left to those.
    configured(RECHECK__REPORTS='{"monthly": 0}')
    post(run, MONTHLY)
    change_prices(crm)
    assert str(run("recheck").state) == "success"
    assert edited(telegram) == in_ops(telegram) == []
    configured(RECHECK__FROZEN_UNTIL="2026-10-31")
    assert str(run("recheck").state) == "success"
    assert edited(telegram) == []
    assert in_ops(telegram)[0].startswith("❄️ Период закрыт")


def test_a_frozen_report_that_was_never_posted_is_posted(run, telegram, configured):
    # A backfill of what an outage left out.
    configured(RECHECK__FROZEN_UNTIL="2026-10-31")
    post(run, MONTHLY)
    assert len(in_chat(telegram)) == 3


def test_a_branch_that_is_gone_is_corrected_to_nothing(run, crm, telegram):
    # Closed since, and its only repairs of the day were reopened: no row of the SQL is left of it.
    post(run, DAILY)
    crm.execute("update branches set is_active = false where id = 2")
    crm.execute("delete from fixed_costs")
    crm.execute("update repairs set status_id = 2, closed_at = null where branch_id = 2")
    run("recheck")
    (gone,) = [m.text for m in telegram.messages if m.text.startswith("⚪️")]
    assert "движений нет" in gone.splitlines()[0]


def test_a_period_that_cannot_be_computed_holds_up_no_other(run, crm, telegram):
    # One row of the one day is wrong: ops read of it, the other day is corrected.
    post(run, DAILY)
    post(run, DAILY, period="2026-10-14")
    change_prices(crm)
    change_prices(crm, "2026-10-14", by=-5000)
    assert states(run("recheck"))["recheck_reports"] == "failed"
    assert len(edited(telegram)) == 3
    assert all("12 октября" in text for text in edited(telegram))
    assert "price is negative" in in_ops(telegram)[0]


def test_a_dry_run_edits_nothing(run, crm, telegram):
    # What would change is in the task's log.
    post(run, DAILY)
    change_prices(crm)
    posted = len(telegram.accepted)
    assert str(run("recheck", dry_run=True).state) == "success"
    assert len(telegram.accepted) == posted


def test_a_crm_that_is_down_is_told_and_nothing_is_edited(run, telegram, monkeypatch, postgres):
    # As for a report.
    post(run, DAILY)
    posted = len(in_chat(telegram))
    monkeypatch.setenv("AIRFLOW_CONN_SANCRM_DB", reader_connection(postgres, port=1))
    assert str(run("recheck").state) == "failed"
    assert len(in_chat(telegram)) == posted
    assert in_ops(telegram)[0].startswith("🔴 Сбой: перепроверка отчётов")


def test_with_nothing_posted_there_is_nothing_to_do(run, telegram):
    # A new installation.
    assert str(run("recheck").state) == "success"
    assert telegram.accepted == []
