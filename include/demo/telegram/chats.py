"""All chats of a bot, and all that has been accepted. No HTTP here."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace

from demo.telegram.buttons import Keyboard
from demo.telegram.chat import CHAT_TYPES, Chat, Topic
from demo.telegram.clock import Clock
from demo.telegram.errors import ApiError, BadRequest, TooManyRequests
from demo.telegram.markup import FormattedText, format_message
from demo.telegram.media import Document, Media, Photo
from demo.telegram.message import Message, latest
from demo.telegram.rates import Rates

DELETABLE_FOR = 48 * 3600  # seconds


@dataclass(frozen=True)
class Draft:
    """What a client asks to post, already parsed."""

    method: str
    source: str
    content: FormattedText
    buttons: Keyboard = ()
    media: Media | None = None
    thread_id: int = 0
    silent: bool = False
    protected: bool = False
    reply_to: int = 0
    send_without_reply: bool = False


@dataclass(frozen=True)
class Refused:
    """A request that was refused, for a developer's eyes."""

    method: str
    status: int
    description: str


class Chats:
    """All chats of one bot. Safe to use from any thread.

    ``accepted`` is the append-only log: one entry for every send, edit and deletion that Telegram
    would have carried out, also when the answer got lost. Refusals are only in ``refused``.
    """

    def __init__(self, clock: Clock, rates: Rates | None, bot_name: str) -> None:
        self.clock = clock
        self.rates = rates  # None: no limits
        self.bot_name = bot_name
        self._lock = threading.RLock()
        self._chats: dict[int, Chat] = {}
        self._log: list[Message] = []
        self._refused: list[Refused] = []

    def add(
        self,
        chat_id: int,
        chat_type: str = "supergroup",
        title: str = "Отчёты",
        *,
        topics: dict[int, str] | None = None,
        members: dict[int, str] | None = None,
    ) -> Chat:
        """Make a chat that the bot is in; ``topics`` (id to title) make it a forum."""
        if chat_type not in CHAT_TYPES:
            raise ValueError(f"no such type of chat: {chat_type}")
        known_topics = {thread_id: Topic(name) for thread_id, name in (topics or {}).items()}
        chat = Chat(chat_id, chat_type, title, known_topics, dict(members or {}))
        with self._lock:
            self._chats[chat_id] = chat
        return chat

    def migrate(self, chat_id: int, new_id: int) -> Chat:
        """Upgrade a group to a supergroup with a new id, and return the new chat."""
        old = self[chat_id]
        new = self.add(new_id, "supergroup", old.title, members=old.members)
        old.migrated_to = new_id
        return new

    def __getitem__(self, chat_id: int) -> Chat:
        with self._lock:
            return self._chats[chat_id]

    def __iter__(self) -> Iterator[Chat]:
        with self._lock:
            return iter(list(self._chats.values()))

    def get(self, chat_id: int) -> Chat | None:
        """The chat, or None."""
        with self._lock:
            return self._chats.get(chat_id)

    @property
    def accepted(self) -> list[Message]:
        """The log of what the bot did, oldest first."""
        with self._lock:
            return [message for message in self._log if message.from_bot]

    @property
    def messages(self) -> list[Message]:
        """What the chats show now: edits applied, deletions gone, people's messages included."""
        with self._lock:
            return latest(self._log)

    @property
    def refused(self) -> list[Refused]:
        """What was refused, oldest first."""
        with self._lock:
            return list(self._refused)

    @property
    def version(self) -> int:
        """A number that grows with every change of what the chats show."""
        with self._lock:
            return len(self._log) + len(self._chats)

    def refuse(self, method: str, error: ApiError) -> None:
        """Note a refusal."""
        with self._lock:
            self._refused.append(Refused(method, error.status, error.description))

    def say(self, chat_id: int, text: str, sender: str = "Ольга") -> Message:
        """A person writes in the chat; the bot can answer that message, and cannot change it."""
        with self._lock:
            draft = Draft("", text, format_message(text))
            return self._append(self[chat_id], draft, None, None, sender=sender, from_bot=False)

    def send(self, chat: Chat, draft: Draft) -> Message:
        """Accept a new message or raise `ApiError`."""
        with self._lock:
            chat.check_write()
            thread_id = chat.checked_thread(draft.thread_id)
            reply_to = draft.reply_to if self.find(chat.id, draft.reply_to) else None
            if draft.reply_to and not reply_to and not draft.send_without_reply:
                raise BadRequest("message to be replied not found")
            chat.check_rights(rights_of(draft.media))
            self._take_rate(chat, len(draft.content.text))
            return self._append(chat, draft, thread_id, reply_to)

    def edit(
        self,
        chat: Chat,
        message_id: int,
        method: str,
        source: str,
        content: FormattedText | None,
        buttons: Keyboard,
        media: Media | None = None,
    ) -> Message:
        """Change the text, unless ``content`` is None, and the buttons; or raise `ApiError`.

        With ``media`` the text is its caption, also where the message had none before.
        """
        with self._lock:
            chat.check_edit()
            old = self.find(chat.id, message_id)
            if old is None:
                raise BadRequest("message to edit not found")
            if not old.from_bot:
                raise BadRequest("message can't be edited")
            if content and old.media and not media:
                raise BadRequest("there is no text in the message to edit")
            new = replace(old, buttons=buttons, media=media or old.media)
            if content:
                new = replace(new, source=source, text=content.text, entities=content.entities)
            if _shown(new) == _shown(old):
                raise BadRequest(
                    "message is not modified: specified new message content and reply markup are "
                    "exactly the same as a current content and reply markup of the message"
                )
            self._take_rate(chat, len(new.text), is_edit=True)
            history = (*old.history, replace(old, history=()))
            new = replace(new, method=method, edited=self.clock.now(), history=history)
            self._log.append(new)
            return new

    def delete(self, chat: Chat, message_id: int) -> Message:
        """Remove a message of the bot or raise `ApiError`."""
        with self._lock:
            chat.check_write()
            old = self.find(chat.id, message_id)
            if old is None:
                raise BadRequest("message to delete not found")
            if not old.from_bot:
                raise BadRequest("message can't be deleted")
            if self.clock.now() - old.date > DELETABLE_FOR:
                raise BadRequest("message can't be deleted for everyone")
            gone = replace(old, method="deleteMessage", deleted=True)
            self._log.append(gone)
            return gone

    def find(self, chat_id: int, message_id: int) -> Message | None:
        """A message as it is now, or None when there never was one or it was deleted."""
        with self._lock:
            for message in reversed(self._log):
                if (message.chat_id, message.message_id) == (chat_id, message_id):
                    return None if message.deleted else message
        return None

    def _take_rate(self, chat: Chat, length: int, *, is_edit: bool = False) -> None:
        if self.rates and (
            wait := self.rates.take(chat.id, is_group=chat.is_group, length=length, is_edit=is_edit)
        ):
            raise TooManyRequests(wait)

    def _append(
        self,
        chat: Chat,
        draft: Draft,
        thread_id: int | None,
        reply_to: int | None,
        *,
        sender: str = "",
        from_bot: bool = True,
    ) -> Message:
        chat.last_message_id += 1
        topic = chat.topics.get(thread_id or 0)
        message = Message(
            method=draft.method,
            chat_id=chat.id,
            chat_type=chat.type,
            chat_title=chat.title,
            message_id=chat.last_message_id,
            date=self.clock.now(),
            sender=sender or self.bot_name,
            text=draft.content.text,
            source=draft.source,
            entities=draft.content.entities,
            buttons=draft.buttons,
            media=draft.media,
            from_bot=from_bot,
            thread_id=thread_id,
            topic=topic.title if topic else "",
            silent=draft.silent,
            protected=draft.protected,
            reply_to=reply_to,
        )
        self._log.append(message)
        return message


def rights_of(media: Media | None) -> str:
    """What a bot must have the right to send, as Telegram names it."""
    return {Photo: "photos", Document: "documents"}.get(type(media), "text messages")


def _shown(message: Message) -> tuple[object, ...]:
    return message.text, message.entities, message.buttons, message.media
