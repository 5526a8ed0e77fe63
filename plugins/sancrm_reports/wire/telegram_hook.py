"""The wire to Telegram: one message sent or edited, or one of our errors raised.

The provider's hook repeats every error five times, also after an answer that was lost, and gives
back no message id; so connecting and sending are replaced (docs/decisions/0009-telegram-hook.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

from airflow.providers.telegram.hooks.telegram import TelegramHook
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    LinkPreviewOptions,
    ReplyParameters,
)
from telegram import Message as SentMessage
from telegram.error import TelegramError

from sancrm_reports.errors import PermanentError
from sancrm_reports.pure.messages import Message
from sancrm_reports.pure.parts import TELEGRAM, Limits
from sancrm_reports.wire.chats import Address
from sancrm_reports.wire.telegram_connection import NoConnectionError, extra_of, token_of
from sancrm_reports.wire.telegram_errors import (
    ButtonRefusedError,
    MessageGoneError,
    NotSentError,
    UnknownOutcomeError,
    translate,
)
from sancrm_reports.wire.telegram_request import BoundedRequest, silence

Answer = TypeVar("Answer")

# A time-out of the client is for each read: an answer that trickles would never end by it.
CALL_SECONDS = 60
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


class SancrmTelegramHook(TelegramHook):
    """Sends a message once and tells what came of it; retrying is the caller's.

    :param telegram_conn_id: connection whose password is the bot's token and whose host is the
        default chat.
    """

    def __init__(self, telegram_conn_id: str = TelegramHook.default_conn_name) -> None:
        BaseHook.__init__(self)  # the provider's would open a client for good
        self.conn_id = telegram_conn_id
        try:
            self.account = self.get_connection(telegram_conn_id)
        except AirflowNotFoundException:
            raise NoConnectionError(
                f"There is no Airflow connection {telegram_conn_id!r}. Create it under Admin > "
                "Connections: password = the bot's token, host = the chat's id."
            ) from None
        self.token = token_of(self.account, telegram_conn_id)
        self.extra = extra_of(self.account, telegram_conn_id)
        self._titles: dict[str, str] = {}

    @classmethod
    def first_of(cls, *conn_ids: str) -> SancrmTelegramHook:
        """Return the hook of the first connection that exists.

        Raises:
            PermanentError: none of them does, or the first that does cannot be used.
        """
        for conn_id in conn_ids[:-1]:
            try:
                return cls(conn_id)
            except NoConnectionError:
                continue
        return cls(conn_ids[-1])

    @property
    def limits(self) -> Limits:
        """How long Telegram's texts may be."""
        return TELEGRAM

    @property
    def secret(self) -> str:
        """What only this channel knows."""
        return self.token

    @property
    def default_address(self) -> Address:
        """The chat and topic of the connection."""
        chat = (self.account.host or "").strip()
        if not chat:
            raise PermanentError(
                f"The connection {self.conn_id!r} names no chat: put its id into the host.",
                code="bad_connection",
            )
        return Address(chat, self.extra.message_thread_id)

    def get_conn(self) -> Bot:
        """Return a fresh bot; it lives in one event loop and is closed after one call.

        Raises:
            PermanentError: the connection's proxy cannot be used.
        """
        try:
            request = BoundedRequest(
                connection_pool_size=1,
                proxy=self.extra.proxy,
                connect_timeout=self.extra.connect_timeout,
                read_timeout=self.extra.read_timeout,
                write_timeout=self.extra.write_timeout,
            )
        except Exception as error:
            raise PermanentError(
                f"The proxy of connection {self.conn_id!r} cannot be used "
                f"({type(error).__name__}). Correct it in the extra; one of socks5 needs the "
                "package httpx[socks].",
                code="bad_connection",
            ) from None
        # The request is given twice, because the bot would open another client for updates.
        return Bot(
            self.token,
            base_url=self.extra.base_url,
            request=request,
            get_updates_request=request,
        )

    def title_of(self, to: Address) -> str:
        """Return the title of a group or channel that was sent to; a person's is not kept."""
        return self._titles.get(to.chat, "")

    def send(
        self, to: Address, message: Message, *, silent: bool = False, reply_to: int | None = None
    ) -> int:
        """Send a message and return its id.

        A button whose address Telegram refuses becomes a line of text.

        Raises:
            NotSentError: surely nothing was sent.
            RefusedError: Telegram will never take it.
            UnknownOutcomeError: the message may have arrived.
            PermanentError: as for ``get_conn``.
        """
        answer = ReplyParameters(reply_to, allow_sending_without_reply=True) if reply_to else None

        async def call(bot: Bot, message: Message) -> int:
            sent = await _send(
                bot,
                message,
                chat_id=to.chat,
                message_thread_id=to.thread_id,
                disable_notification=silent,
                protect_content=message.is_protected,
                reply_parameters=answer,
            )
            self._titles[to.chat] = sent.chat.title or ""
            return sent.message_id

        return self._with_button_or_line(to, message, call)

    def edit(self, to: Address, message_id: int, message: Message) -> None:
        """Replace a message's text and attachment.

        Twice is the same as once, so an unknown outcome may be retried.

        Raises:
            NotEditableError: the message was deleted, or cannot be edited any more.
            NotSentError, RefusedError, PermanentError: as for ``send``.
        """

        async def call(bot: Bot, message: Message) -> int:
            try:
                await _edit(bot, message, chat_id=to.chat, message_id=message_id)
            except TelegramError as error:
                if "message is not modified" not in str(error).lower():
                    raise
            return message_id

        try:
            self._with_button_or_line(to, message, call)
        except UnknownOutcomeError as error:
            raise NotSentError(f"{error} A correction can be repeated safely.") from None

    def delete(self, to: Address, message_id: int) -> bool:
        """Delete a message; False where the chat does not have it. Twice is the same as once.

        Raises:
            NotEditableError: it cannot be deleted: after 48 hours, without the right to.
            NotSentError, RefusedError, PermanentError: as for ``send``.
        """

        async def call(bot: Bot) -> bool:
            return await bot.delete_message(to.chat, message_id)

        try:
            return self._run(to, call)
        except MessageGoneError:
            return False
        except UnknownOutcomeError as error:
            raise NotSentError(f"{error} A deletion can be repeated safely.") from None

    def ask(self, to: Address) -> str:
        """Return a group's or channel's title, having asked whether the bot may write there.

        It is empty for a person, whose name is nobody's business here.

        Nothing is sent: people there see «typing…» for a moment.

        Raises:
            NotSentError: there was no answer, or none that can be read.
            RefusedError, PermanentError: as for ``send``.
        """

        async def call(bot: Bot) -> str:
            chat = await bot.get_chat(to.chat)
            await bot.send_chat_action(to.chat, "typing", message_thread_id=to.thread_id)
            return chat.title or ""

        try:
            return self._run(to, call)
        except UnknownOutcomeError:
            raise NotSentError(
                f"Telegram gave no answer about chat {to} (connection {self.conn_id!r})."
            ) from None

    def _with_button_or_line(
        self, to: Address, message: Message, call: Callable[[Bot, Message], Awaitable[int]]
    ) -> int:
        if message.button and not message.button.is_allowed:
            message = message.with_button_as_text()
        try:
            return self._run(to, lambda bot: call(bot, message))
        except ButtonRefusedError:
            return self._run(to, lambda bot: call(bot, message.with_button_as_text()))

    def _run(self, to: Address, call: Callable[[Bot], Awaitable[Answer]]) -> Answer:
        silence()
        bot = self.get_conn()
        request: Any = bot.request

        async def run() -> Answer:
            try:
                async with asyncio.timeout(CALL_SECONDS):
                    return await call(bot)
            finally:
                with suppress(Exception):  # it says nothing about the message
                    await bot.request.shutdown()

        try:
            return asyncio.run(run())
        except Exception as failure:
            # Not only TelegramError: an answer without a date is a KeyError. The chain is cut,
            # because the causes' texts can hold the request's address, and so the token.
            raise translate(
                failure,
                status=request.status,
                answered=request.answered,
                chat=to.name,
                conn_id=self.conn_id,
                token=self.token,
                is_by_proxy=self.extra.proxy is not None,
            ) from None


async def _send(bot: Bot, message: Message, **where: Any) -> SentMessage:
    """Send with all that the message shows, and return Telegram's answer."""
    attached, where = message.attachment, {**where, **_shown(message)}
    if attached is None:
        return await bot.send_message(text=message.html, link_preview_options=NO_PREVIEW, **where)
    if attached.kind == "picture":
        return await bot.send_photo(photo=attached.data, caption=message.html, **where)
    return await bot.send_document(document=attached.data, caption=message.html, **where)


async def _edit(bot: Bot, message: Message, **where: Any) -> None:
    """Replace all that the message shows."""
    attached, shown = message.attachment, _shown(message)
    if attached is None:
        await bot.edit_message_text(
            text=message.html, link_preview_options=NO_PREVIEW, **where, **shown
        )
        return
    media = InputMediaPhoto if attached.kind == "picture" else InputMediaDocument
    keyboard = shown.pop("reply_markup")
    content = media(attached.data, caption=message.html, **shown)
    await bot.edit_message_media(content, reply_markup=keyboard, **where)


def _shown(message: Message) -> dict[str, Any]:
    """Return what a message shows beside its text, as the library names it."""
    shown: dict[str, Any] = {"parse_mode": "HTML", "reply_markup": None}
    if message.button:
        button = InlineKeyboardButton(message.button.text, url=message.button.url)
        shown["reply_markup"] = InlineKeyboardMarkup([[button]])
    if message.attachment:
        shown["filename"] = message.attachment.name
    return shown
