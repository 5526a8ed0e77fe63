"""``make formula-diff``, over a real CRM."""

import shutil

import pytest

from sancrm_reports.glue.formula_diff import main
from sancrm_reports.settings import INCLUDE


@pytest.fixture
def earlier(tmp_path):
    """The SQL files as they were before an engineer changed a formula: without rentals."""
    shutil.copytree(INCLUDE / "sql", tmp_path / "sql")
    file = tmp_path / "sql" / "profitability.sql"
    text = file.read_text()
    assert "- variable_costs" in text
    file.write_text(text.replace("- variable_costs", "- 2 * variable_costs"))
    return tmp_path / "sql"


def test_a_changed_formula_shows_which_figures_change(crm, earlier, capsys):
    # Profit and margin of each branch and the network, before and now; revenue stays.
    assert main(["--report", "daily", "--period", "2026-11-17", "--against", str(earlier)]) == 0
    printed = capsys.readouterr().out
    assert "What changes in 2026-11-17" in printed
    assert "profit" in printed
    assert "revenue" not in printed
    assert "Филиал на Ленина" in printed
    assert "network" in printed


def test_equal_formulas_change_nothing(crm, capsys):
    # The same files compared with themselves.
    same = str(INCLUDE / "sql")
    assert main(["--report", "weekly", "--period", "2026-11-17", "--against", same]) == 0
    assert "No figure of 2026-W47 changes" in capsys.readouterr().out


def test_a_wrong_day_is_explained(crm, capsys):
    # Without a traceback.
    assert main(["--period", "17.11.2026"]) == 1
    assert "YYYY-MM-DD" in capsys.readouterr().err


def test_all_frozen_months_are_compared_at_once(crm, earlier, capsys, configured):
    # August to October, as the setting says; a month that the formula leaves alone is counted.
    configured(RECHECK__FROZEN_UNTIL="2026-10-31")
    crm.execute("delete from repair_parts where repair_id in (select id from repairs"
                " where closed_at < '2026-09-01 00:00+03')")  # fmt: skip
    assert main(["--period", "frozen", "--against", str(earlier)]) == 0
    printed = capsys.readouterr().out
    assert [f"What changes in 2026-{month}" in printed for month in ("08", "09", "10", "11")] == [
        False, True, True, False,
    ]  # fmt: skip
    assert "No figure of 2026-08 changes." in printed


def test_without_a_frozen_month_the_settings_are_named(crm, capsys):
    # As delivered, none is.
    assert main(["--period", "frozen", "--against", str(INCLUDE / "sql")]) == 1
    assert "recheck.frozen_until" in capsys.readouterr().err
