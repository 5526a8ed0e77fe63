"""Pictures and workbooks below a report's texts: whole runs, real SQL, real files, real HTTP."""

import json
import re
import sys
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from dags.conftest import states
from ledgers import everything, rows
from stage import CHAT, OPS_CHAT, in_chat

OWN = -1003333333333
MONTH = "2026-10-15"


@pytest.fixture
def attaching(run, telegram, configured):
    """Run a monthly report with a picture and workbooks; the first branch has a chat of its own."""
    telegram.chats.add(OWN, "supergroup", "Ленина")
    branches = json.dumps({"1": ["default", str(OWN)]})

    def attach(period=MONTH, dag_id="profitability_monthly", **options):
        on = {"REPORTS__MONTHLY__PICTURE": "true", "REPORTS__MONTHLY__WORKBOOK": "true"}
        configured(CHATS__BRANCHES=branches, **on)
        return run(dag_id, period=period, **options)

    return attach


def shown(telegram, chat=CHAT):
    """What a chat shows, one word a message."""
    return [
        "picture" if message.photo else "workbook" if message.document else "text"
        for message in telegram.messages
        if message.chat_id == chat
    ]


def documents(telegram, chat=CHAT):
    return [m.document for m in telegram.messages if m.chat_id == chat and m.document]


def text_of(workbook):
    """All that a workbook says, as XML."""
    with ZipFile(BytesIO(workbook.data)) as book:
        return "".join(book.read(name).decode() for name in book.namelist())


def test_picture_and_workbook_answer_the_summary_and_own_chats_get_their_branch(
    attaching, telegram
):
    # After the texts, each once; the branch's workbook has nothing of the other branch.
    assert str(attaching().state) == "success"
    assert sorted(shown(telegram)) == ["picture", "text", "text", "text", "workbook"]
    assert shown(telegram)[:3] == ["text"] * 3
    summary = next(m for m in telegram.messages if "Вся сеть" in m.text)
    attached = [m for m in telegram.messages if m.chat_id == CHAT and m.media]
    assert {m.reply_to for m in attached} == {summary.message_id}
    assert shown(telegram, OWN) == ["text", "workbook"]
    (own,), (whole,) = documents(telegram, OWN), documents(telegram)
    assert (own.name, whole.name) == (
        "profitability_monthly-2026-10-branch-1.xlsx",
        "profitability_monthly-2026-10.xlsx",
    )
    assert "Сервис" in text_of(whole)
    assert "Сервис" not in text_of(own)
    assert "Иван" not in text_of(whole)


def test_a_second_run_sends_nothing_and_late_data_replace_both(attaching, telegram, crm):
    # The same figures are the same picture and the same workbook, whenever they were made.
    attaching()
    before = len(telegram.accepted)
    assert str(attaching().state) == "success"
    assert len(telegram.accepted) == before
    crm.execute("update repair_services set price = price + 500 where repair_id = 170")
    assert str(attaching().state) == "success"
    changed = [m for m in telegram.accepted[before:] if m.method == "editMessageMedia"]
    assert len(changed) >= 2
    assert all("прибыль" in message.text.splitlines()[-1] for message in changed)
    assert sorted(shown(telegram)) == ["picture", "text", "text", "text", "workbook"]


@pytest.mark.parametrize(
    ("method", "task"), [("sendPhoto", "picture"), ("sendDocument", "workbook")]
)
@pytest.mark.parametrize("fault", ["drop_after", "drop_before", "server_error_before"])
def test_what_fails_below_leaves_the_texts_and_is_told_once(
    attaching, telegram, method, task, fault
):
    # The texts are there, ops read which one is missing, and a second run doubles nothing.
    getattr(telegram.faults, fault)(times=5, method=method)
    assert str(attaching().state) == "failed"
    telegram.faults.clear()
    assert shown(telegram).count("text") == 3
    (told,) = in_chat(telegram, OPS_CHAT)
    assert f"post_{task}" in told.text
    attaching()
    assert shown(telegram).count("text") == 3
    assert shown(telegram).count("picture") <= 1
    assert shown(telegram).count("workbook") <= 1


def test_a_picture_that_cannot_be_drawn_leaves_the_rest(attaching, telegram, monkeypatch):
    # Whatever the cause: the texts and the workbook are there, and ops are told of the picture.
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = attaching()
    assert str(done.state) == "failed"
    assert states(done)["post_picture"] == "failed"
    assert sorted(shown(telegram)) == ["text", "text", "text", "workbook"]
    assert "post_picture" in in_chat(telegram, OPS_CHAT)[-1].text


def test_without_its_text_nothing_is_attached(attaching, telegram):
    # The texts' status is unknown: what is below waits for what a person says.
    telegram.faults.drop_after(times=4)
    assert str(attaching().state) == "failed"
    assert "picture" not in shown(telegram)
    names = [f"{m['subject']}@{m['chat']}" for m in rows("messages") if m["state"] == "unknown"]
    attaching(arrived=names)
    assert "picture" in shown(telegram)


def test_a_dry_run_writes_the_files_to_look_at(attaching, telegram, capfd):
    # The log names them; nothing is sent.
    assert str(attaching(dry_run=True).state) == "success"
    assert telegram.accepted == []
    out, err = capfd.readouterr()
    files = [Path(name) for name in re.findall(r"The file is (\S+)", out + err)]
    assert {file.suffix for file in files} == {".png", ".xlsx"}
    assert all(file.read_bytes() for file in files)


@pytest.mark.parametrize("mode", ["digest", "silent"])
def test_a_digest_has_nothing_below_it(attaching, telegram, mode):
    assert str(attaching(backfill_mode=mode).state) == "success"
    assert "picture" not in shown(telegram)
    assert "workbook" not in shown(telegram)


def test_the_ledger_keeps_neither_picture_nor_lines(attaching):
    attaching()
    kept = everything()
    assert "network+picture" in kept
    assert "PNG" not in kept
    assert "Щётка" not in kept
