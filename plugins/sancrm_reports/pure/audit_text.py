"""What an audit says: the message about what is missing, and the table in the run's note."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from zoneinfo import ZoneInfo

from sancrm_reports.pure import formatting
from sancrm_reports.pure.audit import Audit, Fate
from sancrm_reports.pure.messages import Message, render
from sancrm_reports.pure.ops import Occasion
from sancrm_reports.pure.period import Period

NAMES_SHOWN = 5
PERIODS_SHOWN = 12
NOTE = 900  # characters; Airflow's database takes 1000
WORDS = {
    Fate.SENT: "отправлено",
    Fate.CORRECTED: "исправлено",
    Fate.LATE: "с опозданием",
    Fate.FAILED: "не принято",
    Fate.UNKNOWN: "судьба неизвестна",
    Fate.MISSING: "нет",
}


def reports_missing(audits: Sequence[Audit], *, templates: Path) -> Message:
    """Tell what is missing, why where it is known, and the commands that send it."""
    troubled = [audit for audit in audits if audit.troubles]
    html = render(
        "reports_missing.html.j2",
        templates,
        audits=[(_title(audit), _what(audit)) for audit in troubled[-PERIODS_SHOWN:]],
        more=max(0, len(troubled) - PERIODS_SHOWN),
        commands=commands(troubled)[-PERIODS_SHOWN:],
        is_unknown_fate=any(f.fate is Fate.UNKNOWN for audit in troubled for f in audit.troubles),
    )
    return Message(html)


def nothing_missing(*, templates: Path) -> Message:
    """Say that what was missing has been sent since."""
    return Message(render("reports_complete.html.j2", templates))


def commands(audits: Sequence[Audit]) -> list[str]:
    """Return what sends the missing messages, one command for periods in a row.

    A message of unknown fate needs a look first: its command is another, and comes by itself.
    """
    found: list[str] = []
    for report, of_report in groupby(audits, key=lambda audit: audit.report):
        same = list(of_report)
        lost = [a for a in same if any(f.fate is not Fate.UNKNOWN for f in a.troubles)]
        if lost:
            found.append(backfill_command(report, lost[0].period, lost[-1].period))
        found += [
            Occasion.of_report(report, audit.period).repair(resend=True)
            for audit in same
            if any(f.fate is Fate.UNKNOWN for f in audit.troubles)
        ]
    return found


def backfill_command(report: str, first: Period, last: Period) -> str:
    """Return the command for all periods from the first to the last: what was sent stays.

    The CLI reads a date without an offset as midnight UTC, which west of it is the day before.
    """
    days = [f"{period.start.isoformat()}{_offset_in_the_west(period)}" for period in (first, last)]
    return (
        f"airflow backfill create --dag-id {report} --from-date {days[0]} --to-date {days[1]} "
        "--reprocess-behavior completed"
    )


def note(audits: Sequence[Audit]) -> str:
    """Return the table for the run's note, as Markdown: a row per report and period.

    As many rows as a note can hold, those with troubles first.
    """
    missing = sum(len(audit.troubles) for audit in audits)
    verdict = f"Не хватает сообщений: {missing}." if missing else "Ничего не пропало."
    lines = [verdict, "", "| Отчёт | Сообщения |", "| --- | --- |"]
    ordered = sorted(audits, key=lambda audit: not audit.troubles)
    for place, audit in enumerate(ordered):
        row = f"| {_title(audit)} | {_counts(audit)} |"
        if len("\n".join([*lines, row])) > NOTE:
            return "\n".join([*lines, f"| …и ещё {len(ordered) - place} | |"])
        lines.append(row)
    return "\n".join(lines)


def _counts(audit: Audit) -> str:
    if audit.is_going_on:
        return audit.reason
    counts = dict.fromkeys(WORDS, 0)
    for finding in audit.findings:
        counts[finding.fate] += 1
    said = ", ".join(f"{WORDS[fate]}: {count}" for fate, count in counts.items() if count)
    return said or "не ожидалось"


def _title(audit: Audit) -> str:
    return Occasion.of_report(audit.report, audit.period).title


def _what(audit: Audit) -> str:
    """Say what is missing of one period: everything, or the names; and why."""
    troubles = audit.troubles
    if len(troubles) == len(audit.findings):
        what = "нет ни одного сообщения"
    else:
        names = sorted({formatting.one_line(finding.name) for finding in troubles})
        more = f" и ещё {len(names) - NAMES_SHOWN}" if len(names) > NAMES_SHOWN else ""
        what = f"нет: {', '.join(names[:NAMES_SHOWN])}{more}"
    reasons = [audit.reason] if audit.reason else []
    reasons += sorted({WORDS[f.fate] for f in troubles if f.fate is not Fate.MISSING})
    reasons += sorted({formatting.one_line(f.error, 200) for f in troubles if f.error})[:1]
    return f"{what} ({'; '.join(reasons)})" if reasons else what


def _offset_in_the_west(period: Period) -> str:
    offset = f"{period.starts_at.astimezone(ZoneInfo(period.timezone)):%z}"
    return f"T00:00:00{offset[:3]}:{offset[3:]}" if offset.startswith("-") else ""
