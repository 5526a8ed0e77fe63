"""What became of the messages that a report owes, and how an audit says it."""

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path

import pytest

from sancrm_reports.pure.audit import (
    DeliveryStatus,
    ExpectedMessages,
    Finding,
    PeriodAudit,
    examine,
    status_of,
    worst,
)
from sancrm_reports.pure.audit_text import backfill_command, commands, note, reports_missing
from sancrm_reports.pure.entry import Correction, Entry, State
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.pure.templates import Templates

TEMPLATES = Templates(Path(__file__).parents[2] / "include" / "templates" / "ru")
DAILY, WEEKLY = "profitability_daily", "profitability_weekly"


def day(number, timezone="Europe/Moscow"):
    return Period(PeriodKind.DAY, date(2026, 11, number), timezone)


def entry(state=State.SENT, **changes):
    return Entry(state=state, text_hash="0", updated_at="2026-11-18T06:00:00+00:00", **changes)


def audit(report, period, *statuses, reason="", error=""):
    findings = [
        Finding(report, period, f"Филиал {n}", "-1", f, error) for n, f in enumerate(statuses)
    ]
    return PeriodAudit(report, period, findings, reason)


@pytest.mark.parametrize(
    ("known", "status"),
    [
        (None, DeliveryStatus.MISSING),
        (entry(), DeliveryStatus.SENT),
        (entry(State.FAILED), DeliveryStatus.FAILED),
        (entry(State.UNKNOWN), DeliveryStatus.UNKNOWN),
        (entry(State.SENDING), DeliveryStatus.UNKNOWN),
        (entry(footer="Отправлено с опозданием 3 дн."), DeliveryStatus.LATE),
        (
            entry(corrections=[Correction("2026-11-18T06:00:00+00:00", "прибыль")]),
            DeliveryStatus.CORRECTED,
        ),
    ],
)
def test_what_the_ledger_says_is_a_status(known, status):
    # A message that was being sent when somebody looks later is of unknown status.
    assert status_of(known, is_owed=True) is status


def test_what_is_not_owed_is_not_missing():
    # No entry says nothing by itself.
    assert status_of(None, is_owed=False) is DeliveryStatus.NOT_EXPECTED


def test_a_message_to_several_chats_is_as_well_as_its_worst():
    # One dead chat must be seen.
    assert (
        worst([DeliveryStatus.SENT, DeliveryStatus.UNKNOWN, DeliveryStatus.CORRECTED])
        is DeliveryStatus.UNKNOWN
    )
    assert worst([]) is DeliveryStatus.NOT_EXPECTED


def test_expected_messages_survive_json_and_are_of_branches_then_the_network():
    # JSON makes the ids texts.
    noted = asdict(ExpectedMessages("full", {3: "Филиал на Ленина"}))
    expected = ExpectedMessages.from_json(json.loads(json.dumps(noted)))
    assert expected.branches == {3: "Филиал на Ленина"}
    assert expected.subjects == ["branch-3", "network"]


def test_expected_messages_keep_the_chats_and_old_ones_have_none():
    # Those of before chats were noted stay readable: whoever asks takes today's.
    chats = {"branch-3": ["-1001", "@shop:12"], "network": ["-1001"]}
    noted = ExpectedMessages("full", {3: "Филиал на Ленина"}, chats)
    assert ExpectedMessages.from_json(json.loads(json.dumps(asdict(noted)))) == noted
    assert ExpectedMessages.from_json({"mode": "full", "branches": {"3": "Ленина"}}).chats == {}


@pytest.mark.parametrize("mode", ["digest", "silent"])
def test_a_digest_or_silent_run_owes_nothing(mode):
    # A person chose so.
    assert (
        examine(DAILY, day(17), ExpectedMessages(mode, {3: "Ленина"}), lambda subject: []).findings
        == []
    )


def test_every_chat_of_a_branch_is_owed_the_message():
    # Two chats, one of which has it: one trouble, with the ledger's reason.
    told = {"branch-3": [("-1", entry()), ("-2", entry(State.FAILED, error="chat not found"))]}
    found = examine(
        DAILY, day(17), ExpectedMessages(branches={3: "Ленина"}), lambda s: told.get(s, [])
    )
    (trouble,) = found.troubles
    assert (trouble.name, trouble.chat, trouble.error) == ("Ленина", "-2", "chat not found")


def test_periods_in_a_row_are_one_command():
    # A weekend without Airflow is one line to type; the days between that were sent are not
    # repeated, and another report is another command.
    audits = [audit(DAILY, day(n), DeliveryStatus.MISSING) for n in (13, 14, 17)]
    audits.append(
        audit(WEEKLY, Period(PeriodKind.WEEK, date(2026, 11, 9), "UTC"), DeliveryStatus.FAILED)
    )
    assert commands(audits) == [
        "airflow backfill create --dag-id profitability_daily --from-date 2026-11-13 "
        "--to-date 2026-11-14 --reprocess-behavior completed",
        "airflow backfill create --dag-id profitability_daily --from-date 2026-11-17 "
        "--to-date 2026-11-17 --reprocess-behavior completed",
        "airflow backfill create --dag-id profitability_weekly --from-date 2026-11-09 "
        "--to-date 2026-11-09 --reprocess-behavior completed",
    ]


def test_west_of_utc_the_command_has_the_offset():
    # Without it midnight UTC would be the evening before.
    period = day(17, "America/New_York")
    assert "--from-date 2026-11-17T00:00:00-05:00" in backfill_command(DAILY, period, period)


def test_the_message_says_what_why_and_what_to_type():
    # All of one day, and a branch of another.
    html = reports_missing(
        [
            audit(DAILY, day(16), DeliveryStatus.MISSING, DeliveryStatus.MISSING, reason="paused"),
            audit(
                DAILY, day(17), DeliveryStatus.SENT, DeliveryStatus.FAILED, error="чат <x> удалён"
            ),
            audit(DAILY, day(18), DeliveryStatus.SENT, DeliveryStatus.SENT),
        ],
        templates=TEMPLATES,
    ).html
    assert "за понедельник, 16 ноября</b>: нет ни одного сообщения (запуска" in html
    assert "17 ноября</b>: нет: Филиал 1 (не доставлено; чат &lt;x&gt; удалён)" in html
    assert "18 ноября" not in html
    assert "--from-date 2026-11-16 --to-date 2026-11-17" in html


def test_a_hundred_missing_branches_are_a_short_message():
    # Telegram takes 4096 characters, a phone shows fewer.
    statuses = [DeliveryStatus.SENT, *[DeliveryStatus.FAILED] * 100]
    html = reports_missing([audit(DAILY, day(17), *statuses)], templates=TEMPLATES).html
    assert "и ещё 95" in html
    assert len(html) < 700


def test_the_note_is_a_table_with_a_row_per_period():
    # Also where all is well: that is what the note is for.
    assert note(
        [audit(DAILY, day(17), DeliveryStatus.SENT, DeliveryStatus.SENT, DeliveryStatus.LATE)],
        templates=TEMPLATES,
    ).splitlines() == [
        "Ничего не пропало.",
        "",
        "| Отчёт | Сообщения |",
        "| --- | --- |",
        "| ежедневный отчёт за вторник, 17 ноября | отправлено: 2, с опозданием: 1 |",
    ]


def test_a_note_fits_into_airflows_database_and_begins_with_the_troubles():
    # A longer one would end the scheduler: its column takes 1000 characters.
    statuses = [status for status in DeliveryStatus if status is not DeliveryStatus.NOT_EXPECTED]
    audits = [audit(DAILY, day(n), *statuses) for n in range(1, 29)]
    audits.append(
        audit(WEEKLY, Period(PeriodKind.WEEK, date(2026, 11, 9), "UTC"), DeliveryStatus.SENT)
    )
    written = note([*audits[-1:], *audits[:-1]], templates=TEMPLATES)
    assert len(written) < 1000
    assert "1 ноября" in written.splitlines()[4]
    assert written.splitlines()[-1].startswith("| …и ещё ")


def test_sixty_missing_days_are_one_message():
    # A phone has no use for more.
    first = date(2026, 9, 1).toordinal()
    days = [Period(PeriodKind.DAY, date.fromordinal(first + n), "UTC") for n in range(60)]
    html = reports_missing(
        [audit(DAILY, period, DeliveryStatus.UNKNOWN, error="x" * 300) for period in days],
        templates=TEMPLATES,
    ).html
    assert "…и ещё 48 раньше" in html


def test_a_run_that_is_going_on_is_neither_trouble_nor_complete():
    # Its end, or its deadline, tells of it; nothing may be called solved meanwhile.
    going_on = PeriodAudit(
        DAILY, day(17), audit(DAILY, day(17), DeliveryStatus.MISSING).findings, "going_on", True
    )
    assert going_on.troubles == []
    assert not going_on.is_complete
    assert "| запуск ещё идёт |" in note([going_on], templates=TEMPLATES)
