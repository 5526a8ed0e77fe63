"""A long text becomes several messages, each of which Telegram takes."""

import re
from html import escape

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from demo.telegram.markup import format_message
from sancrm_reports.pure.splitting import split, visible_length

LIMIT_OF_TEST = 60
words = st.text(
    st.sampled_from("абв xyz<>&\"'😀🇷🇺👨‍👩‍👧;#") | st.characters(exclude_categories=["Cs", "Cc"]),
    min_size=1,
    max_size=12,
)
lines = st.builds(
    lambda words, tag: "".join(
        f"<{tag}>{escape(word)}</{tag}>" if n % 2 else escape(word) for n, word in enumerate(words)
    ),
    st.lists(words, min_size=1, max_size=4),
    st.sampled_from(("b", "i", "code")),
).filter(lambda line: line.strip() and visible_length(line) <= LIMIT_OF_TEST)
blocks = st.lists(lines, min_size=1, max_size=8).map("\n".join)
texts = st.lists(blocks, min_size=1, max_size=8).map("\n\n".join)


@given(texts)
def test_the_parts_are_the_text(text):
    # Nothing is lost or doubled: put together with a line end or a blank line they are the text.
    at = 0
    for part in split(text, LIMIT_OF_TEST):
        assert text.startswith(part, at)
        at += len(part)
        gap = re.compile("\n{0,2}").match(text, at)
        at = gap.end()
        assert gap[0] or at == len(text)
    assert at == len(text)


@given(texts)
def test_every_part_is_within_the_limit_and_a_message_of_its_own(text):
    # Counted as Telegram counts, by its own strict parser: no emoji, tag or reference is cut.
    for part in split(text, LIMIT_OF_TEST):
        shown = format_message(f"{part}.", "HTML").text  # the parser refuses a text of blanks
        assert len(shown.encode("utf-16-le")) // 2 <= LIMIT_OF_TEST + 1


@given(texts)
def test_the_visible_length_is_what_telegram_counts(text):
    # Markup read, in UTF-16 units.
    assume(not text.isspace())
    framed = f".{text}."  # blanks at the ends do not count for Telegram
    shown = format_message(framed, "HTML").text
    assert visible_length(framed) == len(shown.encode("utf-16-le")) // 2


def test_a_quotation_that_is_cut_is_one_in_each_part():
    # Closed at the end of a part, and opened as it was in the next; what follows is outside.
    text = "a\n\n<blockquote expandable>b\nc\n\nd</blockquote>\ne"
    assert split(text, 2) == [
        "a",
        *(f"<blockquote expandable>{letter}</blockquote>" for letter in "bcd"),
        "e",
    ]


def test_blocks_stay_whole_where_they_fit():
    # A cut comes between blocks first, between lines only in a block that is too long alone.
    blocks = ["а" * 10, "б" * 10, "\n".join(["в" * 10] * 4)]
    text = "\n\n".join(blocks)
    assert split(text, 22) == [f"{blocks[0]}\n\n{blocks[1]}", *["\n".join(["в" * 10] * 2)] * 2]


def test_a_text_that_fits_is_one_part():
    # The ordinary case.
    assert split("а\n\nб", LIMIT_OF_TEST) == ["а\n\nб"]
    assert len(split("а" * LIMIT_OF_TEST, LIMIT_OF_TEST)) == 1


def test_a_line_that_is_too_long_is_refused():
    # Cutting it could cut markup.
    with pytest.raises(ValueError, match="61 characters"):
        split("а" * 61, LIMIT_OF_TEST)


def test_an_emoji_counts_as_telegram_counts_it():
    # Two units each, where Python says one.
    assert visible_length("<b>😀</b>&lt;") == 3
    assert split("😀😀\n😀", 4) == ["😀😀", "😀"]
