"""Phones in the usual form, and what is none as it stands."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sancrm_reports.pure.phones import phone


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("+79123456789", "+7 912 345-67-89"),
        ("89123456789", "+7 912 345-67-89"),
        ("8 (912) 345-67-89", "+7 912 345-67-89"),
        ("912 345 67 89", "+7 912 345-67-89"),
        ("+7 495 123-45-67", "+7 495 123-45-67"),
        ("+375291234567", "+375 29 123-45-67"),  # a customer from elsewhere
    ],
)
def test_a_phone_is_shown_in_the_usual_form(written, shown):
    # However it was typed.
    assert phone(written, country="RU") == shown


@pytest.mark.parametrize(
    "written",
    [
        "",
        "нет телефона",
        "8 907 555-12",
        "8-944-КОТ-00-11",
        "+7 945 300 11 22 доб. 5",
        "89123456789, 89127654321",
        "89123456789 / 89127654321",
        "89123456789 Мария",
        "<b>&",
    ],
)
def test_what_is_no_phone_stays_as_it_stands(written):
    # Nothing of it gets lost, such as an extension or a second number.
    assert phone(written, country="RU") == written


def test_a_number_is_read_by_the_rules_of_the_country():
    # Without a country's code it is the account's.
    assert phone("8 029 123-45-67", country="BY") == "+375 29 123-45-67"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("89123456789", "+7 912 ···-··-89"),
        ("8 907 555-12", "· ··· ···-12"),
        ("79071234", "······34"),
        ("нет телефона", "нет телефона"),
    ],
)
def test_a_masked_phone_can_be_told_and_not_called(written, shown):
    # The first digits and the last two; of what is no phone, only these.
    assert phone(written, country="RU", is_masked=True) == shown


@given(st.text(max_size=40))
def test_any_text_comes_through(written):
    # No digit is added or lost but the country's code, and no mask shows more than six digits.
    shown = phone(written, country="RU")
    if shown != written:
        digits = re.sub(r"\D", "", written)
        assert re.sub(r"\D", "", shown)[-10:] == digits[-10:]
    masked = phone(written, country="RU", is_masked=True)
    assert sum(character.isdigit() for character in masked) <= 6
