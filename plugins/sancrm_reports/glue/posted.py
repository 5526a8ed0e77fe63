"""What was posted of a period, and what today's figures would change of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sancrm_reports.glue.attached_messages import MAKERS
from sancrm_reports.glue.messages import (
    BOUNDS,
    Row,
    bounds_report,
    bounds_told,
    branch_message,
    network_message,
)
from sancrm_reports.glue.telegram_operator import incidents_of
from sancrm_reports.pure.figures import NETWORK, Figures, attachment_of, text_subject
from sancrm_reports.settings import settings, templates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sancrm_reports.pure.messages import Message
    from sancrm_reports.pure.period import Period
    from sancrm_reports.pure.rechecking import Change
    from sancrm_reports.wire.delivery import Delivery, Outcome
    from sancrm_reports.wire.ledger.ledger import Ledger

log = logging.getLogger(__name__)


def is_frozen(period: Period) -> bool:
    """Whether a period is frozen today: what was posted of it stays as it is."""
    today = datetime.now(ZoneInfo(period.timezone)).date()
    return settings().recheck.frozen(today).holds(period)


def changes_of(
    delivery: Delivery, report: str, period: Period, rows: Sequence[Row]
) -> Iterator[Change]:
    """Yield the messages of a period that were posted, and of which these rows say another thing.

    What was not posted, or perhaps, is none of them.
    """
    from sancrm_reports.pure.entry import MessageKey
    from sancrm_reports.pure.rechecking import Change
    from sancrm_reports.wire.ledger.history import History

    ledger = delivery.ledger
    named = _branches(ledger, report, period, rows)

    def written(subject: str) -> tuple[str, Message] | None:
        if subject == NETWORK:
            return "", network_message(rows, period)
        if subject == BOUNDS:
            return "", bounds_told(rows, period)[1]
        if subject != text_subject(subject):
            message = attached(subject, rows, named, period)
            return ("", message) if message else None
        row = named.get(subject)
        return (row["branch_name"], branch_message(row, period)) if row else None

    for name_of_report in (report, bounds_report(period)):
        of_period = name_of_report, period.key, period.after.key
        for posted in History(ledger.database).of(*of_period, None):
            if posted.part > 1 or not posted.entry.is_posted:
                continue
            key = MessageKey(name_of_report, period.key, posted.subject, posted.name)
            found = written(posted.subject)
            if found and delivery.differs(key, found[1]):
                yield Change(key, period, found[0], posted.entry.facts, found[1])


def attached(
    subject: str, rows: Sequence[Row], named: Mapping[str, Row], period: Period
) -> Message | None:
    """Make what is attached to a text; None where that cannot be made: the text is corrected."""
    whose = text_subject(subject)
    figures = rows if whose == NETWORK else named.get(whose)
    if figures is None:
        return None
    try:
        return MAKERS[attachment_of(subject)](figures, period)
    except Exception:  # as in a run of the report, a picture holds up no text
        log.exception("%s of %s cannot be made anew.", subject, period.key)
        return None


def _branches(
    ledger: Ledger, report: str, period: Period, rows: Sequence[Row]
) -> dict[str, dict[str, Any]]:
    """Return the branches' rows by subject; nothing moved of one that was reported and has none."""
    found = {Figures.from_row(row).name: dict(row) for row in rows if row["subject"] == "branch"}
    some = Figures.from_row(rows[-1])
    expected = ledger.expected(report, period.key)
    for branch_id, name in (expected.branches if expected else {}).items():
        whose = replace(some, subject="branch", branch_id=branch_id, branch_name=name)
        nothing = Figures.none_of(whose).to_json()
        found.setdefault(whose.name, {**nothing, "compared_with": nothing})
    return found


def tell_frozen(
    delivery: Delivery, report: str, period: Period, changes: Sequence[Change]
) -> list[Outcome]:
    """Tell ops once what of a frozen period differs, or that nothing does any more."""
    from sancrm_reports.pure.rechecking import frozen_differs, frozen_same

    incidents, name = incidents_of(delivery.ledger), f"frozen|{report}|{period.key}"
    told = [change for change in changes if change.is_report]
    if told:
        return incidents.alert(name, frozen_differs(told, templates=templates()))
    return incidents.solve(name, frozen_same(report, period, templates=templates()))
