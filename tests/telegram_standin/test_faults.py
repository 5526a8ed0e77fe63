"""Scripted faults: what the client sees, and what was accepted all the same."""

import threading

import httpx
import pytest

GROUP, PERSON = -1001, 42


def test_a_fault_meets_the_next_requests_and_is_used_up(stand_in, client):
    stand_in.faults.retry_after(7, times=2)
    assert [client.send().status_code for _ in range(3)] == [429, 429, 200]


def test_a_scripted_429_says_how_long(stand_in, client):
    stand_in.faults.retry_after(60)
    answer = client.send()
    assert answer.json()["parameters"] == {"retry_after": 60}
    assert answer.headers["Retry-After"] == "60"
    assert stand_in.accepted == []


def test_a_fault_can_be_for_one_method_and_one_chat(stand_in, client):
    stand_in.faults.server_error_before(method="sendMessage", chat_id=PERSON)
    assert client("getMe").is_success
    assert client.send().is_success
    assert client.send(chat_id=PERSON).status_code == 500


def test_faults_queue_up(stand_in, client):
    stand_in.faults.server_error_before(502)
    stand_in.faults.server_error_after(504)
    assert [client.send().status_code for _ in range(3)] == [502, 504, 200]
    assert len(stand_in.accepted) == 2


def test_a_restarting_server_says_so(stand_in, client):
    stand_in.faults.server_error_before()
    assert client.send().json()["description"] == "Internal Server Error: restart"


def test_an_error_of_a_proxy_is_html(stand_in, client):
    stand_in.faults.server_error_before(502, html=True)
    answer = client.send()
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "502 Bad Gateway" in answer.text
    assert stand_in.accepted == []


def test_after_an_error_the_message_may_be_there(stand_in, client):
    stand_in.faults.server_error_after(502, html=True)
    assert client.send().status_code == 502
    assert len(stand_in.accepted) == 1


def test_a_fault_after_waits_for_a_request_that_is_accepted(stand_in, client):
    fault = stand_in.faults.server_error_after()
    assert client.send("").status_code == 400
    assert fault.met == 0
    assert client.send().status_code == 500


def test_garbage_comes_with_status_200(stand_in, client):
    stand_in.faults.garbage_after()
    answer = client.send()
    assert answer.status_code == 200
    with pytest.raises(ValueError, match="Unterminated"):
        answer.json()
    assert len(stand_in.accepted) == 1


@pytest.mark.parametrize(
    ("reset", "error"), [(False, httpx.RemoteProtocolError), (True, httpx.ReadError)]
)
def test_a_dropped_connection_is_an_error_of_the_transport(stand_in, client, reset, error):
    stand_in.faults.drop_before(reset=reset)
    with pytest.raises(error):
        client.send()
    assert stand_in.accepted == []


def test_a_connection_can_drop_after_the_message_was_taken(stand_in, client):
    stand_in.faults.drop_after()
    with pytest.raises(httpx.RemoteProtocolError):
        client.send()
    assert len(stand_in.accepted) == 1


def test_a_hanging_answer_is_given_up_by_the_client_and_the_message_is_there(stand_in, client):
    stand_in.faults.hang_after()
    client.http.timeout = httpx.Timeout(60, read=0.05)
    with pytest.raises(httpx.ReadTimeout):
        client.send()
    assert len(stand_in.accepted) == 1


def test_a_hanging_answer_comes_when_it_is_released(stand_in, client):
    fault = stand_in.faults.hang_after()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(client.send()))
    thread.start()
    fault.release()
    thread.join(timeout=60)
    assert answers[0].json()["result"]["message_id"] == 1


def test_a_slow_answer_is_a_good_one(stand_in, client):
    fault = stand_in.faults.slow(0.01)
    assert client.send().is_success
    assert fault.met == 1


def test_a_slow_answer_that_is_given_up_leaves_the_message_there(stand_in, client):
    stand_in.faults.slow(30)
    client.http.timeout = httpx.Timeout(60, read=0.05)
    with pytest.raises(httpx.ReadTimeout):
        client.send()
    assert len(stand_in.accepted) == 1


def test_the_queue_can_be_cleared(stand_in, client):
    stand_in.faults.retry_after(7, times=9)
    stand_in.faults.clear()
    assert client.send().is_success


def test_refusals_by_a_fault_are_noted_without_the_token(stand_in, client):
    stand_in.faults.retry_after(7)
    client.send()
    (refused,) = stand_in.chats.refused
    assert (refused.method, refused.status) == ("sendMessage", 429)
    assert stand_in.token not in repr(refused)
