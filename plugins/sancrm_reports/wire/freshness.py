"""Asks the CRM's database until when its data are complete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sancrm_reports.pure.freshness import Freshness
from sancrm_reports.settings import INCLUDE, settings
from sancrm_reports.wire.crm import parameters, snapshot, sql_text

if TYPE_CHECKING:
    from sancrm_reports.pure.period import Period


def look(period: Period) -> Freshness:
    """Ask once, by a connection of its own."""
    with snapshot(settings().database) as cursor:
        return read_freshness(cursor, period)


def read_freshness(cursor: Any, period: Period) -> Freshness:
    """Ask in a snapshot that the figures are read in, too: behind a balancer are many replicas."""
    cursor.execute(sql_text(INCLUDE / "sql", "freshness.sql"), parameters(period))
    return Freshness.of_rows(cursor.fetchall(), period)
