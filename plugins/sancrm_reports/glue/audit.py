"""Compares what the reports owed in the last days with what the ledger says was sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sancrm_reports.errors import AlreadyAlertedError, ReportError
from sancrm_reports.glue.conclude import LATE, solve
from sancrm_reports.glue.freshness import longest_run
from sancrm_reports.glue.notes import RUN_NOTE
from sancrm_reports.glue.reported_period import refuse_taken_place
from sancrm_reports.glue.telegram_operator import (
    TelegramOperator,
    address,
    common_hook,
    incidents_of,
    is_last_try,
    ledger_of,
    readers_of,
)
from sancrm_reports.glue.timetable import cron_timetable, timetable_of
from sancrm_reports.pure.audit import ExpectedMessages, PeriodAudit, examine, status_of
from sancrm_reports.pure.kinds import report_of
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.settings import Settings, settings, templates

if TYPE_CHECKING:
    from airflow.sdk import Context

    from sancrm_reports.pure.entry import Entry
    from sancrm_reports.pure.figures import Key
    from sancrm_reports.wire.chats import Address
    from sancrm_reports.wire.incidents import Incidents
    from sancrm_reports.wire.ledger.ledger import Ledger

MOMENT = timedelta(minutes=5)  # that Airflow may need to make a run
NOTE = "audit_told"  # where the ledger keeps what an open alert names
GOING_ON = "audit_going_on"  # where it keeps since when the runs go on that had sent nothing
INCIDENT = "audit"  # the kind of these incidents: one a morning


class AuditDeliveriesOperator(TelegramOperator):
    """Alert ops to what is missing, with the command that sends it; the run's note has the table.

    Looks at the reports whose time came in the last days before the run, and forgets what the
    ledger need not keep. Give it ``**alerting()``.

    :param sql: the branches of a period for which no run recorded what was expected.
    """

    template_fields: Sequence[str] = ("sql",)
    template_ext: Sequence[str] = (".sql",)

    def __init__(self, *, sql: str = "active_branches.sql", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sql = sql

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Examine, write the note, and alert ops.

        Raises:
            AlreadyAlertedError: something is missing.
        """
        from sancrm_reports.pure.audit_text import note
        from sancrm_reports.pure.ops import RunPurpose

        refuse_taken_place(context, cron_timetable(settings().audit.schedule, settings()))
        with ledger_of(context) as ledger:
            named = remembered(ledger)
            due = [
                report
                for report in due_reports(context["dag_run"].run_after, settings())
                if is_owed(ledger, *report)
            ]
            # What an open alert names may be older than the days looked at, and missing still.
            older = [report for report in named if report not in due]
            found = [self._examine(context, ledger, *report) for report in (*due, *older)]
            found = without_hanging(ledger, found, context["dag_run"].run_after)
            audits, earlier = found[: len(due)], found[len(due) :]
            context["ti"].xcom_push(key=RUN_NOTE, value=note(audits, templates=templates()))
            incidents = incidents_of(ledger, is_last_try=is_last_try(context))
            day = context["dag_run"].run_after.date().isoformat()
            self.show(context, alert(ledger, incidents, named, audits, earlier, day))
            for audit in audits:
                if audit.is_complete:  # whatever sent it in the end
                    solve(incidents, RunPurpose.of_report(audit.dag_id, audit.period), [LATE])
            self._prune(ledger)
        missing = sum(len(audit.troubles) for audit in audits)
        if missing:
            raise AlreadyAlertedError(
                f"{missing} messages are missing; the run's note has the table."
            )
        return []

    def _prune(self, ledger: Ledger) -> None:
        """Forget what the settings keep no longer."""
        from sancrm_reports.wire.ledger.retention import prune

        keep, today = settings().ledger, ledger.now().date()
        gone = prune(
            ledger.database,
            before=today - timedelta(days=keep.keep_days),
            texts_before=today - timedelta(days=keep.keep_text_days),
        )
        if gone:
            self.log.info("The ledger forgot %d messages older than %d days.", gone, keep.keep_days)

    def _examine(
        self, context: Context, ledger: Ledger, dag_id: str, period: Period
    ) -> PeriodAudit:
        known = ledger.expected(dag_id, period.key)
        expected = known or ExpectedMessages(branches=self._branches(period))
        hook, report = common_hook(), report_of(period).id

        def in_chats(subject: str, chats: Sequence[Address]) -> list[tuple[str, Entry | None]]:
            keys = [ledger.key(dag_id, period.key, subject, to) for to in chats]
            return [(key.chat, ledger.messages.worst(key)) for key in keys]

        def delivered(subject: str) -> list[tuple[str, Entry | None]]:
            known = [address(chat, hook) for chat in expected.chats.get(subject, [])]
            noted = in_chats(subject, known)
            if noted and all_sent(noted):
                return noted
            # The settings may name another chat since, to which a cleared task sent it.
            always = readers_of(report, subject, hook, is_loss=False)
            perhaps = readers_of(report, subject, hook, is_loss=True)
            now = in_chats(subject, [to for to in perhaps if to in always or to in known])
            return now if not noted or (now and all_sent(now)) else noted

        audit = examine(dag_id, period, expected, delivered)
        if not audit.troubles:
            return audit
        reason, is_going_on = why_missing(context["ti"], dag_id, period)
        return replace(audit, reason=reason, is_going_on=is_going_on)

    def _branches(self, period: Period) -> dict[Key, str]:
        """Return the branches that were open; none where the CRM cannot say."""
        from sancrm_reports.wire.crm import snapshot

        try:
            with snapshot(settings().database) as cursor:
                cursor.execute(self.sql, {"end_day": period.end})
                return {row["branch_id"]: row["branch_name"] for row in cursor.fetchall()}
        except ReportError as error:
            self.log.warning("Only the network's reports of %s are looked for: %s", period, error)
            return {}


def due_reports(now: Any, configured: Settings) -> Iterator[tuple[str, Period]]:
    """Yield the reports whose time came in the days before."""
    until = now - MOMENT
    for report in configured.scheduled_reports:
        timetable = timetable_of(report.id, configured)
        for _, period in timetable.due_between(now - timedelta(days=configured.audit.days), until):
            yield report.dag_id, period


def is_owed(ledger: Ledger, dag_id: str, period: Period) -> bool:
    """Whether the report was in use by then: a DAG that was never switched on owes nothing."""
    since = ledger.since(dag_id)
    return since is not None and period.start >= since


def all_sent(found: Iterable[tuple[str, Entry | None]]) -> bool:
    """Whether a report is in all of the chats."""
    return not any(status_of(entry, is_owed=True).is_trouble for _, entry in found)


def why_missing(ti: Any, dag_id: str, period: Period) -> tuple[str, bool]:
    """Return by its code why the scheduled or backfill run sent nothing, and whether it goes on."""

    def is_there(*states: str) -> bool:
        dates = [period.starts_at]
        return bool(ti.get_dr_count(dag_id, logical_dates=dates, states=list(states) or None))

    if is_there("queued", "running"):
        return "going_on", True
    if is_there("failed"):
        return "failed", False
    if is_there():
        return "", False
    if ti.get_dag(dag_id).is_paused:
        return "paused", False
    return "no_run", False


def without_hanging(
    ledger: Ledger, audits: Sequence[PeriodAudit], now: datetime
) -> list[PeriodAudit]:
    """Believe of a run that it goes on only for as long as one may take; return what is then known.

    Airflow forgets runs: one of a backfill that was cancelled stays queued for ever. It does not
    say since when, so the ledger keeps when an audit first saw it.
    """
    before = ledger.note(GOING_ON) or {}
    names = [f"{audit.dag_id}|{audit.period.key}" for audit in audits]
    seen = {
        name: before.get(name, now.isoformat())
        for name, audit in zip(names, audits, strict=True)
        if audit.is_going_on
    }
    ledger.set_note(GOING_ON, seen)
    hanging = {
        name for name, at in seen.items() if now - datetime.fromisoformat(at) > longest_run()
    }
    return [
        replace(audit, reason="hangs", is_going_on=False) if name in hanging else audit
        for name, audit in zip(names, audits, strict=True)
    ]


def alert(
    ledger: Ledger,
    incidents: Incidents,
    named: Sequence[tuple[str, Period]],
    audits: Sequence[PeriodAudit],
    earlier: Sequence[PeriodAudit],
    day: str,
) -> list[Any]:
    """Alert ops to what is missing once a morning; close that once all was sent.

    What has left the days that are looked at causes no new alert, but keeps its message open:
    ``named`` are the reports that open messages name, ``earlier`` the audits of those among them.
    """
    from sancrm_reports.pure.audit_text import nothing_missing, reports_missing

    folder = templates()
    missing = [
        (audit.dag_id, audit.period)
        for audit in (*audits, *earlier)
        if audit.troubles or (audit.is_going_on and (audit.dag_id, audit.period) in named)
    ]
    if any(audit.troubles for audit in audits):
        remember(ledger, missing)
        name = f"{INCIDENT}|delivery_audit|{day}"
        return incidents.alert(name, reports_missing(audits, templates=folder))
    if missing:
        return []
    message = nothing_missing(templates=folder)
    outcomes = [
        outcome
        for name in incidents.open_ones(INCIDENT)
        for outcome in incidents.solve(name, message)
    ]
    remember(ledger, [])
    return outcomes


def remember(ledger: Ledger, named: Sequence[tuple[str, Period]]) -> None:
    """Keep which reports open messages name."""
    owed = [[dag_id, period.kind.value, period.start.isoformat()] for dag_id, period in named]
    ledger.set_note(NOTE, {"owed": owed})


def remembered(ledger: Ledger) -> list[tuple[str, Period]]:
    """Return what ``remember`` kept."""
    zone = settings().account.timezone
    return [
        (dag_id, Period(PeriodKind(kind), date.fromisoformat(start), zone))
        for dag_id, kind, start in (ledger.note(NOTE) or {}).get("owed", [])
    ]
