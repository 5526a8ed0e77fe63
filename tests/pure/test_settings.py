"""A wrong setting says which, where, and what is allowed."""

import os
from datetime import datetime
from pathlib import Path

import pytest

from sancrm_reports.backups.settings import Limits
from sancrm_reports.pure.kinds import REPORT_KINDS
from sancrm_reports.settings import SettingsError, load_settings

SHIPPED = Path(__file__).parents[2] / "include" / "settings.toml"
SOUND = """
[account]
timezone = "Europe/Moscow"
[missed_calls]
statuses = ["Готов"]
[reports.daily]
schedule = "0 9 * * 0,2-6"
[reports.weekly]
schedule = "30 9 * * 1"
[reports.monthly]
schedule = "30 9 1 * *"
"""


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in os.environ:
        if name.startswith("SANCRM__"):
            monkeypatch.delenv(name)


@pytest.fixture
def load(tmp_path):
    """Load a file that differs from a sound one in one place."""

    def load(old="", new=""):
        assert old in SOUND
        path = tmp_path / "settings.toml"
        path.write_text(SOUND.replace(old, new, 1) if old else SOUND + new, encoding="utf-8")
        return load_settings(path)

    return load


@pytest.fixture
def refusal(load, tmp_path):
    """The text of the error, which always names the file."""

    def refusal(*change):
        with pytest.raises(SettingsError) as caught:
            load(*change)
        assert str(tmp_path / "settings.toml") in str(caught.value)
        return str(caught.value)

    return refusal


def test_the_shipped_file_loads():
    # What a new installation starts with.
    assert load_settings(SHIPPED).account.timezone == "Europe/Moscow"


def test_only_the_zone_the_statuses_and_the_schedules_must_be_set(load):
    # Everything else has a default.
    settings = load()
    assert settings.database.conn_id == "sancrm_db"
    assert settings.schedule("weekly") == "30 9 * * 1"


def test_an_unknown_key_is_named_with_its_neighbours(refusal):
    # A typing mistake must not be silently without effect.
    text = refusal("schedule", "shedule")
    assert "reports.daily.shedule: there is no such setting; allowed here: schedule" in text
    text = refusal("", "[chat]\nreports = ''\n")
    assert "chat: there is no such setting; allowed here: account, database, sources" in text
    text = refusal("timezone", "crm_ulr = 'https://crm.example.com'\ntimezone")
    assert "account.crm_ulr: there is no such setting; allowed here: timezone, country" in text


def test_a_missing_key_is_named(refusal):
    # Not only its section.
    assert "account.timezone: must be set" in refusal('timezone = "Europe/Moscow"', "")


@pytest.mark.parametrize("zone", ["Europe/Moskva", "Mars/Base", "", "Europe", "../Moscow", "MSK+3"])
def test_an_unknown_zone_is_explained(refusal, zone):
    # The text says which, and what a right one looks like.
    text = refusal("Europe/Moscow", zone)
    assert f"account.timezone = {zone!r}" in text
    assert "IANA name such as Europe/Moscow" in text


@pytest.mark.parametrize("cron", ["0 9 * *", "0 25 * * *", "@daily", "0 9 * * 1 2026", "девять"])
def test_a_bad_cron_expression_is_explained(refusal, cron):
    # Also one that other programs would take.
    text = refusal("30 9 * * 1", cron)
    assert f"reports.weekly.schedule = {cron!r}" in text
    assert "cron expression of five fields, such as" in text


def test_a_cron_that_never_comes_is_explained(refusal):
    # The thirtieth of February: it would never fire, and the audit would look for its last time.
    text = refusal("30 9 * * 1", "0 9 30 2 *")
    assert "reports.weekly.schedule = '0 9 30 2 *'" in text
    assert "never comes" in text


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("[delivery]\nlate_after_hours = 0\n", "delivery.late_after_hours = 0"),
        ("[delivery]\nlate_after_hours = 'long'\n", "delivery.late_after_hours = 'long'"),
        ("[chats]\nreports = 'my chat'\n", "chats.reports = 'my chat'"),
        ("[chats]\nbranches = {'Ленина' = ['-100']}\n", "chats.branches.Ленина"),
        ("[database.session]\njit = false\n", "database.session.jit = False"),
        ("[[reports]]\n", "settings.toml"),
    ],
)
def test_a_wrong_value_is_shown_with_its_key(refusal, section, key):
    # As it stands in the file.
    assert key in refusal("", section)


def test_all_mistakes_are_told_at_once(refusal):
    # Not one for each try.
    text = refusal(
        '"Europe/Moscow"\n[missed_calls]\nstatuses = ["Готов"]\n[reports.daily]\nschedule = "0 9',
        '1\n[missed_calls]\nstatuses = ["Готов"]\n[reports.daily]\nx = "9',
    )
    assert "account.timezone" in text
    assert "reports.daily.schedule: must be set" in text
    assert "reports.daily.x" in text


def test_broken_toml_says_where(refusal):
    # A forgotten quotation mark, with its line.
    assert "line 3" in refusal('"Europe/Moscow"', "Europe/Moscow")


def test_a_missing_file_says_where_it_is_looked_for(tmp_path):
    # And how to say that it is elsewhere.
    with pytest.raises(SettingsError, match="SANCRM_INCLUDE") as caught:
        load_settings(tmp_path / "none.toml")
    assert str(tmp_path / "none.toml") in str(caught.value)


def test_a_file_that_is_not_utf_8_is_explained(tmp_path):
    # Notepad on Windows saves Russian comments in another encoding.
    path = tmp_path / "settings.toml"
    path.write_bytes(f"# Настройки\n{SOUND}".encode("cp1251"))
    with pytest.raises(SettingsError, match="UTF-8") as caught:
        load_settings(path)
    assert str(path) in str(caught.value)


WATCHED = """
[backups.crm]
database = "crm"
schedule = "0 2 * * *"
probe = {kind = "walg", command = ["wal-g"]}
"""


@pytest.mark.parametrize(
    ("old", "new", "explained"),
    [
        (
            "schedule",
            "shedule",
            "backups.crm.shedule: there is no such setting; allowed here: data",
        ),
        ("command", "comand", "backups.crm.probe.walg.comand: there is no such setting; allowed"),
        ("walg", "restic", "'table', 'files', 'pgbackrest', 'walg', 'barman'"),
        ("[backups.crm]", "[backups.'the CRM']", "backups.the CRM"),
        (', command = ["wal-g"]', "", "give either command, as a list of words, or file"),
        ('kind = "walg"', 'kind = "barman"', "server must be set"),
        ("]}", "]}\nverify = {level = 'structure'}", "walg verifies itself: give level = 'full'"),
        ("]}", "]}\nlimits = {small_ratio = 2}", "backups.crm.limits.small_ratio = 2"),
        (
            'kind = "walg", command = ["wal-g"]}',
            "kind = 'table'}\nverify = {level = 'full'}",
            "a table of runs cannot be verified",
        ),
        (
            '"walg", command = ["wal-g"]}',
            "'pgbackrest', server = 'main', file = '/info.json'}\n"
            "verify = {level = 'full', command = ['pgbackrest', 'verify']}",
            "needs --output=text",
        ),
        (
            '"walg", command = ["wal-g"]}',
            "'files', path = '/b'}",
            "verify.level must be set for files",
        ),
        (
            '"walg", command = ["wal-g"]}',
            "'files', path = '/b', unpack = \"gpg 'x\"}\nverify = {level = 'full'}",
            "unpack",
        ),
        ("0 2 * * *", "0 */2 * * *", "its windows overlap: window_minutes and grace_minutes"),
        ("0 2 * * *", "0 2,4 * * *", "come to 3:00:00, and the schedule '0 2,4 * * *' opens one"),
    ],
)
def test_a_wrong_backup_is_explained(refusal, old, new, explained):
    # By its name, down to the key of its kind of probe, with what would be right.
    assert old in WATCHED
    assert explained in refusal("", WATCHED.replace(old, new, 1))


def test_a_watched_backup_has_sane_defaults(load):
    # Only what nobody can guess must be set.
    watched = load("", WATCHED).backups["crm"]
    assert (watched.window_minutes, watched.grace_minutes) == (120, 60)
    assert watched.limits == Limits()


def test_the_environment_wins(load, monkeypatch):
    # A container sets one value without another file; the rest stays the file's.
    monkeypatch.setenv("SANCRM__REPORTS__DAILY__SCHEDULE", "0 10 * * *")
    monkeypatch.setenv("SANCRM__ACCOUNT__CRM_URL", "https://crm.example.org")
    settings = load()
    assert settings.schedule("daily") == "0 10 * * *"
    assert settings.schedule("weekly") == "30 9 * * 1"
    assert settings.account.timezone == "Europe/Moscow"
    assert str(settings.account.crm_url) == "https://crm.example.org/"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SANCRM__ACCOUNT__TIMEZONE", "Moscow"),
        ("SANCRM__ACCOUNT__TIMEZON", "Europe/Moscow"),
        ("SANCRM__ACCOUNT", "Europe/Moscow"),  # a section, where a value in it is meant
    ],
)
def test_a_wrong_value_in_the_environment_is_explained_too(refusal, monkeypatch, name, value):
    # Its key says which variable is meant.
    monkeypatch.setenv(name, value)
    assert "account" in refusal()


def test_a_branch_may_have_chats_of_its_own(load):
    # «default» among them is the chat of the reports; other branches have only that one.
    chats = load("", "[chats]\nreports = '@shops'\nbranches = {1 = ['-1001:7', 'default']}\n").chats
    assert chats.of_branch("1") == ["-1001:7", "@shops"]
    assert chats.of_branch("2") == ["@shops"]
    assert chats.of_summary == "@shops"


@pytest.mark.parametrize(
    ("line", "explanation"),
    [
        ("time = '25:00'", "missed_calls.time = '25:00'"),
        ("time = '9'", "hours and minutes"),
        ("statuses = []", "missed_calls.statuses"),
        ("card_url = 'https://crm.example.com/repairs'", "put {id}"),
        ("card_url = 'https://crm.example.com/{repair}'", "put {id}"),
        ("card_url = 'https://crm.example.com/{id'", "put {id}"),
        ("card_url = 'https://crm.example.com/{id:05d}'", "without a format"),
        ("card_url = 'https://crm.example.com/{id!x}'", "without a format"),
        ("card_url = 'https://crm.example.com/{id.real}'", "put {id}"),
        ("card_url = 'crm.example.com/{id}'", "https://crm.example.com/repairs/{id}"),
    ],
)
def test_a_wrong_setting_of_the_missed_calls_is_explained(refusal, line, explanation):
    # The time, the list of statuses, and the pattern of the card's address.
    old = 'statuses = ["Готов"]' if line.startswith("statuses") else "[missed_calls]\n"
    assert explanation in refusal(old, line if line.startswith("statuses") else f"{old}{line}\n")


@pytest.mark.parametrize(
    ("clock", "is_silent"),
    [("07:59", True), ("08:00", False), ("19:59", False), ("20:00", True), ("22:11", True)],
)
def test_missed_calls_are_silent_outside_of_their_hours(load, clock, is_silent):
    # As delivered: from eight to eight.
    moment = datetime.fromisoformat(f"2026-11-18T{clock}")
    assert load().missed_calls.is_silent(moment) is is_silent


def test_days_that_the_country_moved_are_dates(refusal, load):
    # Written as text or as TOML's own dates; anything else is refused.
    days = load("", "[workdays]\ndays_off = ['2028-05-08', 2028-05-10]\n").workdays.days_off
    assert [day.isoformat() for day in days] == ["2028-05-08", "2028-05-10"]
    assert "workdays.days_off.0" in refusal("", "[workdays]\ndays_off = ['8 мая']\n")
    assert "workdays.country" in refusal("", "[workdays]\ncountry = 'Russia'\n")


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        *(("currency", "RUR?", "String should match"), ("currency", "XYZ", "no such currency")),
        *(("country", "Russia", "String should match"), ("country", "QQ", "no such country")),
    ],
)
def test_a_country_and_a_currency_are_known_ones(refusal, key, value, words):
    # By their codes; the refusal names the key and gives an example.
    wrong = refusal("[account]", f"[account]\n{key} = '{value}'")
    assert f"account.{key} = '{value}': " in wrong
    assert words in wrong


def test_a_report_without_a_schedule_is_off(load):
    # Left out, or empty; the others stay as they are, the shortest period first.
    assert [kind.id for kind in load().scheduled_reports] == ["daily", "weekly", "monthly"]
    off = load('"30 9 * * 1"', '""')
    assert [kind.id for kind in off.scheduled_reports] == ["daily", "monthly"]
    on = load("", '[reports.yearly]\nschedule = "30 9 1 1 *"\n')
    assert [kind.id for kind in on.scheduled_reports] == ["daily", "weekly", "monthly", "yearly"]


def test_a_report_that_does_not_exist_is_named_with_those_that_do(refusal):
    # A typing mistake must not switch a report off without a word.
    text = refusal("reports.weekly", "reports.weakly")
    assert "reports.weakly" in text
    assert f"there are {', '.join(REPORT_KINDS)}" in text
