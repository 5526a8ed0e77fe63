"""Whole runs of the missed calls: the CRM in PostgreSQL, real HTTP, Airflow in this process."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.utils.session import create_session
from sqlalchemy import MetaData, select

from dags.conftest import states
from sancrm_reports.glue.missed_calls import ConcludeMissedCallsOperator, day_of, is_over
from sancrm_reports.settings import settings
from stage import CALLBACKS, CHAT, OPS_CHAT, PERSONAL, in_chat, reader_connection


@pytest.fixture
def call(run, crm):
    """Run the DAG on a day of November 2026, with three customers to call back."""
    crm.execute(CALLBACKS)
    return lambda **options: run("missed_calls", **options)


def shown(telegram):
    return [message.text.splitlines() for message in telegram.messages if message.chat_id == CHAT]


def note_of(done):
    ti = done.get_task_instance("post_missed_calls")
    return ti.xcom_pull(task_ids="post_missed_calls", key="sancrm_run_note")


def test_messages_make_no_sound_outside_of_their_hours(call, telegram, configured):
    # As when the DAG is switched on in the evening; here no hour has a sound.
    configured(MISSED_CALLS__SOUND_FROM="00:00", MISSED_CALLS__SOUND_UNTIL="00:00")
    call()
    assert [message.silent for message in in_chat(telegram)] == [True] * 3


def test_a_run_tells_whom_to_call_the_longest_wait_first(call, telegram):
    # Since the latest change into the present status, or since the repair was taken in.
    done = call()
    assert str(done.state) == "success"
    assert shown(telegram) == [
        [
            "📞 Перезвонить: R-303 (№\N{NO-BREAK SPACE}303), «Готов», ждёт 3 дня",
            "Электроинструмент · Makita",
            "Никитина Ольга",
            "+7 943 555-01-03",
        ],
        [
            "📞 Перезвонить: S-302 (№\N{NO-BREAK SPACE}302), «Подбор», ждёт 2 дня",
            "Электроинструмент",
            "Марина",
            "спросить Олега, +79435550102",
        ],
        [
            "📞 Перезвонить: R-11508 (№\N{NO-BREAK SPACE}11508), «Готов»",
            "Электроинструмент · Makita · HR2470",
            "Соколов Андрей <b>&",
            "ООО «Кровля & Фасад»",
            "+7 912 345-67-89",
        ],
    ]
    assert note_of(done) == "3 to call back on 2026-11-18."


def test_a_message_lives_on(call, crm, telegram):
    # The next day: called, status left, still waiting; each is told by its own message.
    call()
    crm.execute("update repairs set needs_callback = false where id = 303")
    crm.execute("update repairs set status_id = 1 where id = 302")
    assert str(call(day=19).state) == "success"
    assert [lines[0] for lines in shown(telegram)] == [
        "✅ R-303: перезвонили",
        "✅ S-302: перезвонили",
        "⏬ R-11508: ещё ждёт звонка, новое сообщение ниже",
        "📞 Перезвонить: R-11508 (№\N{NO-BREAK SPACE}11508), «Готов», ждёт 1 день",
    ]


def test_where_nobody_waits_nothing_is_sent_and_the_note_says_so(call, crm, telegram):
    # Also the first time.
    crm.execute("update repairs set needs_callback = false")
    done = call()
    assert str(done.state) == "success"
    assert telegram.accepted == []
    assert note_of(done) == "Nobody to call back on 2026-11-18."


def test_a_dry_run_sends_nothing_and_names_only_repairs(call, telegram, caplog, capfd):
    # What it would tell of is in the log, by id.
    assert str(call(dry_run=True).state) == "success"
    assert telegram.accepted == []
    logged = caplog.text + capfd.readouterr().out
    assert "[303, 302, 301]" in logged
    assert not any(secret in logged for secret in PERSONAL)


def test_a_param_that_does_not_exist_sends_nothing(call, telegram):
    # «dry_rnu» would be taken without a word, and send.
    assert str(call(dry_rnu=True).state) == "failed"
    assert in_chat(telegram, CHAT) == []


def test_a_wait_gives_the_slot_back_and_the_order_stays(call, telegram, monkeypatch):
    # Deferred before each message, and a lost answer is repeated by none, though the run resends.
    monkeypatch.setenv("SANCRM__DELIVERY__GROUP_MESSAGES_PER_MINUTE", "20")
    monkeypatch.setattr("sancrm_reports.glue.missed_calls.LONGEST_WAIT", 0.0)
    settings.cache_clear()
    telegram.faults.drop_after()
    done = call(resend=[f"repair-303@{CHAT}"])
    assert states(done) == {"post_missed_calls": "failed", "conclude_run": "failed"}
    sent = [message.text.splitlines()[0] for message in in_chat(telegram, CHAT)]
    assert [line.partition(" (")[0] for line in sent] == [
        "📞 Перезвонить: R-303",
        "📞 Перезвонить: S-302",
        "📞 Перезвонить: R-11508",
    ]
    (told,) = in_chat(telegram, OPS_CHAT)
    assert "post_missed_calls (R-303): неизвестно, дошло ли сообщение" in told.text
    command = f'{{"day": "2026-11-18", "resend": ["repair-303@{CHAT}"]}}'
    assert f"airflow dags trigger missed_calls --conf '{command}'" in told.text


@pytest.mark.parametrize(("word", "sent"), [("resend", 4), ("arrived", 3)])
def test_a_person_settles_an_unknown_status(call, telegram, word, sent):
    # Having looked into the chat: it is not there, or it is.
    telegram.faults.drop_after()
    assert str(call().state) == "failed"
    assert str(call(**{word: [f"repair-303@{CHAT}"]}).state) == "success"
    assert len(in_chat(telegram, CHAT)) == sent


def test_what_is_decided_the_day_after_is_of_that_day_only(call, crm, telegram):
    # The command is typed after midnight: the one message is sent again, today's list is not.
    telegram.faults.drop_before()
    assert str(call().state) == "failed"
    done = call(day=19, about_day="2026-11-18", resend=[f"repair-303@{CHAT}"])
    assert str(done.state) == "success"
    said = [message.text.splitlines()[0] for message in in_chat(telegram, CHAT)]
    assert sum("R-303" in line for line in said) == 1
    assert len(said) == 3
    assert telegram.messages[2].text.startswith("✅ Решено")


def test_a_call_of_unknown_status_is_not_closed_until_a_person_deleted_it(call, crm, telegram):
    # It may be in the chat with name and phone, and cannot be edited: ops are told what to delete,
    # and again, until somebody says that it is done.
    telegram.faults.drop_after()
    call()
    crm.execute("update repairs set needs_callback = false where id = 303")
    assert str(call().state) == "failed"
    *_, told, before = [message.text for message in in_chat(telegram, OPS_CHAT)]
    assert "мог" in told
    assert "R-303" in told
    assert before.startswith("⏬")  # a trouble of another kind is a message of its own
    assert f'"removed": ["repair-303@{CHAT}"]' in told
    assert str(call(removed=[f"repair-303@{CHAT}"]).state) == "success"
    assert in_chat(telegram, OPS_CHAT)[-1].text.startswith("✅ Решено")
    assert str(call().state) == "success"


def test_a_crm_that_is_down_is_told_to_ops_once(call, telegram, monkeypatch, postgres):
    # The staff's chat gets nothing.
    monkeypatch.setenv("AIRFLOW_CONN_SANCRM_DB", reader_connection(postgres, port=1))
    assert str(call().state) == "failed"
    (told,) = telegram.accepted
    assert told.chat_id == OPS_CHAT
    assert told.text.startswith("🔴 Сбой: незвонки за среду, 18 ноября")


def test_a_status_that_was_renamed_is_no_sign_that_customers_were_called(call, crm, telegram):
    # Nobody is found in it any more: no message is edited, and ops read what to correct.
    call()
    crm.execute("update repair_statuses set name = 'Готово' where name = 'Готов'")
    assert str(call(day=19).state) == "failed"
    assert all(lines[0].startswith("📞") for lines in shown(telegram))
    (told,) = in_chat(telegram, OPS_CHAT)
    assert "в CRM нет статуса «Готов»" in told.text
    assert "«Готово»" in told.text


def test_a_status_that_the_shops_never_had_is_left_out_and_noted(call, crm, telegram):
    # «Подбор» is one that some shops add. Without any of them the settings are wrong.
    crm.execute("update repair_statuses set name = 'Ждёт' where name = 'Подбор'")
    done = call()
    assert str(done.state) == "success"
    assert note_of(done) == "2 to call back on 2026-11-18. The CRM has no status «Подбор»."
    crm.execute("update repair_statuses set name = 'Готово' where name = 'Готов'")
    assert str(call(day=19).state) == "failed"
    assert all(lines[0].startswith("📞") for lines in shown(telegram))


def test_a_run_that_went_well_is_the_end_of_the_trouble_of_days_before(
    call, telegram, monkeypatch, postgres
):
    # It tells of everybody who waits, so nothing is left of what failed on Wednesday.
    monkeypatch.setenv("AIRFLOW_CONN_SANCRM_DB", reader_connection(postgres, port=1))
    call()
    monkeypatch.setenv("AIRFLOW_CONN_SANCRM_DB", reader_connection(postgres))
    assert str(call(day=20).state) == "success"
    (told,) = [message for message in telegram.messages if message.chat_id == OPS_CHAT]
    assert told.text.startswith("✅ Решено: незвонки за среду, 18 ноября")


def test_nobody_is_named_anywhere_in_airflow(call, crm, telegram, caplog, capfd):
    # After a message of unknown status, an edit, and a query whose error quotes a row: not in any
    # table of Airflow's database, not in a log, not in what ops are told.
    telegram.faults.drop_after()
    call()
    call(day=19)
    crm.execute(
        "create schema hidden; alter table customers set schema hidden;"
        "create view customers as select id, name, phone::bigint::text as phone, company_name"
        " from hidden.customers; grant usage on schema hidden to sancrm_reader;"
        "grant select on customers to sancrm_reader"
    )
    assert str(call(day=20).state) == "failed"
    said = [caplog.text, *capfd.readouterr(), *(m.text for m in in_chat(telegram, OPS_CHAT))]
    assert any("run the query by hand" in text for text in said)
    logs = Path(os.environ["AIRFLOW_HOME"]).rglob("*.log")
    said += [file.read_text("utf-8", "replace") for file in logs]
    with create_session() as session:
        metadata = MetaData()
        metadata.reflect(session.get_bind())
        for table in metadata.sorted_tables:
            said += [repr(row) for row in session.execute(select(table))]
    assert any("repair-303" in text for text in said)
    for text in said:
        assert not [secret for secret in PERSONAL if secret in text], text
    assert any("Соколов" in message.text for message in in_chat(telegram, CHAT))


def test_what_the_settings_hide_is_hidden(call, crm, telegram, monkeypatch):
    # A masked phone, protected messages, other statuses, no wait, no button.
    monkeypatch.setenv("SANCRM__MISSED_CALLS__MASK_PHONE", "true")
    monkeypatch.setenv("SANCRM__MISSED_CALLS__PROTECT_CONTENT", "true")
    monkeypatch.setenv("SANCRM__MISSED_CALLS__SHOW_WAITING", "false")
    monkeypatch.setenv("SANCRM__MISSED_CALLS__STATUSES", '["Подбор", "Закрыт"]')
    monkeypatch.setenv("SANCRM__CHATS__MISSED_CALLS", str(OPS_CHAT))
    settings.cache_clear()
    crm.execute("update customers set phone = '+79123456789' where id = 12")
    assert str(call().state) == "success"
    assert [message.chat_id for message in telegram.accepted] == [OPS_CHAT, OPS_CHAT]
    assert [message.protected for message in telegram.accepted] == [True, True]
    first, second = (message.text.splitlines() for message in telegram.accepted)
    assert first[0] == "📞 Перезвонить: R-304 (№\N{NO-BREAK SPACE}304), «Закрыт»"
    assert second[-1] == "+7 912 ···-··-89"


def run_of(kind, *, days_ago, cleared=0):
    moment = datetime.now(UTC) - timedelta(days=days_ago)
    run = SimpleNamespace(run_type=kind, run_after=moment, clear_number=cleared)
    return {"dag_run": run, "params": {}}


@pytest.mark.parametrize(
    ("context", "comes_too_late"),
    [
        (run_of("scheduled", days_ago=0), False),
        (run_of("scheduled", days_ago=0, cleared=2), False),
        (run_of("scheduled", days_ago=1), True),
        (run_of("backfill", days_ago=30), True),
        (run_of("manual", days_ago=0), False),
        (run_of("manual", days_ago=2, cleared=1), True),
    ],
)
def test_a_run_whose_day_is_over_tells_nothing(context, comes_too_late):
    # After an outage, in a backfill, cleared on another day: it would be a second set that day.
    assert is_over(context, day_of(context)) is comes_too_late


def test_a_run_that_comes_too_late_solves_nothing():
    # It is green, and has told of nobody.
    conclude = ConcludeMissedCallsOperator(task_id="conclude_run")
    assert conclude.has_sent(run_of("scheduled", days_ago=0))
    assert not conclude.has_sent(run_of("scheduled", days_ago=1))


BROKEN = {
    "no time": (
        "update repairs set accepted_at = 'infinity' where id = 302",
        "the time since when it waits is infinity",
    ),
    "a year that no calendar has": (
        "update repair_status_changes set changed_at = '20226-11-15' where id = 4",
        "the time since when it waits is 20226-11-15",
    ),
    "null": (
        "alter table repairs alter accepted_at drop not null;"
        "update repairs set accepted_at = null where id = 302",
        "the time since when it waits is null",
    ),
    "no code": (
        "alter table branches alter code_prefix drop not null;"
        "update branches set code_prefix = null where id = 2",
        "its code is not text, but NoneType",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_one_broken_row_is_told_by_its_id_and_keeps_back_no_other(call, crm, telegram, name):
    # Ops read which; the two others are told, and nobody says that the broken one was called.
    call()
    change, problem = BROKEN[name]
    crm.execute(change)
    crm.execute("update repairs set needs_callback = false where id = 301")
    assert str(call(day=19).state) == "failed"
    (told,) = in_chat(telegram, OPS_CHAT)
    assert "(#303)" in told.text if "20226" in problem else "(#302)" in told.text
    assert problem in told.text
    news = [lines[0] for lines in shown(telegram)[3:]]
    assert [line.startswith("📞 Перезвонить") for line in news] == [True]
    called = [lines[0] for lines in shown(telegram) if lines[0].startswith("✅")]
    assert len(called) == 1
    assert "11508" in called[0]


def test_a_repair_that_comes_twice_is_told_once_and_named(call, crm, telegram):
    # A join of the source that multiplies rows: one message, and ops read of it.
    crm.execute("insert into branches values (9, 'x', 'X', null, true, null, null)")
    crm.execute("create schema twice; alter table branches set schema twice")
    crm.execute(
        "create view branches as select * from twice.branches union all"
        " select * from twice.branches where id = 2; grant usage on schema twice to sancrm_reader;"
        "grant select on branches to sancrm_reader"
    )
    assert str(call().state) == "failed"
    assert len(in_chat(telegram, CHAT)) == 3
    (told,) = in_chat(telegram, OPS_CHAT)
    assert "it comes more than once, and the first row counts" in told.text
