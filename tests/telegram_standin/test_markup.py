"""Telegram's HTML is read as strictly as the real server reads it."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.telegram.entities import Entity, utf16_length
from demo.telegram.markup import MarkupError, format_caption, format_message, parse_html


def formatted(source):
    message = format_message(source, "HTML")
    return message.text, [(e.type, e.offset, e.length) for e in message.entities]


@pytest.mark.parametrize(
    ("tag", "kind"),
    [
        *(("b", "bold"), ("strong", "bold"), ("i", "italic"), ("em", "italic")),
        *(("u", "underline"), ("ins", "underline"), ("s", "strikethrough")),
        *(("strike", "strikethrough"), ("del", "strikethrough"), ("tg-spoiler", "spoiler")),
        *(("code", "code"), ("pre", "pre"), ("blockquote", "blockquote")),
    ],
)
def test_every_listed_tag_becomes_its_entity(tag, kind):
    assert formatted(f"а <{tag}>б</{tag}>") == ("а б", [(kind, 2, 1)])


def test_a_span_is_a_spoiler_only_with_the_class():
    assert formatted('<span class="tg-spoiler">x</span>') == ("x", [("spoiler", 0, 1)])
    with pytest.raises(MarkupError, match='Tag "span" must have class "tg-spoiler"'):
        format_message("<span>x</span>", "HTML")


def test_a_quote_can_be_expandable():
    assert formatted("<blockquote expandable>x</blockquote>")[1] == [
        ("expandable_blockquote", 0, 1)
    ]


def test_a_code_with_a_language_names_the_language_of_its_pre():
    message = format_message('<pre><code class="language-sql">select 1</code></pre>', "HTML")
    assert message.entities == (Entity("pre", 0, 8, language="sql"),)


def test_a_link_keeps_its_address_in_normal_form():
    message = format_message('<a href="https://CRM.example.com?a=1&amp;b=2">x</a>', "HTML")
    assert message.entities == (Entity("text_link", 0, 1, url="https://crm.example.com/?a=1&b=2"),)


def test_a_link_that_leads_nowhere_stays_as_text():
    assert formatted('<a href="http://localhost/">x</a>') == ("x", [])


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("Привет <p>x</p>", 'Unsupported start tag "p" at byte offset 13'),
        ("<h1>x</h1>", 'Unsupported start tag "h1" at byte offset 0'),
        ("a<br>b", 'Unsupported start tag "br" at byte offset 1'),
        ("a<br/>b", 'Unsupported start tag "br/" at byte offset 1'),
        ("2 < 3 и 5 > 4", 'Unsupported start tag "" at byte offset 2'),
        ("2 <", "Unclosed start tag at byte offset 2"),
        ("2 <b", "Unclosed start tag at byte offset 2"),
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        (
            "<b><i>x</b></i>",
            'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"',
        ),
        ("<a href=https://x.y>z</a>", "Unexpected end of name token at byte offset 8"),
        ('<a href="https://x.y>z</a>', "Unclosed start tag at byte offset 0"),
        ('<b "x">z</b>', 'Empty attribute name in the tag "b" at byte offset 0'),
        ("<b x", 'Unclosed start tag "b" at byte offset 0'),
        (
            "&#xD83D;",
            "Text contains invalid Unicode characters after decoding HTML entities, "
            "check for unmatched surrogate code units",
        ),
    ],
)
def test_wrong_markup_is_refused_with_the_place(source, reason):
    with pytest.raises(MarkupError) as refusal:
        format_message(source, "HTML")
    assert str(refusal.value) == f"can't parse entities: {reason}"


def test_only_four_named_references_and_numeric_ones_are_decoded():
    assert formatted("&lt;&gt;&amp;&quot;&#8381;&#x20bd;")[0] == '<>&"₽₽'
    assert parse_html("&#" + "9" * 5000 + ";")[0].startswith("&#99")
    assert formatted("1&nbsp;&mdash;&nbsp;&laquo;2")[0] == "1&nbsp;&mdash;&nbsp;&laquo;2"


def test_nothing_stays_inside_code_and_pre():
    assert formatted("<pre>a<b>b</b></pre>")[1] == [("pre", 0, 2)]
    assert formatted('<code>a<a href="x.y">b</a></code>')[1] == [("code", 0, 2)]
    assert formatted("<b>a<code>b</code>c</b>")[1] == [
        ("bold", 0, 1),
        ("code", 1, 1),
        ("bold", 2, 1),
    ]


def test_styles_are_split_around_each_other_and_merged_when_they_touch():
    assert formatted("<b>a<i>b</i>c</b>")[1] == [("bold", 0, 1), ("bold", 1, 2), ("italic", 1, 1)]
    assert formatted("<b>a</b><b>b</b>")[1] == [("bold", 0, 2)]


def test_quotes_do_not_nest():
    assert formatted("<blockquote>a<blockquote>b</blockquote></blockquote>")[1] == [
        ("blockquote", 0, 2)
    ]


def test_offsets_are_in_utf16_code_units():
    assert formatted("📊 <b>итог</b>") == ("📊 итог", [("bold", 3, 4)])


def test_spaces_around_the_text_are_cut_with_the_entities():
    assert formatted(" \n a <b>b \n</b>\n") == ("a b", [("bold", 2, 1)])


def test_control_characters_become_spaces_and_carriage_returns_go():
    assert format_message("a\tb\r\nc\x00d").text == "a b\nc d"


def test_without_a_parse_mode_the_text_is_literal():
    assert format_message("<b>1 < 2 &amp; 3</b>").text == "<b>1 < 2 &amp; 3</b>"


@pytest.mark.parametrize("mode", ["Markdown", "MarkdownV2", "xml"])
def test_another_parse_mode_is_refused(mode):
    with pytest.raises(MarkupError, match="unsupported parse_mode"):
        format_message("x", mode)


@pytest.mark.parametrize("source", ["<b></b>", " ", "\n", "<i> \u00a0\u200b</i>", "\u3000"])
def test_a_text_that_shows_nothing_is_refused(source):
    with pytest.raises(MarkupError, match="text must be non-empty"):
        format_message(source, "HTML")


def test_no_text_at_all_is_refused():
    with pytest.raises(MarkupError, match="message text is empty"):
        format_message("", "HTML")


def test_the_length_counts_after_parsing_and_an_emoji_counts_as_two():
    longest = "📊" + "я" * 4094
    assert format_message(f"<b>{longest}</b>", "HTML").text == longest
    with pytest.raises(MarkupError, match="message is too long"):
        format_message(longest + "я")


def test_a_caption_may_be_empty_and_is_shorter():
    assert format_caption("").text == ""
    assert format_caption("я" * 1024)
    with pytest.raises(MarkupError, match="message caption is too long"):
        format_caption("я" * 1025)


def test_entities_over_a_hundred_are_ignored():
    message = format_message("<b>a</b> " * 150, "HTML")
    assert len(message.entities) == 100
    assert utf16_length(message.text) == 299


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"])))
def test_escaped_text_comes_back_as_it_was(text):
    assert parse_html(html.escape(text)) == (text, [])


_PIECES = st.sampled_from(
    [
        *("<b>", "</b>", "<i>", "</i>", "<pre>", "</pre>", "<code class='language-x'>", "</code>"),
        *('<a href="x.y">', "</a>", "<blockquote>", "<blockquote expandable>", "</blockquote>"),
        *("<", ">", "</", "/>", "&", "&lt", "&#", "&#x1F4CA;", "=", '"', "'", "\n", " ", "\0"),
        *("📊", "\r", "ж", "a", "</>", "<tg-spoiler>", "</tg-spoiler>", "<span "),
    ]
)


@given(st.lists(_PIECES | st.text(max_size=3), max_size=30).map("".join))
def test_any_source_is_either_refused_or_has_entities_that_nest_inside_the_text(source):
    try:
        message = format_message(source, "HTML")
    except MarkupError:
        return
    assert all(0 <= e.offset < e.end <= utf16_length(message.text) for e in message.entities)
    open_ends = []
    for entity in message.entities:
        while open_ends and open_ends[-1] <= entity.offset:
            open_ends.pop()
        assert not open_ends or entity.end <= open_ends[-1]
        open_ends.append(entity.end)


_TREES = st.recursive(
    st.text(alphabet="ab ж📊", max_size=4),
    lambda inner: st.tuples(
        st.sampled_from(["b", "i", "u", "s", "code", "pre", "blockquote", "tg-spoiler"]),
        st.lists(inner, max_size=3),
    ).map(lambda tree: f"<{tree[0]}>{''.join(tree[1])}</{tree[0]}>"),
    max_leaves=12,
)


@given(_TREES)
def test_properly_nested_markup_is_never_refused_for_its_markup(source):
    parse_html(source)
