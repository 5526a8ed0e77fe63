"""What every operator that posts to Telegram has in common: pools, ledger, hooks, links."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.sdk import Asset, BaseOperator, BaseOperatorLink

from sancrm_reports.errors import DecisionNeededError, PermanentError, ReportError
from sancrm_reports.glue.metrics import count_messages
from sancrm_reports.pure.figures import attachment_of, branch_of, text_subject
from sancrm_reports.settings import INCLUDE, settings, templates

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.types import TaskInstanceKey

    from sancrm_reports.pure.messages import Message
    from sancrm_reports.wire.chats import Address
    from sancrm_reports.wire.delivery import Delivery, Outcome
    from sancrm_reports.wire.email_channel import EmailChannel
    from sancrm_reports.wire.incidents import Incidents
    from sancrm_reports.wire.ledger.ledger import Ledger
    from sancrm_reports.wire.second_way import Route, SecondWay
    from sancrm_reports.wire.telegram_hook import SancrmTelegramHook

# For the UI only: its events show what was sent. The ledger lies in a database of its own.
DELIVERY_ASSET = Asset(name="telegram_deliveries", uri="sancrm://telegram/deliveries")


def posting() -> dict[str, Any]:
    """Return what every task that posts must be given, also a mapped one.

    Defaults in ``__init__`` would not do: the scheduler never sees them of a mapped task.
    """
    return {"pool": settings().telegram.pool, "outlets": [DELIVERY_ASSET]}


def alerting() -> dict[str, Any]:
    """Return what every task that alerts must be given: its pool is not the reports'."""
    return {"pool": settings().telegram.alerts_pool, "outlets": [DELIVERY_ASSET]}


def common_hook() -> SancrmTelegramHook:
    """Return the hook of the staff's chat."""
    from sancrm_reports.wire.telegram_hook import SancrmTelegramHook

    return SancrmTelegramHook(settings().telegram.conn_id)


def ops_hook() -> SancrmTelegramHook:
    """Return the hook of the ops chat: of its own connection where there is one."""
    from sancrm_reports.wire.telegram_hook import SancrmTelegramHook

    telegram = settings().telegram
    return SancrmTelegramHook.first_of(telegram.ops_conn_id, telegram.conn_id)


def address(chat: str, hook: SancrmTelegramHook) -> Address:
    """Return where a chat of the settings is; an empty one is the connection's."""
    from sancrm_reports.wire.chats import Address

    return Address.parse(chat) if chat else hook.default_address


def readers_of(
    report: str, subject: str, hook: SancrmTelegramHook, *, is_loss: bool
) -> list[Address]:
    """Return who reads a subject's report, each chat once; ``is_loss`` is whether it made one.

    Args:
        report: ``daily``, …: the id of a ``ReportKind``.
        subject: as the ledger names it; of what is attached to a text, who reads that.
        hook: whose chat is the connection's.
        is_loss: whether chats that read of losses only read it.
    """
    from sancrm_reports.wire.chats import Address

    chats = settings().chats.resolved(hook.default_address.name)
    branch_id = branch_of(text_subject(subject))
    file = attachment_of(subject)
    found = (
        chats.readers_of_file(file, report, branch_id, is_loss=is_loss)
        if file
        else chats.readers_of(report, branch_id, is_loss=is_loss)
    )
    return [Address.parse(chat) for chat in found]


def is_quiet(channel: SancrmTelegramHook | EmailChannel, *places: Address) -> bool:
    """Whether a message that is sent now makes no sound; the places are names of one chat."""
    now = datetime.now(ZoneInfo(settings().account.timezone))
    chats = settings().chats.resolved(channel.default_address.name)
    return any(chats.is_quiet(to.name, now) for to in places)


def ledger_of(context: Any) -> AbstractContextManager[Ledger]:
    """Open the delivery ledger for a task; without a context for whoever is none.

    Raises:
        LedgerUnreachableError, LedgerError: as ``open_ledger`` does.
    """
    from sancrm_reports.wire.ledger.ledger import open_ledger
    from sancrm_reports.wire.ledger.messages import Sender

    ti = context["ti"] if context else None
    sender = Sender(ti.dag_id, ti.run_id, ti.task_id, ti.map_index) if ti else Sender()
    return open_ledger(settings().ledger.conn_id, INCLUDE / "sql" / "ledger", sender)


def delivery_of(
    ledger: Ledger, channel: SancrmTelegramHook | EmailChannel, **options: Any
) -> Delivery:
    """Return a delivery by the ledger; ``options`` are those of ``Delivery``."""
    from sancrm_reports.wire.delivery import Delivery

    return Delivery(
        ledger,
        channel,
        timezone=settings().account.timezone,
        templates=templates(),
        group_messages_per_minute=settings().delivery.group_messages_per_minute,
        is_quiet=partial(is_quiet, channel),
        on_moved=lambda old, new: _tell_moved(old, new, channel.conn_id, ledger.title_of(old)),
        **options,
    )


def alerts_by(
    ledger: Ledger, route: Callable[[], tuple[SancrmTelegramHook | EmailChannel, Address]]
) -> Route:
    """Return what opens a way for alerts by the ledger, when it is that way's turn."""
    from sancrm_reports.pure.decisions import RESEND_ALL

    def opened() -> tuple[Delivery, Address]:
        channel, to = route()
        return delivery_of(ledger, channel, decisions=RESEND_ALL), to

    return opened


def incidents_of(ledger: Ledger, *, is_last_try: bool = False) -> Incidents:
    """Return the incidents that ops are told of; ``is_last_try`` is as for ``SecondWay``."""
    from sancrm_reports.wire.incidents import Incidents

    second = second_way(ledger, is_last_try=is_last_try)
    return Incidents(ledger, alerts_by(ledger, ops_route), second)


def second_way(ledger: Ledger, *, is_last_try: bool) -> SecondWay:
    """Return where alerts go that Telegram does not take in time; off without ``email.to``."""
    from sancrm_reports.wire.second_way import SecondWay

    return SecondWay(
        ledger,
        routes=tuple(alerts_by(ledger, route) for route in email_routes()),
        after=timedelta(minutes=settings().email.after_minutes),
        is_last_try=is_last_try,
        templates=templates(),
    )


def is_last_try(context: Any) -> bool:
    """Whether Airflow will not try this task again, whatever comes of it."""
    ti = context["ti"]
    return bool(ti.try_number > ti.max_tries)


def alert_ops(
    context: Any,
    name: str,
    message: Message,
    *,
    replaced: Message | None = None,
    is_last_try: bool,
) -> list[Outcome]:
    """Tell ops of an incident by name: by the ledger, and where that is out of reach, without.

    ``replaced`` is as for ``Incidents.alert``.
    """
    from sancrm_reports.wire.ledger.database import NoLedgerError
    from sancrm_reports.wire.unlogged import send_unlogged

    try:
        with ledger_of(context) as ledger:
            incidents = incidents_of(ledger, is_last_try=is_last_try)
            return incidents.alert(name, message, replaced=replaced)
    except NoLedgerError as error:
        return [send_unlogged(message, [ops_route, *email_routes()], error, templates())]


def ops_route() -> tuple[SancrmTelegramHook, Address]:
    """Return the hook of the ops chat, and where that is."""
    hook = ops_hook()
    return hook, address(settings().chats.failures, hook)


def backup_route() -> tuple[SancrmTelegramHook, Address]:
    """Return the hook of the backup chat, and where that is."""
    from sancrm_reports.wire.telegram_hook import SancrmTelegramHook

    telegram = settings().telegram  # a connection of its own is optional
    hook = SancrmTelegramHook.first_of(telegram.backup_conn_id, telegram.conn_id)
    return hook, address(settings().chats.backups, hook)


def email_routes() -> list[Callable[[], tuple[EmailChannel, Address]]]:
    """Return the way by e-mail, where the settings have it on. It is named by its connection."""
    email = settings().email

    def email_route() -> tuple[EmailChannel, Address]:
        from sancrm_reports.wire.email_channel import EmailChannel

        channel = EmailChannel(email.conn_id, email.to, templates())
        return channel, channel.default_address

    return [email_route] if email.to else []


class TelegramLink(BaseOperatorLink):
    """Opens the message that a task sent, where Telegram has an address for it."""

    @property
    def name(self) -> str:
        """What the button says."""
        from sancrm_reports.pure.language import language_of

        return language_of(templates()).word("link.telegram")

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address, empty where there is none: a private chat, nothing sent."""
        return getattr(operator, "message_url", "")  # asked for when the task ends, in its process


class TelegramOperator(BaseOperator):
    """Shows in Airflow what an operator sent. Give it ``**posting()`` or ``**alerting()``."""

    operator_extra_links: Sequence[BaseOperatorLink] = (TelegramLink(),)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.message_url = ""

    def show(
        self,
        context: Context,
        outcomes: Sequence[Outcome],
        errors: Sequence[ReportError] = (),
    ) -> list[dict[str, Any]]:
        """Show what was done: in the log, the link, the asset's event and the result.

        Raises:
            ReportError: the first of the errors, one that may pass before one that cannot.
        """
        self.message_url = next((outcome.url for outcome in outcomes if outcome.url), "")
        for outcome in outcomes:
            self.log.info("%s: %s", outcome.key, outcome.action)
        context["outlet_events"][DELIVERY_ASSET].extra = {
            outcome.key: outcome.action for outcome in outcomes
        }
        count_messages(self.dag_id, outcomes, errors)
        if errors:
            first = next((e for e in errors if not isinstance(e, PermanentError)), errors[0])
            if isinstance(first, DecisionNeededError):
                first = first.with_those_of(error for error in errors if error is not first)
            raise first
        return [{**asdict(outcome), "url": outcome.url} for outcome in outcomes]


def _tell_moved(old: str, new: str, conn_id: str, title: str) -> None:
    from sancrm_reports.pure.messages import group_moved

    hook, to = ops_route()
    if to.chat == old:
        to = type(to)(new, to.topic)
    message = group_moved(old, new, conn_id, title=title, templates=templates())
    hook.send(to, message, silent=is_quiet(hook, to))
