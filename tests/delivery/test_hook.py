"""The hook: what it asks for, from a connection as people write it."""

import json

import pytest

from delivery.desk import FORUM, GROUP, TOPIC, connection, server_that_answers
from sancrm_reports.errors import PermanentError
from sancrm_reports.pure.messages import Message
from sancrm_reports.wire.chats import GENERAL_TOPIC, Address
from sancrm_reports.wire.telegram_errors import NotSentError, RefusedError
from sancrm_reports.wire.telegram_hook import SancrmTelegramHook

SENT = json.dumps(
    {
        "ok": True,
        "result": {
            "message_id": 5,
            "date": 1_700_000_000,
            "chat": {"id": GROUP, "type": "supergroup", "title": "Отчёты"},
        },
    }
)


def test_a_message_is_one_request(desk, stand_in):
    # No getMe before it, no preview of links, HTML, and the id comes back.
    message_id = desk.hook.send(Address(str(GROUP)), Message("<b>Прибыль</b>"))
    (accepted,) = stand_in.accepted
    assert accepted.message_id == message_id
    assert accepted.text == "Прибыль"
    assert not accepted.silent
    assert desk.requests == 1


def test_one_hook_can_send_twice(desk, stand_in):
    # The provider's hook sends twice, or fails, on its second use.
    for number in range(2):
        desk.hook.send(Address(str(GROUP)), Message(f"{number}"))
    assert desk.shown == ["0", "1"]


def test_silence_and_topic_are_passed_on(desk, topic):
    # Without sound, into the topic.
    desk.hook.send(topic, Message("Отчёт"), silent=True)
    (message,) = desk.sends
    assert message.silent
    assert message.thread_id == TOPIC


def test_the_general_topic_is_left_out(desk):
    # Telegram refuses the id 1 of the general topic: without an id the message goes there.
    desk.hook.send(Address(str(FORUM), GENERAL_TOPIC), Message("Отчёт"))
    (message,) = desk.sends
    assert message.thread_id is None


def test_the_connection_names_chat_and_topic(desk):
    # The default address, from the host and the extra.
    desk.connect(chat=FORUM, message_thread_id=TOPIC)
    assert desk.hook.default_address == Address(str(FORUM), TOPIC)


def test_spaces_around_token_and_chat_do_no_harm(desk, stand_in):
    # A token copied with its line's end.
    desk.connect(chat=f" {GROUP}\n", token=f"{stand_in.token}\n")
    desk.once()
    assert len(desk.sends) == 1


def test_the_proxy_is_used(desk):
    # The request goes to the proxy, with Telegram's whole address.
    with server_that_answers(200, SENT) as (proxy, asked):
        desk.connect(base_url="http://telegram.invalid/bot", proxy=proxy.removesuffix("/bot"))
        assert desk.hook.send(Address(str(GROUP)), Message("Отчёт")) == 5
    assert len(asked) == 1
    assert asked[0].startswith("http://telegram.invalid/bot")
    assert asked[0].endswith("/sendMessage")


def test_a_proxy_that_cannot_be_used_is_a_clear_error(desk):
    # No retry can mend it, and nothing is sent.
    desk.connect(proxy="http://proxy.example:no-port")
    (error,) = desk.run()
    assert isinstance(error, PermanentError)
    assert "proxy of connection 'telegram_default'" in str(error)
    assert desk.entry().state == "failed"


def test_no_connection_says_how_to_make_it(monkeypatch):
    # Which one, where, and what belongs into it.
    monkeypatch.delenv("AIRFLOW_CONN_TELEGRAM_DEFAULT", raising=False)
    with pytest.raises(PermanentError) as caught:
        SancrmTelegramHook()
    assert "'telegram_default'" in str(caught.value)
    assert "Admin > Connections" in str(caught.value)


@pytest.mark.parametrize("token", ["", "  "])
def test_no_token_says_where_it_belongs(monkeypatch, token):
    # An empty password, or one of spaces.
    monkeypatch.setenv("AIRFLOW_CONN_TELEGRAM_DEFAULT", connection(GROUP, token))
    with pytest.raises(PermanentError, match="no bot token in its password"):
        SancrmTelegramHook()


def test_no_chat_says_where_it_belongs(desk):
    # Only asked for where the settings name no other chat.
    desk.connect(chat="")
    with pytest.raises(PermanentError, match="put its id into the host"):
        _ = desk.hook.default_address
    desk.once(to=Address(str(GROUP)))


@pytest.mark.parametrize(
    ("extra", "names"),
    [
        ({"proxi": "http://proxy.example"}, "proxi"),
        ({"proxy": "proxy.example:3128"}, "proxy"),
        ({"base_url": "https://api.telegram.org"}, "base_url"),
        ({"base_url": "https://api.telegram.org/bot/"}, "base_url"),
        ({"base_url": "api.telegram.org/bot"}, "base_url"),
        ({"message_thread_id": "general"}, "message_thread_id"),
        ({"message_thread_id": 0}, "message_thread_id"),
        ({"read_timeout": 0}, "read_timeout"),
        ({"connect_timeout": "soon"}, "connect_timeout"),
    ],
)
def test_a_wrong_extra_says_what_is_allowed(desk, extra, names):
    # A slip in the extra must not send without a proxy, or elsewhere.
    with pytest.raises(PermanentError) as caught:
        desk.connect(**extra)
    assert f"wrong: {names}: " in str(caught.value)
    assert "base_url, proxy, message_thread_id" in str(caught.value)


@pytest.mark.parametrize("extra", ['{"proxy": ', "[1]", '"text"'])
def test_an_extra_that_is_no_object_is_refused(monkeypatch, extra):
    # Airflow would take broken JSON for an empty extra, and the proxy would silently not be used.
    uri = json.dumps({"conn_type": "telegram", "host": "-1", "password": "1:token", "extra": extra})
    monkeypatch.setenv("AIRFLOW_CONN_TELEGRAM_DEFAULT", uri)
    with pytest.raises(PermanentError, match="It is a JSON object"):
        SancrmTelegramHook()


def test_asking_tells_the_chats_name_and_posts_nothing(desk):
    # For a check of the connection.
    assert desk.hook.ask(Address(str(GROUP))) == "Отчёты"
    assert desk.requests == 0


@pytest.mark.parametrize("condition", ["no_rights", "topic_closed", "deleted", "not_a_member"])
def test_asking_finds_a_chat_that_the_bot_may_not_write_to(desk, stand_in, condition):
    # Before the first report does.
    stand_in.chats[GROUP].condition = condition
    with pytest.raises(RefusedError):
        desk.hook.ask(Address(str(GROUP), topic=7))


def test_asking_about_the_general_topic_leaves_it_out(desk):
    # As sending does.
    assert desk.hook.ask(Address(str(FORUM), GENERAL_TOPIC)) == "Форум"


def test_asking_fails_with_our_errors(desk, stand_in):
    # Kicked is for a person; no answer is not, and no message is spoken of.
    stand_in.faults.drop_after(method="getChat")
    with pytest.raises(NotSentError, match="gave no answer about chat"):
        desk.hook.ask(Address(str(GROUP)))
    stand_in.chats[GROUP].condition = "kicked"
    with pytest.raises(RefusedError, match="add it to the chat again"):
        desk.hook.ask(Address(str(GROUP)))


@pytest.mark.parametrize(
    ("name", "address", "is_group"),
    [
        ("-1001234567890", Address("-1001234567890"), True),
        ("-1001234567890:12", Address("-1001234567890", 12), True),
        ("@channel", Address("@channel"), True),
        ("42", Address("42"), False),
    ],
)
def test_chats_as_the_settings_write_them(name, address, is_group):
    # A group by its minus, a channel by its name, a person by digits, a topic after the colon.
    assert Address.parse(name) == address
    assert address.is_group is is_group
