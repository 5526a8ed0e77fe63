"""``make trace``, over a real CRM."""

import csv
import io
from decimal import Decimal

import pytest

from sancrm_reports.glue.trace import main

DAY = ["--report", "daily", "--period", "2026-11-17"]


@pytest.fixture
def trace(crm, capsys):
    """Run the command; return its exit code, what it printed, and what it told beside."""

    def run(figure, *arguments):
        code = main(["--figure", figure, *DAY, *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_it_prints_rows_their_sum_and_the_figure(trace, crm):
    # A branch's, in columns; the sum is the figure. Nobody is named.
    code, printed, _ = trace("repair_revenue", "--branch", "1")
    head, *rows, summary = printed.splitlines()
    assert code == 0
    assert head.split()[:4] == ["family", "branch", "at", "number"]
    assert rows
    assert all("https://crm.example.com/repairs/" in row for row in rows)
    assert f"repair_revenue of branch 1, 2026-11-17: {len(rows)} rows, sum " in summary
    total, figure = summary.partition(" rows, sum ")[2].split(", figure ")
    assert Decimal(total) == Decimal(figure) > 0
    assert "customer" not in head


def test_as_csv_it_can_be_added_up(trace, crm):
    # The network's profit: costs with a minus, each kind of row; the sum is told beside the rows.
    code, printed, told = trace("profit", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert code == 0
    assert {row["family"] for row in rows} >= {"services", "parts", "fixed_costs"}
    total = sum(Decimal(row["amount"]) for row in rows)
    assert f"sum {total:f}, figure " in told


def test_a_text_of_the_csv_never_becomes_a_formula(trace, crm):
    # What somebody typed into the CRM, opened in a spreadsheet.
    crm.execute("update repair_services set name = '=HYPERLINK(\"http://evil\")'")
    _, printed, _ = trace("repair_revenue", "--format", "csv")
    names = {
        row["item"] for row in csv.DictReader(io.StringIO(printed)) if row["family"] == "services"
    }
    assert names == {'\'=HYPERLINK("http://evil")'}


def test_customers_are_named_with_the_flag_only(trace, crm):
    # In a column of their own.
    crm.execute("update customers set name = 'Никодим'")
    assert "Никодим" not in trace("repair_count")[1]
    assert "Никодим" in trace("repair_count", "--customers")[1]


@pytest.mark.parametrize(
    ("figure", "arguments", "told"),
    [
        ("margin", [], "is not a sum of rows"),
        ("profit", ["--branch", "99"], "There is no branch '99'"),
        ("profit", ["--period", "17.11.2026"], "YYYY-MM-DD"),
    ],
)
def test_what_is_wrong_is_explained(trace, figure, arguments, told):
    # Without a traceback.
    code, printed, error = trace(figure, *arguments)
    assert (code, printed) == (1, "")
    assert told in error
