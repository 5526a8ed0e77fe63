"""What a computing task does, for the memory that ``make bench`` prints."""

from datetime import date

from sancrm_reports.pure.kinds import compared_with
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.settings import INCLUDE, settings
from sancrm_reports.wire.crm import read_profitability, snapshot, sql_text


def compute():
    """Read a month and the month before in one snapshot."""
    sql = sql_text(INCLUDE / "sql")
    month = Period.containing(date(2026, 9, 1), kind=PeriodKind.MONTH, timezone="Europe/Moscow")
    with snapshot(settings().database) as cursor:
        for period in (month, compared_with(month)):
            rows = read_profitability(cursor, sql, period)
            assert len(rows) == 52
