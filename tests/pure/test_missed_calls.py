"""What the staff reads of a customer to call back."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.telegram.markup import format_message
from sancrm_reports.pure.missed_calls import MissedCall, Wording
from sancrm_reports.pure.parts import TELEGRAM
from sancrm_reports.pure.splitting import RESERVED, split, visible_length
from sancrm_reports.pure.templates import Templates

TEMPLATES = Templates(Path(__file__).parents[2] / "include" / "templates" / "ru")
DAY = date(2026, 11, 24)
WORDING = Wording(TEMPLATES, "Europe/Moscow", "RU", card_url="https://crm.example.com/repairs/{id}")
CALL = MissedCall(
    repair_id=7,
    number=11508,
    code="R-11508",
    status="Готов",
    since=datetime(2026, 11, 21, 15, tzinfo=UTC),
    category="Электроинструмент",
    brand="Makita",
    model="HR2470",
    customer="Соколов Андрей Петрович",
    phone="89123456789",
    company="ООО «Кровля & Фасад»",
)
ODD_NAMES = [
    "<b>Марина</b>",
    "Марина & Олег <соседи>",
    "&lt;Олег&gt; &amp;",
    "\u200fמשה כהן",
    "Серёга 🔧 👨‍👩‍👧 🇷🇺",
    "я" * 300,
    "😀" * 300,
    "{{ 7*7 }} {% raw %} %(name)s {name}",
]


def lines(call=CALL, wording=WORDING, day=DAY):
    return wording.to_call(call, day).html.splitlines()


def plain(message):
    """The text as Telegram reads it."""
    return format_message(message.html, "HTML").text


def test_a_message_says_whom_to_call_about_what():
    # Everything known, to the letter, with its markup.
    assert lines() == [
        "📞 <b>Перезвонить: R-11508</b> (№&#160;11508), «Готов», ждёт 3 дня",
        "Электроинструмент · Makita · HR2470",
        "Соколов Андрей Петрович",
        "ООО «Кровля &amp; Фасад»",
        "+7 912 345-67-89",
    ]


def test_the_push_preview_says_what_is_to_be_done():
    # Whom to call about what, in the first hundred characters.
    assert plain(WORDING.to_call(CALL, DAY))[:100].startswith(
        "📞 Перезвонить: R-11508 (№\N{NO-BREAK SPACE}11508)"
    )


@pytest.mark.parametrize("missing", ["brand", "model", "company", "customer", "category", "phone"])
@pytest.mark.parametrize("nothing", ["", None, "  "])
def test_what_is_missing_leaves_no_hole(missing, nothing):
    # No dash, no empty line, no separator without something on both its sides.
    row = {field: getattr(CALL, field) for field in MissedCall.__dataclass_fields__}
    call = MissedCall.from_row({**row, missing: nothing})
    shown = lines(call)
    assert len(shown) == len(lines()) - (missing in ("company", "customer", "phone"))
    assert "—" not in "".join(shown)
    assert "· ·" not in "".join(shown)
    assert not any(line.strip().startswith("·") or line.rstrip().endswith("·") for line in shown)


@pytest.mark.parametrize("name", ODD_NAMES)
@pytest.mark.parametrize("field", ["customer", "company", "model"])
def test_a_name_arrives_as_written(name, field):
    # Markup is text, and a long name is not cut.
    message = WORDING.to_call(replace(CALL, **{field: name}), DAY)
    assert name in plain(message)


def test_a_name_that_turns_the_direction_turns_its_own_line_only():
    # Each name has a line, and what would turn the rest is taken out.
    call = replace(CALL, customer="\u202eнаоборот", company="\u200fמשה")
    *_, name, company, phone = plain(WORDING.to_call(call, DAY)).splitlines()
    assert (name, company, phone) == ("наоборот", "\u200fמשה", "+7 912 345-67-89")


@given(
    st.fixed_dictionaries(
        {
            name: st.text(max_size=2000)
            for name in ("category", "brand", "model", "customer", "company", "phone", "status")
        }
    )
)
def test_any_text_makes_one_message(texts):
    # One part, within Telegram's limit, with markup that can be read.
    message = WORDING.to_call(replace(CALL, **texts), DAY)
    assert len(split(message.html, TELEGRAM.text - RESERVED)) == 1
    assert visible_length(message.html) < 4096
    plain(message)


def test_the_longest_texts_make_one_message():
    # Emoji count twice.
    names = dict.fromkeys(("category", "brand", "model", "customer", "company"), "😀" * 5000)
    message = WORDING.to_call(replace(CALL, **names, phone="8" * 5000, status="я" * 500), DAY)
    assert len(split(message.html, TELEGRAM.text - RESERVED)) == 1


@pytest.mark.parametrize(
    ("since", "waiting"),
    [
        ("2026-11-24T09:59:00+03:00", ""),
        ("2026-11-24T00:00:00+03:00", ""),
        ("2026-11-23T23:59:00+03:00", "ждёт 1 день"),
        ("2026-11-22T12:00:00+03:00", "ждёт 2 дня"),
        ("2026-11-03T12:00:00+03:00", "ждёт 21 день"),
        ("2026-11-19T12:00:00+03:00", "ждёт 5 дней"),
        ("2026-11-25T12:00:00+03:00", ""),  # a clock that is wrong
    ],
)
def test_the_wait_is_counted_in_days_of_the_account(since, waiting):
    # Nothing on the first day; the same all day long, so that a second run changes nothing.
    first = lines(replace(CALL, since=datetime.fromisoformat(since)))[0]
    assert first.endswith(f", {waiting}" if waiting else "«Готов»")


def test_the_wait_can_be_left_out():
    # By a setting.
    assert "ждёт" not in lines(wording=replace(WORDING, shows_waiting=False))[0]


def test_the_phone_can_be_masked():
    # Nobody can call from the chat, and the number can still be told.
    shown = "\n".join(lines(wording=replace(WORDING, masks_phone=True)))
    assert "+7 912 ···-··-89" in shown
    assert "345" not in shown


def test_the_button_leads_to_the_card():
    # By id, number or code; what stands in a code cannot break the address.
    def url(pattern, **changes):
        return replace(WORDING, card_url=pattern).to_call(replace(CALL, **changes), DAY).button.url

    assert url("https://crm.example.com/repairs/{id}") == "https://crm.example.com/repairs/7"
    assert url("https://crm.example.com/?n={number}") == "https://crm.example.com/?n=11508"
    assert url("https://crm.example.com/{code}", code="С/1 ?") == (
        "https://crm.example.com/%D0%A1%2F1%20%3F"
    )
    assert replace(WORDING, card_url=None).to_call(CALL, DAY).button is None


def test_what_a_message_becomes_names_nobody():
    # No button, no phone, no name: only the repair's code.
    for message in (WORDING.called_back("R-11508"), WORDING.told_again("R-11508")):
        assert message.button is None
        assert "R-11508" in message.html
        assert not any(character.isdigit() for character in message.html.replace("11508", ""))
    assert WORDING.called_back("R-1").html.startswith("✅")


def test_every_message_is_private():
    # So that no text is kept; protection is a setting.
    for wording in (WORDING, replace(WORDING, is_protected=True)):
        for message in (wording.to_call(CALL, DAY), wording.called_back("R-1")):
            assert message.is_private
            assert message.is_protected is wording.is_protected


def test_a_call_does_not_show_a_person_by_accident():
    # In a log or an error, where a whole object may come to stand.
    assert "Соколов" not in repr(CALL)
    assert "912" not in repr(CALL)
    assert "Кровля" not in str([CALL])
