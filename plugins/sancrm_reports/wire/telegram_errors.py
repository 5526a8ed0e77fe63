"""What Telegram's answers mean: surely not sent, wait, refused, moved, or nobody knows."""

from __future__ import annotations

from typing import Any

import httpx
from telegram import error as telegram

from sancrm_reports.errors import DecisionNeededError, PermanentError, ReportError
from sancrm_reports.wire.reachability import reason_unreachable

SURELY_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)
PERHAPS_PASSED_ON = (408, 499)  # some gateways answer so when Telegram's own answer is late
DEFAULT_WAIT = 30  # seconds, where a 429 does not say, or says nothing that makes sense
LONGEST_WAIT = 3600  # seconds that a server may ask for: what is longer is asked about again


class NotSentError(ReportError):
    """The message surely did not arrive: sending it again is safe."""

    code = "not_sent"


class FloodWaitError(NotSentError):
    """Telegram asks to wait; ``retry_after`` is in seconds."""

    code = "flood"

    def __init__(self, text: str, retry_after: float) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class ChatMovedError(NotSentError):
    """The group became a supergroup with another id."""

    code = "moved"

    def __init__(self, text: str, new_chat_id: int) -> None:
        super().__init__(text)
        self.new_chat_id = new_chat_id


class RefusedError(PermanentError):
    """Telegram will not take the message, however often it is sent."""

    code = "refused"


class ButtonRefusedError(RefusedError):
    """The address of a button is not one that Telegram accepts."""

    code = "button"


class NotEditableError(RefusedError):
    """The message was deleted, or cannot be edited or deleted any more."""

    code = "not_editable"


class MessageGoneError(NotEditableError):
    """The chat does not have the message."""


class UnknownOutcomeError(DecisionNeededError):
    """The answer never came: the message may have arrived, so it is not sent again by itself."""

    code = "unknown_outcome"


_REFUSALS = {
    # part of Telegram's description, without case: the error's code, and what to do
    "chat not found": ("chat_not_found", "Check the chat's id, and add the bot to the chat."),
    "not enough rights": ("no_right", "Give the bot the right to post in the chat."),
    "have no write access": ("no_right", "Give the bot the right to post in the chat."),
    "need administrator rights": ("no_right", "Make the bot an administrator of the channel."),
    "topic closed": ("topic", "Open the topic again, or set another one."),
    "topic deleted": ("topic", "The topic does not exist: set another one, or none."),
    "message thread not found": ("topic", "The topic does not exist: set another one, or none."),
    "too long": ("too_long", "The message should have been split; please report this as a bug."),
    "can't parse entities": ("markup", "The markup is wrong: look at include/templates/."),
}
_GONE = (
    "message to edit not found",
    "message to delete not found",
    "message id invalid",
    "message identifier is not specified",
)
_NOT_EDITABLE = ("message can't be edited", "message can't be deleted")


def translate(
    failure: Exception,
    *,
    status: int | None,
    answered: bool,
    chat: str,
    conn_id: str,
    token: str,
    is_by_proxy: bool = False,
) -> ReportError:
    """Return one of our errors for what a call to Telegram raised.

    Args:
        failure: what python-telegram-bot raised.
        status: the HTTP status of the answer, None without one.
        answered: whether the answer was the Bot API's JSON, not a proxy's page or a torn one.
        chat: the chat and topic.
        conn_id: the connection.
        token: what the text must not show, though an answer should.
        is_by_proxy: whether the connection names a proxy.
    """
    reason, place = _quotable(str(failure), token), f"chat {chat} (connection {conn_id!r})"
    match failure:
        case telegram.ChatMigrated():
            return ChatMovedError(f"The group of {place} became a supergroup.", failure.new_chat_id)
        case telegram.RetryAfter() if status == 429:
            return _flood(place, _seconds(failure.retry_after))
    if status == 429:
        return _flood(place, DEFAULT_WAIT)
    if answered and status is not None and 400 <= status < 500:
        return _refusal(failure, str(failure).lower().replace("_", " "), reason, place, chat)
    if status is None and isinstance(failure.__cause__, SURELY_NOT_SENT):
        kind = type(failure.__cause__).__name__
        return NotSentError(
            f"Telegram cannot be reached for {place} ({kind}). Nothing was sent. If this goes on, "
            "check the network, and base_url and proxy in the connection's extra.",
            code=reason_unreachable(failure, is_by_proxy=is_by_proxy),
        )
    if status is not None and 300 <= status < 500 and status not in PERHAPS_PASSED_ON:
        return NotSentError(
            f"Something on the way to Telegram refused the request for {place} (HTTP {status}). "
            "Nothing was sent. Check base_url and proxy in the connection's extra.",
            code="on_the_way",
            quote=f"HTTP {status}",
        )
    seen = f"HTTP {status}" if status else type(failure.__cause__ or failure).__name__
    if status == 200 and not answered:
        return UnknownOutcomeError(
            f"Something that is not Telegram answered for {place} ({seen}), such as the page of a "
            "captive portal. Check base_url and proxy in the connection's extra.",
            code="not_telegram",
        )
    return UnknownOutcomeError(
        f"Nobody knows whether the message for {place} arrived: the answer never came ({seen})."
    )


def _quotable(description: str, token: str) -> str:
    """Return what may be quoted of an answer: nothing where it repeats the request's address.

    Gateways and Bot API servers echo it with the token, whose letters python-telegram-bot lowers.
    """
    said = description.lower()
    secret = token.rpartition(":")[2].lower()
    return "(…)" if "/bot" in said or (secret and secret in said) else description


def _refusal(failure: Exception, text: str, reason: str, place: str, chat: str) -> ReportError:
    """Return the error for what Telegram refused; ``text`` is its description without case."""
    match failure:
        case telegram.InvalidToken():
            return RefusedError(
                f"Telegram does not know the bot of {place}: its token is wrong or was revoked. "
                "Put the token that BotFather shows into the connection's password.",
                code="token",
            )
        case telegram.Forbidden() if "group chat was deleted" in text:
            return RefusedError(
                f"The chat of {place} was deleted: set another one.",
                code="chat_deleted",
                chat=chat,
            )
        case telegram.Forbidden() if "by the user" in text or "with a user" in text:
            return RefusedError(
                f"The person of {place} does not take messages of the bot ({reason}): they must "
                "open the chat with it and press Start, then clear this task.",
                code="blocked",
                quote=reason,
                chat=chat,
            )
        case telegram.Forbidden():
            return RefusedError(
                f"The bot may not write to {place} ({reason}): add it to the chat again, "
                "then clear this task.",
                code="not_in_chat",
                quote=reason,
                chat=chat,
            )
    if "button" in text and "invalid" in text:
        return ButtonRefusedError(
            f"Telegram refused the button's address for {place}: {reason}", quote=reason
        )
    for kind, parts in ((MessageGoneError, _GONE), (NotEditableError, _NOT_EDITABLE)):
        if any(part in text for part in parts):
            return kind(f"The message in {place} can no longer be changed: {reason}.", quote=reason)
    code, advice = next((known for part, known in _REFUSALS.items() if part in text), ("", ""))
    return RefusedError(
        f"Telegram refused the message for {place}: {reason}. {advice}".strip(),
        code=code,
        quote=reason,
        chat=chat,
    )


def _flood(place: str, seconds: float) -> FloodWaitError:
    return FloodWaitError(
        f"Telegram asks to wait {seconds:.0f} s before the next message for {place}. Nothing was "
        "sent; it is tried again then.",
        seconds,
    )


def _seconds(value: Any) -> float:
    seconds = value.total_seconds() if hasattr(value, "total_seconds") else float(value)
    return min(seconds, LONGEST_WAIT) if seconds > 0 else DEFAULT_WAIT
