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
    for module in ("settings", "glue.compute"):
        monkeypatch.setattr(f"sancrm_reports.{module}.INCLUDE", folder.parent)
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


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("returned_rentals.sql", "from rentals", "from hire as rentals"),
        ("returned_rentals.sql", "'returned'", "'returned' and ended_at > %(perod_start)s"),
        ("returned_rentals.sql", "= 'returned'", "like 'return%'"),
        ("closed_repairs.sql", "repairs.closed_at,", "repairs.closed_at::text as closed_at,"),
        ("closed_repairs.sql", "from repairs", "from repairs {% if"),
    ],
)
def test_a_file_that_cannot_be_run_is_named_before_data_are_waited_for(
    run, telegram, sources, monkeypatch, file, old, new
):
    # The freshness reads it first, whose error would name no file.
    monkeypatch.setattr("sancrm_reports.wire.freshness.INCLUDE", sources.parents[1])
    edit(sources / file, old, new)
    assert states(run())["wait_for_data"] == "failed"
    (alert,) = telegram.accepted
    assert alert.chat_id == OPS_CHAT
    assert f"{file}: " in alert.text


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


@pytest.mark.parametrize("as_key", ["lpad(to_hex({0}), 32, '0')::uuid", "'филиал ' || {0}"])
def test_branches_may_have_uuids_and_texts_for_ids(run, crm, telegram, sources, as_key):
    # Every message once, a correction in its place, and they stay recorded as expected.
    for file, column in (
        ("branches.sql", "branches.id as"),
        ("closed_repairs.sql", "repairs.branch_id"),
        ("returned_rentals.sql", "rentals.branch_id"),
        ("fixed_costs.sql", "fixed_costs.branch_id"),
    ):
        name, _, alias = column.partition(" ")
        edit(sources / file, column, f"{as_key.format(name)} {alias or 'as branch_id'}")
    assert str(run().state) == "success"
    crm.execute("update repair_services set price = price + 1")
    assert str(run().state) == "success"
    assert len(telegram.messages) == 3
    assert all(message.edited for message in telegram.messages)


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
