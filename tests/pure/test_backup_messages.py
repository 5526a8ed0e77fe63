"""What people read of a backup that is not there."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from pure.test_backups import DAY, HOUR, OPENS, WINDOW, done, failed, running, verdict
from sancrm_reports.backups.facts import Window
from sancrm_reports.backups.text import (
    TOOLS,
    WORDS,
    Subject,
    alert,
    progress,
    recovered,
)
from sancrm_reports.backups.verdicts import Verdict
from sancrm_reports.pure.splitting import split, visible_length

TEMPLATES = Path(__file__).parents[2] / "include" / "templates" / "ru"
SUBJECT = Subject("sancrm", "table", "Europe/Moscow", WINDOW)
NEXT = Window(OPENS + DAY, OPENS + DAY + 3 * HOUR, OPENS + 2 * DAY)

ALERT = """\
🔴 <b>Резервная копия sancrm: сбой</b>
Копирование закончилось ошибкой.
<code>disk full</code>

Ожидалась: 18 ноября, 05:00–08:00, задание копирования
Копия: bad
<b>Нет хорошей копии 1 дн.</b>, с 17 ноября, 05:40
Последняя хорошая: b1, 3,0 ГБ

👉 Устраните причину и запустите копирование заново, не дожидаясь ночи."""

RECOVERED = """\
✅ <b>Резервная копия sancrm: восстановлено</b>

Было: сбой
Без хорошей копии: 2 дн. (17 ноября, 05:40 – 19 ноября, 05:40)
Новая копия: b-1, 3,0 ГБ"""

ANSWER = (
    "✅ <b>Резервная копия sancrm снова есть</b>: 19 ноября, 05:40, 3,0 ГБ. "
    "Без хорошей копии прошло 2 дн."
)


def text(judgement, **options):
    options = {"subject": SUBJECT, "templates": TEMPLATES, **options}
    return alert(judgement, options.pop("subject"), **options).html.replace("\xa0", " ")


def test_the_alert_is_its_golden_text():
    # What, the tool's own line, what was expected, since when there is none, what to do first.
    assert text(verdict(failed())) == ALERT


def test_the_repository_without_backups_is_named():
    # Whoever reads it has to know which of them to look at.
    found = replace(verdict(done()), verdict=Verdict.REPOSITORY_BEHIND, repository="repo2")
    assert "В хранилище repo2 давно нет хорошей копии, хотя в другом она есть." in text(found)


def test_the_good_end_is_its_golden_text():
    # What the alert becomes, and the answer to it.
    good = verdict(done(-1), window=NEXT, at=26 * HOUR)
    both = recovered(verdict(failed()), good, SUBJECT, templates=TEMPLATES)
    assert [message.html.replace("\xa0", " ") for message in both] == [RECOVERED, ANSWER]


def test_every_bad_verdict_has_words_of_its_own():
    # No two say the same, and none is forgotten.
    assert set(WORDS) == {verdict for verdict in Verdict if verdict.is_bad}
    for part in ("short", "meaning", "first"):
        assert len({getattr(words, part) for words in WORDS.values()}) == len(WORDS)


def test_markup_in_names_and_errors_is_shown_as_it_is():
    # An error line may hold anything; a message with a bare < is refused whole.
    bad = replace(failed(), label="<b>", error="a < b & c > d")
    shown = text(verdict(bad), subject=replace(SUBJECT, database="<i>crm</i>"))
    assert "a &lt; b &amp; c &gt; d" in shown
    assert "&lt;i&gt;crm&lt;/i&gt;" in shown


@pytest.mark.parametrize("bad", WORDS)
def test_the_longest_alert_fits_in_one_message(bad):
    # An alert is edited at its end, which needs one part.
    long = replace(
        done(), label="ю" * 500, where="s3://" + "я" * 500, error="ж" * 5000, damage="щ" * 5000
    )
    judgement = replace(verdict(failed()), verdict=bad, backup=long, last_good=long)
    judgement = replace(judgement, detail="ф" * 5000, repository="repo2")
    shown = text(judgement, subject=replace(SUBJECT, database="ы" * 500))
    assert len(split(shown)) == 1
    assert visible_length(shown) < 1500


def test_a_backup_that_never_was_is_said_so():
    # Not an empty line, nor an age of nothing.
    assert "Ни одной хорошей копии не известно" in text(verdict(at=3 * HOUR, before=[]))


def test_a_small_backup_is_told_with_what_is_usual():
    # And its own size beside it.
    shown = text(verdict(done(size=20)))
    assert "обычно 3,0 ГБ" in shown
    assert "20 Б" in shown
    assert "<code>" not in shown  # the tool said nothing


def test_a_rehearsal_says_so_first():
    # In the push preview, before anybody runs.
    shown = text(verdict(failed()), is_rehearsal=True)
    assert shown.startswith("🧪 <b>УЧЕБНАЯ ТРЕВОГА</b>")


def test_the_wait_can_be_read_in_the_log():
    # In English, with the share that is done and the time by the account's clock.
    line = progress(verdict(running(progress=0.61)), "Europe/Moscow")
    assert line == "The backup now is running since 05:30, 61%."
    assert "the last good one is b1" in progress(verdict(), "Europe/Moscow")


def test_tools_are_named_for_people():
    # Every kind of probe that the settings allow.
    from sancrm_reports.backups.settings import WatchedBackup

    kinds = {
        kind
        for probe in WatchedBackup.model_fields["probe"].annotation.__args__
        for kind in probe.model_fields["kind"].annotation.__args__
    }
    assert set(TOOLS) == kinds
    assert timedelta() < WINDOW.due_at - WINDOW.opens_at
