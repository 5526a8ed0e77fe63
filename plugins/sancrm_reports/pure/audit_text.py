"""What an audit says: the message about what is missing, and the table in the run's note."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from sancrm_reports.pure.audit import DeliveryStatus, PeriodAudit
from sancrm_reports.pure.formatting import one_line
from sancrm_reports.pure.language import Language, language_of
from sancrm_reports.pure.messages import Message
from sancrm_reports.pure.ops import RunPurpose
from sancrm_reports.pure.period import Period
from sancrm_reports.pure.templates import Templates

NAMES_SHOWN = 5
PERIODS_SHOWN = 12
NOTE = 900  # characters; Airflow's database takes 1000


def reports_missing(audits: Sequence[PeriodAudit], *, templates: Templates) -> Message:
    """Tell what is missing, why where it is known, and the commands that send it."""
    language = language_of(templates)
    troubled = [audit for audit in audits if audit.troubles]
    html = language.render(
        "reports_missing.html.j2",
        audits=[_described(audit, language) for audit in troubled[-PERIODS_SHOWN:]],
        more=max(0, len(troubled) - PERIODS_SHOWN),
        commands=commands(troubled)[-PERIODS_SHOWN:],
        is_unknown_status=any(
            f.status is DeliveryStatus.UNKNOWN for audit in troubled for f in audit.troubles
        ),
    )
    return Message(html)


def nothing_missing(*, templates: Templates) -> Message:
    """Say that what was missing has been sent since."""
    return Message(language_of(templates).render("reports_complete.html.j2"))


def commands(audits: Sequence[PeriodAudit]) -> list[str]:
    """Return what sends the missing messages, one command for periods in a row.

    A message of unknown status needs a look first: its command is another, and comes by itself.
    """
    found: list[str] = []
    for dag_id, of_dag in groupby(audits, key=lambda audit: audit.dag_id):
        same = list(of_dag)
        lost = [a for a in same if any(f.status is not DeliveryStatus.UNKNOWN for f in a.troubles)]
        hanging = [audit for audit in lost if audit.reason == "hangs"]  # no backfill touches them
        found += [
            backfill_command(dag_id, row[0], row[-1])
            for row in _in_rows(audit.period for audit in lost if audit not in hanging)
        ]
        found += [RunPurpose.of_report(dag_id, audit.period).repair() for audit in hanging]
        found += [
            RunPurpose.of_report(dag_id, audit.period).decide("resend", finding.message)
            for audit in same
            for finding in audit.troubles
            if finding.status is DeliveryStatus.UNKNOWN
        ]
    return found


def _in_rows(periods: Iterable[Period]) -> list[list[Period]]:
    """Put periods that follow one another into one list, in their order."""
    rows: list[list[Period]] = []
    for period in sorted(periods, key=lambda period: period.start):
        if rows and rows[-1][-1].after == period:
            rows[-1].append(period)
        else:
            rows.append([period])
    return rows


def backfill_command(dag_id: str, first: Period, last: Period) -> str:
    """Return the command for all periods from the first to the last: what was sent stays.

    The CLI reads a date without an offset as midnight UTC, which west of it is the day before.
    """
    days = [f"{period.start.isoformat()}{_offset_in_the_west(period)}" for period in (first, last)]
    return (
        f"airflow backfill create --dag-id {dag_id} --from-date {days[0]} --to-date {days[1]} "
        "--reprocess-behavior completed"
    )


def note(audits: Sequence[PeriodAudit], *, templates: Templates) -> str:
    """Return the table for the run's note, as Markdown: a row per report and period.

    As many rows as a note can hold, those with troubles first.
    """
    language = language_of(templates)
    missing = sum(len(audit.troubles) for audit in audits)
    ordered = sorted(audits, key=lambda audit: not audit.troubles)
    rows = [(_title(audit, language), _counts(audit, language)) for audit in ordered]
    for count in range(len(rows), -1, -1):
        text = language.render(
            "audit_note.md.j2", missing=missing, rows=rows[:count], more=len(rows) - count
        )
        if len(text) <= NOTE:
            break
    return text


def _counts(audit: PeriodAudit, language: Language) -> str:
    if audit.is_going_on:
        return language.word(f"missing.{audit.reason}")
    counts = Counter(finding.status for finding in audit.findings)
    said = [
        f"{language.word(f'status.{status}')}: {counts[status]}"
        for status in DeliveryStatus
        if counts[status]
    ]
    return ", ".join(said) or language.word("status.not_expected")


def _title(audit: PeriodAudit, language: Language) -> str:
    return RunPurpose.of_report(audit.dag_id, audit.period).title(language)


def _described(audit: PeriodAudit, language: Language) -> dict[str, Any]:
    """Return what is missing of one period, everything or the names, and why."""
    troubles = audit.troubles
    names = sorted({one_line(f.name) if f.name else language.word("network") for f in troubles})
    reasons = [language.word(f"missing.{audit.reason}")] if audit.reason else []
    lost = {f.status for f in troubles if f.status is not DeliveryStatus.MISSING}
    reasons += sorted(language.word(f"status.{status}") for status in lost)
    reasons += sorted({one_line(f.error, 200) for f in troubles if f.error})[:1]
    return {
        "title": _title(audit, language),
        "is_all": len(troubles) == len(audit.findings),
        "names": names[:NAMES_SHOWN],
        "more_names": max(0, len(names) - NAMES_SHOWN),
        "reasons": reasons,
    }


def _offset_in_the_west(period: Period) -> str:
    offset = f"{period.starts_at.astimezone(ZoneInfo(period.timezone)):%z}"
    return f"T00:00:00{offset[:3]}:{offset[3:]}" if offset.startswith("-") else ""
