"""The limits hold on the stand-in's own clock, so no test has to wait."""

from demo.telegram import Clock, TelegramStandIn
from demo.telegram.rates import GROUP_PER_MINUTE, OVERALL_PER_SECOND, Rates

GROUP, PERSON = -1001, 42


def test_a_burst_to_one_chat_passes_and_then_a_second_is_asked_for(stand_in, client):
    assert [client.send(str(n)).status_code for n in range(4)] == [200, 200, 200, 429]
    assert len(stand_in.accepted) == 3


def test_a_429_says_how_long_in_the_body_and_in_the_header(client):
    for _ in range(3):
        client.send()
    answer = client.send()
    assert answer.json() == {
        "ok": False,
        "error_code": 429,
        "description": "Too Many Requests: retry after 1",
        "parameters": {"retry_after": 1},
    }
    assert answer.headers["Retry-After"] == "1"


def test_waiting_as_told_is_enough(stand_in, client):
    for _ in range(3):
        client.send()
    stand_in.clock.advance(client.send().json()["parameters"]["retry_after"])
    assert client.send().status_code == 200


def test_a_group_takes_twenty_messages_a_minute(stand_in, client):
    for _ in range(GROUP_PER_MINUTE):
        assert client.send().status_code == 200
        stand_in.clock.advance(2)
    assert client.send().json()["parameters"] == {"retry_after": 20}
    stand_in.clock.advance(20)
    assert client.send().status_code == 200


def test_a_private_chat_has_no_limit_a_minute(stand_in, client):
    for _ in range(GROUP_PER_MINUTE + 5):
        assert client.send(chat_id=PERSON).status_code == 200
        stand_in.clock.advance(1)


def test_a_long_text_reaches_the_limit_sooner(client):
    texts = ["я" * 501] * 2
    assert [client.send(text).status_code for text in texts] == [200, 429]


def test_all_chats_together_take_thirty_messages_a_second():
    rates = Rates(lambda: 0.0)
    waits = [rates.take(n, is_group=False, length=1) for n in range(OVERALL_PER_SECOND + 1)]
    assert waits == [0] * OVERALL_PER_SECOND + [1]


def test_an_edit_counts_for_the_group_and_not_for_the_second():
    rates = Rates(lambda: 0.0)
    waits = [rates.take(1, is_group=True, length=1, is_edit=True) for _ in range(21)]
    assert waits == [0] * GROUP_PER_MINUTE + [60]


def test_a_refused_message_costs_nothing(stand_in, client):
    for _ in range(3):
        client.send()
    for _ in range(50):
        assert client.send().json()["parameters"] == {"retry_after": 1}


def test_a_message_refused_for_its_text_costs_nothing(client):
    for _ in range(10):
        assert client.send("<p>", parse_mode="HTML").status_code == 400
    assert client.send().status_code == 200


def test_the_limits_can_be_switched_off(http):
    with TelegramStandIn(clock=Clock(frozen_at=0), rate_limits=False) as stand_in:
        stand_in.chats.add(GROUP)
        url = f"{stand_in.base_url}{stand_in.token}/sendMessage"
        for _ in range(50):
            http.post(url, data={"chat_id": GROUP, "text": "x"}).raise_for_status()
        assert len(stand_in.accepted) == 50
