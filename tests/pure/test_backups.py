"""Facts to a verdict: every fault has its own, and a healthy month has none."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from sancrm_reports.backups.facts import Backup, BackupState, Facts, Memory, Window
from sancrm_reports.backups.notifications import Watch, notification_for
from sancrm_reports.backups.settings import Limits
from sancrm_reports.backups.verdicts import NOTHING_KNOWN, Judgement, Verdict, judge
from sancrm_reports.errors import ReportError

OPENS = datetime(2026, 11, 18, 2, tzinfo=UTC)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
WINDOW = Window(OPENS, OPENS + 3 * HOUR, OPENS + DAY)
GB = 1_000_000_000
LIMITS = Limits()


def done(nights_ago=0, *, size=3 * GB, minutes=30, took=10, **more):
    started = OPENS - nights_ago * DAY + minutes * MINUTE
    ended = started + took * MINUTE
    return Backup(f"b{nights_ago}", BackupState.DONE, started, ended, size=size, **more)


def running(*, minutes=30, **more):
    return Backup("now", BackupState.RUNNING, OPENS + minutes * MINUTE, **more)


def failed(*, minutes=30):
    started = OPENS + minutes * MINUTE
    return Backup("bad", BackupState.FAILED, started, started + MINUTE, error="disk full")


BEFORE = [done(night) for night in range(7, 0, -1)]


def verdict(
    *backups,
    at=HOUR,
    before=BEFORE,
    window=WINDOW,
    limits=LIMITS,
    seen=None,
    memory=NOTHING_KNOWN,
    **more,
):
    now = OPENS + at
    facts = Facts(OPENS + seen if seen is not None else now, (*before, *backups), **more)
    return judge(facts, window=window, now=now, limits=limits, memory=memory)


def test_a_good_backup_of_the_window_ends_the_wait():
    # Also long before the deadline, and when the window is judged a week later.
    assert verdict(done()).verdict is Verdict.OK
    assert verdict(done(), at=7 * DAY).verdict is Verdict.OK


def test_a_backup_of_another_window_does_not():
    # Not last night's, and when last week is judged, not this week's.
    assert verdict().verdict is Verdict.WAITING
    assert verdict(done(-1), at=7 * DAY).verdict is Verdict.MISSING


def test_a_backup_is_of_the_window_in_which_it_began():
    # Last night's that overran is not tonight's, and one that ends after the next window opens is.
    overran = done(1, minutes=60, took=23 * 60 + 10)
    assert verdict(overran, before=BEFORE[:-1]).verdict is Verdict.WAITING
    found = verdict(overran, before=BEFORE[:-1], at=3 * HOUR)
    assert (found.verdict, found.last_good) == (Verdict.MISSING, overran)
    late = done(kind="full", took=24 * 60)
    found = verdict(late, at=2 * DAY, before=[done(1, kind="incr")])
    assert found.verdict is Verdict.OK


def test_where_only_the_end_is_known_it_decides():
    # A dump's file tells no more.
    file = Backup("a.dump", BackupState.DONE, finished_at=OPENS + 10 * MINUTE, size=3 * GB)
    assert verdict(file).verdict is Verdict.OK


def test_nothing_by_the_deadline_is_missing():
    # Silence is the failure that counts: a killed backup leaves no trace in most tools.
    assert verdict(at=3 * HOUR - MINUTE).verdict is Verdict.WAITING
    found = verdict(at=3 * HOUR)
    assert found.verdict is Verdict.MISSING
    assert found.last_good == BEFORE[-1]


def test_a_failure_is_told_at_once_unless_another_try_is_under_way():
    # With the tool's own line; a good one after it makes it good.
    assert verdict(failed()).verdict is Verdict.FAILED
    assert verdict(failed()).detail == "disk full"
    assert verdict(failed(), running(minutes=45)).verdict is Verdict.RUNNING
    assert verdict(failed(minutes=45), running(minutes=30)).verdict is Verdict.FAILED
    assert verdict(failed(), done(minutes=45)).verdict is Verdict.OK


def test_a_running_backup_is_waited_for_until_the_deadline():
    # Then it is overdue, unless it has been hanging for far too long already.
    assert verdict(running(minutes=150), at=179 * MINUTE).verdict is Verdict.RUNNING
    assert verdict(running(minutes=150), at=180 * MINUTE).verdict is Verdict.OVERDUE


@pytest.mark.parametrize(("took", "hangs_after"), [(10, 60), (30, 90)])
def test_it_hangs_above_three_times_the_usual_but_not_below_an_hour(took, hangs_after):
    # The median of the ones before counts.
    before = [done(night, took=took) for night in range(7, 0, -1)]
    for minutes, expected in ((hangs_after, Verdict.RUNNING), (hangs_after + 1, Verdict.HUNG)):
        found = verdict(running(minutes=0), at=minutes * MINUTE, before=before)
        assert found.verdict is expected


def test_a_full_backup_may_run_longer_than_partial_ones():
    # It is compared with its own kind.
    before = [
        done(7, kind="full", took=50),
        *(done(n, kind="incr", took=1) for n in range(6, 0, -1)),
    ]
    full = running(minutes=0, kind="full")
    assert verdict(full, at=150 * MINUTE, before=before).verdict is Verdict.RUNNING
    assert verdict(full, at=151 * MINUTE, before=before).verdict is Verdict.HUNG


def test_what_runs_without_a_time_is_of_now():
    # pgBackRest's lock and a growing file tell none; judged a week later it is not of that night.
    nameless = Backup("", BackupState.RUNNING)
    assert verdict(nameless).verdict is Verdict.RUNNING
    assert verdict(nameless, at=3 * HOUR).verdict is Verdict.OVERDUE
    assert verdict(nameless, at=7 * DAY).verdict is Verdict.MISSING


@pytest.mark.parametrize(
    ("size", "nights", "expected"),
    [
        (int(1.5 * GB), 7, Verdict.OK),
        (int(1.5 * GB) - 1, 7, Verdict.TOO_SMALL),
        (int(0.1 * GB), 2, Verdict.OK),  # two are no history
        (1024, 0, Verdict.OK),
        (1023, 0, Verdict.TOO_SMALL),  # but a floor needs none: 20 bytes of valid gzip
        (None, 7, Verdict.OK),  # unknown is not zero
    ],
)
def test_too_small_is_measured_by_the_median_and_a_floor(size, nights, expected):
    # With the usual size beside it.
    found = verdict(done(size=size), before=[done(night) for night in range(nights, 0, -1)])
    assert found.verdict is expected
    if expected is Verdict.TOO_SMALL and nights:
        assert found.usual_size == 3 * GB


def test_a_partial_backup_has_no_usual_size():
    # A full one a week, and a diff every night, which grows until the next full one: the first
    # after it is small beside the older ones. For a full one the full ones count.
    full = [done(night, kind="full") for night in (22, 15, 8, 1)]
    diffs = [done(night, kind="diff", size=(8 - night) * GB // 10) for night in range(7, 1, -1)]
    before = sorted(full + diffs, key=lambda backup: backup.moment)
    assert verdict(done(kind="diff", size=GB // 100), before=before).verdict is Verdict.OK
    assert verdict(done(kind="diff", size=464), before=before).verdict is Verdict.OK  # it was idle
    small = verdict(done(kind="full", size=GB), before=before)
    assert (small.verdict, small.usual_size) == (Verdict.TOO_SMALL, 3 * GB)


def test_a_full_backup_that_is_too_old_is_told():
    # However many partial ones rest on it.
    before = [done(15, kind="full"), done(1, kind="incr")]
    assert verdict(done(kind="incr"), before=before).verdict is Verdict.NO_FULL
    assert verdict(done(kind="full"), before=before).verdict is Verdict.OK


def test_a_repository_that_gets_no_backups_is_found_out():
    # The other one hides it: tonight's backup is good. One every two weeks is enough.
    def look(*elsewhere, damage=""):
        here = [done(night, where="repo1") for night in range(7, 0, -1)]
        here.append(done(where="repo1", damage=damage))
        facts = Facts(OPENS + HOUR, (*here, *elsewhere), repositories=("repo1", "repo2"))
        found = judge(facts, window=WINDOW, now=OPENS + HOUR, limits=LIMITS)
        return found.verdict, found.repository

    behind = (Verdict.REPOSITORY_BEHIND, "repo2")
    assert look() == behind
    assert look(damage="page errors") == (Verdict.BAD_PAGES, "")  # tonight's comes first
    assert look(done(15, where="repo2")) == behind
    assert look(done(13, where="repo2")) == (Verdict.OK, "")
    assert look(done(13, where="repo2", damage="page errors")) == behind


def test_each_repository_has_its_own_usual_size():
    # One may pack ten times better.
    packed = [done(night, where="repo2", size=GB // 10) for night in (3, 2, 1, 0)]
    facts = Facts(
        OPENS + HOUR,
        (*(done(night, where="repo1", minutes=1) for night in range(7, -1, -1)), *packed),
        repositories=("repo1", "repo2"),
    )
    assert judge(facts, window=WINDOW, now=OPENS + HOUR, limits=LIMITS).verdict is Verdict.OK


def test_an_old_report_is_not_a_missing_backup():
    # A probe that read a file knows only that file's time.
    assert verdict(at=3 * HOUR, seen=-HOUR).verdict is Verdict.STALE
    assert verdict(at=3 * HOUR, seen=3 * HOUR - 59 * MINUTE).verdict is Verdict.MISSING


def test_page_errors_are_of_the_database_and_do_not_pass():
    # pgBackRest finishes such a backup, and sets its error. A new one would be the same.
    found = verdict(done(damage="page checksum errors"))
    assert found.verdict is Verdict.BAD_PAGES
    assert found.last_good == BEFORE[-1]


def test_a_backup_from_the_future_is_about_the_clock():
    # Ten minutes are forgiven. One old file with such a time hides no good backup; without one it
    # is told at the deadline.
    assert verdict(done(minutes=60), at=HOUR).verdict is Verdict.OK
    assert verdict(done(minutes=61), at=HOUR).verdict is Verdict.CLOCK_AHEAD
    odd = done(-400)
    found = verdict(done(), odd)
    assert (found.verdict, found.detail) == (Verdict.OK, "beside it, b-400 is dated ahead")
    assert verdict(odd, at=HOUR).verdict is Verdict.WAITING
    assert verdict(odd, at=3 * HOUR).verdict is Verdict.CLOCK_AHEAD


def test_an_empty_dump_runs_until_the_deadline():
    # pg_dump makes its file at once, and may wait long for a lock.
    assert verdict(done(size=0), at=HOUR).verdict is Verdict.RUNNING
    assert verdict(done(size=0), at=3 * HOUR).verdict is Verdict.TOO_SMALL


def test_a_probe_that_cannot_look_is_not_good_news():
    # Told after three in a row, and at the deadline.
    error = ReportError("no route", code="command", quote="no route to host")

    def look(errors, at=HOUR):
        now = OPENS + at
        return judge(None, window=WINDOW, now=now, limits=LIMITS, error=error, errors=errors)

    assert [look(errors).verdict.is_bad for errors in (1, 2, 3)] == [False, False, True]
    assert look(1, at=3 * HOUR).verdict is Verdict.PROBE_BROKEN
    assert look(3).detail == "no route"
    assert (look(3).cause, look(3).quote) == ("command", "no route to host")


def test_the_last_good_one_is_the_one_before():
    # Never the one that is being judged, nor one that its tool found damaged.
    assert verdict(done()).last_good == BEFORE[-1]
    damaged = done(1, damage="page checksum errors")
    assert verdict(before=[*BEFORE[:-1], damaged]).last_good == BEFORE[-2]
    assert verdict(done(), before=[]).last_good is None


def test_a_small_file_may_still_grow_until_the_deadline():
    # It stood still for two minutes, as on a slow disk. What a tool calls done is done.
    small = done(size=2_000_000)
    assert verdict(small, at=HOUR, tells_ends=False).verdict is Verdict.RUNNING
    assert verdict(small, at=3 * HOUR, tells_ends=False).verdict is Verdict.TOO_SMALL
    assert verdict(small, at=HOUR).verdict is Verdict.TOO_SMALL


def test_a_copy_that_waits_for_its_wal_is_not_hung():
    # However long it has waited, until the deadline; then its WAL does not arrive. Its process
    # ended long ago.
    waits = Backup("copied", BackupState.NEEDS_WAL, OPENS, OPENS + MINUTE, size=3 * GB)
    assert verdict(waits, at=179 * MINUTE).verdict is Verdict.RUNNING
    found = verdict(waits, at=180 * MINUTE)
    assert (found.verdict, found.backup, found.last_good) == (
        Verdict.WAL_STALLED,
        waits,
        BEFORE[-1],
    )
    assert verdict(waits, failed(minutes=45)).verdict is Verdict.FAILED  # another try, after it
    assert verdict(waits, running(minutes=45), at=HOUR).backup.label == "now"


def test_wal_that_stands_still_is_told_at_the_deadline():
    # Until then it may be on its way. What is wrong with the backup itself comes first.
    assert verdict(done(), at=HOUR, wal="8 < A").verdict is Verdict.RUNNING
    found = verdict(done(), at=3 * HOUR, wal="8 < A")
    assert (found.verdict, found.detail) == (Verdict.WAL_STALLED, "8 < A")
    assert verdict(done(size=9), at=3 * HOUR, wal="8 < A").verdict is Verdict.TOO_SMALL
    assert verdict(at=3 * HOUR, wal="8 < A").verdict is Verdict.MISSING


def test_a_repository_that_is_gone_is_named_with_the_good_one():
    # From the deadline on: before, it may come back. A backup that is not in the others may be in
    # the one that is gone.
    before = [done(night, where="repo1") for night in (2, 1)]
    more = {"repositories": ("repo1", "repo2"), "gone": "repo2", "gone_because": "no access"}
    tonight = done(where="repo1")
    assert verdict(tonight, before=before, **more).verdict is Verdict.WAITING
    for backups, expected in (((tonight,), tonight), ((), None)):
        found = verdict(*backups, before=before, at=3 * HOUR, **more)
        assert (found.verdict, found.repository) == (Verdict.REPOSITORY_GONE, "repo2")
        assert (found.backup, found.detail) == (expected, "no access")
        assert found.last_good == (expected or before[-1])
    small = done(where="repo1", size=9)
    assert verdict(small, before=before, at=HOUR, **more).verdict is Verdict.TOO_SMALL


def test_a_dump_of_another_database_is_named_where_nothing_else_is_there():
    # A near miss: the pattern or the name is wrong.
    found = verdict(at=3 * HOUR, passed_over=("other_database", "shop.dump: shop"))
    assert (found.verdict, found.cause) == (Verdict.MISSING, "other_database")
    assert found.quote == "shop.dump: shop"


# Memory


def remembering(judgements):
    """What the watch remembers after these nights."""
    watch = Watch()
    for night, judgement in enumerate(judgements):
        opens = OPENS - (len(judgements) - night) * DAY
        window = Window(opens, opens + 3 * HOUR, opens + DAY)
        _, watch = notification_for(watch, judgement, window, today=opens.date())
    assert Watch.from_json(json.loads(json.dumps(watch.to_json()))) == watch
    return watch.memory


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_where_few_are_kept_the_watch_knows_the_usual_size(kept):
    # Retention deletes them; a hundredth of the usual is found all the same.
    memory = remembering([Judgement(Verdict.OK, OPENS, backup) for backup in BEFORE])
    before = BEFORE[len(BEFORE) - kept :]
    tonight = done(size=3 * GB // 100)
    found = verdict(tonight, before=before, memory=memory)
    assert (found.verdict, found.usual_size) == (Verdict.TOO_SMALL, 3 * GB)
    assert verdict(tonight, before=before).verdict is Verdict.OK  # what nobody remembers
    assert verdict(done(), before=before, memory=memory).verdict is Verdict.OK


def test_what_shrinks_a_little_every_night_is_found_out():
    # By 12 percent: it is never far below the last seven.
    memory, told = Memory(), []
    for night in range(40):
        size = 3 * GB if night < 20 else int(3 * GB * 0.88 ** (night - 19))
        backup = done(-night, size=size)
        opens = OPENS + night * DAY
        window = Window(opens, opens + 3 * HOUR, opens + DAY)
        facts = Facts(opens + HOUR, (backup,))
        found = judge(facts, window=window, now=facts.observed_at, limits=LIMITS, memory=memory)
        is_bad = found.verdict is Verdict.TOO_SMALL
        memory = memory.with_bad(backup) if is_bad else memory.with_good(backup)
        told.append(is_bad)
    assert told.index(True) == 25  # at 46 percent
    assert all(told[25:])  # and what was told is never the usual size


def test_sizes_before_a_day_can_be_forgotten():
    # Where backups are to be smaller from now on, such as of a database that was tidied up.
    before = [done(night) for night in range(7, 0, -1)]
    small = done(size=GB)
    assert verdict(small, before=before).verdict is Verdict.TOO_SMALL
    limits = Limits(sizes_since=OPENS.date())
    assert verdict(small, before=before, limits=limits).verdict is Verdict.OK


@pytest.mark.parametrize("bad", [Verdict.TOO_SMALL, Verdict.DAMAGED, Verdict.BAD_PAGES])
def test_what_was_told_as_bad_is_never_the_last_good_one(bad):
    # Last night's was, and tonight there is none: the one before it is named. Also when its file
    # has another name by now, as rotation gives.
    memory = remembering(
        [Judgement(Verdict.OK, OPENS, BEFORE[-2]), Judgement(bad, OPENS, BEFORE[-1])]
    )
    found = verdict(at=3 * HOUR, memory=memory)
    assert (found.verdict, found.last_good) == (Verdict.MISSING, BEFORE[-2])
    renamed = replace(BEFORE[-1], label="crm.dump.1")
    found = verdict(before=[*BEFORE[:-1], renamed], at=3 * HOUR, memory=memory)
    assert found.last_good == BEFORE[-2]


def test_what_was_told_as_bad_teaches_no_size():
    # Three nights of 0 bytes do not make that the usual.
    memory = remembering(
        [Judgement(Verdict.TOO_SMALL, OPENS, done(night, size=2000)) for night in (4, 3, 2)]
    )
    before = [done(night, size=2000 if night < 5 else 3 * GB) for night in range(7, 1, -1)]
    found = verdict(done(size=2000), before=before, memory=memory)
    assert (found.verdict, found.usual_size) == (Verdict.TOO_SMALL, 3 * GB)


def test_what_passes_after_all_is_good_again():
    # As after a cleared task that could read it.
    bad, good = (Judgement(verdict, OPENS, BEFORE[-1]) for verdict in (Verdict.DAMAGED, Verdict.OK))
    memory = remembering([bad])
    assert memory.bad
    assert memory.with_good(good.backup).bad == ()


def test_a_watch_remembers_so_much_and_no_more():
    # Its note is read and written every night.
    memory = Memory()
    for night in range(200, 0, -1):
        memory = memory.with_good(done(night)).with_bad(done(night, size=1))
    assert (len(memory.good), len(memory.bad)) == (Memory.MOST_GOOD, Memory.MOST_BAD)
    assert memory.good[-1] == done(1)


def test_an_earlier_window_is_judged_as_of_then():
    # Its age is not counted up to the day on which somebody clears the task.
    assert verdict(at=7 * DAY).at == WINDOW.next_at


def test_a_judgement_survives_its_way_through_xcom():
    # Every field, with its type.
    for found in (verdict(done()), verdict(failed()), verdict(running(progress=0.5)), verdict()):
        assert Judgement.from_json(found.to_json()) == found


@pytest.mark.parametrize("seed", range(20))
def test_no_healthy_month_is_called_anything_else(seed):
    # Sizes wander by 20 percent, times and lengths too; looked at every five minutes.
    rng = Random(seed)
    backups = []
    for night in range(30):
        opens = OPENS + night * DAY
        window = Window(opens, opens + 3 * HOUR, opens + DAY)
        started = opens + rng.randrange(5, 45) * MINUTE
        ended = started + rng.randrange(20, 60) * MINUTE
        size = int(3 * GB * rng.uniform(0.8, 1.2))
        for minutes in range(0, 180, 5):
            now = opens + minutes * MINUTE
            tonight = [Backup("x", BackupState.RUNNING, started)] if started <= now < ended else []
            if now >= ended:
                tonight = [Backup("x", BackupState.DONE, started, ended, size=size)]
            facts = Facts(now, (*backups, *tonight))
            found = judge(facts, window=window, now=now, limits=LIMITS)
            assert not found.verdict.is_bad
        assert found.verdict is Verdict.OK
        backups += tonight
