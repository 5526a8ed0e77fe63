"""``make doctor``: name everything that an installation lacks, each with what to do.

Run it in the environment of the installed Airflow. It reads, and sends nothing; Telegram shows
«typing…» for a moment in each chat.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING

from sancrm_reports.errors import ReportError

if TYPE_CHECKING:
    from sancrm_reports.pure.period import Period

# What requirements.txt brings, by the names that are imported: nothing else here works without.
NEEDED = (
    "airflow.sdk",
    "airflow.providers.postgres.hooks.postgres",
    "airflow.providers.telegram.hooks.telegram",
    "babel",
    "croniter",
    "holidays",
    "matplotlib",
    "phonenumbers",
    "psycopg",
    "pydantic_settings",
    "telegram.ext",
    "xlsxwriter",
)
SLOW = timedelta(seconds=5)  # a daily report's query; with its indexes it takes a tenth of that


@dataclass(frozen=True)
class Finding:
    """What was looked at, and what is wrong with it, with what to do; empty where nothing is.

    An ``advice`` stops nothing: reports are sent all the same.
    """

    what: str
    problem: str = ""
    is_advice: bool = False

    @property
    def sign(self) -> str:
        """What the line begins with."""
        return "✓" if not self.problem else "!" if self.is_advice else "✗"

    def __str__(self) -> str:
        return f"{self.sign} {self.what}" + (f"\n    {self.problem}" if self.problem else "")


Look = Callable[[], Iterator[Finding]]


def main() -> int:
    """Print a line for each finding; return 1 where something is missing."""
    is_well = True
    for finding in findings():
        print(finding)
        is_well &= finding.sign != "✗"
    print("Nothing is missing." if is_well else "✗ names what to do first; then ask again.")
    return 0 if is_well else 1


def findings() -> Iterator[Finding]:
    """Yield what was found; without the packages or the settings nothing else can be looked at."""
    if not (yield from _in_turn(packages, configuration)):
        return
    from sancrm_reports.glue import doctor_airflow
    from sancrm_reports.glue.airflow_connections import see_airflows_connections

    see_airflows_connections()
    for look in (*doctor_airflow.LOOKS, ledger, chats):
        yield from _whatever_happens(look)
    yield from _in_turn(sources, branches, account, pace, indexes)


def _in_turn(*looks: Look) -> Generator[Finding, None, bool]:
    """Look as long as nothing is missing; return whether nothing is."""
    for look in looks:
        found = list(_whatever_happens(look))
        yield from found
        if any(finding.sign == "✗" for finding in found):
            return False
    return True


def _whatever_happens(look: Look) -> Iterator[Finding]:
    """Yield what a look finds; its error is a finding, and the next look still comes."""
    what = getattr(look, "__name__", "").replace("_", " ")
    try:
        yield from look()
    except ReportError as error:
        yield Finding(what, str(error))
    except Exception as error:
        yield Finding(what, f"Could not be looked at: {type(error).__name__}: {error}")


def packages() -> Iterator[Finding]:
    """Whether what the package needs is installed, and nobody's file hides it."""
    for name in NEEDED:
        try:
            import_module(name)
        except ImportError as error:
            yield Finding(f"Python package {name}", f"{error}. {_how_to_import(name)}")


def _how_to_import(name: str) -> str:
    top = sys.modules.get(name.partition(".")[0])
    origin = getattr(top, "__file__", None) or ""
    if origin and "site-packages" not in origin:
        return f"{origin} hides the library of that name: rename that file."
    return "Install it: pip install -r requirements.txt"


def configuration() -> Iterator[Finding]:
    """Whether the settings are valid."""
    from sancrm_reports.settings import FILE, settings_error

    error = settings_error()
    yield Finding("settings", str(error)) if error else Finding(f"settings: {FILE}")


def ledger() -> Iterator[Finding]:
    """Whether the ledger answers, is of the right version, and not in the CRM's database."""
    from sancrm_reports.glue.ledger import refuse_the_crm
    from sancrm_reports.glue.telegram_operator import ledger_of
    from sancrm_reports.settings import settings

    with ledger_of(None) as opened:
        refuse_the_crm(opened.database)
    yield Finding(f"ledger, connection {settings().ledger.conn_id}")


def sources() -> Iterator[Finding]:
    """Whether the CRM answers, and the account may read what the sources read."""
    from sancrm_reports.glue.check_sources import SQL
    from sancrm_reports.pure.source_contract import CONTRACT
    from sancrm_reports.settings import settings
    from sancrm_reports.wire.crm import parameters, read_statuses, snapshot, sql_text
    from sancrm_reports.wire.sources import (
        check_columns,
        check_report_sources,
        not_allowed,
        sources_there,
    )

    for file in CONTRACT:
        if file not in sources_there(SQL) and file != "crm_totals":
            yield Finding(f"include/sql/sources/{file}.sql", "It is missing: install it again.")
            return
    period = parameters(yesterday())
    wanted = settings().missed_calls.statuses
    with snapshot(settings().database) as cursor:
        problems = check_columns(cursor, SQL, sources_there(SQL), period) or not_allowed(
            check_report_sources(cursor, SQL, period), settings().sources.allowed
        )
        known = [] if problems else read_statuses(cursor, sql_text(SQL, "repair_statuses.sql"))
    for problem in problems:
        yield Finding("CRM", str(problem))
    if not problems:
        yield Finding(f"CRM, connection {settings().database.conn_id}: {len(CONTRACT)} sources")
        if not set(wanted) & set(known):
            there = ", ".join(known) or "none"
            yield Finding(
                "missed_calls.statuses",
                f"The CRM has none of {', '.join(wanted)}. It has: {there}.",
            )


def branches() -> Iterator[Finding]:
    """Whether the CRM has every branch that the settings name: another id would just be ignored."""
    from sancrm_reports.glue.check_sources import SQL
    from sancrm_reports.settings import settings
    from sancrm_reports.wire.crm import snapshot, sql_text

    wanted = settings().chats.named_branches | set(settings().bounds.branch)
    with snapshot(settings().database) as cursor:
        cursor.execute(sql_text(SQL, "active_branches.sql"), {"end_day": yesterday().end})
        known = [str(row["branch_id"]) for row in cursor.fetchall()]
    for branch_id in sorted(wanted.difference(known)):
        text = f"The CRM has no such branch that is active. It has: {', '.join(known)}."
        yield Finding(f"branch {branch_id} of the settings", text, is_advice=True)


def account() -> Iterator[Finding]:
    """Whether the CRM's account may only read."""
    from sancrm_reports.settings import settings
    from sancrm_reports.wire.crm import snapshot

    with snapshot(settings().database) as cursor:
        cursor.execute(
            "select current_user as name, min(format('%I.%I', nspname, relname)) as writable"
            " from pg_class join pg_namespace on pg_namespace.oid = relnamespace"
            " where relkind in ('r', 'p') and nspname not like 'pg\\_%'"
            " and nspname <> 'information_schema'"
            " and has_table_privilege(pg_class.oid, 'insert, update, delete')"
        )
        found = cursor.fetchone()
    yield Finding(
        f"CRM account {found['name']}",
        f"It may write, for example to {found['writable']}. Reports only read: give them an "
        "account that may only select (docs/installation.md)."
        if found["writable"]
        else "",
        is_advice=True,
    )


def pace() -> Iterator[Finding]:
    """How long the daily report's query takes."""
    from sancrm_reports.settings import INCLUDE, settings
    from sancrm_reports.wire.crm import read_profitability, snapshot, sql_text

    with snapshot(settings().database) as cursor:
        started = time.monotonic()
        read_profitability(cursor, sql_text(INCLUDE / "sql"), yesterday())
        seconds = time.monotonic() - started
    yield Finding(
        f"a daily report is computed in {seconds:.1f} s",
        "That is slow: ask the DBA to run include/sql/indexes.sql, or its like for your tables."
        if seconds > SLOW.total_seconds()
        else "",
        is_advice=True,
    )


def indexes() -> Iterator[Finding]:
    """Whether the tables of include/sql/indexes.sql have an index that begins as theirs does."""
    from sancrm_reports.settings import INCLUDE, settings
    from sancrm_reports.wire.crm import snapshot

    wanted = indexes_of((INCLUDE / "sql" / "indexes.sql").read_text("utf-8"))
    with snapshot(settings().database) as cursor:
        for name, table, column in wanted:
            cursor.execute(
                "select to_regclass(%(table)s) is null or exists (select 1 from pg_index"
                " join pg_attribute on attrelid = indrelid and attnum = indkey[0]"
                " where indrelid = to_regclass(%(table)s) and attname = %(column)s"
                " and indisvalid) as is_there",
                {"table": table, "column": column},
            )
            if not cursor.fetchone()["is_there"]:
                yield Finding(
                    f"index {name}",
                    f"{table} has no index of {column}: ask the DBA to run include/sql/indexes.sql",
                    is_advice=True,
                )


def indexes_of(script: str) -> list[tuple[str, str, str]]:
    """Return what a script creates: an index's name, its table, and its first column."""
    import re

    pattern = r"create index concurrently if not exists (\w+)\s+on (\w+) \((\w+)"
    return re.findall(pattern, script)


def chats() -> Iterator[Finding]:
    """Whether the bot may write to every chat, as ``make check-telegram`` asks."""
    from sancrm_reports.glue import check_telegram
    from sancrm_reports.settings import settings

    for what, error in check_telegram.findings(settings()):
        yield Finding(f"chat of {what}", str(error) if error else "")


def yesterday() -> Period:
    """Return the last whole day in the account's zone."""
    from sancrm_reports.pure.period import Period, PeriodKind
    from sancrm_reports.settings import settings

    zone = settings().account.timezone
    return Period.last_whole_before(datetime.now(UTC), kind=PeriodKind.DAY, timezone=zone)


if __name__ == "__main__":
    sys.exit(main())
