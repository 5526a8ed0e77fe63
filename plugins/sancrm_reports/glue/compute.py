"""Operators that run the formulas; ``execute`` fits in a few lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator

from sancrm_reports.errors import PermanentError
from sancrm_reports.glue.params import params_of
from sancrm_reports.glue.plans import plans_told
from sancrm_reports.glue.reported_period import reported_period
from sancrm_reports.glue.same_files import refuse_other_files
from sancrm_reports.glue.telegram_operator import common_hook, ledger_of, readers_of
from sancrm_reports.glue.workdays import workdays_of
from sancrm_reports.pure.audit import ExpectedMessages
from sancrm_reports.pure.figures import (
    NETWORK,
    Figures,
    branch_subject,
    check_days_sum,
    check_reportable,
)
from sancrm_reports.pure.kinds import REPORT_KINDS, compared_with
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.pure.source_contract import Problem, refuse
from sancrm_reports.settings import INCLUDE, settings
from sancrm_reports.wire.crm import (
    parameters,
    read_days,
    read_profitability,
    read_silent,
    snapshot,
)

if TYPE_CHECKING:
    from airflow.sdk import Context


class TooManyBranchesError(PermanentError):
    """More branches than Airflow makes tasks of one."""

    code = "too_many_branches"


def crm_differences(cursor: Any, period: Period, rows: Sequence[Figures]) -> list[Problem]:
    """Return where the CRM's own totals say something else, if there is a file of them."""
    from sancrm_reports.wire.sources import check_totals  # brings psycopg

    return check_totals(
        cursor,
        INCLUDE / "sql",
        parameters(period),
        {row.branch_id: (row.branch_name, row.revenue) for row in rows if row.subject == "branch"},
        settings().sources.totals_tolerance,
    )


def compute(cursor: Any, sql: str, period: Period) -> list[dict[str, Any]]:
    """Compute a period's figures and those of the period compared with, in a snapshot of the CRM.

    Returns what ``ComputeProfitabilityOperator`` does; ``sql`` is the text of the formulas.

    Raises:
        StaleDataError: the data end before the period, and the settings want reports held.
        FiguresError, SourcesError, PlansError: there is nothing that can be reported.
    """
    earlier_period = compared_with(period)
    until = stale_until(cursor, period)
    now = read_profitability(cursor, sql, period)
    before = read_profitability(cursor, sql, earlier_period)
    check_reportable(now)
    refuse(crm_differences(cursor, period, now))
    earlier = {figures.key: figures for figures in before}
    silent = silent_branches(cursor, sql, period, now)
    planned = plans_told(cursor, sql, period, now)
    there = {figures.key for figures in now}
    gone = [figures.to_json() for figures in before if figures.key not in there]
    return [
        {
            "period": period.start.isoformat(),
            **figures.to_json(),
            **({} if until is None else {"complete_until": until}),
            **({"gone": gone} if figures.subject == NETWORK else {}),
            **({"silent": silent} if silent and figures.subject == NETWORK else {}),
            **planned.get(figures.key, {}),
            "compared_with": {
                "period": earlier_period.start.isoformat(),
                **earlier.get(figures.key, Figures.none_of(figures)).to_json(),
            },
        }
        for figures in now
    ]


def silent_branches(cursor: Any, sql: str, period: Period, now: Sequence[Figures]) -> list[str]:
    """Return the branches whose day without movements is told: not of a public holiday."""
    if period.kind is not PeriodKind.DAY or workdays_of(settings()).is_holiday(period.start):
        return []
    return read_silent(cursor, sql, period, now, settings().bounds.silence_weeks)


def stale_until(cursor: Any, period: Period) -> str | None:
    """Return until when the data are complete, as ISO 8601, if that is too early and told.

    Empty where nobody knows.
    """
    from sancrm_reports.pure.freshness import StaleDataError
    from sancrm_reports.wire.freshness import read_freshness

    when_stale = settings().freshness.when_stale
    if when_stale == "ignore":
        return None
    found = read_freshness(cursor, period)
    if found.is_complete:
        return None
    if when_stale == "hold":  # another replica answers than the one that was asked before
        raise StaleDataError(f"{found} The report waits until they have caught up.")
    return found.until.isoformat() if found.until else ""


class ComputeProfitabilityOperator(BaseOperator):
    """Compute a period's figures and those of the period compared with, in one snapshot.

    Returns one mapping per branch, then ``unallocated``, then ``network``: the period, the
    figures by the names of docs/metrics.md (amounts as texts), and under ``compared_with`` those
    of the earlier period. The network's has under ``gone`` the earlier figures of branches that
    have none any more. ``progress`` and ``plans_differ`` are what is told of plans.

    :param report: ``daily``, …: the id of a ``ReportKind``.
    :param sql: the file with the formulas.
    """

    template_fields: Sequence[str] = ("sql",)
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql"}

    def __init__(self, *, report: str, sql: str = "profitability.sql", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.report = report
        self.sql = sql

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Read, check that it can be reported, and return the figures."""
        refuse_other_files(context)
        period = reported_period(context, self.report, settings().account.timezone)
        with snapshot(settings().database) as cursor:
            rows = compute(cursor, self.sql, period)
        self.log.info("Computed %d branches for %s.", len(rows) - 2, period.key)
        return rows


class ListBranchesOperator(BaseOperator):
    """Say whose reports are posted, one task for each, and note it as what this report owes.

    Returns the mappings of branches that have readers, of those that ``compute_profitability``
    returned, and under ``after`` which subject's report comes just before in each of its chats.

    :param report: ``daily``, …: the id of a ``ReportKind``.
    :param figures: what ``compute_profitability`` returned.
    """

    template_fields: Sequence[str] = ("figures",)

    def __init__(self, *, report: str, figures: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.report = report
        self.figures = figures

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Record the expected messages unless nothing is to be sent, and return the branches."""
        branches = [row for row in self.figures if row["subject"] == "branch"]
        read = [row for row in branches if self._has_readers(row)]
        refuse_too_many(len(read))
        params = params_of(context)
        chats = self._chats()
        if not params.dry_run:
            period = reported_period(context, self.report, settings().account.timezone)
            names = {row["branch_id"]: row["branch_name"] for row in branches}
            expected = ExpectedMessages(params.backfill_mode, names, chats)
            with ledger_of(context) as ledger:
                dag_id = REPORT_KINDS[self.report].dag_id
                ledger.expect(dag_id, period.key, period.start, expected)
        return list(in_order(read, chats))

    def _has_readers(self, row: Mapping[str, Any]) -> bool:
        """Whether somebody would read of the branch, be it only of its losses."""
        chats = settings().chats
        return bool(chats.readers_of(self.report, str(row["branch_id"]), is_loss=True))

    def _chats(self) -> dict[str, list[str]]:
        """Return where each report goes today, by its subject, each chat by its id or @name."""
        try:
            hook = common_hook()
            return {
                figures.name: [
                    to.name
                    for to in readers_of(self.report, figures.name, hook, is_loss=figures.is_loss)
                ]
                for figures in map(Figures.from_row, self.figures)
                if figures.subject != "unallocated"
            }
        except PermanentError as error:  # the tasks that post say so
            self.log.warning("Where the reports go is not noted: %s", error)
            return {}


def refuse_too_many(branches: int) -> None:
    """Make sure that Airflow will make a task for each branch.

    Raises:
        TooManyBranchesError: it would refuse to, after the figures were computed.
    """
    from airflow.sdk.configuration import conf

    most = conf.getint("core", "max_map_length", fallback=1024)
    if branches > most:
        raise TooManyBranchesError(
            f"There are {branches} branches, and Airflow makes {most} tasks of one at most. Set "
            f"AIRFLOW__CORE__MAX_MAP_LENGTH={branches * 2} for all its components, and restart "
            "them.",
            branches=str(branches),
            most=str(most),
        )


def in_order(
    branches: Sequence[Mapping[str, Any]], chats: Mapping[str, Sequence[str]]
) -> Iterator[dict[str, Any]]:
    """Yield the branches, each with the subject that comes before it, by chat."""
    last: dict[str, str] = {}
    for row in branches:
        subject = branch_subject(row["branch_id"])
        own = chats.get(subject, [])
        yield {**row, "after": {chat: last[chat] for chat in own if chat in last}}
        last |= dict.fromkeys(own, subject)


class CheckDaysSumOperator(BaseOperator):
    """Stop the report unless the days of the period add up to the period, by the same formulas.

    :param report: ``daily``, …: the id of a ``ReportKind``.
    :param sql: the file with the formulas.
    """

    template_fields: Sequence[str] = ("sql",)
    template_ext: Sequence[str] = (".sql",)

    def __init__(self, *, report: str, sql: str = "profitability.sql", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.report = report
        self.sql = sql

    def execute(self, context: Context) -> None:
        """Recompute the period and each of its days in one snapshot, and compare."""
        refuse_other_files(context)
        period = reported_period(context, self.report, settings().account.timezone)
        with snapshot(settings().database) as cursor:
            whole = read_profitability(cursor, self.sql, period)
            days = read_days(cursor, self.sql, period)
        check_days_sum(whole, days)
        self.log.info("%d days add up to %s.", len(days), period.key)
