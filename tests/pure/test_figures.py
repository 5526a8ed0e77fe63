"""Figures travel without loss, and contradictions are named."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pure.samples import branch, network, unallocated
from sancrm_reports.pure.figures import (
    ADDITIVE,
    FIGURES,
    NETWORK,
    Figures,
    FiguresError,
    branch_of,
    branch_subject,
    check_days_sum,
    check_network_sum,
    check_reportable,
)
from sancrm_reports.pure.printable import printable

amounts = (
    st.sampled_from((Decimal("1E+3"), Decimal("0E-8")))
    | st.decimals(allow_nan=False, allow_infinity=False, places=6)
    | st.decimals(-(10**20), 10**20, places=5)
)
counts = st.integers(0, 10**9)
figures = st.builds(
    Figures,
    subject=st.sampled_from(("branch", "unallocated", "network")),
    branch_id=st.none() | st.integers(1, 2**62),
    branch_name=st.none() | st.text().map(printable),
    **dict.fromkeys(("repair_revenue", "rental_revenue", "revenue"), amounts),
    **dict.fromkeys(("variable_costs", "profit"), amounts),
    **dict.fromkeys(("fixed_costs", "margin"), st.none() | amounts),
    **dict.fromkeys(("parts_without_cost", "repair_count", "rental_count"), counts),
)


@given(figures)
def test_figures_survive_the_way_through_json(row):
    # Airflow keeps results as JSON and would make floats of decimals; every digit stays, also of
    # amounts that Python writes with an exponent.
    text = json.dumps(row.to_json())
    assert Figures.from_row(json.loads(text)) == row
    assert not any(isinstance(value, float) for value in json.loads(text).values())
    assert "E+" not in text


def test_formulas_may_leave_out_what_only_reasons_need():
    # An installation's own SQL without scrapped parts, and a run of an earlier version.
    row = branch(scrapped_costs=Decimal("70.00")).to_json()
    assert Figures.from_row(row).scrapped_costs == 70
    del row["scrapped_costs"]
    assert Figures.from_row(row).scrapped_costs == 0


@pytest.mark.parametrize("name", FIGURES)
def test_a_lost_column_is_named(name):
    # Of the SQL's last select, whichever it is.
    row = branch().to_json()
    del row[name]
    with pytest.raises(FiguresError, match=f"no column {name}"):
        Figures.from_row(row)


@pytest.mark.parametrize(
    "name", [name for name in FIGURES if name not in ("fixed_costs", "margin")]
)
def test_an_amount_must_be_known(name):
    # Only fixed costs and the margin may be null.
    with pytest.raises(FiguresError, match=f"null for {name}"):
        Figures.from_row(branch().to_json() | {name: None})
    assert Figures.from_row(branch().to_json() | {"fixed_costs": None, "margin": None})


def test_a_float_is_refused():
    # Not even for a ratio: it would not come back the same.
    with pytest.raises(FiguresError, match="margin as a binary float"):
        Figures.from_row(branch().to_json() | {"margin": 0.1})


@pytest.mark.parametrize("name", ADDITIVE)
def test_a_network_that_is_not_its_branches_is_named_figure_by_figure(name):
    # What is told is the figure with both sums, and no other.
    rows = [branch(1), branch(2), unallocated()]
    whole = network(rows)
    check_network_sum([*rows, whole])
    wrong = replace(whole, **{name: getattr(whole, name) + 1})
    with pytest.raises(FiguresError) as caught:
        check_network_sum([*rows, wrong])
    told = [line for line in str(caught.value).splitlines() if line.startswith("  ")]
    assert len(told) == 1
    assert told[0].strip().startswith(f"{name}: ")
    assert str(getattr(whole, name)) in told[0]
    assert str(getattr(wrong, name)) in told[0]


def test_a_lost_kopeck_is_found():
    # Exactly, not within a tolerance.
    rows = [branch(1), unallocated()]
    whole = network(rows)
    with pytest.raises(FiguresError, match="profit"):
        check_network_sum([*rows, replace(whole, profit=whole.profit - Decimal("0.00001"))])


@pytest.mark.parametrize("copies", [0, 2])
def test_there_is_one_row_for_the_network(copies):
    # None is as wrong as two.
    rows = [branch(1), unallocated()]
    with pytest.raises(FiguresError, match="no single row for the network"):
        check_network_sum([*rows, *[network(rows)] * copies])


def test_days_that_do_not_add_up_name_the_branch_and_the_figure():
    # One day is lost of one branch.
    days = [[branch(1), branch(2)], [branch(1), branch(2)]]
    whole = [network([branch(n), branch(n)], like=branch(n)) for n in (1, 2)]
    check_days_sum(whole, days)
    with pytest.raises(FiguresError, match=r"revenue: the days of branch-2 = 1500.*its period"):
        check_days_sum(whole, [days[0], days[1][:1]])


def test_a_branch_may_be_missing_on_days_without_movements():
    # An inactive one is listed only on days on which it has figures.
    check_days_sum([branch(1)], [[branch(1)], []])
    check_days_sum([Figures.none_of(branch(1))], [[], []])


def test_a_subject_that_only_the_days_have_is_found():
    # A branch that the period lost altogether.
    with pytest.raises(FiguresError, match="branch-2"):
        check_days_sum([branch(1)], [[branch(1), branch(2)]])


def test_unknown_fixed_costs_of_nobody_are_no_contradiction():
    # Null in all parts is null in the sum.
    rows = [replace(branch(1), fixed_costs=None), replace(unallocated(), fixed_costs=None)]
    check_network_sum([*rows, network(rows)])
    assert network(rows).fixed_costs is None


def test_what_cannot_be_reported_is_refused():
    # No branch at all, one without a name, one that comes twice.
    with pytest.raises(FiguresError, match="no active branch"):
        check_reportable([unallocated(), network([unallocated()])])
    for name in (None, "", " \t"):
        with pytest.raises(FiguresError, match="Branch 7 has no name"):
            check_reportable([replace(branch(7), branch_name=name)])
    with pytest.raises(FiguresError, match="branch-7"):
        check_reportable([branch(7), branch(7)])
    check_reportable([branch(7), branch(8), unallocated()])


def test_a_scrapped_device_is_a_movement_though_its_part_has_no_price():
    # Something was used up; only what it cost is unknown.
    nothing = Figures.none_of(branch())
    assert not nothing.has_movements
    assert replace(nothing, parts_without_cost=1).has_movements


@pytest.mark.parametrize("id_", [3, "0", "5f0e-4c", "network"])
def test_a_branchs_id_is_found_in_its_subject(id_):
    # Also where it has dashes, as a uuid, or is called as something else; the network has none.
    assert branch_of(branch_subject(id_)) == str(id_)
    assert branch_of(NETWORK) is None
