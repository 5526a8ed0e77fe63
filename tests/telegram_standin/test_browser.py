"""The live page in a real browser, as a phone shows it."""

import json
from pathlib import Path

import pytest

from chromium import launched, needs_chromium

GROUP = -1001
KEYBOARD = {"inline_keyboard": [[{"text": "Открыть в CRM", "url": "https://crm.example.com/1"}]]}

GOLDENS = Path(__file__).parents[1] / "goldens"

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def browser():
    with launched() as browser:
        yield browser


@pytest.fixture
def page(browser, stand_in):
    page = browser.new_page(viewport={"width": 390, "height": 844}, locale="ru")
    page.set_default_timeout(60_000)
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.goto(stand_in.page_url)
    yield page
    assert page.complaints == []
    page.close()


def test_a_message_appears_with_its_bold_text_and_its_button(page, client):
    client.send("<b>Незвонок</b> C-11508", parse_mode="HTML", reply_markup=json.dumps(KEYBOARD))
    page.wait_for_selector("b:text-is('Незвонок')")
    button = page.get_by_role("link", name="Открыть в CRM")
    assert button.get_attribute("href") == "https://crm.example.com/1"
    assert button.is_visible()


def test_a_script_in_a_message_is_text(page, client):
    client.send("<script>document.title='взлом'</script><img src=x onerror=alert(1)>")
    shown = page.wait_for_selector("article .text")
    assert "<script>document.title='взлом'</script><img src=x onerror=alert(1)>" in (
        shown.inner_text()
    )
    assert page.title() != "взлом"
    assert page.locator("article script, article img").count() == 0


def test_an_edit_changes_the_bubble_in_place(page, client):
    client.send("Было")
    page.wait_for_selector("text=Было")
    client("editMessageText", chat_id=GROUP, message_id=1, text="Стало")
    page.wait_for_selector("text=Стало")
    assert page.locator("article").count() == 1
    assert page.get_by_text("изменено").is_visible()


def test_another_chat_can_be_chosen(page, stand_in, client):
    client.send("Для форума", chat_id=-1002)
    page.get_by_role("navigation").get_by_role("link", name="Форум").click()
    page.wait_for_selector("text=Для форума")
    assert page.locator(".room:visible h1").inner_text() == "Форум"


def test_nothing_is_wider_than_the_phone(page, client):
    long = "https://crm.example.com/" + "x" * 200 + "\n<pre>" + "y" * 90 + "</pre>"
    client.send(long, parse_mode="HTML", reply_markup=json.dumps(KEYBOARD))
    page.wait_for_selector("pre")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    wall = page.locator(".wall:visible")
    assert wall.evaluate("wall => wall.scrollWidth - wall.clientWidth") == 0


@pytest.mark.parametrize("name", ["network_of_100", "network_daily", "branch_weekly_loss"])
@pytest.mark.parametrize("language", ["ru", "en"])
def test_verdict_and_figures_of_a_report_are_seen_at_one_look(page, client, language, name):
    # From the message's top to the fifth figure, on a phone of 390 pixels; details are folded.
    html, _, _ = (GOLDENS / language / f"{name}.txt").read_text("utf-8").partition("\n[")
    client.send(html, parse_mode="HTML")
    page.wait_for_selector("article blockquote.expandable")
    edges = page.evaluate(
        """() => {
            const message = document.querySelector("article");
            const figures = [...message.querySelectorAll("b")].slice(2, 7);
            const quotation = message.querySelector("blockquote");
            return [message.getBoundingClientRect().top, figures.length,
                    figures.at(-1).getBoundingClientRect().bottom,
                    quotation.scrollHeight - quotation.clientHeight];
        }"""
    )
    top, count, bottom, folded = edges
    assert count == 5
    assert bottom - top <= 420
    assert folded > 0
