"""A chat: who may write there, and what the bot is told when it may not."""

from dataclasses import dataclass, field
from typing import Any

from demo.telegram.errors import ApiError, BadRequest
from demo.telegram.faults import Condition

GENERAL_TOPIC = 1
CHAT_TYPES = ("private", "group", "supergroup", "channel")


@dataclass
class Topic:
    """A topic of a forum."""

    title: str
    closed: bool = False


@dataclass
class Chat:
    """A chat as the bot sees it; change the fields to make trouble."""

    id: int
    type: str
    title: str
    topics: dict[int, Topic] = field(default_factory=dict)  # a group with any is a forum
    members: dict[int, str] = field(default_factory=dict)  # user id -> name
    migrated_to: int | None = None
    last_message_id: int = 0
    _condition: Condition | None = field(default=None, init=False)

    @property
    def condition(self) -> Condition | None:
        """The chat's standing trouble; set it by the enum or its name, take it away with None."""
        return self._condition

    @condition.setter
    def condition(self, trouble: Condition | str | None) -> None:
        self._condition = None if trouble is None else Condition(trouble)

    @property
    def is_group(self) -> bool:
        """Whether the limits of a group hold."""
        return self.type != "private"

    def check_read(self) -> None:
        """Raise what the bot is told when it asks about the chat."""
        if self.type in ("supergroup", "channel"):
            self._check_membership()

    def check_write(self) -> None:
        """Raise what the bot is told when it posts, whatever it posts."""
        if self.migrated_to is not None:
            raise BadRequest(
                "group chat was upgraded to a supergroup chat", migrate_to_chat_id=self.migrated_to
            )
        if self.condition is Condition.DELETED:
            gone = "the group chat was deleted" if self.is_group else "user is deactivated"
            raise ApiError(403, gone)
        self._check_membership()

    def check_edit(self) -> None:
        """Raise what the bot is told when it changes a message."""
        final = (Condition.DELETED, Condition.NOT_EDITABLE)
        if self.migrated_to is not None or self.condition in final:
            raise BadRequest("message can't be edited")
        self._check_membership()

    def _check_membership(self) -> None:
        if self.condition is Condition.KICKED:
            kicked = f"bot was kicked from the {self.type} chat"
            raise ApiError(403, kicked if self.is_group else "bot was blocked by the user")
        if self.condition is Condition.NOT_A_MEMBER:
            left = f"bot is not a member of the {self.type} chat"
            stranger = "bot can't initiate conversation with a user"
            raise ApiError(403, left if self.is_group else stranger)

    def check_rights(self, content: str) -> None:
        """Raise when the bot may not send this kind of content."""
        if self.condition is Condition.NO_RIGHTS:
            raise BadRequest(f"not enough rights to send {content} to the chat")

    def checked_thread(self, thread_id: int) -> int | None:
        """The topic that a message goes to: none in a group without topics."""
        if not thread_id or (self.is_group and not (self.topics or self._topic_trouble)):
            return None
        unknown = thread_id not in self.topics and self.condition is not Condition.TOPIC_CLOSED
        if thread_id == GENERAL_TOPIC or unknown or self._thread_is_lost:
            raise BadRequest("message thread not found")
        topic = self.topics.get(thread_id)
        if self.condition is Condition.TOPIC_CLOSED or (topic and topic.closed):
            raise BadRequest("TOPIC_CLOSED")
        return thread_id

    @property
    def _topic_trouble(self) -> bool:
        return self._thread_is_lost or self.condition is Condition.TOPIC_CLOSED

    @property
    def _thread_is_lost(self) -> bool:
        return self.condition is Condition.THREAD_NOT_FOUND

    def to_json(self) -> dict[str, Any]:
        """The chat as the Bot API returns it."""
        name = "title" if self.is_group else "first_name"
        forum = {"is_forum": True} if self.topics else {}
        return {"id": self.id, "type": self.type, name: self.title} | forum
