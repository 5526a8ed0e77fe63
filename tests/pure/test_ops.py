"""What ops read: failures, lateness, and that it is over."""

from datetime import UTC, date, datetime
from html import unescape
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest

from sancrm_reports.errors import PermanentError, ToldError
from sancrm_reports.pure.ops import Failure, Occasion, report_late, run_failed, solved
from sancrm_reports.pure.period import Period, PeriodKind

TEMPLATES = Path(__file__).parents[2] / "include" / "templates"
RUN = "https://airflow.example.com/dags/profitability_daily/runs/x"
TUESDAY = Period(PeriodKind.DAY, date(2026, 11, 17), "Europe/Moscow")
OCCASION = Occasion.of_report("profitability_daily", TUESDAY)


def failed(*failures):
    return run_failed(OCCASION, failures, log_url=RUN, templates=TEMPLATES)


def test_the_whole_message_of_a_failed_run():
    # Golden: which report, which step, why, what mends it; the first line is the push preview.
    message = failed(Failure("compute_profitability", error="The CRM's database does not answer."))
    assert message.html == (
        "🔴 <b>Сбой: ежедневный отчёт, вторник, 17 ноября 2026</b>\n"
        "\n"
        "<b>compute_profitability</b>: The CRM&#39;s database does not answer.\n"
        "\n"
        "Устраните причину, затем повторите (отправленное не придёт второй раз):\n"
        "<code>airflow dags trigger profitability_daily "
        "--conf &#39;{&#34;period&#34;: &#34;2026-11-17&#34;}&#39;</code>"
    )
    assert message.button.url == RUN


def test_the_same_error_of_many_branches_is_one_line():
    # A hundred branches with one dead chat are not a hundred lines.
    names = [f"Филиал {number}" for number in range(100)]
    message = failed(*(Failure("post_branch_report", name, "chat not found") for name in names))
    assert "(Филиал 0, Филиал 1, Филиал 2 и ещё 97): chat not found" in message.html
    assert len(message.html) < 1000


def test_many_different_errors_are_counted():
    # Four are enough to begin with; the run shows all.
    message = failed(*(Failure("post_branch_report", "", f"error {n}") for n in range(9)))
    assert "error 3" in message.html
    assert "error 4" not in message.html
    assert "…и ещё 5" in message.html


def test_a_long_error_is_cut_and_markup_in_it_is_shown():
    # An error is text from anywhere: it must not break the message.
    value = {"error": "<b>" + "я" * 5000}
    message = failed(Failure.from_json("check_days_sum", value))
    assert "&lt;b&gt;" in message.html
    assert len(message.html) < 1500


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermanentError("Sums differ.\nSecond line"), "Sums differ."),
        (psycopg.Error("duplicate key (phone)=(+79120000000)"), "Error: подробности в журнале"),
        (KeyError("Иван Иванов"), "KeyError: подробности в журнале"),
        (None, "NoneType: подробности в журнале"),
    ],
)
def test_only_our_own_errors_are_quoted(error, said):
    # Any other may hold a customer's name or phone; ours are written so that they do not.
    assert Failure.describe(error, "")["error"] == said


def test_a_killed_task_leaves_nothing_and_is_told_all_the_same():
    # The process that should have written the reason is gone.
    failure = Failure.from_json("post_network_report", None)
    assert failure.error == "Процесс задачи оборвался, причина в журнале"


def test_what_people_were_told_of_is_known():
    # A backup's alert, an audit's message: ops need no second one.
    assert Failure.from_json("x", Failure.describe(ToldError("told"), "")).is_told


def test_an_unknown_fate_comes_with_a_look_and_the_resending_command():
    # The order matters: first the chat, then the command.
    html = failed(Failure("post_branch_report", "", "Nobody knows", is_unknown_fate=True)).html
    look, resend, arrived = (
        html.index(words)
        for words in ("Посмотрите в чат", "&#34;resend&#34;: true", "&#34;arrived&#34;: true")
    )
    assert look < resend < arrived


def test_an_occasion_without_params_is_repeated_by_a_plain_trigger():
    # Not every DAG has a period.
    assert Occasion("missed_calls", "2026-11-17", "незвонки", {}).repair() == (
        "airflow dags trigger missed_calls"
    )


def test_late_and_solved_say_when():
    # Times are the account's.
    due = datetime(2026, 11, 18, 9, 20, tzinfo=ZoneInfo("Europe/Moscow"))
    going_on, failed = (
        report_late(OCCASION, due=due, is_failed=one, run_url=RUN, templates=TEMPLATES).html
        for one in (False, True)
    )
    assert "к 09:20, а прогон ещё идёт" in going_on
    assert "к 09:20, а прогон завершился неудачно" in failed
    assert OCCASION.repair() in unescape(failed)
    over = solved(
        OCCASION,
        "Был сбой",
        at=datetime(2026, 11, 18, 7, 5, tzinfo=UTC),
        zone="Europe/Moscow",
        templates=TEMPLATES,
    )
    assert "Был сбой. Прогон прошёл успешно: 18 ноября, 10:05" in over.html
