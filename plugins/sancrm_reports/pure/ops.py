"""Alerts to ops: a run that failed, a report that is late, and that it is over."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from sancrm_reports.errors import AlreadyAlertedError, ReportError
from sancrm_reports.pure.formatting import one_line, shortened
from sancrm_reports.pure.kinds import report_of
from sancrm_reports.pure.language import Language, language_of
from sancrm_reports.pure.messages import Button, Message
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.pure.templates import Templates

SHOWN = 4  # failed steps in one message; the run's page has them all
ERROR = 2000  # characters of a mistake in the settings
LINE = 400  # characters of what a server said
UNKNOWN_SHOWN = 6  # messages of unknown status, each with two commands


@dataclass(frozen=True)
class Failure:
    """A task that failed: its id, what it was about, and its error.

    ``code`` is that of ``error.…`` in words.po, with ``values`` in its braces, ``quote`` what a
    server or a tool itself said. ``undecided`` are messages that only a person can say
    anything of, as mappings of ``errors.Undecided``.
    """

    task: str
    about: str = ""
    code: str = "lost"
    quote: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    undecided: Sequence[Mapping[str, Any]] = ()
    is_alerted: bool = False

    @staticmethod
    def describe(error: BaseException | None, about: str) -> dict[str, Any]:
        """Return what a failed task leaves of its error, as JSON.

        Only what our own errors quote: that names no people. Of any other just its kind is kept,
        because an error of a database or a template can quote a row; of a module that cannot be
        imported also its name.
        """
        if isinstance(error, ReportError):
            ours = error
        elif isinstance(error, ImportError):
            ours = ReportError(code="import", module=error.name or "?")
        else:
            ours = ReportError(code="unexpected", kind=type(error).__name__)
        return {
            "about": about or ours.about,
            "code": ours.code,
            "quote": ours.quote,
            "values": ours.values,
            "undecided": [asdict(message) for message in getattr(ours, "undecided", ())],
            "is_alerted": isinstance(error, AlreadyAlertedError),
        }

    @classmethod
    def from_json(cls, task: str, value: Mapping[str, Any] | None) -> Failure:
        """Read what a failed task left; nothing where its process was killed."""
        return cls(task, **value) if value else cls(task)

    def explained(self, language: Language) -> dict[str, str]:
        """Return cause, first step and quotation, as ops read them."""
        return {
            "cause": language.word(f"error.{self.code}", **self.values),
            "first": language.word(f"error.{self.code}.first"),
            "quote": one_line(self.quote, limit=LINE),
        }


@dataclass(frozen=True)
class RunPurpose:
    """What a run is for: its name in the ledger and for people, and how to do it again.

    ``code`` names it in words.po, where ``about`` may say more. ``names_day`` is whether a
    run by hand has to be told its day. Without a period it is a run by hand whose params made no
    sense: there is nothing to be solved.
    """

    dag_id: str
    key: str
    code: str = ""
    period: Period | None = None
    about: str = ""
    conf: Mapping[str, Any] = field(default_factory=dict)
    names_day: bool = False

    @classmethod
    def of_report(cls, dag_id: str, period: Period) -> RunPurpose:
        """Return that of a profitability report."""
        conf = {"period": period.start.isoformat()}
        return cls(dag_id, period.key, f"report.{report_of(period).id}", period, conf=conf)

    @classmethod
    def of_day(
        cls, dag_id: str, code: str, day: date, *, about: str = "", names_day: bool = False
    ) -> RunPurpose:
        """Return that of what is done once a day, such as ``missed_calls``."""
        period = Period(PeriodKind.DAY, day, "UTC")
        return cls(dag_id, period.key, f"run.{code}", period, about, names_day=names_day)

    @property
    def is_refused(self) -> bool:
        """Whether the run's params made no sense."""
        return self.period is None

    @property
    def name(self) -> str:
        """What incidents of this purpose are named after."""
        return f"{self.dag_id}|{self.key}"

    def title(self, language: Language) -> str:
        """Name it for people, with a small letter: «daily report for Tuesday, 17 November»."""
        if self.period is None:
            return self.dag_id
        name = language.word(self.code, about=self.about)
        return f"{name} {language.formats.about_period(self.period)}"

    def decision(self, word: str, name: str) -> dict[str, Any]:
        """Return the params by which a person decides of a message: ``resend``, ``arrived``, …

        They hold the day where a run would otherwise be of another one tomorrow.
        """
        day = {"day": self.key} if self.names_day else {}
        return {**self.conf, **day, word: [name]}

    def decide(self, word: str, name: str) -> str:
        """Return the command that does so."""
        return self.repair(**self.decision(word, name))

    def repair(self, **params: str | list[str] | bool) -> str:
        """Return the command that does it again; what was sent before is not sent twice."""
        conf = {**self.conf, **params}
        option = f" --conf {shlex.quote(json.dumps(conf, ensure_ascii=False))}" if conf else ""
        return f"airflow dags trigger {self.dag_id}{option}"


def run_failed(
    purpose: RunPurpose, failures: Sequence[Failure], *, log_url: str, templates: Templates
) -> Message:
    """An alert about a failed run: what, where, why, and what fixes it; the button opens a log."""
    language = language_of(templates)
    steps = [
        {
            "task": first.task,
            "about": [failure.about for failure in group if failure.about],
            **first.explained(language),
        }
        for first, group in _alike(failures)
    ]
    unknown = [
        {
            "name": message["name"],
            "about": one_line(message["about"] or failure.about),
            "chat": one_line(message.get("chat", "")),
            "commands": [
                (word, purpose.decide(word, message["name"])) for word in message["words"]
            ],
        }
        for failure in failures
        for message in failure.undecided
    ]
    html = language.render(
        "run_failed.html.j2",
        title=purpose.title(language),
        steps=steps[:SHOWN],
        more=max(0, len(steps) - SHOWN),
        is_refused=purpose.is_refused,
        unknown=unknown[:UNKNOWN_SHOWN],
        more_unknown=max(0, len(unknown) - UNKNOWN_SHOWN),
        repair=purpose.repair(),
    )
    kinds = " ".join(sorted({failure.code for failure in failures}))
    return Message(html, Button(language.word("button.log"), log_url), facts={"kinds": kinds})


def failed_otherwise(purpose: RunPurpose, *, templates: Templates) -> Message:
    """Say that there is a newer alert of a run, about trouble of another kind."""
    language = language_of(templates)
    title = purpose.title(language)
    return Message(language.render("run_failed_otherwise.html.j2", title=title))


def report_late(
    purpose: RunPurpose, *, due: datetime, is_failed: bool, run_url: str, templates: Templates
) -> Message:
    """Tell that a run has not done its work in time; ``due`` is in the account's zone."""
    language = language_of(templates)
    html = language.render(
        "run_late.html.j2",
        title=purpose.title(language),
        what="report" if purpose.code.startswith("report.") else purpose.dag_id,
        due=f"{due:%H:%M}",
        is_failed=is_failed,
        repair=purpose.repair(),
    )
    return Message(html, Button(language.word("button.run"), run_url))


def solved(
    purpose: RunPurpose, kind: str, *, at: datetime, zone: str, templates: Templates
) -> Message:
    """Say that a trouble is over: its kind (``failure`` or ``late``), and when it was over."""
    language = language_of(templates)
    when = language.formats.moment(at.astimezone(ZoneInfo(zone)))
    title = purpose.title(language)
    return Message(language.render("run_solved.html.j2", title=title, kind=kind, when=when))


def settings_wrong(error: str, *, are_kept: bool, templates: Templates) -> Message:
    """Tell of a mistake in the settings, and whether those of before stay in force meanwhile."""
    return Message(
        language_of(templates).render(
            "settings_wrong.html.j2", error=shortened(error, ERROR), are_kept=are_kept
        )
    )


def pool_missing(pool: str, command: str, *, templates: Templates) -> Message:
    """Tell of a pool that Airflow does not have, with the command that makes it."""
    return Message(
        language_of(templates).render("pool_missing.html.j2", pool=pool, command=command)
    )


def pool_there(pool: str, *, templates: Templates) -> Message:
    """Say that a pool that was missing is there."""
    return Message(language_of(templates).render("pool_there.html.j2", pool=pool))


def settings_right(*, templates: Templates) -> Message:
    """Say that the mistake in the settings is mended."""
    return Message(language_of(templates).render("settings_right.html.j2"))


def _alike(failures: Sequence[Failure]) -> list[tuple[Failure, list[Failure]]]:
    """Put failures of one task with one error together: the first of them, and all."""
    groups = groupby(failures, key=lambda f: (f.task, f.code, f.quote, f.values))
    found = [list(group) for _, group in groups]
    return [(group[0], group) for group in found]
