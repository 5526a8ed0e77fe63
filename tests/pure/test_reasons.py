"""Why a profit changed: the reasons add up, turn with the periods, and read as they add up."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pure.samples import earning, network, unallocated
from sancrm_reports.pure.figures import Figures
from sancrm_reports.pure.language import language_of
from sancrm_reports.pure.reasons import MOST_NAMED, OTHER, REASONS, added, largest, reasons
from sancrm_reports.pure.reasons_text import why
from sancrm_reports.pure.templates import Templates

RUSSIAN = language_of(Templates(Path(__file__).parents[2] / "include" / "templates" / "ru"))
EXAMPLES = settings(max_examples=1000, derandomize=True, deadline=None, database=None)

# Parts of kopecks, as a quantity of three places gives them; discounts above the price.
money = st.one_of(
    st.sampled_from((Decimal(0), Decimal("0.01"), Decimal("0.5"), Decimal("-700"))),
    st.decimals(0, 1_000_000, places=5),
)
count = st.one_of(st.sampled_from((0, 1)), st.integers(0, 500))


@st.composite
def figures(draw, branch_id=1):
    """A branch's figures as the SQL may give them: nothing is earned without a repair or rental."""
    repairs, rentals = draw(count), draw(count)
    scrapped = draw(money.map(abs))
    repair_revenue = draw(money) if repairs else Decimal(0)
    rental_revenue = draw(money) if rentals else Decimal(0)
    return earning(
        repair_revenue + rental_revenue,
        rental_revenue=rental_revenue,
        variable_costs=scrapped + (draw(money.map(abs)) if repairs else Decimal(0)),
        fixed_costs=draw(st.none() | money),
        repair_count=repairs,
        rental_count=rentals,
        scrapped_costs=scrapped,
        branch_id=branch_id,
    )


pairs = st.tuples(figures(), figures())


@EXAMPLES
@given(pairs)
def test_the_reasons_add_up_to_the_change_exactly(pair):
    # As fractions, without rounding; and nothing is left over for `other`.
    now, before = pair
    found = reasons(now, before)
    assert tuple(found) == REASONS
    assert sum(found.values()) == Fraction(now.profit) - Fraction(before.profit)
    assert found[OTHER] == 0


@EXAMPLES
@given(pairs)
def test_swapped_periods_turn_every_sign(pair):
    # Of the exact reasons, and of the rounded ones that are read.
    now, before = pair
    there, back = reasons(now, before), reasons(before, now)
    assert {name: -value for name, value in back.items()} == there
    assert {name: -value for name, value in largest(back).items()} == largest(there)


@EXAMPLES
@given(st.lists(pairs, min_size=1, max_size=3), st.tuples(money, money))
def test_the_networks_reasons_are_the_sums_of_its_parts(branches, rest):
    # Branches and common costs; they explain the change of the network's own profit.
    parts = [*branches, tuple(unallocated(costs) for costs in rest)]
    found = added(reasons(*pair) for pair in parts)
    for name in REASONS:
        assert found[name] == sum(reasons(*pair)[name] for pair in parts)
    now, before = (network([pair[at] for pair in parts]) for at in (0, 1))
    assert sum(found.values()) == Fraction(now.profit) - Fraction(before.profit)


@EXAMPLES
@given(pairs)
def test_the_line_adds_up_as_it_is_read(pair):
    # At most four named reasons and the rest, in whole roubles, no zeros; the sum is the difference
    # that the report writes after the profit.
    now, before = pair
    shown = largest(reasons(now, before))
    assert len(shown.keys() - {OTHER}) <= MOST_NAMED
    assert 0 not in shown.values()
    difference = RUSSIAN.formats.money_difference(now.profit - before.profit)
    assert RUSSIAN.formats.money_difference(Decimal(sum(shown.values()))) == difference
    text = why(reasons(now, before), now, before, RUSSIAN)
    assert text.startswith(f"Почему {difference}: ") if shown and sum(shown.values()) else not text


def test_the_three_factors_of_repairs_are_worked_out_as_the_docs_say():
    # Two repairs of 1 000 with 400 of parts, then three of 1 200 with 600: by hand, in sixths.
    before = earning(2000, variable_costs=800, repair_count=2, rental_count=0)
    now = earning(3600, variable_costs=1800, repair_count=3, rental_count=0)
    found = reasons(now, before)
    # t0 k0 = 600, t1 k1 = 600, t0 k1 = 500, t1 k0 = 720
    assert found["repair_count"] == Fraction(1200 + 1200 + 500 + 720, 6)
    # n0 k0 = 1.2, n1 k1 = 1.5, n0 k1 = 1, n1 k0 = 1.8
    assert (
        found["ticket"]
        == 200 * (2 * Fraction("1.2") + 2 * Fraction("1.5") + 1 + 2 - Fraction("0.2")) / 6
    )
    assert sum(found.values()) == 600


def test_a_branch_that_opens_or_closes_changes_by_its_number_of_repairs():
    # There is no other ticket and no other share to compare with.
    opened = earning(5000, variable_costs=1000, repair_count=5, rental_count=0)
    nothing = Figures.none_of(opened)
    assert reasons(opened, nothing)["repair_count"] == 4000
    assert reasons(nothing, opened)["repair_count"] == -4000


def test_parts_of_free_repairs_are_parts():
    # Nobody paid for the repairs, so there is no share of the revenue that parts could be.
    paid = earning(1000, variable_costs=400, repair_count=1, rental_count=0)
    free = earning(0, variable_costs=300, repair_count=1, rental_count=0)
    found = reasons(free, paid)
    assert (found["ticket"], found["parts"]) == (-600, -300)


def test_scrapped_parts_are_a_reason_of_their_own():
    # They do not make the parts of repairs that brought income look dearer.
    before = earning(1000, variable_costs=400, repair_count=1, rental_count=0)
    now = earning(1000, variable_costs=650, repair_count=1, rental_count=0)
    found = reasons(replace(now, scrapped_costs=Decimal(250)), before)
    assert {name: value for name, value in found.items() if value} == {"scrapped_costs": -250}


def test_a_changed_formula_of_the_profit_ends_in_other():
    # The line still adds up: what the reasons do not know is told as the rest.
    before = earning(1000, repair_count=1, rental_count=0)
    now = replace(before, profit=before.profit - 70)
    assert largest(reasons(now, before)) == {OTHER: -70}


def test_without_rentals_nothing_is_said_of_them():
    # Where they are there all the same, they are a part of the rest.
    before = earning(1000, rental_revenue=0, repair_count=1, rental_count=0)
    now = earning(1500, rental_revenue=500, repair_count=1, rental_count=1)
    found = reasons(now, before)
    plain = why(found, now, before, RUSSIAN).replace("\N{NO-BREAK SPACE}", " ")
    assert plain == "Почему +500 ₽: прокатов больше +500"
    assert why(found, now, before, RUSSIAN, has_rentals=False).endswith("прочее +500")


def test_more_repairs_are_called_more_only_where_that_explains_the_sign():
    # More repairs at a loss: the number of repairs is the reason, and not that they are more.
    before = earning(100, variable_costs=200, repair_count=1, rental_count=0)
    now = earning(200, variable_costs=400, repair_count=2, rental_count=0)
    assert "число ремонтов −100" in why(reasons(now, before), now, before, RUSSIAN)
