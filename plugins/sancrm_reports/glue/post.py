"""The Telegram operator of our own, and what it posts for a branch and for the network."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, BaseOperator, BaseOperatorLink

from sancrm_reports.errors import PermanentError, ReportError
from sancrm_reports.glue.run import period_of
from sancrm_reports.glue.timetable import timetable_of
from sancrm_reports.pure.figures import Figures
from sancrm_reports.settings import INCLUDE, Settings, settings

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.types import TaskInstanceKey

    from sancrm_reports.pure.messages import Comparison, Message
    from sancrm_reports.pure.period import Period
    from sancrm_reports.wire.chats import Address
    from sancrm_reports.wire.delivery import Delivery, Outcome
    from sancrm_reports.wire.telegram_hook import SancrmTelegramHook

# Its state store is the delivery ledger.
DELIVERIES = Asset(name="telegram_deliveries", uri="sancrm://telegram/deliveries")


def posting() -> dict[str, Any]:
    """Return what every task that posts must be given, also a mapped one.

    Defaults in ``__init__`` would not do: the scheduler never sees them of a mapped task.
    """
    return {
        "pool": settings().telegram.pool,
        "outlets": [DELIVERIES],
    }


class TelegramLink(BaseOperatorLink):
    """Opens the message that a task sent, where Telegram has an address for it."""

    name = "Сообщение в Telegram"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address, empty where there is none: a private chat, nothing sent."""
        return getattr(operator, "message_url", "")  # asked for when the task ends, in its process


class TelegramReportOperator(BaseOperator):
    """Deliver one message by the ledger; subclasses say what it is and where it goes.

    Give it ``**posting()`` as well: the pool, and the asset with the ledger.

    Returns what came of it: one mapping per chat and part (key, action, chat, message_id, url).

    :param report: ``daily``, ``weekly`` or ``monthly``.
    """

    operator_extra_links = (TelegramLink(),)

    def __init__(self, *, report: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.report = report
        self.message_url = ""

    def subject(self) -> str:
        """Return what the message is about, for the ledger."""
        raise NotImplementedError

    def chats(self, configured: Settings) -> list[str]:
        """Return where the message goes, as the settings write chats."""
        raise NotImplementedError

    def message(self, period: Period, configured: Settings) -> Message:
        """Return what is to be read."""
        raise NotImplementedError

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Write the message and bring it to its chats."""
        period = period_of(context, self.report, settings().account.timezone)
        message = self.message(period, settings())
        if context["params"].get("dry_run"):
            self.log.info("Dry run, nothing is sent:\n%s", message.html)
            return []
        return self._deliver(context, period, message)

    def _deliver(self, context: Context, period: Period, message: Message) -> list[dict[str, Any]]:
        from sancrm_reports.wire.telegram_hook import SancrmTelegramHook

        hook = SancrmTelegramHook(settings().telegram.conn_id)
        delivery = self._delivery(context, period, hook)
        footer = _lateness(period, self.report)
        outcomes: list[Outcome] = []
        errors: list[ReportError] = []
        for chat in self.chats(settings()):
            to = _address(chat, hook)
            key = delivery.key(self.dag_id, period.key, self.subject(), to)
            try:
                outcomes += delivery.deliver(key, to, message, footer=footer, silent=bool(footer))
            except ReportError as error:  # the other chats must not wait for this one
                errors.append(error)
        self.message_url = next((outcome.url for outcome in outcomes if outcome.url), "")
        for outcome in outcomes:
            self.log.info("%s: %s", outcome.key, outcome.action)
        context["outlet_events"][DELIVERIES].extra = {
            outcome.key: outcome.action for outcome in outcomes
        }
        if errors:
            raise next((e for e in errors if not isinstance(e, PermanentError)), errors[0])
        return [_as_json(outcome) for outcome in outcomes]

    def _delivery(self, context: Context, period: Period, hook: SancrmTelegramHook) -> Delivery:
        from sancrm_reports.wire.delivery import Delivery
        from sancrm_reports.wire.ledger import Ledger

        conf = f'{{"period": "{period.start}", "resend": true}}'
        return Delivery(
            Ledger(context["asset_state_store"][DELIVERIES]),
            hook,
            timezone=period.timezone,
            resend=bool(context["params"].get("resend")),
            how_to_resend=f"airflow dags trigger {self.dag_id} --conf {shlex.quote(conf)}",
            on_moved=lambda old, new: _tell_moved(hook, old, new),
        )


class PostBranchReportOperator(TelegramReportOperator):
    """Post the report of one branch.

    :param figures: one mapping of what ``compute_profitability`` returned.
    """

    def __init__(self, *, figures: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.figures = figures

    template_fields: Sequence[str] = ("figures",)

    def subject(self) -> str:
        """Return the branch."""
        return Figures.from_row(self.figures).name

    def chats(self, configured: Settings) -> list[str]:
        """Return the branch's chats."""
        return configured.chats.of_branch(self.figures["branch_id"])

    def message(self, period: Period, configured: Settings) -> Message:
        """Write the branch's report."""
        from sancrm_reports.pure.messages import branch_report

        return branch_report(_comparison(self.figures), period, templates=INCLUDE / "templates")


class PostNetworkReportOperator(TelegramReportOperator):
    """Post the summary of the network.

    :param figures: all mappings that ``compute_profitability`` returned.
    """

    template_fields: Sequence[str] = ("figures",)

    def __init__(self, *, figures: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.figures = figures

    def subject(self) -> str:
        """Return the network."""
        return "network"

    def chats(self, configured: Settings) -> list[str]:
        """Return the summary's chat."""
        return [configured.chats.of_summary]

    def message(self, period: Period, configured: Settings) -> Message:
        """Write the network's summary."""
        from sancrm_reports.pure.messages import network_report

        rows = {row["subject"]: row for row in self.figures}
        url = configured.account.crm_url
        return network_report(
            _comparison(rows["network"]),
            unallocated=Figures.from_row(rows["unallocated"]),
            branches=[Figures.from_row(row) for row in self.figures if row["subject"] == "branch"],
            period=period,
            templates=INCLUDE / "templates",
            crm_url=str(url) if url else None,
        )


def _comparison(row: Mapping[str, Any]) -> Comparison:
    from sancrm_reports.pure.messages import Comparison

    return Comparison(now=Figures.from_row(row), before=Figures.from_row(row["compared_with"]))


def _address(chat: str, hook: SancrmTelegramHook) -> Address:
    from sancrm_reports.wire.chats import Address

    return Address.parse(chat) if chat else hook.default_address


def _lateness(period: Period, report: str) -> str:
    """Say how late a report is, from when its schedule wanted it; empty if it is not."""
    from sancrm_reports.pure.messages import lateness

    late = datetime.now(UTC) - timetable_of(report, settings()).due_at(period)
    return lateness(late, after=timedelta(hours=settings().delivery.late_after_hours))


def _tell_moved(hook: SancrmTelegramHook, old: str, new: str) -> None:
    from sancrm_reports.pure.messages import group_moved

    to = _address(settings().chats.failures, hook)
    if to.chat == old:
        to = type(to)(new, to.topic)
    hook.send(to, group_moved(old, new, hook.conn_id))


def _as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "key": outcome.key,
        "action": outcome.action,
        "chat": outcome.chat,
        "message_id": outcome.message_id,
        "url": outcome.url,
    }
