"""Until when the CRM's data are complete, and what is said where that is not far enough."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sancrm_reports.errors import PermanentError, ReportError
from sancrm_reports.pure.language import language_of
from sancrm_reports.pure.messages import Message, until_when
from sancrm_reports.pure.ops import RunPurpose
from sancrm_reports.pure.period import Period
from sancrm_reports.pure.templates import Templates


class StaleDataError(ReportError):
    """The data end before the period does; they may catch up."""

    code = "stale"


class NeverFreshError(PermanentError):
    """The data did not catch up for as long as was waited."""

    code = "never_fresh"


@dataclass(frozen=True)
class Freshness:
    """What ``freshness.sql`` said; ``until`` is None where nobody knows."""

    is_complete: bool
    until: datetime | None = None

    @classmethod
    def of_rows(cls, rows: Iterable[Mapping[str, Any]], period: Period) -> Freshness:
        """Judge by the earliest of the rows."""
        times = [row["complete_until"] for row in rows]
        if None in times:
            return cls(is_complete=False)
        earliest = min(times, default=None)
        return cls(earliest is not None and earliest >= period.ends_at, earliest)

    def __str__(self) -> str:
        if self.until is None:
            return "Nobody knows until when the CRM's data are complete."
        return f"The CRM's data are complete until {self.until:%Y-%m-%d %H:%M} UTC."


def waits_for_data(
    purpose: RunPurpose,
    freshness: Freshness,
    period: Period,
    *,
    deadline: datetime,
    templates: Templates,
) -> Message:
    """Tell ops that a report waits until the data have caught up, and for how long."""
    language = language_of(templates)
    html = language.render(
        "data_incomplete.html.j2",
        title=purpose.title(language),
        until=until_when(freshness.until, period, language),
        deadline=language.formats.moment_in(deadline, ZoneInfo(period.timezone)),
    )
    return Message(html)
