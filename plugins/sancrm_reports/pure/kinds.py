"""The kinds of profitability reports: everything in which they differ stands in this one table."""

from __future__ import annotations

from dataclasses import dataclass

from sancrm_reports.pure.period import Period, PeriodKind

DAG_PREFIX = "profitability_"


@dataclass(frozen=True)
class ReportKind:
    """A kind of report, a DAG of its own where the settings give it a schedule.

    ``id`` names it in the settings, and in words.po for people. ``compared_after`` is how many
    periods later than what it is compared with a period is: 7 days are the same weekday.
    ``spans`` are the months that the page can show; it begins with the last but one. A picture
    shows ``drawn_periods``. One that ``has_reasons`` says why the profit changed.
    """

    id: str
    period: PeriodKind
    compared_after: int
    spans: tuple[int, ...]
    drawn_periods: int
    has_reasons: bool = True

    @property
    def dag_id(self) -> str:
        """The DAG, and the report's name in the ledger."""
        return f"{DAG_PREFIX}{self.id}"

    @property
    def priority(self) -> int:
        """The higher, the sooner it is posted where several are due at once."""
        return len(REPORT_KINDS) - list(REPORT_KINDS).index(self.id)


# The shortest period first, which is also the order in which reports are posted.
REPORT_KINDS = {
    kind.id: kind
    for kind in (
        ReportKind("daily", PeriodKind.DAY, 7, (1, 3, 12), drawn_periods=14, has_reasons=False),
        ReportKind("weekly", PeriodKind.WEEK, 1, (3, 6, 12), drawn_periods=12),
        ReportKind("monthly", PeriodKind.MONTH, 1, (12, 24), drawn_periods=12),
        ReportKind("quarterly", PeriodKind.QUARTER, 1, (12, 36, 60), drawn_periods=8),
        ReportKind("yearly", PeriodKind.YEAR, 1, (60, 120), drawn_periods=5),
    )
}


def report_of(period: Period) -> ReportKind:
    """Return the kind of report that is of such a period."""
    return next(kind for kind in REPORT_KINDS.values() if kind.period is period.kind)


def compared_with(period: Period) -> Period:
    """Return the period that a report of this one is compared with."""
    return period.before(report_of(period).compared_after)
