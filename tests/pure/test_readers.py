"""Who reads what, by the settings alone, and which settings of chats make no sense."""

from datetime import datetime

import pytest
from pydantic import ValidationError

from sancrm_reports.chat_settings import ChatsSettings
from sancrm_reports.settings import FILE, SettingsError, load_settings

DEFAULT = "-1001"


def chats(**values):
    return ChatsSettings(**values).resolved(DEFAULT)


def readers(ours, report="daily", branch_id=None, *, is_loss=False):
    return ours.readers_of(report, branch_id, is_loss=is_loss)


def test_a_reader_is_added_to_whoever_reads_anyway():
    # The network's and the branch's, each of its own kinds.
    ours = chats(readers=[{"chat": "7", "reports": ["weekly"], "summary": True, "branches": [3]}])
    assert readers(ours) == [DEFAULT]
    assert readers(ours, "weekly") == [DEFAULT, "7"]
    assert readers(ours, "weekly", "3") == [DEFAULT, "7"]
    assert readers(ours, "weekly", "4") == [DEFAULT]


def test_a_chat_that_several_settings_name_is_one():
    # By its id, by nothing, and as a reader twice.
    own = {"chat": DEFAULT, "summary": True}
    ours = chats(summary=DEFAULT, readers=[{"chat": "", "summary": True}, own, own])
    assert readers(ours) == [DEFAULT]


def test_losses_only():
    # Of one chat two readers: the summary always, branches if they made a loss.
    ours = chats(
        reports="none",
        readers=[
            {"chat": "7", "summary": True},
            {"chat": "7", "branches": "all", "only_losses": True},
        ],
    )
    assert readers(ours) == ["7"]
    assert readers(ours, "daily", "3") == []
    assert readers(ours, "daily", "3", is_loss=True) == ["7"]


def test_none_is_no_chat():
    # Of the branches only, of the network only, and where a branch's list points to it.
    assert readers(chats(reports="none", summary="-5"), "daily", "3") == []
    assert readers(chats(reports="none", summary="-5")) == ["-5"]
    assert readers(chats(summary="none")) == []
    assert readers(chats(reports="none", branches={"3": ["default", "-6"]}), "daily", "3") == ["-6"]


def files(ours, file, branch_id=None, *, is_loss=False):
    return ours.readers_of_file(file, "monthly", branch_id, is_loss=is_loss)


def test_files_go_to_those_that_want_them():
    # A picture for the one reader, the workbook for the other.
    ours = chats(
        reports="none",
        readers=[
            {"chat": "7", "summary": True, "files": ["picture"]},
            {"chat": "8", "summary": True, "files": ["workbook"]},
            {"chat": "9", "summary": True, "files": []},
        ],
    )
    assert (files(ours, "picture"), files(ours, "workbook")) == (["7"], ["8"])


def test_a_branchs_workbook_goes_where_nothing_of_the_network_is_read():
    # Not beside the network's, and not one of every branch into one chat.
    ours = chats(
        summary="-5",
        branches={"3": ["default", "-5", "-6"]},
        readers=[
            {"chat": "7", "branches": ["3"]},
            {"chat": "8", "branches": ["3"], "summary": True},
            {"chat": "9", "branches": "all"},
        ],
    )
    assert files(ours, "workbook", "3") == ["-6", "7"]
    assert files(ours, "picture", "3") == [DEFAULT, "-5", "-6", "7", "8", "9"]
    assert ours.has_branch_workbooks("monthly")
    assert not chats(branches={"3": ["default"]}).has_branch_workbooks("monthly")


@pytest.mark.parametrize(
    ("hours", "quiet", "loud"),
    [
        ("22:00-08:00", ["22:00", "23:59", "00:00", "07:59"], ["08:00", "12:00", "21:59"]),
        ("13:00-14:30", ["13:00", "14:29"], ["12:59", "14:30", "00:00"]),
    ],
)
def test_quiet_hours_may_pass_midnight(hours, quiet, loud):
    # The first minute is quiet, the last is not.
    ours = chats(quiet_hours={"-5": hours})
    for times, is_quiet in ((quiet, True), (loud, False)):
        for time in times:
            moment = datetime.fromisoformat(f"2026-11-18T{time}:30+03:00")
            assert ours.is_quiet("-5", moment) is is_quiet, time
            assert not ours.is_quiet("-6", moment)


def test_quiet_hours_of_a_forum_hold_for_its_topics():
    # Unless a topic has its own; "" is the chat of the connection.
    ours = chats(quiet_hours={"": "22:00-08:00", "-5": "22:00-08:00", "-5:9": "01:00-02:00"})
    moment = datetime.fromisoformat("2026-11-18T23:00:00+03:00")
    assert ours.is_quiet("-5:7", moment)
    assert not ours.is_quiet("-5:9", moment)
    assert ours.is_quiet(DEFAULT, moment)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"readers": [{"chat": "7"}]}, "it reads nothing"),
        ({"readers": [{"summary": True}]}, "Field required"),
        ({"readers": [{"chat": "семь", "summary": True}]}, "is not a chat"),
        ({"readers": [{"chat": "none", "summary": True}]}, "is not a chat"),
        ({"readers": [{"chat": "7", "summary": True, "reports": []}]}, "at least 1 item"),
        ({"readers": [{"chat": "7", "summary": True, "reports": ["hourly"]}]}, "no such report"),
        ({"readers": [{"chat": "7", "branches": [True]}]}, "valid string"),
        ({"quiet_hours": {"-5": "22:00"}}, "is not a time of day"),
        ({"quiet_hours": {"-5": "22:00-22:00"}}, "has no end"),
        ({"quiet_hours": {"ночью": "22:00-08:00"}}, "is not a chat"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong, said):
    # In words that tell what is wrong.
    with pytest.raises(ValidationError, match=said):
        ChatsSettings(**wrong)


def test_a_report_that_nobody_reads_is_refused(monkeypatch):
    # Not found out weeks later by the owner.
    monkeypatch.setenv("SANCRM__CHATS__REPORTS", "none")
    only = '[{"chat": "7", "summary": true, "reports": ["weekly", "monthly"]}]'
    monkeypatch.setenv("SANCRM__CHATS__READERS", only)
    with pytest.raises(SettingsError, match=r"nobody reads the daily report.*reports\.daily"):
        load_settings(FILE)
    monkeypatch.setenv("SANCRM__REPORTS__DAILY__SCHEDULE", "")
    assert load_settings(FILE).chats.reports == "none"
