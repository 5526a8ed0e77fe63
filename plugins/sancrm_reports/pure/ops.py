"""What ops are told: a run that failed, a report that is late, that it is over."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sancrm_reports.errors import ReportError, ToldError
from sancrm_reports.pure import formatting
from sancrm_reports.pure.kinds import report_of
from sancrm_reports.pure.messages import Button, Message, render
from sancrm_reports.pure.period import Period

SHOWN = 4  # failed steps in one message; the run's page has them all
LINE = 400  # characters of an error


@dataclass(frozen=True)
class Failure:
    """A task that failed: its id, what it was about, and the error's first line in plain words."""

    task: str
    about: str = ""
    error: str = ""
    is_unknown_fate: bool = False
    is_told: bool = False

    @staticmethod
    def describe(error: BaseException | None, about: str) -> dict[str, Any]:
        """Return what a failed task leaves of its error, as JSON.

        Only texts of our own errors: they name no people. Of any other just its kind is kept,
        because an error of a database or a template can quote a row.
        """
        kind = type(error).__name__
        text = str(error) if isinstance(error, ReportError) else ""
        return {
            "error": text.splitlines()[0] if text else f"{kind}: подробности в журнале",
            "about": about,
            "is_unknown_fate": kind == "UnknownOutcomeError",
            "is_told": isinstance(error, ToldError),
        }

    @classmethod
    def from_json(cls, task: str, value: Mapping[str, Any] | None) -> Failure:
        """Read what a failed task left; nothing where its process was killed."""
        lost = "Процесс задачи оборвался, причина в журнале"
        known = value or {"error": lost}
        return cls(
            task=task,
            about=known.get("about") or "",
            error=formatting.one_line(known["error"], limit=LINE),
            is_unknown_fate=bool(known.get("is_unknown_fate")),
            is_told=bool(known.get("is_told")),
        )


@dataclass(frozen=True)
class Occasion:
    """What a run was for: its name in the ledger and for people, and how to do it again.

    ``title`` begins with a small letter: «ежедневный отчёт за вторник, 17 ноября 2026».
    """

    dag_id: str
    key: str
    title: str
    conf: Mapping[str, Any]
    is_refused: bool = False  # a run by hand, whose params made no sense: nothing is to be solved

    @classmethod
    def of_report(cls, dag_id: str, period: Period) -> Occasion:
        """Return the occasion of a profitability report."""
        title = f"{report_of(period).title}, {formatting.period_name(period)}"
        return cls(dag_id, period.key, title, {"period": period.start.isoformat()})

    @classmethod
    def of_day(cls, dag_id: str, title: str, day: date) -> Occasion:
        """Return the occasion of what is done once a day: «незвонки», and the day."""
        return cls(dag_id, day.isoformat(), f"{title}, {formatting.day_name(day)}", {})

    @property
    def name(self) -> str:
        """What incidents of this occasion are called after."""
        return f"{self.dag_id}|{self.key}"

    def repair(self, **params: bool) -> str:
        """Return the command that does it again; what was sent before is not sent twice."""
        conf = {**self.conf, **params}
        as_json = ", ".join(f'"{key}": {_json(value)}' for key, value in conf.items())
        option = f" --conf {shlex.quote('{' + as_json + '}')}" if conf else ""
        return f"airflow dags trigger {self.dag_id}{option}"


def run_failed(
    occasion: Occasion, failures: Sequence[Failure], *, log_url: str, templates: Path
) -> Message:
    """Tell of a failed run: what, where, why, and what mends it; the button opens a log."""
    steps = [
        (key, [failure.about for failure in group if failure.about])
        for key, group in groupby(failures, key=lambda failure: (failure.task, failure.error))
    ]
    html = render(
        "run_failed.html.j2",
        templates,
        title=occasion.title,
        steps=steps[:SHOWN],
        more=max(0, len(steps) - SHOWN),
        is_refused=occasion.is_refused,
        is_unknown_fate=any(failure.is_unknown_fate for failure in failures),
        repair=occasion.repair(),
        resend=occasion.repair(resend=True),
        arrived=occasion.repair(arrived=True),
    )
    return Message(html, Button("Открыть журнал", log_url))


def report_late(
    occasion: Occasion, *, due: datetime, is_failed: bool, run_url: str, templates: Path
) -> Message:
    """Tell that a run has not done its work in time; ``due`` is in the account's zone."""
    html = render(
        "run_late.html.j2",
        templates,
        title=occasion.title,
        due=f"{due:%H:%M}",
        is_failed=is_failed,
        repair=occasion.repair(),
    )
    return Message(html, Button("Открыть прогон в Airflow", run_url))


def solved(occasion: Occasion, what: str, *, at: datetime, zone: str, templates: Path) -> Message:
    """Say that a trouble is over: ``what`` it was, and when it was over."""
    when = formatting.moment(at.astimezone(ZoneInfo(zone)))
    return Message(
        render("run_solved.html.j2", templates, title=occasion.title, what=what, when=when)
    )


def _json(value: Any) -> str:
    return {True: "true", False: "false"}.get(value, f'"{value}"')
