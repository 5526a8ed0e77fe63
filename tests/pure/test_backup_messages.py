"""What people read of a backup that is missing; whole messages are in test_goldens.py."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from pure.test_backups import HOUR, WINDOW, done, failed, running, verdict
from sancrm_reports.backups.probes.errors import CommandError
from sancrm_reports.backups.text import Subject, alert, progress, verdict_line
from sancrm_reports.backups.verdicts import Verdict
from sancrm_reports.pure.language import language_of
from sancrm_reports.pure.parts import TELEGRAM
from sancrm_reports.pure.splitting import RESERVED, split, visible_length
from sancrm_reports.pure.templates import Templates

TEMPLATES = Templates(Path(__file__).parents[2] / "include" / "templates" / "ru")
SUBJECT = Subject("sancrm", "table", "Europe/Moscow", WINDOW)

BAD = [verdict for verdict in Verdict if verdict.is_bad]


def text(judgement, **options):
    options = {"subject": SUBJECT, "templates": TEMPLATES, **options}
    return alert(judgement, options.pop("subject"), **options).html.replace("\xa0", " ")


def test_the_repository_without_backups_is_named():
    # Whoever reads it has to know which of them to look at.
    found = replace(verdict(done()), verdict=Verdict.REPOSITORY_BEHIND, repository="repo2")
    assert "В хранилище repo2 давно нет копии sancrm</b>" in text(found)


def test_every_bad_verdict_has_words_of_its_own():
    # No two say the same, and none is forgotten.
    words = language_of(TEMPLATES).words
    for part in ("", ".short", ".meaning", ".first"):
        assert len({words[f"backup.{bad}{part}"] for bad in BAD}) == len(BAD)


def test_why_nobody_could_look_is_told_and_the_tools_line_quoted():
    # In words; the error's own text is for the log.
    error = CommandError("pgbackrest failed with exit code 99: no route", quote="no route")
    broken = replace(verdict(), verdict=Verdict.PROBE_BROKEN).because(error)
    shown = text(broken)
    assert "Причина: команда, которая сообщает о копиях, не сработала.\n<code>no rou" in shown
    assert "exit code" not in shown
    assert "exit code 99" in verdict_line(broken)


def test_markup_in_names_and_errors_is_shown_as_it_is():
    # An error line may hold anything; a message with a bare < is refused whole.
    bad = replace(failed(), label="<b>", error="a < b & c > d")
    shown = text(verdict(bad), subject=replace(SUBJECT, database="<i>crm</i>"))
    assert "a &lt; b &amp; c &gt; d" in shown
    assert "&lt;i&gt;crm&lt;/i&gt;" in shown


@pytest.mark.parametrize("bad", BAD)
def test_the_longest_alert_fits_in_one_message(bad):
    # An alert is edited at its end, which needs one part.
    long = replace(
        done(), label="ю" * 500, where="s3://" + "я" * 500, error="ж" * 5000, damage="щ" * 5000
    )
    judgement = replace(verdict(failed()), verdict=bad, backup=long, last_good=long)
    judgement = replace(judgement, detail="ф" * 5000, repository="repo2")
    shown = text(judgement, subject=replace(SUBJECT, database="ы" * 500))
    assert len(split(shown, TELEGRAM.text - RESERVED)) == 1
    assert visible_length(shown) < 1500


def test_a_backup_that_never_was_is_said_so():
    # Not an empty line, nor an age of nothing.
    assert "Ни одной исправной копии не известно" in text(verdict(at=3 * HOUR, before=[]))


def test_a_small_backup_is_told_with_what_is_usual():
    # And its own size beside it.
    shown = text(verdict(done(size=20)))
    assert "обычно 3,0 ГБ" in shown
    assert "20 Б" in shown
    assert "<code>" not in shown  # the tool said nothing


def test_the_alert_says_how_to_check_after_a_repair_by_day():
    # Otherwise it stays red until the next night.
    shown = text(verdict(failed()), subject=replace(SUBJECT, name="sancrm"))
    assert "<code>airflow dags trigger backup_watch_sancrm</code>" in shown
    assert "airflow" not in text(verdict(failed()))


def test_a_dump_of_another_database_is_told_with_its_name():
    # By its cause in words, and the file quoted.
    shown = text(verdict(at=3 * HOUR, passed_over=("other_database", "shop.dump: shop")))
    assert "Причина: новый дамп — другой базы.\n<code>shop.dump: shop</code>" in shown


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
    known = language_of(TEMPLATES).words
    assert {f"backup.tool.{kind}" for kind in kinds} == {
        code for code in known if code.startswith("backup.tool.")
    }
    assert timedelta() < WINDOW.due_at - WINDOW.opens_at
