"""The control API and the program that runs by itself, for tests in other processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

GROUP = -1001
INCLUDE = Path(__file__).parents[2] / "include"


@pytest.fixture
def control(stand_in, http):
    http.base_url = stand_in.page_url + "control"
    return http


def test_it_tells_that_it_is_well(control):
    assert control.get("/health").json() == {"ok": True, "chats": 4, "accepted": 0}


def test_it_lists_what_was_accepted_and_what_was_refused(control, client, make_png):
    client.send("<b>x</b>", parse_mode="HTML")
    client("sendPhoto", chat_id=GROUP, files={"photo": ("x.png", make_png(3, 2))})
    client.send("")
    log = control.get("/accepted").json()
    assert log["accepted"][0]["entities"] == [{"type": "bold", "offset": 0, "length": 1}]
    assert log["accepted"][1]["photo"]["width"] == 3
    assert log["refused"][0]["description"] == "Bad Request: message text is empty"
    assert control.get("/accepted?chat_id=5").json()["accepted"] == []


def test_it_makes_and_changes_chats(control, client):
    control.post("/chats", json={"id": -77, "type": "group", "title": "Новая"}).raise_for_status()
    assert client.send(chat_id=-77).is_success
    control.post("/chats", json={"id": -77, "condition": "kicked"})
    assert client.send(chat_id=-77).status_code == 403
    control.post("/chats", json={"id": -77, "condition": None, "topics": {"5": "Тема"}})
    assert client.send(chat_id=-77, message_thread_id=5).json()["result"]["message_thread_id"] == 5
    control.post("/chats", json={"id": -77, "migrated_to": -1078})
    assert client.send(chat_id=-77).json()["parameters"] == {"migrate_to_chat_id": -1078}


def test_it_queues_and_forgets_faults(control, client):
    control.post("/faults", json={"kind": "server_error_before", "status": 502, "times": 2})
    assert client.send().status_code == 502
    assert control.delete("/faults").json() == {"pending": 0}
    assert client.send().status_code == 200


def test_it_moves_the_clock(control, stand_in):
    before = stand_in.clock.now()
    assert control.post("/clock", json={"advance": 60}).json() == {"now": before + 60}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/faults", {"kind": "earthquake"}),
        ("/faults", {"kind": "slow", "forever": True}),
        ("/chats", {}),
        ("/chats", {"id": 1, "condition": "sad"}),
        ("/clock", {"advance": "soon"}),
        ("/clock", []),
    ],
)
def test_a_mistake_is_explained(control, path, body):
    answer = control.post(path, json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_program_prints_its_page_serves_and_stops_on_a_signal(http, number):
    command = [sys.executable, "-m", "demo.telegram", "--port", "0", "--no-rate-limit"]
    with subprocess.Popen(
        [*command, "--token", "1:secret", "--chat", "-1007:supergroup:Отчёты: все"],
        env=os.environ | {"PYTHONPATH": str(INCLUDE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        page = program.stdout.readline().split()[-1]
        asked = {"chat_id": -1007, "text": "x"}
        sent = http.post(f"{page}bot1:secret/sendMessage", data=asked)
        program.send_signal(number)
        rest, errors = program.communicate(timeout=60)
    assert sent.json()["result"]["chat"]["title"] == "Отчёты: все"
    assert (program.returncode, rest, errors) == (0, "", "")
    assert "secret" not in page
