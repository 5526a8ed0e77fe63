"""Looks again at what was posted: computes it anew, and edits in place what is another by now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sancrm_reports.errors import AlreadyAlertedError, PermanentError, ReportError
from sancrm_reports.glue.check_sources import problems_of
from sancrm_reports.glue.compute import compute
from sancrm_reports.glue.conclude import run_day
from sancrm_reports.glue.freshness import WaitForDataOperator
from sancrm_reports.glue.new_losses import new_losses
from sancrm_reports.glue.params import params_of
from sancrm_reports.glue.posted import changes_of, is_frozen, tell_frozen
from sancrm_reports.glue.reported_period import refuse_taken_place, refuse_unknown_params
from sancrm_reports.glue.same_files import refuse_other_files
from sancrm_reports.glue.telegram_operator import (
    TelegramOperator,
    common_hook,
    delivery_of,
    incidents_of,
    is_last_try,
    ledger_of,
)
from sancrm_reports.glue.timetable import cron_timetable
from sancrm_reports.pure.figures import Figures, check_days_sum, check_network_sum
from sancrm_reports.pure.kinds import ReportKind
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.pure.source_contract import refuse
from sancrm_reports.settings import settings, templates
from sancrm_reports.wire.crm import read_days, snapshot

if TYPE_CHECKING:
    from airflow.sdk import Context

    from sancrm_reports.pure.ops import RunPurpose
    from sancrm_reports.pure.rechecking import Change
    from sancrm_reports.wire.delivery import Delivery, Outcome
    from sancrm_reports.wire.ledger.ledger import Ledger

TOO_MANY = "recheck|recheck"  # the incident by which ops are asked


def rechecked(ledger: Ledger) -> Iterator[tuple[ReportKind, Period]]:
    """Yield the periods that are looked at again: the newest of each report that were posted.

    Of the monthly one those that are frozen as well: what differs of them is told.
    """
    from sancrm_reports.wire.ledger.history import History

    configured = settings()
    for kind in configured.scheduled_reports:
        newest = configured.recheck.reports.get(kind.id, 0)
        frozen = configured.recheck.frozen_months if kind.period is PeriodKind.MONTH else 0
        days = History(ledger.database).posted_days(kind.dag_id, newest + frozen)
        for place, day in enumerate(days):
            period = Period(kind.period, day, configured.account.timezone)
            if place < newest or is_frozen(period):
                yield kind, period


def checked_rows(sql: str, period: Period) -> list[dict[str, Any]]:
    """Compute a period with everything that a report of it is checked for.

    Raises:
        SourcesError, FiguresError, StaleDataError: a report of it would not be posted.
    """
    refuse(problems_of(period, settings().database))
    with snapshot(settings().database) as cursor:
        rows = compute(cursor, sql, period)
        figures = [Figures.from_row(row) for row in rows]
        check_network_sum(figures)
        check_days_sum(figures, read_days(cursor, sql, period))
    return rows


class WaitForRecheckDataOperator(WaitForDataOperator):
    """Go on once the data are complete for the newest of the periods that are looked at again."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(report="", **kwargs)

    def period(self, context: Context) -> Period | None:
        """Return the one that ends last."""
        refuse_unknown_params(context)
        refuse_taken_place(context, cron_timetable(settings().recheck.schedule, settings()))
        with ledger_of(context) as ledger:
            periods = [period for _, period in rechecked(ledger)]
        return max(periods, key=lambda period: period.ends_at, default=None)

    def purpose(self, context: Context, period: Period) -> RunPurpose:
        """Return the recheck of the run's day."""
        from sancrm_reports.pure.ops import RunPurpose

        return RunPurpose.of_day(self.dag_id, self.dag_id, run_day(context))


class RecheckReportsOperator(TelegramOperator):
    """Compute what was posted anew, and edit the messages that say another thing by now.

    Nothing new is sent, but for a new loss to a chat for losses. Where too many would change,
    nothing is edited and ops are asked; what is frozen stays, and ops are told. Give it
    ``**posting()``.

    :param sql: the file with the formulas.
    """

    template_fields: Sequence[str] = ("sql",)
    template_ext: Sequence[str] = (".sql",)

    def __init__(self, *, sql: str = "profitability.sql", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sql = sql

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Look at every period; a period that cannot be computed holds up no other.

        Raises:
            AlreadyAlertedError: too many messages would change, and ops were asked.
        """
        refuse_other_files(context)
        outcomes: list[Outcome] = []
        errors: list[ReportError] = []
        found: list[tuple[Delivery, Change]] = []
        is_dry = params_of(context).dry_run
        with ledger_of(context) as ledger:
            for kind, period in rechecked(ledger):
                delivery = self._delivery(ledger, kind, period)
                try:
                    rows = checked_rows(self.sql, period)
                    changes = list(changes_of(delivery, kind.dag_id, period, rows))
                    if not is_frozen(period):  # first, so that a try again finds them as well
                        changes = [*new_losses(ledger, kind, period, rows), *changes]
                        found += [(delivery, change) for change in changes]
                    elif not is_dry:
                        outcomes += tell_frozen(delivery, kind.dag_id, period, changes)
                    self._log(changes)
                except PermanentError as error:
                    errors.append(error)
            if not is_dry:
                edited, refused = self._edit(context, ledger, found)
                outcomes += edited
                errors += refused
        return self.show(context, outcomes, errors)

    def _edit(
        self, context: Context, ledger: Ledger, found: Sequence[tuple[Delivery, Change]]
    ) -> tuple[list[Outcome], list[ReportError]]:
        """Edit the messages, unless they are too many."""
        from sancrm_reports.pure.rechecking import few_enough, too_many
        from sancrm_reports.wire.chats import Address

        changes = [change for _, change in found]
        most = params_of(context).most_changes
        most = settings().recheck.most_changes if most is None else most
        count = sum(not change.is_consequence for change in changes)
        incidents = incidents_of(ledger, is_last_try=is_last_try(context))
        if count > most:
            asked = incidents.alert(TOO_MANY, too_many(changes, most=most, templates=templates()))
            return asked, [AlreadyAlertedError(f"{count} messages would change, more than {most}.")]
        outcomes: list[Outcome] = []
        errors: list[ReportError] = []
        for delivery, change in found:
            to = Address.of_key(change.key.chat)
            try:
                outcomes += delivery.deliver(
                    change.key,
                    to,
                    change.message,
                    day=change.period.start,
                    footer=change.footer,
                    silent=True,
                )
            except ReportError as error:
                errors.append(error)
        return outcomes + incidents.solve(TOO_MANY, few_enough(templates=templates())), errors

    def _delivery(self, ledger: Ledger, kind: ReportKind, period: Period) -> Delivery:
        from sancrm_reports.pure.ops import RunPurpose

        decide = RunPurpose.of_report(kind.dag_id, period).decide
        return delivery_of(ledger, common_hook(), how_to_decide=decide)

    def _log(self, changes: Sequence[Change]) -> None:
        from sancrm_reports.pure.language import language_of

        for change in changes:
            self.log.info("%s: %s", change.key, change.told(language_of(templates())))
