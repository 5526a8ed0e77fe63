"""The methods over HTTP: what is accepted, and what is refused in which words."""

import json

import pytest

GROUP, FORUM, OLD_GROUP, PERSON = -1001, -1002, -3, 42
KEYBOARD = json.dumps({"inline_keyboard": [[{"text": "CRM", "url": "https://crm.example.com/1"}]]})


def url(stand_in, method="getMe", token=None):
    return f"{stand_in.base_url}{token or stand_in.token}/{method}"


# The envelope


@pytest.mark.parametrize("name", ["getMe", "getme", "GETME"])
def test_the_case_of_a_method_does_not_matter(client, name):
    assert client(name).json()["result"]["username"] == "sancrm_reports_bot"


def test_a_get_request_with_a_query_does_as_well(stand_in, http):
    asked = {"chat_id": GROUP, "text": "привет"}
    http.get(url(stand_in, "sendMessage"), params=asked).raise_for_status()
    assert stand_in.accepted[0].text == "привет"


def test_a_json_body_does_as_well(stand_in, http):
    asked = {"chat_id": GROUP, "text": "x", "reply_markup": json.loads(KEYBOARD)}
    http.post(url(stand_in, "sendMessage"), json=asked).raise_for_status()
    assert stand_in.accepted[0].buttons[0][0].text == "CRM"


def test_an_unknown_token_is_unauthorized(stand_in, http):
    answer = http.post(url(stand_in, token="1:another"))
    assert (answer.status_code, answer.json()["description"]) == (401, "Unauthorized")


@pytest.mark.parametrize("token", ["no-colon", "abc:def", "0:x"])
def test_a_malformed_token_is_not_found(stand_in, http, token):
    answer = http.post(url(stand_in, token=token))
    assert (answer.status_code, answer.json()["description"]) == (404, "Not Found")


def test_an_unknown_method_is_not_found(client):
    assert client.refusal("sendPigeon") == (404, "Not Found: method not found")


def test_one_connection_serves_many_requests(client):
    streams = [client("getMe").extensions["network_stream"] for _ in range(5)]
    assert len({stream.get_extra_info("client_addr") for stream in streams}) == 1


# Sending


def test_an_accepted_message_is_answered_in_full_and_logged(stand_in, client):
    answer = client.send("<b>Итог</b> дня", parse_mode="HTML", reply_markup=KEYBOARD)
    assert answer.json() == {
        "ok": True,
        "result": {
            "message_id": 1,
            "from": {
                "id": 1234567890,
                "is_bot": True,
                "first_name": "SanCRM",
                "username": "sancrm_reports_bot",
            },
            "chat": {"id": GROUP, "type": "supergroup", "title": "Отчёты"},
            "date": 1762495200,
            "text": "Итог дня",
            "entities": [{"type": "bold", "offset": 0, "length": 4}],
            "reply_markup": json.loads(KEYBOARD),
        },
    }
    (message,) = stand_in.accepted
    assert (message.method, message.source) == ("sendMessage", "<b>Итог</b> дня")


def test_silence_and_protection_are_logged(stand_in, client):
    client.send(disable_notification="true", protect_content="True")
    assert (stand_in.accepted[0].silent, stand_in.accepted[0].protected) == (True, True)


@pytest.mark.parametrize(
    ("arguments", "description"),
    [
        ({"text": ""}, "message text is empty"),
        ({"text": "<b> </b>", "parse_mode": "HTML"}, "text must be non-empty"),
        ({"text": "я" * 4097}, "message is too long"),
        ({"text": "я" * 20000}, "text is too long"),
        ({"parse_mode": "Markdown"}, "unsupported parse_mode"),
        (
            {"text": "<p>", "parse_mode": "html"},
            'can\'t parse entities: Unsupported start tag "p" at byte offset 0',
        ),
        ({"reply_markup": "{"}, "can't parse reply keyboard markup JSON object"),
        (
            {"reply_markup": KEYBOARD.replace("crm.example.com", "localhost")},
            "inline keyboard button URL 'https://localhost/1' is invalid: Wrong HTTP URL",
        ),
        ({"reply_parameters": "{"}, "can't parse reply parameters JSON object"),
        ({"link_preview_options": "[]"}, "object expected as link preview options"),
        ({"chat_id": ""}, "chat_id is empty"),
        ({"chat_id": "-100999"}, "chat not found"),
        ({"chat_id": "@sancrm"}, "chat not found"),
    ],
)
def test_a_wrong_message_is_refused_and_leaves_no_trace(stand_in, client, arguments, description):
    asked = {"chat_id": GROUP, "text": "x"} | arguments
    assert client.refusal("sendMessage", **asked) == (400, f"Bad Request: {description}")
    assert stand_in.accepted == []
    assert stand_in.chats.refused[0].description == f"Bad Request: {description}"


def test_an_answer_quotes_the_message_it_answers(stand_in, client):
    client.send("Вопрос")
    answer = client.send("Ответ", reply_parameters='{"message_id": 1}')
    assert answer.json()["result"]["reply_to_message"]["text"] == "Вопрос"
    assert stand_in.accepted[1].reply_to == 1


def test_an_answer_to_nothing_is_refused_unless_allowed(stand_in, client):
    asked = {"chat_id": GROUP, "text": "x"}
    lost = {"message_id": 99}
    assert client.refusal("sendMessage", **asked, reply_parameters=json.dumps(lost)) == (
        400,
        "Bad Request: message to be replied not found",
    )
    lost["allow_sending_without_reply"] = True
    assert client.send(reply_parameters=json.dumps(lost)).status_code == 200
    assert stand_in.accepted[0].reply_to is None


# Topics


def test_a_message_goes_to_its_topic(stand_in, client):
    answer = client.send(chat_id=FORUM, message_thread_id=7)
    assert answer.json()["result"]["message_thread_id"] == 7
    assert stand_in.accepted[0].topic == "Сводка"


@pytest.mark.parametrize("thread_id", [1, 8])
def test_the_general_topic_and_unknown_ones_are_not_found(client, thread_id):
    refusal = client.refusal("sendMessage", chat_id=FORUM, text="x", message_thread_id=thread_id)
    assert refusal == (400, "Bad Request: message thread not found")


def test_a_closed_topic_is_refused(stand_in, client):
    stand_in.chats[FORUM].topics[7].closed = True
    refusal = client.refusal("sendMessage", chat_id=FORUM, text="x", message_thread_id=7)
    assert refusal == (400, "Bad Request: TOPIC_CLOSED")


@pytest.mark.parametrize("chat_id", [GROUP, OLD_GROUP])
def test_a_group_without_topics_ignores_a_topic(stand_in, client, chat_id):
    assert client.send(chat_id=chat_id, message_thread_id=7).status_code == 200
    assert stand_in.accepted[0].thread_id is None


# Photos


def test_a_photo_with_a_caption_is_accepted(stand_in, client, make_png):
    picture = make_png(300, 200)
    asked = {"chat_id": GROUP, "caption": "<i>График</i>", "parse_mode": "HTML"}
    result = client("sendPhoto", **asked, files={"photo": ("x.png", picture)}).json()["result"]
    assert (result["photo"][0]["width"], result["photo"][0]["height"]) == (300, 200)
    assert result["caption"] == "График"
    assert stand_in.accepted[0].photo.data == picture


def test_a_photo_can_be_attached_under_another_name(stand_in, client, make_png):
    files = {"graph": ("x.png", make_png(10, 10))}
    assert client("sendPhoto", chat_id=GROUP, photo="attach://graph", files=files).is_success


def test_a_jpeg_is_measured_too(client):
    app0 = b"\xff\xe0\x00\x04ab"
    frame = b"\xff\xc2\x00\x0b\x08\x00\x14\x00\x1e\x01\x00\x00\x00"
    files = {"photo": ("x.jpg", b"\xff\xd8" + app0 + frame)}
    size = client("sendPhoto", chat_id=GROUP, files=files).json()["result"]["photo"][0]
    assert (size["width"], size["height"]) == (30, 20)


@pytest.mark.parametrize("size", [(9000, 1001), (2100, 100), (5, 101)])
def test_a_photo_of_wrong_proportions_is_refused(client, make_png, size):
    files = {"photo": ("x.png", make_png(*size))}
    refusal = client.refusal("sendPhoto", chat_id=GROUP, files=files)
    assert refusal == (400, "Bad Request: PHOTO_INVALID_DIMENSIONS")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"GIF89a", "IMAGE_PROCESS_FAILED"),
        (b"\x89PNG\r\n\x1a\n", "IMAGE_PROCESS_FAILED"),
        (b"\xff\xd8\xff", "IMAGE_PROCESS_FAILED"),
        (b"", "file must be non-empty"),
        (
            b"x" * 10485761,
            "file of size 10485761 bytes is too big for a photo; "
            "the maximum size is 10485760 bytes",
        ),
    ],
    ids=["gif", "cut png", "cut jpeg", "empty", "big"],
)
def test_what_is_no_photo_is_refused(client, data, reason):
    files = {"photo": ("x.png", data)}
    assert client.refusal("sendPhoto", chat_id=GROUP, files=files) == (
        400,
        f"Bad Request: {reason}",
    )


def test_a_photo_must_be_there(client):
    assert client.refusal("sendPhoto", chat_id=GROUP) == (
        400,
        "Bad Request: there is no photo in the request",
    )


def test_a_long_caption_is_refused(client, make_png):
    files = {"photo": ("x.png", make_png(9, 9))}
    assert client.refusal("sendPhoto", chat_id=GROUP, caption="я" * 1025, files=files) == (
        400,
        "Bad Request: message caption is too long",
    )


# Documents


def test_a_document_is_accepted_as_it_is(stand_in, client):
    # Whatever its bytes: a workbook's name and caption come back.
    files = {"document": ("Прибыль.xlsx", b"PK\x03\x04")}
    result = client("sendDocument", chat_id=GROUP, caption="Таблица", files=files).json()["result"]
    assert (result["document"]["file_name"], result["caption"]) == ("Прибыль.xlsx", "Таблица")
    assert stand_in.accepted[0].document.data == b"PK\x03\x04"


def test_an_empty_or_missing_document_is_refused(client):
    files = {"document": ("x.xlsx", b"")}
    empty = client.refusal("sendDocument", chat_id=GROUP, files=files)
    assert empty == (400, "Bad Request: file must be non-empty")
    missing = client.refusal("sendDocument", chat_id=GROUP)
    assert missing == (400, "Bad Request: there is no document in the request")


@pytest.mark.parametrize(("size", "status"), [(50 * 1024 * 1024, 200), (51 * 1024 * 1024, 413)])
def test_a_document_of_more_than_50_mb_is_refused(client, size, status):
    files = {"document": ("x.bin", bytes(size))}
    assert client("sendDocument", chat_id=GROUP, files=files).status_code == status


def edit_media(client, message_id, kind, file, **media):
    asked = {"type": kind, "media": "attach://new", **media}
    return client(
        "editMessageMedia",
        chat_id=GROUP,
        message_id=message_id,
        media=json.dumps(asked),
        files={"new": file},
    )


def test_an_edit_replaces_picture_and_caption(stand_in, client, make_png):
    # The same picture and caption again are "not modified".
    client("sendPhoto", chat_id=GROUP, files={"photo": ("x.png", make_png(30, 20))})
    new = ("y.png", make_png(40, 20))
    assert edit_media(client, 1, "photo", new, caption="Новая").is_success
    (shown,) = stand_in.messages
    assert (shown.photo.width, shown.text, shown.history[0].photo.width) == (40, "Новая", 30)
    again = edit_media(client, 1, "photo", new, caption="Новая")
    assert "message is not modified" in again.json()["description"]


def test_an_edit_adds_a_document_to_a_text(stand_in, client):
    client.send(text="Отчёт")
    assert edit_media(client, 1, "document", ("x.csv", b"1;2"), caption="Отчёт").is_success
    (shown,) = stand_in.messages
    assert (shown.document.name, shown.text) == ("x.csv", "Отчёт")


@pytest.mark.parametrize(
    ("kind", "file", "reason"),
    [
        ("photo", ("x.png", b"GIF89a"), "IMAGE_PROCESS_FAILED"),
        ("document", ("x", b""), "file must be non-empty"),
        ("song", ("x.mp3", b"x"), "can't parse InputMedia: media is not specified"),
    ],
)
def test_an_edit_by_what_is_no_such_file_is_refused(client, kind, file, reason):
    client.send(text="Отчёт")
    answer = edit_media(client, 1, kind, file)
    assert answer.json()["description"] == f"Bad Request: {reason}"


def test_the_caption_of_a_photo_is_no_text_to_edit(client, make_png):
    client("sendPhoto", chat_id=GROUP, files={"photo": ("x.png", make_png(9, 9))})
    assert client.refusal("editMessageText", chat_id=GROUP, message_id=1, text="x") == (
        400,
        "Bad Request: there is no text in the message to edit",
    )


# Editing and deleting


def edit(client, text, **arguments):
    return client("editMessageText", chat_id=GROUP, message_id=1, text=text, **arguments)


def test_an_edit_keeps_the_earlier_version(stand_in, client):
    client.send("Было")
    stand_in.clock.advance(60)
    result = edit(client, "Стало").json()["result"]
    assert (result["text"], result["edit_date"] - result["date"]) == ("Стало", 60)
    assert [m.text for m in stand_in.accepted] == ["Было", "Стало"]
    assert [m.text for m in stand_in.messages] == ["Стало"]
    assert [m.text for m in stand_in.messages[0].history] == ["Было"]


def test_an_edit_without_a_keyboard_takes_the_keyboard_away(stand_in, client):
    client.send("x", reply_markup=KEYBOARD)
    edit(client, "y")
    assert stand_in.messages[0].buttons == ()


def test_the_same_text_again_is_not_modified(stand_in, client):
    client.send("x")
    assert client.refusal("editMessageText", chat_id=GROUP, message_id=1, text=" x ") == (
        400,
        "Bad Request: message is not modified: specified new message content and reply markup "
        "are exactly the same as a current content and reply markup of the message",
    )
    assert len(stand_in.accepted) == 1


def test_the_same_text_with_another_keyboard_is_an_edit(client):
    client.send("x")
    assert edit(client, "x", reply_markup=KEYBOARD).is_success


def test_only_the_keyboard_can_be_edited(stand_in, client):
    client.send("x")
    asked = {"chat_id": GROUP, "message_id": 1, "reply_markup": KEYBOARD}
    assert client("editMessageReplyMarkup", **asked).json()["result"]["text"] == "x"
    assert client("editMessageReplyMarkup", **asked).status_code == 400


def test_a_message_that_is_not_there_cannot_be_edited(client):
    assert client.refusal("editMessageText", chat_id=GROUP, message_id=5, text="x") == (
        400,
        "Bad Request: message to edit not found",
    )


def test_a_persons_message_cannot_be_edited(stand_in, client):
    stand_in.chats.say(GROUP, "Вопрос")
    assert client.refusal("editMessageText", chat_id=GROUP, message_id=1, text="x") == (
        400,
        "Bad Request: message can't be edited",
    )


def test_a_photo_has_no_text_to_edit(client, make_png):
    client("sendPhoto", chat_id=GROUP, files={"photo": ("x.png", make_png(9, 9))})
    assert client.refusal("editMessageText", chat_id=GROUP, message_id=1, text="x") == (
        400,
        "Bad Request: there is no text in the message to edit",
    )


def test_a_deleted_message_is_gone_from_the_chat_and_stays_in_the_log(stand_in, client):
    client.send("x")
    assert client("deleteMessage", chat_id=GROUP, message_id=1).json() == {
        "ok": True,
        "result": True,
    }
    assert stand_in.messages == []
    assert [m.method for m in stand_in.accepted] == ["sendMessage", "deleteMessage"]
    assert client.refusal("deleteMessage", chat_id=GROUP, message_id=1) == (
        400,
        "Bad Request: message to delete not found",
    )


def test_an_old_message_cannot_be_deleted_and_can_be_edited(stand_in, client):
    client.send("x")
    stand_in.clock.advance(48 * 3600 + 1)
    assert client.refusal("deleteMessage", chat_id=GROUP, message_id=1) == (
        400,
        "Bad Request: message can't be deleted for everyone",
    )
    assert edit(client, "y").is_success


# Chats and members


def test_a_chat_and_a_member_can_be_looked_up(client):
    assert client("getChat", chat_id=GROUP).json()["result"]["title"] == "Отчёты"
    member = client("getChatMember", chat_id=GROUP, user_id=7).json()["result"]
    assert (member["status"], member["user"]["first_name"]) == ("member", "Ольга")
    assert client.refusal("getChatMember", chat_id=GROUP, user_id=8)[0] == 400


@pytest.mark.parametrize(
    ("chat_id", "condition", "refusal"),
    [
        (GROUP, "kicked", (403, "Forbidden: bot was kicked from the supergroup chat")),
        (OLD_GROUP, "kicked", (403, "Forbidden: bot was kicked from the group chat")),
        (PERSON, "kicked", (403, "Forbidden: bot was blocked by the user")),
        (GROUP, "not_a_member", (403, "Forbidden: bot is not a member of the supergroup chat")),
        (OLD_GROUP, "deleted", (403, "Forbidden: the group chat was deleted")),
        (
            GROUP,
            "no_rights",
            (400, "Bad Request: not enough rights to send text messages to the chat"),
        ),
        (FORUM, "topic_closed", (400, "Bad Request: TOPIC_CLOSED")),
        (FORUM, "thread_not_found", (400, "Bad Request: message thread not found")),
        (GROUP, "topic_closed", (400, "Bad Request: TOPIC_CLOSED")),
    ],
)
def test_a_chat_in_trouble_takes_no_message(stand_in, client, chat_id, condition, refusal):
    stand_in.chats[chat_id].condition = condition
    asked = {"chat_id": chat_id, "text": "x", "message_thread_id": 7}
    assert client.refusal("sendMessage", **asked) == refusal
    assert stand_in.accepted == []


def test_a_trouble_with_a_topic_leaves_the_rest_of_the_chat_alone(stand_in, client):
    stand_in.chats[FORUM].condition = "topic_closed"
    assert client.send(chat_id=FORUM).is_success


def test_an_upgraded_group_names_its_new_id(stand_in, client):
    stand_in.chats.migrate(OLD_GROUP, -1005)
    body = client.send(chat_id=OLD_GROUP).json()
    assert body["description"] == ("Bad Request: group chat was upgraded to a supergroup chat")
    assert body["parameters"] == {"migrate_to_chat_id": -1005}
    assert client.send(chat_id=-1005).is_success
