"""Cases worked out by hand: a folder holds one YAML per table, and what is to come out of it.

In ``expect.yaml`` a figure that is not named is 0, or null for fixed_costs and margin; a row
that is not named must not be there, except one of zeros for what is not allocated.
"""

from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
import yaml

from figures.oracle import profitability
from figures.small_crm import DEFAULTS, assert_same, by_subject, completed, holding, read_back
from sancrm_reports.pure.figures import ADDITIVE, FIGURES, check_days_sum, check_network_sum
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.wire.crm import read_days, read_profitability

CASES = Path(__file__).parent / "cases"
NOTHING = dict.fromkeys(ADDITIVE, Fraction(0)) | {"fixed_costs": None, "margin": None}


def read(file):
    """Read YAML with every value as it is written: no floats, no dates."""
    return without_null(yaml.load(file.read_text("utf-8"), yaml.BaseLoader))


def without_null(node):
    if isinstance(node, dict):
        return {key: without_null(value) for key, value in node.items()}
    if isinstance(node, list):
        return [without_null(value) for value in node]
    return None if node in ("null", "") else node


def number(text):
    """Read an amount, or a quotient such as 17/117."""
    if text is None:
        return None
    above, _, below = text.partition("/")
    return Fraction(above) / Fraction(below or 1)


def expected(rows):
    figures = {"unallocated": {}} | rows
    return {
        (subject, int(branch_id) if branch_id else None): NOTHING
        | {figure: number(text) for figure, text in figures[name].items()}
        for name in figures
        for subject, _, branch_id in [name.partition(" ")]
    }


@pytest.mark.parametrize("case", sorted(CASES.iterdir()), ids=lambda case: case.name)
def test_a_case_comes_out_as_worked_out_by_hand(connection, profitability_sql, case):
    # What each case shows stands in the first line of its expect.yaml. The oracle must agree too,
    # and both sums hold.
    tables = {file.stem: read(file) or [] for file in case.glob("*.yaml")}
    wanted = tables.pop("expect")
    assert tables.keys() <= DEFAULTS.keys()
    if isinstance(wanted, list):
        wanted = {"timezone": "Europe/Moscow", "periods": wanted}
    zone = wanted["timezone"]
    with holding(connection, completed(tables), zone) as cursor:
        facts = read_back(cursor)
        for entry in wanted["periods"]:
            kind, day = entry["period"].split()
            period = Period.containing(
                date.fromisoformat(day), kind=PeriodKind(kind), timezone=zone
            )
            rows = expected(entry["rows"])
            assert {name for row in rows.values() for name in row} == set(FIGURES)
            assert_same(
                profitability(facts, start=period.start, end=period.end, timezone=zone), rows
            )
            found = read_profitability(cursor, profitability_sql, period)
            assert_same(by_subject(found), rows)
            check_network_sum(found)
            check_days_sum(found, read_days(cursor, profitability_sql, period))
