"""Whole runs of reports whose months have plans."""

import shutil

import pytest

from sancrm_reports.glue import plans as told_of_plans
from sancrm_reports.settings import INCLUDE
from stage import OPS_CHAT, in_chat

LINE = "🎯 План (прибыль) на ноябрь 20 000 ₽: с начала месяца"


@pytest.fixture
def plans_file(tmp_path, monkeypatch):
    """An include/ with a file of plans that a test may write."""
    include = tmp_path / "include"
    shutil.copytree(INCLUDE / "sql", include / "sql")
    monkeypatch.setattr(told_of_plans, "INCLUDE", include)
    return include / "plans.csv"


def read(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize("source", ["sql", "csv"])
def test_a_report_says_how_far_the_month_has_come(
    run, crm, telegram, configured, plans_file, source
):
    # The network and the branch with a plan; the pace from the tenth day on, of the network only.
    configured(PLANS__SOURCE=source)
    if source == "sql":
        crm.execute("insert into plans values (1, '2026-11-01', null, 'profit', 20000)")
        crm.execute("insert into plans values (2, '2026-11-01', 1, 'revenue', 30000)")
    else:
        plans_file.write_text(
            "month,branch_id,figure,amount\n2026-11,,profit,20000\n2026-11,1,revenue,30000\n"
        )
    run("profitability_daily", period="2026-11-16")
    *branches, network = (read(message.text) for message in in_chat(telegram))
    [planned] = [text for text in branches if "Филиал на Ленина" in text]
    [other] = [text for text in branches if "Сервис" in text]
    assert LINE in network
    assert "📈 Если так пойдёт и дальше, ноябрь даст: прибыль ≈" in network
    assert "🎯 План (выручка) на ноябрь 30 000 ₽" in planned
    assert "🎯" not in other
    assert "📈" not in planned + other
    run("profitability_daily", period="2026-11-09")
    assert LINE in read(in_chat(telegram)[-1].text)
    assert "📈" not in in_chat(telegram)[-1].text
    run("profitability_monthly", period="2026-10-15")
    assert "🎯" not in in_chat(telegram)[-1].text


def test_without_plans_nothing_is_said_of_them_and_the_pace_can_be_switched_off(
    run, telegram, configured
):
    # As in an installation that knows of neither.
    configured(PLANS__PACE="false")
    run("profitability_daily", period="2026-11-16")
    assert not any(sign in message.text for message in in_chat(telegram) for sign in "🎯📈")


def test_a_wrong_plan_holds_the_report_and_ops_read_which(run, telegram, configured, plans_file):
    # No report with a wrong percentage; the line is named.
    configured(PLANS__SOURCE="csv")
    plans_file.write_text("month,branch_id,figure,amount\n2026-11,,profit,1,200\n")
    run("profitability_daily", period="2026-11-16")
    assert in_chat(telegram) == []
    told = in_chat(telegram, OPS_CHAT)[-1].text
    assert "план, который нельзя прочитать" in told
    assert "plans.csv, line 2 has more cells" in told
