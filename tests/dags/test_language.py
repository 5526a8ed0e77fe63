"""Another language: one setting, and everything that people read is in it."""

from sancrm_reports.glue import page
from sancrm_reports.pure.language import language_of
from sancrm_reports.pure.templates import Templates
from sancrm_reports.settings import TEMPLATES, templates
from stage import OPS_CHAT


def test_a_run_posts_in_the_language_of_the_settings(run, telegram, configured):
    # Reports with English dates and numbers, and what ops read of a failure.
    configured(ACCOUNT__LANGUAGE="en")
    run("profitability_weekly", period="2026-11-10")
    network = telegram.messages[-1].text
    assert network.startswith("🟢 Whole network, 9–15 November 2026: profit ")
    assert "margin 78.9%" in network
    configured(ACCOUNT__LANGUAGE="en", CHATS__REPORTS="-1009999999999")
    run("profitability_daily", period="2026-11-16")
    [told] = [message for message in telegram.messages if message.chat_id == OPS_CHAT]
    assert told.text.startswith("🔴 Failed: daily report for Monday, 16 November")
    assert "Telegram does not find the chat" in told.text


def test_the_page_is_in_the_language_of_the_settings(configured):
    # Its words, the names of the kinds, and those of the statuses.
    configured(ACCOUNT__LANGUAGE="en")
    words = page.words()
    assert (words["language"], words["statuses"]["m"]) == ("en", "not sent")
    assert words["words"].keys() == {
        code
        for code in language_of(Templates(TEMPLATES / "ru")).words
        if code.startswith(("page.", "link."))
    }
    assert [kind.name for kind in page.kinds_shown().values()][:2] == ["Daily", "Weekly"]
    assert templates() == Templates(TEMPLATES / "en")


def test_every_word_of_the_page_is_used(configured):
    # One that is used nowhere is a word that nobody will keep right.
    code = "\n".join(
        file.read_text("utf-8")
        for file in [*page.FILES.glob("*.js"), page.FILES.parent / "glue" / "page.py"]
    )
    plugin = (page.FILES.parents[1] / "sancrm_plugin.py").read_text("utf-8")
    unused = {
        word
        for word in page.words()["words"]
        if f'"{word}"' not in code + plugin and word.split(".")[1] not in page.kinds_shown()
    }
    assert unused == set()
