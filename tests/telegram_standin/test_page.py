"""The page and the text for a terminal, made from messages."""

import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from demo.telegram import Clock, render_page, render_text
from demo.telegram.chats import Chats, Draft
from demo.telegram.markup import MarkupError, format_message

GROUP, PERSON = -1001, 42


class Parsed(HTMLParser):
    """The tags of a page with their attributes, and the text of its last message."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text, self.inside = [], "", False
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if ("class", "text") in attributes:
            self.text, self.inside = "", True
        elif ("class", "meta") in attributes:
            self.inside = False

    def handle_data(self, data):
        self.text += data if self.inside else ""


def page_of(source):
    chats = Chats(Clock(frozen_at=0), None, "SanCRM")
    chat = chats.add(GROUP)
    chats.send(chat, Draft("sendMessage", source, format_message(source, "HTML")))
    return render_page(chats.messages)


def test_formatting_becomes_the_tags_of_a_page():
    page = page_of(
        "<b>ж</b><i>к</i><u>п</u><s>з</s><code>м</code><tg-spoiler>т</tg-spoiler>"
        '<a href="crm.example.com">с</a><blockquote>ц</blockquote><pre>б</pre>'
    )
    for piece in (
        *("<b>ж</b>", "<i>к</i>", "<u>п</u>", "<s>з</s>", "<code>м</code>"),
        *("<blockquote>ц</blockquote>", "<pre><code>б</code></pre>"),
        '<a href="http://crm.example.com/" target="_blank" rel="noopener noreferrer">с</a>',
    ):
        assert piece in page
    assert re.search(r'<span class="spoiler"[^>]*>т</span>', page)


def test_nested_formatting_nests_on_the_page():
    assert "<b>a</b><b><i>b</i>c</b>" in page_of("<b>a<i>b</i>c</b>")


def test_markup_in_a_message_is_shown_as_text():
    page = page_of("&lt;script&gt;alert(1)&lt;/script&gt; &lt;img src=x onerror=y&gt;")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &lt;img src=x onerror=y&gt;" in page


def test_a_phone_number_and_an_address_can_be_tapped():
    page = page_of("Анна, +7 (912) 345-67-89, https://crm.example.com/1.")
    assert '<a href="tel:+79123456789">+7 (912) 345-67-89</a>' in page
    assert '<a href="https://crm.example.com/1" ' in page


def test_a_page_loads_nothing_and_forbids_loading(client, stand_in, make_png):
    client("sendPhoto", chat_id=GROUP, files={"photo": ("x.png", make_png(3, 2))})
    page = render_page(stand_in.messages)
    loaded = [a.get("src") for tag, a in Parsed(page).tags if tag in ("img", "script", "iframe")]
    assert [source[:22] for source in loaded if source] == ["data:image/png;base64,"]
    assert "default-src 'none'" in page
    assert "data-version" not in page


def test_a_page_shows_the_marks_of_a_message(client, stand_in):
    stand_in.chats.say(GROUP, "Почему минус?", "Сергей")
    client.send("x", disable_notification="true", reply_parameters='{"message_id": 1}')
    client("editMessageText", chat_id=GROUP, message_id=2, text="y")
    page = render_page(stand_in.messages)
    for mark in ("изменено", 'aria-label="Без звука"', "<b>Сергей</b><span>Почему минус?</span>"):
        assert mark in page
    assert '<time datetime="2025-11-07T09:00:00+03:00">09:00</time>' in page
    assert "<span>7 ноября 2025</span>" in page


def test_a_page_made_of_the_log_shows_the_last_version_once(client, stand_in):
    client.send("Было")
    client("editMessageText", chat_id=GROUP, message_id=1, text="Стало")
    page = render_page(stand_in.accepted)
    assert "Было" not in page
    assert page.count("Стало") == 1


def test_every_day_has_its_heading(client, stand_in):
    client.send("x")
    stand_in.clock.advance(15 * 3600)  # midnight in Moscow, not in Greenwich
    client.send("y")
    page = render_page(stand_in.messages)
    assert re.findall(r"\d+ ноября 2025", page) == ["7 ноября 2025", "8 ноября 2025"]


def test_the_feed_has_news_only_when_there_are_any(client, http, stand_in):
    feed = stand_in.page_url + "feed?version="
    first = http.get(feed + "0").json()
    assert http.get(f"{feed}{first['version']}").status_code == 204
    client.send("Новость")
    assert "Новость" in http.get(f"{feed}{first['version']}").json()["html"]


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"]), max_size=40))
def test_any_text_is_shown_as_it_is_and_adds_no_tags_but_links(text):
    try:
        content = format_message(text)
    except MarkupError:
        return
    chats = Chats(Clock(frozen_at=0), None, "SanCRM")
    chats.send(chats.add(GROUP), Draft("sendMessage", text, content))
    shown, plain = Parsed(render_page(chats.messages)), Parsed(page_of("x"))
    assert shown.text == content.text
    assert [tag for tag, _ in shown.tags if tag != "a"] == [
        tag for tag, _ in plain.tags if tag != "a"
    ]


def test_a_terminal_gets_the_same_chat(client, stand_in):
    keyboard = '{"inline_keyboard":[[{"text":"Открыть в CRM","url":"https://crm.example.com/1"}]]}'
    source = "📞 <b>Незвонок C-11508</b>\n" + "слово " * 12 + "\n<blockquote>итог</blockquote>"
    client.send(source, parse_mode="HTML", reply_markup=keyboard)
    assert render_text(stand_in.messages) == (
        "━━ Отчёты ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━\n"
        "\n"
        "              ─ 7 ноября 2025 ─\n"
        "\n"
        "09:00 SanCRM\n"
        "  📞 Незвонок C-11508\n"
        "  слово слово слово слово слово слово слово\n"
        "  слово слово слово слово слово\n"
        "  ▎ итог\n"
        "  [ Открыть в CRM ] https://crm.example.com/1\n"
    )


def test_a_terminal_gets_no_control_characters(client, stand_in):
    client.send("a\x1b[31mb\x9bc")
    assert "a [31mbc" in render_text(stand_in.messages)
