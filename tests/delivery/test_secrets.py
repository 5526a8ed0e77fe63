"""The bot's token is in the address of each request; nobody may ever read it.

Not in an error's text, nor its traceback, nor in a log of any logger at DEBUG, nor on the console.
"""

import logging
import traceback

import httpx
import pytest

from delivery.desk import GROUP, server_that_answers
from ledgers import everything
from sancrm_reports.errors import PermanentError
from sancrm_reports.pure.messages import Button, Message
from sancrm_reports.wire.telegram_hook import SancrmTelegramHook

TOKEN = "7777777777:AAH-a_secret_that_nobody_may_read"
SECRET = "aah-a_secret"  # in lower case, as everything that is said is compared
PROXY_PASSWORD = "proxy-password"

pytestmark = pytest.mark.filterwarnings("ignore:.*retry_after:DeprecationWarning")


class Everything(logging.Handler):
    """Keeps every record as a formatter would write it, with its traceback."""

    def __init__(self):
        super().__init__(logging.NOTSET)
        self.lines = []

    def emit(self, record):
        self.lines.append(logging.Formatter("%(name)s %(message)s").format(record))


@pytest.fixture
def logged():
    """Every logger that there is speaks at DEBUG, as a curious administrator might set it."""
    names = ["httpx", "httpcore.http11", "telegram.Bot", *logging.root.manager.loggerDict]
    loggers = [logging.root, *map(logging.getLogger, names)]
    before = [(logger, logger.level) for logger in loggers]
    everything = Everything()
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    logging.root.addHandler(everything)
    yield everything.lines
    logging.root.removeHandler(everything)
    for logger, level in before:
        logger.setLevel(level)


@pytest.fixture
def secret_desk(desk, stand_in):
    """The desk with a token that is told from any other text."""
    stand_in.token = TOKEN
    desk.connect()
    return desk


def everything_said(outcome, logged, capfd):
    console = capfd.readouterr()
    trace = traceback.format_exception(outcome) if isinstance(outcome, Exception) else []
    said = [str(outcome), repr(outcome), *trace, *logged, console.out, console.err]
    return "\n".join([*said, everything()]).lower()


FAULTS = {
    "none": lambda faults: None,
    "no answer": lambda faults: faults.hang_after(),
    "closed": lambda faults: faults.drop_after(),
    "reset": lambda faults: faults.drop_before(reset=True),
    "torn": lambda faults: faults.garbage_after(),
    "500": lambda faults: faults.server_error_after(500),
    "502 page": lambda faults: faults.server_error_before(502, html=True),
    "wait": lambda faults: faults.retry_after(300),
}


@pytest.mark.parametrize("queue", FAULTS.values(), ids=FAULTS)
def test_no_fault_shows_the_token(secret_desk, stand_in, logged, capfd, queue):
    # Sent or not, edited or not, nothing that is raised, logged or printed holds it.
    secret_desk.run("Один", subject="edited")
    if queue is FAULTS["no answer"]:
        secret_desk.connect(read_timeout=0.4)
    queue(stand_in.faults)
    tries = secret_desk.run("Один", subject="sent")
    stand_in.faults.clear()
    queue(stand_in.faults)
    tries += secret_desk.run("Два", subject="edited")
    assert len(secret_desk.edits) >= 1
    for error in tries:
        assert SECRET not in everything_said(error, logged, capfd)


ANSWERS = {
    "an Apache's 404": (404, "<p>The requested URL {path} was not found on this server.</p>", {}),
    "a torn 200": (200, "Cannot read {path}", {}),
    "a gateway's 502": (502, "<html>upstream of {path} failed</html>", {}),
    "a redirect": (302, "", {"Location": f"https://elsewhere.example/bot{TOKEN}/sendMessage"}),
    "an API's own 404": (404, '{"ok":false,"error_code":404,"description":"No {path}"}', {}),
    "an API's own 400": (400, '{"ok":false,"error_code":400,"description":"No {path}"}', {}),
    "a 400 that is lowered": (
        400,
        '{"ok":false,"error_code":400,"description":"Bad Request: no {path}"}',
        {},
    ),
    "a 403 that echoes": (
        403,
        '{"ok":false,"error_code":403,"description":"Forbidden: POST {path} by the gateway"}',
        {},
    ),
}


@pytest.mark.parametrize(("status", "body", "headers"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_repeats_the_address_does_not_spread_it(
    secret_desk, logged, capfd, status, body, headers
):
    # Pages of errors name the path that was asked for: the library would log and raise them.
    with server_that_answers(status, body, **headers) as (base_url, asked):
        secret_desk.connect(base_url=base_url)
        error = secret_desk.run()[-1]
    assert SECRET in asked[0].lower()
    assert isinstance(error, Exception)
    assert SECRET not in everything_said(error, logged, capfd)


@pytest.mark.parametrize(
    "extra",
    [
        {"base_url": "http://telegram.invalid/bot"},
        {"base_url": "http://127.0.0.1:1/bot"},
        {"base_url": "http://host:port/bot"},
        {"proxy": f"http://user:{PROXY_PASSWORD}@127.0.0.1:1"},
        {"proxy": f"socks5://user:{PROXY_PASSWORD}@127.0.0.1:1"},
        {"proxy": f"http://user:{PROXY_PASSWORD}@127.0.0.1:no-port"},
    ],
    ids=lambda extra: next(iter(extra.values())).replace(PROXY_PASSWORD, "…"),
)
def test_no_wrong_address_shows_the_token_or_the_proxys_password(secret_desk, logged, capfd, extra):
    # Hosts that are not there, and proxies that cannot be used.
    secret_desk.connect(**extra)
    error = secret_desk.run()[-1]
    said = everything_said(error, logged, capfd)
    assert isinstance(error, Exception)
    assert SECRET not in said
    assert PROXY_PASSWORD not in said


@pytest.mark.parametrize(
    "extra",
    [
        {"proxy": f"ftp://user:{PROXY_PASSWORD}@proxy.example"},
        {"base_url": "https://api.telegram.org"},
        {"token": TOKEN},
    ],
)
def test_a_wrong_extra_is_told_without_its_values(secret_desk, logged, capfd, extra):
    # What stands in the connection may be a secret in the wrong place.
    if "token" in extra:
        extra = {"bot_token": extra["token"]}
    with pytest.raises(PermanentError) as caught:
        secret_desk.connect(**extra)
    said = everything_said(caught.value, logged, capfd)
    assert SECRET not in said
    assert PROXY_PASSWORD not in said


def test_a_revoked_token_is_told_without_it(secret_desk, logged, capfd):
    # The text says where the right one belongs.
    secret_desk.connect(token=TOKEN.replace("7777", "8888"))
    (error,) = secret_desk.run()
    said = everything_said(error, logged, capfd)
    assert "connection's password" in said
    assert SECRET not in said


def test_a_refused_button_an_edit_and_a_move_show_nothing(secret_desk, stand_in, logged, capfd):
    # The paths that ask Telegram twice.
    button = Button("CRM", "https://crm|x.example.com/")
    secret_desk.once(Message("Один", button))
    secret_desk.once(Message("Два", button))
    stand_in.chats.migrate(GROUP, GROUP - 1)
    secret_desk.once("Три", subject="branch")
    stand_in.chats[GROUP - 1].condition = "kicked"
    (error,) = secret_desk.run("Четыре", subject="other")
    assert SECRET not in everything_said(error, logged, capfd)


def test_logs_that_are_switched_on_later_stay_silent(secret_desk, logged):
    # Logging may be configured after the module is imported: the check is made at each call.
    logging.getLogger("httpx").setLevel(logging.DEBUG)
    secret_desk.once()
    assert not [line for line in logged if line.startswith(("httpx", "httpcore", "telegram"))]


def test_these_tests_would_see_a_token(secret_desk, logged):
    # A client that is not ours does log the address.
    httpx.get(f"{secret_desk.stand_in.base_url}{TOKEN}/getMe", trust_env=False)
    assert [line for line in logged if SECRET in line.lower()]


def test_the_hook_does_not_show_its_token(secret_desk):
    # A hook in a traceback with locals, or printed by hand.
    assert SECRET not in repr(secret_desk.hook).lower()
    assert isinstance(secret_desk.hook, SancrmTelegramHook)
