"""Operators that post a period's reports: of a branch, and of the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sancrm_reports.errors import ReportError
from sancrm_reports.glue.lateness import how_late, late_footer
from sancrm_reports.glue.messages import (
    BOUNDS,
    bounds_report,
    bounds_told,
    branch_message,
    network_message,
)
from sancrm_reports.glue.metrics import note_lateness
from sancrm_reports.glue.params import params_of
from sancrm_reports.glue.posted import changes_of, is_frozen, tell_frozen
from sancrm_reports.glue.reported_period import reported_period
from sancrm_reports.glue.telegram_operator import (
    TelegramOperator,
    common_hook,
    delivery_of,
    ledger_of,
    readers_of,
)
from sancrm_reports.pure.figures import NETWORK, Figures
from sancrm_reports.pure.kinds import REPORT_KINDS
from sancrm_reports.settings import settings, templates

if TYPE_CHECKING:
    from airflow.sdk import Context

    from sancrm_reports.pure.messages import Message
    from sancrm_reports.pure.period import Period
    from sancrm_reports.wire.chats import Address
    from sancrm_reports.wire.delivery import Delivery, Outcome
    from sancrm_reports.wire.ledger.ledger import Ledger
    from sancrm_reports.wire.telegram_hook import SancrmTelegramHook


class TelegramReportOperator(TelegramOperator):
    """Deliver one message by the ledger; subclasses say what it is and where it goes.

    Give it ``**posting()`` as well: the pool, and the asset whose events show what was sent.

    Returns what came of it: one mapping per chat and part (key, action, chat, message_id, url).

    :param report: ``daily``, …: the id of a ``ReportKind``.
    """

    def __init__(self, *, report: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.report = report

    def whose(self) -> Figures:
        """Return the figures that the message is about."""
        raise NotImplementedError

    def subject(self) -> str:
        """Return what the message is about, for the ledger."""
        return self.whose().name

    def before(self, to: Address) -> str | None:
        """Return which subject's report comes just before in a chat."""
        return None

    def message(self, period: Period) -> Message:
        """Return what is to be read."""
        raise NotImplementedError

    def settle(
        self, delivery: Delivery, period: Period, *, footer: str, is_left: bool
    ) -> list[Outcome]:
        """Tell what else is to be told of the report; ``is_left`` where its period is frozen."""
        return []

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Write the message and bring it to its chats, as the run's params want it."""
        period = reported_period(context, self.report, settings().account.timezone)
        message = self.message(period)
        params = params_of(context)
        if params.dry_run:
            self.rehearse(message)
            return []
        if params.backfill_mode == "silent":
            self.log.info("Nothing is sent: backfill_mode is silent.")
            return []
        hook = common_hook()
        with ledger_of(context) as ledger:
            delivery = self._delivery(context, ledger, period, hook)
            if params.backfill_mode == "digest":
                always = readers_of(self.report, self.subject(), hook, is_loss=False)
                done = self._deliver_digest(delivery, period, always)
            else:
                late = how_late(self.report, period)
                if context["dag_run"].run_type == "scheduled":
                    note_lateness(self.dag_id, late)
                footer = late_footer(late)
                is_left = is_frozen(period) and not params_of(context).correct_frozen
                readers = self.readers(ledger, period, hook, is_left=is_left)
                done = self._deliver(
                    delivery, period, readers, message, footer=footer, is_frozen=is_left
                )
                try:
                    done[0].extend(self.settle(delivery, period, footer=footer, is_left=is_left))
                except ReportError as error:
                    done[1].append(error)
        return self.show(context, *done)

    def readers(
        self, ledger: Ledger, period: Period, hook: SancrmTelegramHook, *, is_left: bool
    ) -> list[Address]:
        """Return where the message goes.

        A chat for losses that was told of one is told as well that it is none any more. Of a frozen
        period, where ``is_left``, it is told of none that the other chats are not told of.
        """
        from sancrm_reports.wire.ledger.history import History

        dag_id, subject = REPORT_KINDS[self.report].dag_id, self.subject()
        is_loss = self.whose().is_loss
        if is_loss and is_left:
            of_period = dag_id, period.key, period.after.key
            is_loss = not History(ledger.database).of(*of_period, subject)
        now = readers_of(self.report, subject, hook, is_loss=is_loss)
        return now + [
            to
            for to in readers_of(self.report, subject, hook, is_loss=True)
            if to not in now and ledger.messages.get(ledger.key(dag_id, period.key, subject, to))
        ]

    def rehearse(self, message: Message) -> None:
        """Show in the log what would be sent."""
        self.log.info("Dry run, nothing is sent:\n%s", message.html)

    def bring(
        self, delivery: Delivery, period: Period, to: Address, message: Message, **options: Any
    ) -> list[Outcome]:
        """Bring the message to one chat; ``options`` are those of ``Delivery.deliver``."""
        key = delivery.ledger.key(REPORT_KINDS[self.report].dag_id, period.key, self.subject(), to)
        return delivery.deliver(key, to, message, day=period.start, **options)

    def _deliver(
        self,
        delivery: Delivery,
        period: Period,
        readers: Sequence[Address],
        message: Message,
        *,
        footer: str,
        is_frozen: bool,
    ) -> tuple[list[Outcome], list[ReportError]]:
        outcomes: list[Outcome] = []
        errors: list[ReportError] = []
        dag_id = REPORT_KINDS[self.report].dag_id
        for to in readers:
            before = self.before(to)
            after = delivery.ledger.key(dag_id, period.key, before, to) if before else None
            options = {
                "footer": footer,
                "silent": bool(footer),
                "is_frozen": is_frozen,
                "after": after,
            }
            try:
                outcomes += self.bring(delivery, period, to, message, **options)
            except ReportError as error:  # the other chats must not wait for this one
                errors.append(error)
        return outcomes, errors

    def _deliver_digest(
        self, delivery: Delivery, period: Period, readers: Sequence[Address]
    ) -> tuple[list[Outcome], list[ReportError]]:
        self.log.info("Nothing is sent: the digest holds the network's figures only.")
        return [], []

    def _delivery(
        self, context: Context, ledger: Ledger, period: Period, hook: SancrmTelegramHook
    ) -> Delivery:
        from sancrm_reports.pure.ops import RunPurpose

        purpose = RunPurpose.of_report(self.dag_id, period)
        return delivery_of(
            ledger,
            hook,
            decisions=params_of(context).decisions,
            how_to_decide=purpose.decide,
        )


class PostBranchReportOperator(TelegramReportOperator):
    """Post the report of one branch.

    :param figures: one mapping of what ``compute_profitability`` returned.
    """

    def __init__(self, *, figures: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.figures = figures

    template_fields: Sequence[str] = ("figures",)

    def whose(self) -> Figures:
        """Return the branch's."""
        return Figures.from_row(self.figures)

    def before(self, to: Address) -> str | None:
        """Return the branch before, where it has the same chat."""
        found: str | None = self.figures["after"].get(to.name)
        return found

    def message(self, period: Period) -> Message:
        """Write the branch's report."""
        return branch_message(self.figures, period)


class PostNetworkReportOperator(TelegramReportOperator):
    """Post the summary of the network.

    :param figures: all mappings that ``compute_profitability`` returned.
    """

    template_fields: Sequence[str] = ("figures",)

    def __init__(self, *, figures: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.figures = figures

    def whose(self) -> Figures:
        """Return the network's."""
        return Figures.from_row(next(row for row in self.figures if row["subject"] == NETWORK))

    def message(self, period: Period) -> Message:
        """Write the network's summary."""
        return network_message(self.figures, period)

    def settle(
        self, delivery: Delivery, period: Period, *, footer: str, is_left: bool
    ) -> list[Outcome]:
        """Tell of bounds; and ops of what differs of a frozen period, or that nothing does."""
        name = REPORT_KINDS[self.report].dag_id
        told = self._tell_bounds(delivery, period, footer=footer, is_left=is_left)
        changes = list(changes_of(delivery, name, period, self.figures)) if is_left else []
        return told + tell_frozen(delivery, name, period, changes)

    def _tell_bounds(
        self, delivery: Delivery, period: Period, *, footer: str, is_left: bool
    ) -> list[Outcome]:
        """Tell the chat of the bounds which are crossed; correct what it was told before."""
        from sancrm_reports.wire.chats import Address

        chat = settings().bounds.chat
        if not chat:
            return []
        is_crossed, message = bounds_told(self.figures, period)
        to = Address.parse(chat)
        key = delivery.ledger.key(bounds_report(period), period.key, BOUNDS, to)
        if not is_crossed and delivery.ledger.messages.get(key) is None:
            return []
        return delivery.deliver(
            key,
            to,
            message,
            day=period.start,
            footer=footer,
            silent=bool(footer),
            is_frozen=is_left,
        )

    def _deliver_digest(
        self, delivery: Delivery, period: Period, readers: Sequence[Address]
    ) -> tuple[list[Outcome], list[ReportError]]:
        """Add the period to the day's digest of this report, unless it was posted by itself."""
        from sancrm_reports.pure.entry import State
        from sancrm_reports.pure.messages import digest, digest_line

        line = digest_line(self.whose(), period, templates=templates())
        today = datetime.now(ZoneInfo(period.timezone)).date()
        ledger, dag_id = delivery.ledger, REPORT_KINDS[self.report].dag_id
        outcomes: list[Outcome] = []
        errors: list[ReportError] = []
        for to in readers:
            posted = ledger.messages.get(ledger.key(dag_id, period.key, NETWORK, to))
            if posted and posted.state is not State.FAILED:
                self.log.info("%s isn't part of the digest: it was already posted.", period.key)
                continue
            key = ledger.key(dag_id, f"digest-{today.isoformat()}", NETWORK, to)
            lines = ledger.add_to_note(f"lines|{key}", {period.start.isoformat(): line})
            message = digest(
                self.report, [lines[day] for day in sorted(lines)], templates=templates()
            )
            try:
                outcomes += delivery.deliver(
                    key, to, message, day=today, silent=True, edits_quietly=True
                )
            except ReportError as error:
                errors.append(error)
        return outcomes, errors
