"""Waits for complete data in the triggerer: no worker is held."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from sancrm_reports.errors import ReportError
from sancrm_reports.pure.kinds import REPORT_KINDS
from sancrm_reports.pure.period import Period
from sancrm_reports.settings import settings


class FreshnessTrigger(BaseTrigger):
    """Ask again and again; the event says whether the data have caught up, and what was heard last.

    :param report: ``daily``, …: the id of a ``ReportKind``.
    :param day: the period's first day, as ISO 8601.
    :param deadline: when to give up, as ISO 8601.
    """

    def __init__(self, report: str, day: str, deadline: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.report = report
        self.day = day
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class, and plain arguments."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {"report": self.report, "day": self.day, "deadline": self.deadline},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Ask in a thread, because psycopg's answers block; the worker has just asked."""
        deadline = datetime.fromisoformat(self.deadline)
        is_complete, heard, left = False, "", 1.0
        while not is_complete and left > 0:
            left = (deadline - datetime.now(UTC)).total_seconds()
            await asyncio.sleep(max(0, min(settings().freshness.check_seconds, left)))
            is_complete, now = await asyncio.to_thread(self._look)
            if now != heard:
                self.log.info(now)
                heard = now
        event = {"is_complete": is_complete, "heard": heard}
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    def _look(self) -> tuple[bool, str]:
        from sancrm_reports.wire.freshness import look

        kind, zone = REPORT_KINDS[self.report].period, settings().account.timezone
        try:
            found = look(Period(kind, date.fromisoformat(self.day), zone))
        except ReportError as error:  # a server that is down may come back
            return False, str(error)
        return found.is_complete, str(found)
