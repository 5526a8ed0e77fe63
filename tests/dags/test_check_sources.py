"""The contract of the sources in a run, and ``make check-sources``, over a real CRM."""

import os
import shutil
import subprocess

import pytest

from dags.conftest import states
from sancrm_reports.glue.check_sources import main
from sancrm_reports.settings import INCLUDE
from stage import OPS_CHAT, in_chat


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A copy of the source files that a test may change, in use by runs and the command."""
    folder = shutil.copytree(INCLUDE, tmp_path / "include") / "sql"
    monkeypatch.setattr("sancrm_reports.glue.check_sources.SQL", folder)
    monkeypatch.setattr("sancrm_reports.glue.compute.INCLUDE", folder.parent)
    return folder / "sources"


def edit(file, old, new):
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        (
            "service_lines.sql",
            "from repair_services",
            "from repair_services cross join generate_series(1, 2)",
            "service_lines.sql: line_id comes more than once: 2 rows, such as 2",
        ),
        (
            "closed_repairs.sql",
            "repairs.closed_at,",
            "repairs.closed_at::timestamp as closed_at,",
            "closed_repairs.sql: closed_at is timestamp, and must be timestamptz",
        ),
        ("part_lines.sql", "from repair_parts", "from parts", "part_lines.sql: cannot be run"),
    ],
)
def test_a_wrong_file_stops_the_report_and_ops_are_told(
    run, telegram, sources, file, old, new, problem
):
    # Nothing is computed, nothing is posted, and the message to ops names the file.
    edit(sources / file, old, new)
    done = run()
    assert states(done)["check_sources"] == "failed"
    assert states(done)["compute_profitability"] == "upstream_failed"
    (told,) = telegram.accepted
    assert told.chat_id == OPS_CHAT
    assert problem in told.text


def test_the_crms_own_totals_hold_a_report_that_differs(run, crm, telegram, sources, configured):
    # What the dashboard says for a branch and day; within the tolerance the report is posted.
    (sources / "crm_totals.sql").write_text(
        "select branches.id as branch_id, date '2026-11-17' as day, 1700 as revenue from branches"
    )
    assert str(run().state) == "failed"
    (told,) = in_chat(telegram, OPS_CHAT)
    assert "crm_totals.sql: the CRM's revenue of branch " in told.text
    assert " is 1700, the report's is 171" in told.text
    assert len(telegram.accepted) == 1
    configured(SOURCES__TOTALS_TOLERANCE="100")
    assert str(run().state) == "success"


def test_the_command_says_that_all_is_well(crm, capsys):
    # Of all rows, and of one period.
    assert main([]) == 0
    assert main(["--period", "2026-11-17", "--report", "weekly"]) == 0
    assert capsys.readouterr().out.count("The sources give what docs/sources.md says.") == 2


def test_the_command_names_rows_and_fails(crm, capsys):
    # For a person and for a deployment script.
    crm.execute("update repair_parts set quantity = 0 where id in (3, 4)")
    assert main([]) == 1
    assert capsys.readouterr().out == "part_lines.sql: quantity is 0: 2 rows, such as 3, 4\n"


def test_a_wrong_day_is_explained(crm, capsys):
    # Without a traceback.
    assert main(["--period", "17.11.2026"]) == 1
    assert "YYYY-MM-DD" in capsys.readouterr().err


def test_make_check_sources_reads_the_sources_of_sancrm_include(crm, tmp_path):
    # The command itself, as a person types it, on a copy of include/ that is edited.
    include = shutil.copytree(INCLUDE, tmp_path / "include")
    edit(include / "sql/sources/fixed_costs.sql", "fixed_costs.valid_to", "1 as until")
    done = subprocess.run(
        ["make", "--no-print-directory", "check-sources"],
        cwd=INCLUDE.parent,
        env=os.environ | {"SANCRM_INCLUDE": str(include)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2  # make's own for a command that failed
    assert done.stdout.startswith("fixed_costs.sql: there is no column valid_to")
