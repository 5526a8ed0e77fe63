"""What counts as wrong with a restored copy; whole messages are in test_goldens.py."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.telegram.markup import format_message
from sancrm_reports.backups.drill.refusals import ATTEMPTS, LACKS, meaning_of
from sancrm_reports.backups.drill.result import (
    Drill,
    Dump,
    Table,
    Trouble,
    drill_message,
    problems_of,
    shrunk_tables,
)
from sancrm_reports.pure.language import language_of
from sancrm_reports.pure.templates import Templates

TEMPLATES = Templates(Path(__file__).parents[2] / "include" / "templates" / "ru")
STARTED = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
DUMP = Dump(
    name="crm-2026-11-22.dump",
    size_bytes=120_400_000,
    finished_at=STARTED - timedelta(hours=2, minutes=20),
)
NEWEST = STARTED - timedelta(hours=9)


def drill(*tables, trouble=None, **changes):
    known = {"started_at": STARTED, "dump": DUMP, "seconds": 12.3, "trouble": trouble, **changes}
    return Drill(tables=list(tables), **known)


def table(now, restored, *, name="repairs", newest_at=NEWEST):
    return Table(name=name, source_rows=now, restored_rows=restored, newest_at=newest_at)


def wrong(*tables, percent=5, hours=48):
    found = problems_of(drill(*tables), tolerance_percent=percent, newest_row_hours=hours)
    return [problem.english for problem in found]


def message(done, percent=5):
    found = (
        [] if done.trouble else problems_of(done, tolerance_percent=percent, newest_row_hours=48)
    )
    return drill_message(done, found, timezone="Europe/Moscow", templates=TEMPLATES)


def shown(done):
    text = format_message(message(done).html, "HTML").text
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("now", "restored", "is_sound"),
    [
        (100, 100, True),
        (100, 95, True),
        (100, 94, False),
        (100, 105, True),
        (100, 106, False),
        (3, 2, True),  # a new branch a week: of few rows one may be missing
        (3, 1, False),
        (1, 0, False),  # but never all of them
        (0, 0, True),
        (0, 1, False),
    ],
)
def test_a_table_may_differ_by_a_share_of_its_rows(now, restored, is_sound):
    # The source goes on changing after the dump; what is lost is more than that.
    assert (wrong(table(now, restored)) == []) is is_sound


@given(st.integers(0, 10**9), st.integers(0, 100))
def test_an_equal_copy_is_sound_and_an_empty_one_is_not(rows, percent):
    # Whatever the tolerance.
    assert wrong(table(rows, rows), percent=percent) == []
    assert bool(wrong(table(rows, 0), percent=percent)) is (rows > 0)


def test_a_table_that_is_not_in_the_copy_is_no_table_of_zero_rows():
    # Unknown is not zero: also where the source's table is empty.
    assert wrong(table(0, None)) == ["the copy has no table 'repairs'"]


def test_old_data_and_data_of_unknown_age_are_wrong():
    # A backup that copies a forgotten server restores well.
    assert wrong(table(5, 5, newest_at=STARTED - timedelta(hours=48))) == []
    assert wrong(table(5, 5, newest_at=STARTED - timedelta(hours=49))) == [
        "the newest row of the copy is 49.0 hours old, above 48"
    ]
    assert "nobody knows how old" in wrong(table(5, 5, newest_at=None))[0]


def test_a_row_from_the_future_hides_no_age():
    # One mistyped year would make every later copy look fresh. Clocks may differ a little.
    assert wrong(table(5, 5, newest_at=STARTED + timedelta(minutes=10))) == []
    mistyped = table(2, 2, name="rentals", newest_at=datetime(2036, 1, 2, tzinfo=UTC))
    assert wrong(table(5, 5), mistyped) == [
        "the newest row of the copy has a time in the future, 2036-01-02T00:00:00+00:00, so nobody "
        "knows how old its data is"
    ]
    text = shown(drill(table(5, 5), mistyped))
    assert "🔴 Пробное восстановление: у самой новой записи время из будущего" in text
    assert text.endswith("Самая новая запись: 2 января, 03:00")  # without an age


def test_the_newest_row_is_that_of_any_table():
    # Customers have no time of their own.
    assert wrong(table(5, 5, newest_at=None), table(2, 2, name="rentals")) == []


def test_rows_that_went_from_the_source_are_mentioned():
    # Within the tolerance it is no alarm; who deleted them may want to know.
    done = drill(table(100, 102), table(7, 7, name="branches"))
    assert shrunk_tables(done) == [("repairs", 2)]
    assert "⚠️ Сейчас строк меньше, чем в копии: repairs (на 2)" in shown(done)


SAMPLES = {
    "sound": drill(table(12_087, 12_080), table(10_948, 10_948, name="customers", newest_at=None)),
    "wrong": drill(table(12_087, 3_000), table(7, None, name="branches")),
    "damaged": drill(trouble=Trouble.DAMAGED, seconds=None),
}


@pytest.mark.parametrize("trouble", Trouble)
def test_every_trouble_has_its_words(trouble):
    # Also where not even a dump was found.
    words = language_of(TEMPLATES).words
    text = shown(drill(trouble=trouble, dump=None, seconds=None))
    assert text.splitlines() == [
        f"🔴 Пробное восстановление: {words[f'drill.{trouble}']}",
        f"👉 {words[f'drill.{trouble}.first']}",
    ]


def test_everything_that_a_refusal_means_has_its_words():
    # What a dump tried to do, and what the server lacks, with its name.
    language = language_of(TEMPLATES)
    for _, code in (*ATTEMPTS, *LACKS):
        assert language.word(f"drill.{code}", name="x")
    trouble, what = meaning_of('extension "postgis" is not available')
    assert "нет расширения postgis" in shown(drill(trouble=trouble, what=what))


def test_a_drill_that_nothing_is_known_of_is_broken_off():
    # What a worker leaves that was killed: nothing.
    assert shown(Drill.model_validate({})).startswith("🔴 Пробное восстановление: прервано")


def test_a_drill_travels_between_tasks_as_json():
    # Times, sizes and missing tables come back as they were.
    for done in SAMPLES.values():
        assert Drill.model_validate(done.model_dump(mode="json")) == done


def test_a_dumps_name_is_text():
    # A file can be called anything.
    odd = DUMP.model_copy(update={"name": "<b>crm</i> & {{ 7*7 }}.dump"})
    assert "Дамп: <b>crm</i> & {{ 7*7 }}.dump, 120 МБ" in shown(drill(table(1, 1), dump=odd))


def test_many_problems_fit_in_a_message():
    # The first ten, and how many more.
    done = drill(*(table(9, None, name=f"table_{number}") for number in range(40)))
    text = shown(done)
    assert "таблицы table_9 нет в копии" in text
    assert "table_10 " not in text
    assert "и ещё 30" in text
