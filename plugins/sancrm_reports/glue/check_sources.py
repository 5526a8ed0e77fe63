"""Whether the source files give what docs/sources.md says: a task of each report, and a command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from sancrm_reports.errors import ReportError
from sancrm_reports.glue.airflow_connections import see_airflows_connections
from sancrm_reports.glue.reported_period import reported_period
from sancrm_reports.pure.kinds import REPORT_KINDS
from sancrm_reports.pure.period import Period, parse_day
from sancrm_reports.pure.source_contract import Problem, refuse
from sancrm_reports.settings import INCLUDE, settings

if TYPE_CHECKING:
    from airflow.sdk import Context

    from sancrm_reports.settings import DatabaseSettings

SQL = INCLUDE / "sql"
# A person waits for the command, and it reads every row that there is.
NO_HURRY = {"statement_timeout": "30min"}


class CheckSourcesOperator(BaseOperator):
    """Stop the report where its period's rows, or the files' columns, are not as agreed.

    :param report: ``daily``, …: the id of a ``ReportKind``.
    """

    def __init__(self, *, report: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.report = report

    def execute(self, context: Context) -> None:
        """Ask the CRM, and refuse what is wrong."""
        period = reported_period(context, self.report, settings().account.timezone)
        refuse(problems_of(period, settings().database))


def problems_of(period: Period, database: DatabaseSettings) -> list[Problem]:
    """Return what is wrong with the sources of a period, but for what the settings allow."""
    from sancrm_reports.wire.crm import parameters, snapshot
    from sancrm_reports.wire.sources import check_report_sources, not_allowed

    with snapshot(database) as cursor:
        problems = check_report_sources(cursor, SQL, parameters(period))
    return not_allowed(problems, settings().sources.allowed)


def all_problems(database: DatabaseSettings) -> list[Problem]:
    """Return what is wrong with any row of any file, but for what the settings allow."""
    from sancrm_reports.wire.crm import snapshot
    from sancrm_reports.wire.sources import check_all_sources, not_allowed

    with snapshot(database) as cursor:
        problems = check_all_sources(cursor, SQL)
    return not_allowed(problems, settings().sources.allowed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what is wrong with the sources; 1 where anything is."""
    parser = argparse.ArgumentParser(prog="make check-sources", description=__doc__)
    parser.add_argument("--report", choices=REPORT_KINDS, default="daily")
    parser.add_argument("--period", help="a day inside the period: 2026-10-15; default: all rows")
    options = parser.parse_args(arguments)
    see_airflows_connections()
    try:
        problems = _asked_for(options.period, options.report)
    except (ReportError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    for problem in problems:
        print(problem)
    if not problems:
        print("The sources give what docs/sources.md says.")
    return 1 if problems else 0


def _asked_for(day: str | None, report: str) -> list[Problem]:
    found = settings().database
    database = found.model_copy(update={"session": found.session | NO_HURRY})
    if not day:
        return all_problems(database)
    zone = settings().account.timezone
    kind = REPORT_KINDS[report].period
    return problems_of(Period.containing(parse_day(day), kind=kind, timezone=zone), database)


if __name__ == "__main__":
    sys.exit(main())
