"""The grid of the page in Airflow: periods by subjects, a letter for what became of each message.

A year of a hundred branches is 36 500 messages: a row of letters is what a browser gets of them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sancrm_reports.pure.audit import DeliveryStatus, ExpectedMessages, status_of, worst
from sancrm_reports.pure.figures import NETWORK
from sancrm_reports.pure.formatting import one_line

LETTERS = {
    DeliveryStatus.SENT: "s",
    DeliveryStatus.CORRECTED: "c",
    DeliveryStatus.LATE: "l",
    DeliveryStatus.FAILED: "f",
    DeliveryStatus.UNKNOWN: "u",
    DeliveryStatus.MISSING: "m",
    DeliveryStatus.NOT_EXPECTED: ".",
}
EVERY = "*"  # the subject of a row that sums up all messages of a report


@dataclass(frozen=True)
class Slot:
    """A column: a period by its key, and what the schedule says of it.

    ``is_scheduled`` is whether the schedule wanted a report of it when the DAG was in use,
    ``is_overdue`` whether a report of it would have come by now.
    """

    key: str
    is_scheduled: bool
    is_overdue: bool


@dataclass(frozen=True)
class Sent:
    """What became of one message, or of one part in one chat."""

    period: str
    subject: str
    status: DeliveryStatus


@dataclass(frozen=True)
class Row:
    """A subject: its name, and a letter for each column; with ``counts`` where it sums up."""

    subject: str
    name: str
    statuses: str
    counts: list[int] = field(default_factory=list)


def by_subject(
    slots: Sequence[Slot],
    expected: Mapping[str, ExpectedMessages],
    messages: Iterable[Sent],
    *,
    network: str,
) -> list[Row]:
    """Return the row of the network, by that name, then one for each branch that was ever there.

    ``expected`` is by period, oldest first; one of before the first column says who was expected
    then. Where no run came, the branches of the run before are expected, or of the first of all.
    """
    statuses: dict[tuple[str, str], DeliveryStatus] = {}
    for sent in messages:
        cell = (sent.period, sent.subject)
        statuses[cell] = worst((statuses[cell], sent.status)) if cell in statuses else sent.status
    owed = _owed(slots, expected)

    def letter(slot: Slot, subject: str) -> str:
        known = statuses.get((slot.key, subject))
        return LETTERS[known or status_of(None, is_owed=subject in owed[slot.key])]

    names = _names(expected, {subject for _, subject in statuses}) | {NETWORK: network}
    subjects = sorted(names, key=lambda subject: (subject != NETWORK, _natural(names[subject])))
    return [
        Row(subject, names[subject], "".join(letter(slot, subject) for slot in slots))
        for subject in subjects
    ]


def summed_up(slots: Sequence[Slot], name: str, messages: Iterable[Sent]) -> list[Row]:
    """Return one row: how many messages a day had, and the gravest status among them.

    What these messages call their period begins with a day: 2026-11-17, or 2026-11-17T2300Z.
    """
    statuses: dict[str, list[DeliveryStatus]] = defaultdict(list)
    for sent in messages:
        statuses[sent.period[:10]].append(sent.status)
    letters = "".join(LETTERS[worst(statuses[slot.key])] for slot in slots)
    return [Row(EVERY, name, letters, [len(statuses[slot.key]) for slot in slots])]


def _names(expected: Mapping[str, ExpectedMessages], subjects: Iterable[str]) -> dict[str, str]:
    """Return the name of each subject: the newest that a run recorded, else its key."""
    names = {subject: subject for subject in subjects}
    for messages in expected.values():
        names |= messages.names
    return {subject: one_line(name) for subject, name in names.items()}


def _natural(name: str) -> list[str | int]:
    """Sort Branch 2 before Branch 10."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def _owed(slots: Sequence[Slot], expected: Mapping[str, ExpectedMessages]) -> dict[str, set[str]]:
    """Return by period who should have messages: as a run recorded, else as the run before."""
    latest = _if_full(next(iter(expected.values()), ExpectedMessages()))
    owed: dict[str, set[str]] = {}
    for slot in slots:
        recorded = expected.get(slot.key)
        if recorded:
            latest = _if_full(recorded)
        subjects = set(recorded.subjects) if recorded else latest
        is_owed = slot.is_overdue and (slot.is_scheduled or recorded is not None)
        owed[slot.key] = subjects if is_owed else set()
    return owed


def _if_full(expected: ExpectedMessages) -> set[str]:
    """Return whom a run that posts everything would owe a message."""
    return set(replace(expected, mode="full").subjects)
