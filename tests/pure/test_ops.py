"""What ops read: failures, lateness, and that it is over."""

from dataclasses import asdict
from datetime import UTC, date, datetime
from html import unescape
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest

from sancrm_reports.errors import AlreadyAlertedError, PermanentError, Undecided
from sancrm_reports.pure.ops import Failure, RunPurpose, report_late, run_failed, solved
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.pure.templates import Templates
from sancrm_reports.wire.telegram_errors import RefusedError

TEMPLATES = Templates(Path(__file__).parents[2] / "include" / "templates" / "ru")
RUN = "https://airflow.example.com/dags/profitability_daily/runs/x"
TUESDAY = Period(PeriodKind.DAY, date(2026, 11, 17), "Europe/Moscow")
PURPOSE = RunPurpose.of_report("profitability_daily", TUESDAY)


def failed(*failures):
    return run_failed(PURPOSE, failures, log_url=RUN, templates=TEMPLATES)


def test_the_same_error_of_many_branches_is_one_line():
    # A hundred branches with one dead chat are not a hundred lines.
    names = [f"Филиал {number}" for number in range(100)]
    dead = {"code": "chat_not_found", "values": {"chat": "-1009"}}
    message = failed(*(Failure("post_branch_report", name, **dead) for name in names))
    assert "(Филиал 0, Филиал 1, Филиал 2 и ещё 97): Telegram не находит чат -1009" in message.html
    assert len(message.html) < 1000


def test_many_different_errors_are_counted():
    # Four are enough to begin with; the run shows all.
    message = failed(*(Failure("post_branch_report", quote=f"error {n}") for n in range(9)))
    assert "error 3" in message.html
    assert "error 4" not in message.html
    assert "…и ещё 5" in message.html


def test_a_long_quotation_is_cut_and_markup_in_it_is_shown():
    # A server's line is text from anywhere: it must not break the message.
    left = Failure.describe(PermanentError("refused", quote="<b>" + "я" * 5000), "")
    message = failed(Failure.from_json("check_days_sum", left))
    assert "&lt;b&gt;" in message.html
    assert len(message.html) < 1500


@pytest.mark.parametrize(
    "error",
    [
        PermanentError("Sums of Иван differ."),
        psycopg.Error("duplicate key (phone)=(Иван)"),
        KeyError("Иван Иванов"),
        None,
    ],
)
def test_no_errors_text_is_told(error):
    # It is for the log; that of a library may hold a customer's name or phone as well.
    left = Failure.describe(error, "")
    assert "Иван" not in str(left)
    assert "Иван" not in failed(Failure.from_json("x", left)).html


def test_an_unexpected_error_is_told_by_its_kind():
    # Nobody wrote words for it.
    message = failed(Failure.from_json("x", Failure.describe(KeyError("a"), "")))
    assert "непредвиденная ошибка (KeyError)" in message.html


def test_what_a_server_said_is_quoted_below_the_words():
    # Telegram's own line, as it is, after the cause and before the first step.
    said = "Bad Request: TOPIC_CLOSED"
    error = RefusedError("not for ops", code="topic", quote=said, chat="-1009:7")
    html = failed(Failure.from_json("post_branch_report", Failure.describe(error, "Юг"))).html
    assert (
        "<b>post_branch_report</b> (Юг): темы -1009:7 нет, или она закрыта\n"
        "<code>Bad Request: TOPIC_CLOSED</code>\n"
        "👉 Откройте тему или укажите другую.\n"
    ) in html


def test_a_killed_task_leaves_nothing_and_is_told_all_the_same():
    # The process that should have written the reason is gone.
    message = failed(Failure.from_json("post_network_report", None))
    assert "процесс задачи оборвался" in message.html


def test_what_people_were_told_of_is_known():
    # A backup's alert, an audit's message: ops need no second one.
    assert Failure.from_json("x", Failure.describe(AlreadyAlertedError("alerted"), "")).is_alerted


def test_an_unknown_status_comes_with_a_look_and_the_resending_command():
    # The order matters: first the chat, then the command.
    undecided = [asdict(Undecided("branch-2@-1001"))]
    html = failed(Failure("post", code="unknown_outcome", undecided=undecided)).html
    look, resend, arrived = (
        html.index(words)
        for words in ("Посмотрите в чат", "&#34;resend&#34;: [", "&#34;arrived&#34;: [")
    )
    assert look < resend < arrived


def test_a_run_without_params_is_repeated_by_a_plain_trigger():
    # Not every DAG has a period.
    assert RunPurpose.of_day("missed_calls", "missed_calls", TUESDAY.start).repair() == (
        "airflow dags trigger missed_calls"
    )


def test_late_and_solved_say_when():
    # Times are the account's.
    due = datetime(2026, 11, 18, 9, 20, tzinfo=ZoneInfo("Europe/Moscow"))
    going_on, failed = (
        report_late(PURPOSE, due=due, is_failed=one, run_url=RUN, templates=TEMPLATES).html
        for one in (False, True)
    )
    assert "Отчёт должен был уйти до 09:20, но запуск ещё не закончен" in going_on
    assert "Отчёт должен был уйти до 09:20, а запуск закончился сбоем" in failed
    assert PURPOSE.repair() in unescape(failed)
    over = solved(
        PURPOSE,
        "failure",
        at=datetime(2026, 11, 18, 7, 5, tzinfo=UTC),
        zone="Europe/Moscow",
        templates=TEMPLATES,
    )
    assert "Был сбой. Запуск прошёл успешно: 18 ноября, 10:05" in over.html
