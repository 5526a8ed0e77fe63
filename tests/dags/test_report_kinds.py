"""Every kind of report in every place that knows kinds: the table in pure/kinds.py reaches all."""

from datetime import UTC, date, datetime
from itertools import pairwise

import pytest

from dags.conftest import import_dags
from sancrm_reports.glue import page
from sancrm_reports.glue.deadline import _purpose, report_deadline
from sancrm_reports.glue.formula_diff import main
from sancrm_reports.glue.telegram_operator import ledger_of
from sancrm_reports.glue.timetable import CalendarPeriodTimetable, timetable_of
from sancrm_reports.pure.grid import LETTERS, DeliveryStatus
from sancrm_reports.pure.kinds import REPORT_KINDS, compared_with
from sancrm_reports.pure.language import language_of
from sancrm_reports.pure.period import Period
from sancrm_reports.pure.templates import Templates
from sancrm_reports.settings import INCLUDE, settings
from stage import OPS_CHAT

RUSSIAN = language_of(Templates(INCLUDE / "templates" / "ru"))
NOW = datetime(2026, 11, 18, 6, tzinfo=UTC)


@pytest.fixture(params=REPORT_KINDS.values(), ids=REPORT_KINDS)
def kind(request, configured):
    """The one kind that is on, an hour before runs by hand are made; all others are off."""
    configured(
        **{
            f"REPORTS__{id_.upper()}__SCHEDULE": "0 8 18 11 *" if id_ == request.param.id else ""
            for id_ in REPORT_KINDS
        }
    )
    return request.param


@pytest.fixture
def period(kind):
    """What a run then reports."""
    return Period.last_whole_before(NOW, kind=kind.period, timezone="Europe/Moscow")


def texts(telegram, in_ops=False):
    return [found.text for found in telegram.messages if (found.chat_id == OPS_CHAT) is in_ops]


def test_a_report_is_posted_and_seen_by_audit_and_page(kind, period, run, telegram):
    # It says its period and what that is compared with; nobody misses anything afterwards.
    assert str(run(kind.dag_id).state) == "success"
    *branches, network = texts(telegram)
    assert len(branches) == 2
    assert f"Вся сеть, {RUSSIAN.formats.period(period)}" in network
    assert f"Сравнение: {RUSSIAN.formats.period(compared_with(period))}" in network
    audited = run("delivery_audit")
    assert str(audited.state) == "success"
    with ledger_of(None) as ledger:
        answer = page.grid(kind.dag_id, period.start, period.start, ledger)
    assert [column["name"] for column in answer["columns"]] == [RUSSIAN.formats.period(period)]
    # Whether it counts as late, the day of the test decides.
    arrived = {LETTERS[DeliveryStatus.SENT], LETTERS[DeliveryStatus.LATE]}
    assert {row["statuses"] for row in answer["rows"]} <= arrived
    assert len(answer["rows"]) == 3


def test_what_fails_or_is_late_is_told_by_the_name_of_the_report(
    kind, period, run, telegram, configured
):
    # In the ops chat, as the last task, the audit and the deadline call it.
    configured(CHATS__REPORTS="-1009999999999")
    run(kind.dag_id)
    run("delivery_audit")
    name = RUSSIAN.word(f"report.{kind.id}") + f" {RUSSIAN.formats.about_period(period)}"
    failed, missing = texts(telegram, in_ops=True)
    assert f"Сбой: {name}" in failed
    assert f"{name}: нет ни одного сообщения" in missing
    kwargs = report_deadline(kind.id).callback.kwargs
    fired = {"dag_id": kind.dag_id, "run_after": NOW.isoformat()}
    assert _purpose(fired, kwargs["report"]).title(RUSSIAN) == name


def test_a_digest_is_called_by_the_name_of_the_report(kind, period, run, telegram):
    # One message for what was missed.
    assert str(run(kind.dag_id, backfill_mode="digest").state) == "success"
    [digest] = texts(telegram)
    assert f"вся сеть: {RUSSIAN.word(f'reports.{kind.id}')}" in digest
    assert f"{RUSSIAN.formats.period(period)}: " in digest


def test_the_page_offers_spans_and_columns(kind):
    # Each longer than the one before, named, and not more columns than may be asked for.
    shown = page.kinds_shown()
    assert [id_ for id_ in shown if id_.startswith("profitability")] == [kind.dag_id]
    spans = shown[kind.dag_id].columns.spans
    assert len(spans) >= 2
    assert all(shorter < longer for shorter, longer in pairwise(spans))
    first = date(2026 - spans[-1] // 12, 11, 18)
    columns = page._periods(shown[kind.dag_id], first, NOW.date())
    assert all(page._column(column)["head"] for column in columns)


def test_commands_and_timetables_know_it(kind, period, crm, capsys):
    # Also as the scheduler reads the timetable back from its database.
    same = ["--against", str(INCLUDE / "sql")]
    assert main(["--report", kind.id, "--period", str(period.start), *same]) == 0
    assert f"No figure of {period.key} changes." in capsys.readouterr().out
    timetable = timetable_of(kind.id, settings())
    again = CalendarPeriodTimetable.deserialize(timetable.serialize())
    assert again.reported_at(again.due_at(period)) == period


def test_only_what_has_a_schedule_has_a_dag(kind, airflow_database):
    # An empty schedule is no DAG.
    reports = [dag_id for dag_id in import_dags() if dag_id.startswith("profitability_")]
    assert reports == [kind.dag_id]


def test_the_shorter_period_is_posted_first(configured, airflow_database):
    # Where several are due at once, as on 1 January.
    configured(**{f"REPORTS__{id_.upper()}__SCHEDULE": "30 9 1 1 *" for id_ in REPORT_KINDS})
    dags = import_dags()
    weights = [
        {task.priority_weight for task in dags[kind.dag_id].tasks} for kind in REPORT_KINDS.values()
    ]
    days = [
        len(Period.containing(date(2026, 1, 1), kind=kind.period, timezone="UTC").days)
        for kind in REPORT_KINDS.values()
    ]
    assert days == sorted(days)
    assert all(len(found) == 1 for found in weights)
    assert all(max(later) < min(sooner) for sooner, later in pairwise(weights))
