"""A report's messages by its figures, and which of those that were posted they would change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sancrm_reports.glue.telegram import address, common_hook, incidents_of
from sancrm_reports.pure.figures import NETWORK, Figures
from sancrm_reports.pure.kinds import report_of
from sancrm_reports.settings import settings, templates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sancrm_reports.pure.messages import Comparison, Message
    from sancrm_reports.pure.period import Period
    from sancrm_reports.pure.rechecking import Change
    from sancrm_reports.wire.delivery import Delivery, Outcome
    from sancrm_reports.wire.ledger.ledger import Ledger

Row = Mapping[str, Any]  # one of those that compute_profitability returns
BOUNDS = "bounds"  # the subject of a message to their chat


def is_frozen(period: Period) -> bool:
    """Whether a period is frozen today: what was posted of it stays as it is."""
    today = datetime.now(ZoneInfo(period.timezone)).date()
    return settings().recheck.frozen(today).holds(period)


def branch_message(row: Row, period: Period) -> Message:
    """Write the report of a branch."""
    from sancrm_reports.pure.messages import branch_report

    return branch_report(
        comparison(row),
        period,
        templates=templates(),
        complete_until=row.get("complete_until"),
        has_rentals=settings().account.has_rentals,
        crossed=bounds_crossed(row, period),
    )


def bounds_crossed(row: Row, period: Period) -> list[str]:
    """Return what is told of the bounds of a row's subject."""
    from sancrm_reports.pure.bounds import crossed

    return crossed(
        settings().bounds.of(row["branch_id"]),
        Figures.from_row(row),
        report_of(period).id,
        templates=templates(),
    )


def network_message(rows: Sequence[Row], period: Period) -> Message:
    """Write the summary of the network."""
    from sancrm_reports.pure.messages import network_report

    by_subject = {row["subject"]: row for row in rows}
    url = settings().account.crm_url
    return network_report(
        comparison(by_subject["network"]),
        unallocated=Figures.from_row(by_subject["unallocated"]),
        branches=[Figures.from_row(row) for row in rows if row["subject"] == "branch"],
        period=period,
        templates=templates(),
        crm_url=str(url) if url else None,
        complete_until=by_subject["network"].get("complete_until"),
        has_rentals=settings().account.has_rentals,
        crossed=bounds_crossed(by_subject["network"], period),
        silent=by_subject["network"].get("silent", ()),
        weeks=settings().bounds.silence_weeks,
    )


def bounds_told(rows: Sequence[Row], period: Period) -> tuple[bool, Message]:
    """Return whether a bound is crossed, and what the chat of the bounds reads, network first."""
    from sancrm_reports.pure.bounds import bounds_message

    told = [
        (row["branch_name"] or "", bounds_crossed(row, period))
        for row in reversed(rows)
        if row["subject"] != "unallocated"
    ]
    message = bounds_message(told, period, templates=templates())
    return any(crossed for _, crossed in told), message


def bounds_report(period: Period) -> str:
    """Return what messages to the chat of the bounds are called in the ledger."""
    return f"bounds_{report_of(period).id}"


def comparison(row: Row) -> Comparison:
    """Return the figures of a row, with those that they are compared with."""
    from sancrm_reports.pure.messages import Comparison

    return Comparison(now=Figures.from_row(row), before=Figures.from_row(row["compared_with"]))


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


def tell_bounds(
    delivery: Delivery, period: Period, rows: Sequence[Row], *, footer: str, is_left: bool
) -> list[Outcome]:
    """Tell the chat of the bounds which are crossed; where none is, correct what it was told.

    ``footer`` and ``is_left`` as for the report: how late it is, and whether it is frozen.
    """
    chat = settings().bounds.chat
    if not chat:
        return []
    is_crossed, message = bounds_told(rows, period)
    to = address(chat, common_hook())
    key = delivery.ledger.key(bounds_report(period), period.key, BOUNDS, to)
    if not is_crossed and delivery.ledger.messages.get(key) is None:
        return []
    return delivery.deliver(
        key,
        to,
        message,
        day=period.start,
        footer=footer,
        silent=bool(footer),
        is_frozen=is_left,
    )


def tell_frozen(
    delivery: Delivery, report: str, period: Period, changes: Sequence[Change]
) -> list[Outcome]:
    """Tell ops once what of a frozen period differs, or that nothing does any more."""
    from sancrm_reports.pure.rechecking import frozen_differs, frozen_same

    incidents, name = incidents_of(delivery.ledger), f"frozen|{report}|{period.key}"
    told = [change for change in changes if change.key.report == report]
    if told:
        return incidents.alert(name, frozen_differs(told, templates=templates()))
    return incidents.solve(name, frozen_same(report, period, templates=templates()))
