"""Inline keyboards and their links are checked as Telegram checks them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.telegram.buttons import Button, ButtonError, parse_keyboard
from demo.telegram.urls import UrlError, checked_url


def keyboard(*buttons):
    return json.dumps({"inline_keyboard": [list(buttons)]})


@pytest.mark.parametrize(
    ("url", "stored"),
    [
        ("https://crm.example.com/repairs/1", "https://crm.example.com/repairs/1"),
        ("HTTP://CRM.Example.com", "http://crm.example.com/"),
        ("crm.example.com/x", "http://crm.example.com/x"),
        ("http://127.0.0.1:8080/x?y=1#z", "http://127.0.0.1:8080/x?y=1#z"),
        ("http://[::1]/", "http://[::1]/"),
        ("https://срм.рф/чек лист", "https://срм.рф/чек%20лист"),
        ("tg://resolve?domain=x", "tg://resolve?domain=x"),
        ("tg:user?id=1", "tg://user?id=1"),
    ],
)
def test_a_good_link_is_stored_in_its_normal_form(url, stored):
    assert checked_url(url) == stored


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://localhost/", "Wrong HTTP URL"),
        ("http://airflow:8080/dags/x", "Wrong HTTP URL"),
        ("ftp://example.com/", "Unsupported URL protocol"),
        ("javascript://example.com/", "Unsupported URL protocol"),
        ("https://example.com:99999/", "Wrong port number specified in the URL"),
        ("https:///x", "URL host is empty"),
        ("https://exa mple.com/", "Disallowed character in URL host"),
        ("http://[zz]/", "Wrong IPv6 address specified in the URL"),
        ("tg://a.b", "Unallowed characters in URL host"),
    ],
)
def test_a_bad_link_fails_the_whole_keyboard(url, reason):
    with pytest.raises(ButtonError) as refusal:
        parse_keyboard(keyboard({"text": "Открыть", "url": url}))
    assert str(refusal.value) == f"inline keyboard button URL '{url}' is invalid: {reason}"


def test_rows_and_buttons_keep_their_order():
    markup = {"inline_keyboard": [[{"text": "a", "url": "x.y"}], [{"text": "b", "url": "z.y"}]]}
    assert parse_keyboard(json.dumps(markup)) == (
        (Button("a", "http://x.y/"),),
        (Button("b", "http://z.y/"),),
    )


def test_a_button_without_a_text_vanishes_without_a_word():
    buttons = {"text": "", "url": "x.y"}, {"text": "b", "url": "x.y"}
    assert parse_keyboard(keyboard(*buttons)) == ((Button("b", "http://x.y/"),),)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("{", "can't parse reply keyboard markup JSON object"),
        ("[]", "object expected as reply markup"),
        ('{"inline_keyboard": {}}', 'Field "inline_keyboard" must be of type Array'),
        ('{"inline_keyboard": [{}]}', "must be an Array of Arrays"),
        (keyboard("x"), "InlineKeyboardButton must be an Object"),
        (keyboard({"url": "x.y"}), 'Can\'t find field "text"'),
        (keyboard({"text": ["x"], "url": "x.y"}), 'Field "text" must be of type String'),
        (keyboard({"text": "x"}), "Text buttons are unallowed in the inline keyboard"),
        (keyboard({"text": "x", "callback_data": "я" * 33}), "BUTTON_DATA_INVALID"),
        (keyboard({"text": "x", "web_app": {}}), "the stand-in does not know web_app buttons"),
    ],
)
def test_a_malformed_keyboard_is_refused(raw, reason):
    with pytest.raises(ButtonError) as refusal:
        parse_keyboard(raw)
    assert reason in str(refusal.value)


@pytest.mark.parametrize("raw", ["", "{}", '{"remove_keyboard": true}', '{"inline_keyboard": []}'])
def test_no_inline_keyboard_is_no_buttons(raw):
    assert parse_keyboard(raw) == ()


@given(st.text())
def test_any_link_is_either_refused_or_web_or_tg(url):
    try:
        stored = checked_url(url)
    except UrlError:
        return
    assert stored.startswith(("http://", "https://", "tg://"))
    assert checked_url(stored) == stored
