"""python-telegram-bot takes the stand-in for Telegram, its exceptions included."""

import asyncio
import datetime

import httpx
import pytest
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    ReplyParameters,
)
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    RetryAfter,
    TelegramError,
    TimedOut,
)
from telegram.request import HTTPXRequest

GROUP, FORUM, OLD_GROUP = -1001, -1002, -3


@pytest.fixture
def run(stand_in):
    """Run a coroutine with a fresh Bot, as a task of the project does."""

    def run(use, token=None):
        async def with_bot():
            request = HTTPXRequest(
                httpx_kwargs={"trust_env": False, "verify": False}, read_timeout=60
            )
            bot = Bot(token or stand_in.token, base_url=stand_in.base_url, request=request)
            await request.initialize()
            try:
                return await use(bot)
            finally:
                await request.shutdown()

        return asyncio.run(with_bot())

    return run


def test_it_knows_itself_the_chat_and_its_membership(run, stand_in):
    async def look(bot):
        me = await bot.get_me()
        return me, await bot.get_chat(FORUM), await bot.get_chat_member(GROUP, me.id)

    me, chat, member = run(look)
    assert (me.username, chat.title, member.status) == ("sancrm_reports_bot", "Форум", "member")
    assert chat.is_forum


def test_it_sends_a_message_with_everything(run, stand_in):
    button = InlineKeyboardButton("Открыть в CRM", url="https://crm.example.com/repairs/1")

    async def send(bot):
        first = await bot.send_message(FORUM, "Вопрос", message_thread_id=7)
        return await bot.send_message(
            FORUM,
            "<b>Ответ</b>",
            parse_mode="HTML",
            message_thread_id=7,
            disable_notification=True,
            protect_content=True,
            link_preview_options=LinkPreviewOptions(is_disabled=True),
            reply_parameters=ReplyParameters(first.message_id),
            reply_markup=InlineKeyboardMarkup([[button]]),
        )

    message = run(send)
    assert message.text_html == "<b>Ответ</b>"
    assert message.date == datetime.datetime(2025, 11, 7, 6, tzinfo=datetime.UTC)
    assert message.reply_to_message.text == "Вопрос"
    assert message.reply_markup.inline_keyboard[0][0] == button
    assert stand_in.accepted[1].silent


def test_it_sends_a_photo_and_edits_and_deletes(run, stand_in, make_png):
    async def work(bot):
        photo = await bot.send_photo(GROUP, make_png(30, 20), caption="<i>x</i>", parse_mode="HTML")
        text = await bot.send_message(GROUP, "Было")
        edited = await text.edit_text("Стало")
        return photo, edited, await text.delete()

    photo, edited, deleted = run(work)
    assert (photo.photo[0].width, photo.caption_html) == (30, "<i>x</i>")
    assert (edited.text, deleted) == ("Стало", True)


def test_a_wrong_token_is_an_invalid_token(run, stand_in):
    with pytest.raises(InvalidToken, match="Unauthorized"):
        run(lambda bot: bot.send_message(GROUP, "x"), token="1:other")


def test_a_wrong_message_is_a_bad_request(run):
    with pytest.raises(BadRequest, match="Can't parse entities"):
        run(lambda bot: bot.send_message(GROUP, "<p>", parse_mode="HTML"))


def test_a_kicked_bot_is_forbidden(run, stand_in):
    stand_in.chats[GROUP].condition = "kicked"
    with pytest.raises(Forbidden, match="kicked"):
        run(lambda bot: bot.send_message(GROUP, "x"))


def test_an_upgraded_group_is_migrated(run, stand_in):
    stand_in.chats.migrate(OLD_GROUP, -1005)
    with pytest.raises(ChatMigrated) as refusal:
        run(lambda bot: bot.send_message(OLD_GROUP, "x"))
    assert refusal.value.new_chat_id == -1005


@pytest.mark.filterwarnings("ignore::telegram.warnings.PTBDeprecationWarning")
def test_a_flood_is_retry_after(run, stand_in):
    stand_in.faults.retry_after(37)
    with pytest.raises(RetryAfter) as refusal:
        run(lambda bot: bot.send_message(GROUP, "x"))
    assert refusal.value._retry_after == datetime.timedelta(seconds=37)


def test_a_hang_is_timed_out_with_a_read_timeout_behind_it(run, stand_in):
    stand_in.faults.hang_after()
    with pytest.raises(TimedOut) as error:
        run(lambda bot: bot.send_message(GROUP, "x", read_timeout=0.05))
    assert isinstance(error.value.__cause__, httpx.ReadTimeout)
    assert len(stand_in.accepted) == 1


@pytest.mark.parametrize("fault", ["server_error_after", "drop_after", "garbage_after"])
def test_an_answer_that_gets_lost_is_an_error_and_the_message_is_there(run, stand_in, fault):
    getattr(stand_in.faults, fault)()
    with pytest.raises(TelegramError):
        run(lambda bot: bot.send_message(GROUP, "x"))
    assert len(stand_in.accepted) == 1
