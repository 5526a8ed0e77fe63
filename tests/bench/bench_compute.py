"""What a computing task does, for the memory that ``make bench`` prints."""

from datetime import date

import jinja2

from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.settings import INCLUDE, settings
from sancrm_reports.wire.crm import read_profitability, snapshot


def compute():
    """Read a month and the month before in one snapshot."""
    files = jinja2.Environment(loader=jinja2.FileSystemLoader(INCLUDE / "sql"))
    sql = files.get_template("profitability.sql").render()
    month = Period.containing(date(2026, 9, 1), kind=PeriodKind.MONTH, timezone="Europe/Moscow")
    with snapshot(settings().database) as cursor:
        for period in (month, month.compared_with):
            rows = read_profitability(cursor, sql, period)
            assert len(rows) == 52
