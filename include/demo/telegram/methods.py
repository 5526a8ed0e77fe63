"""The Bot API's methods: arguments as text in, results as JSON values out. No HTTP here."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from demo.telegram.buttons import ButtonError, parse_keyboard
from demo.telegram.chat import Chat
from demo.telegram.chats import Chats, Draft
from demo.telegram.errors import ApiError, BadRequest
from demo.telegram.markup import FormattedText, MarkupError, format_caption, format_message
from demo.telegram.media import Media, MediaError, checked_document, checked_photo
from demo.telegram.message import Message


@dataclass(frozen=True)
class Call:
    """One request: the method's name as the client wrote it, its arguments, uploads by name."""

    name: str
    arguments: Mapping[str, str]
    files: Mapping[str, tuple[str, bytes]]

    def text(self, name: str) -> str:
        """An argument, empty when it is not given."""
        return self.arguments.get(name, "")

    def number(self, name: str) -> int:
        """An argument as a number, 0 when it is missing or none."""
        match = re.match(r"-?[0-9]{1,18}", self.text(name))
        return int(match[0]) if match else 0

    def flag(self, name: str) -> bool:
        """An argument as a truth value."""
        return self.text(name).lower() in ("true", "yes", "1")

    def json_object(self, name: str, what: str) -> dict[str, Any]:
        """An argument that holds a JSON object, empty when it is not given."""
        try:
            value = json.loads(self.text(name) or "{}")
        except ValueError:
            raise BadRequest(f"can't parse {what} JSON object") from None
        if not isinstance(value, dict):
            raise BadRequest(f"object expected as {what}")
        return value


class BotApi:
    """The methods that the project uses, over the chats of one bot."""

    def __init__(self, chats: Chats, bot_id: int, bot_username: str) -> None:
        self.chats = chats
        self._bot = {
            "id": bot_id,
            "is_bot": True,
            "first_name": chats.bot_name,
            "username": bot_username,
        }
        methods: dict[str, Callable[[Call], Any]] = {
            "getMe": self._get_me,
            "getChat": self._get_chat,
            "getChatMember": self._get_chat_member,
            "sendChatAction": self._send_chat_action,
            "sendMessage": self._send_message,
            "sendPhoto": lambda call: self._send_media(call, "photo"),
            "sendDocument": lambda call: self._send_media(call, "document"),
            "editMessageText": self._edit_text,
            "editMessageMedia": self._edit_media,
            "editMessageReplyMarkup": self._edit_reply_markup,
            "deleteMessage": self._delete,
        }
        self._methods = {name.lower(): (name, method) for name, method in methods.items()}

    def name_of(self, method: str) -> str:
        """The method's proper name, whatever case it came in; unknown ones as they came."""
        return self._methods.get(method.lower(), (method, None))[0]

    def call(self, call: Call) -> Any:
        """Carry out a request and return its result, or raise `ApiError`."""
        try:
            _, method = self._methods[call.name.lower()]
        except KeyError:
            raise ApiError(404, "method not found") from None
        try:
            return method(call)
        except (MarkupError, ButtonError, MediaError) as error:
            raise BadRequest(str(error)) from None

    def _get_me(self, _call: Call) -> dict[str, Any]:
        return self._bot | {
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }

    def _get_chat(self, call: Call) -> dict[str, Any]:
        chat = self._chat(call)
        chat.check_read()
        gifts = ("unlimited", "limited", "unique")
        return chat.to_json() | {
            "accent_color_id": 0,
            "max_reaction_count": 11,
            "accepted_gift_types": {f"{kind}_gifts": False for kind in gifts}
            | {"premium_subscription": False, "gifts_from_channels": False},
        }

    def _get_chat_member(self, call: Call) -> dict[str, Any]:
        if not call.text("user_id"):
            raise BadRequest("invalid user_id specified")
        chat, user_id = self._chat(call), call.number("user_id")
        chat.check_read()
        if user_id == self._bot["id"]:
            return {"status": "member", "user": self._bot}
        if user_id not in chat.members:
            raise BadRequest("member not found")
        user = {"id": user_id, "is_bot": False, "first_name": chat.members[user_id]}
        return {"status": "member", "user": user}

    def _send_chat_action(self, call: Call) -> bool:
        if call.text("action") != "typing":
            raise BadRequest("wrong parameter action in request")
        chat = self._chat(call)
        chat.check_write()
        chat.check_rights("text messages")
        chat.checked_thread(call.number("message_thread_id"))
        return True

    def _send_message(self, call: Call) -> dict[str, Any]:
        call.json_object("link_preview_options", "link preview options")
        self._refuse_entities(call, "entities")
        content = format_message(call.text("text"), call.text("parse_mode"))
        draft = Draft("sendMessage", call.text("text"), content, **self._options(call))
        return self._message(self.chats.send(self._chat(call), draft))

    def _send_media(self, call: Call, kind: str) -> dict[str, Any]:
        media = self._media(call, kind, call.text(kind))
        self._refuse_entities(call, "caption_entities")
        source = call.text("caption")
        content = format_caption(source, call.text("parse_mode"))
        draft = Draft(self.name_of(call.name), source, content, media=media, **self._options(call))
        return self._message(self.chats.send(self._chat(call), draft))

    def _edit_text(self, call: Call) -> dict[str, Any]:
        call.json_object("link_preview_options", "link preview options")
        self._refuse_entities(call, "entities")
        source = call.text("text")
        content = format_message(source, call.text("parse_mode"))
        return self._edited(call, "editMessageText", source, content)

    def _edit_media(self, call: Call) -> dict[str, Any]:
        asked = call.json_object("media", "input media")
        kind, given = str(asked.get("type")), str(asked.get("media", ""))
        if kind not in ("photo", "document") or not given:
            raise BadRequest("can't parse InputMedia: media is not specified")
        media = self._media(call, kind, given)
        source = str(asked.get("caption", ""))
        content = format_caption(source, str(asked.get("parse_mode", "")))
        return self._edited(call, "editMessageMedia", source, content, media)

    def _edit_reply_markup(self, call: Call) -> dict[str, Any]:
        return self._edited(call, "editMessageReplyMarkup", "", None)

    def _edited(
        self,
        call: Call,
        method: str,
        source: str,
        content: FormattedText | None,
        media: Media | None = None,
    ) -> dict[str, Any]:
        buttons = parse_keyboard(call.text("reply_markup"))
        if not call.text("chat_id") and not call.number("message_id"):
            raise BadRequest("message identifier is not specified")
        message_id = call.number("message_id")
        return self._message(
            self.chats.edit(self._chat(call), message_id, method, source, content, buttons, media)
        )

    def _delete(self, call: Call) -> bool:
        if not call.number("message_id"):
            raise BadRequest("message identifier is not specified")
        self.chats.delete(self._chat(call), call.number("message_id"))
        return True

    def _chat(self, call: Call) -> Chat:
        if not call.text("chat_id"):
            raise BadRequest("chat_id is empty")
        chat = self.chats.get(call.number("chat_id"))
        if chat is None:
            raise BadRequest("chat not found")
        return chat

    def _media(self, call: Call, kind: str, given: str) -> Media:
        if given and not given.startswith("attach://"):
            raise BadRequest("wrong file identifier/HTTP URL specified")
        upload = call.files.get(given.removeprefix("attach://") or kind)
        if upload is None:
            raise BadRequest(f"there is no {kind} in the request")
        name, data = upload
        return checked_photo(data) if kind == "photo" else checked_document(data, name)

    def _options(self, call: Call) -> dict[str, Any]:
        reply = call.json_object("reply_parameters", "reply parameters")
        reply_to = reply.get("message_id", 0) if reply else call.number("reply_to_message_id")
        if not isinstance(reply_to, int) or (reply and not reply_to):
            raise BadRequest('can\'t find field "message_id"')
        return {
            "buttons": parse_keyboard(call.text("reply_markup")),
            "thread_id": max(0, call.number("message_thread_id")),
            "silent": call.flag("disable_notification"),
            "protected": call.flag("protect_content"),
            "reply_to": max(0, reply_to),
            "send_without_reply": bool(reply.get("allow_sending_without_reply"))
            or call.flag("allow_sending_without_reply"),
        }

    @staticmethod
    def _refuse_entities(call: Call, name: str) -> None:
        if call.text(name) not in ("", "[]") and not call.text("parse_mode"):
            raise BadRequest(f"the stand-in takes parse_mode=HTML, not {name}")

    def _message(self, message: Message, *, with_reply: bool = True) -> dict[str, Any]:
        """The message as the Bot API returns it."""
        chat = self.chats[message.chat_id]
        person = {"id": 777, "is_bot": False, "first_name": message.sender}
        result: dict[str, Any] = {
            "message_id": message.message_id,
            "from": self._bot if message.from_bot else person,
            "chat": chat.to_json(),
            "date": int(message.date),
        }
        if message.edited:
            result["edit_date"] = int(message.edited)
        if message.thread_id:
            result |= {"message_thread_id": message.thread_id, "is_topic_message": True}
        if message.reply_to and with_reply:
            replied = self.chats.find(message.chat_id, message.reply_to)
            if replied:
                result["reply_to_message"] = self._message(replied, with_reply=False)
        result |= _content(message)
        if message.buttons:
            rows = [[button.to_json() for button in row] for row in message.buttons]
            result["reply_markup"] = {"inline_keyboard": rows}
        if message.protected:
            result["has_protected_content"] = True
        return result


def _content(message: Message) -> dict[str, Any]:
    text, entities = ("caption", "caption_entities") if message.media else ("text", "entities")
    content: dict[str, Any] = {}
    if message.photo:
        photo_id = f"photo{message.chat_id}_{message.message_id}"
        size = {
            "file_id": photo_id,
            "file_unique_id": photo_id,
            "width": message.photo.width,
            "height": message.photo.height,
            "file_size": len(message.photo.data),
        }
        content["photo"] = [size]
    if message.document:
        document_id = f"document{message.chat_id}_{message.message_id}"
        content["document"] = {
            "file_id": document_id,
            "file_unique_id": document_id,
            "file_name": message.document.name,
            "file_size": len(message.document.data),
        }
    if message.text:
        content[text] = message.text
    if message.entities:
        content[entities] = [entity.to_json() for entity in message.entities]
    return content
