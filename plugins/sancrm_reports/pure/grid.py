"""The grid of the page in Airflow: periods by subjects, a letter for what became of each message.

A year of a hundred branches is 36 500 messages: a row of letters is what a browser gets of them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sancrm_reports.pure.audit import NETWORK, Fate, Roster, fate_of, worst
from sancrm_reports.pure.formatting import one_line

LETTERS = {
    Fate.SENT: "s",
    Fate.CORRECTED: "c",
    Fate.LATE: "l",
    Fate.FAILED: "f",
    Fate.UNKNOWN: "u",
    Fate.MISSING: "m",
    Fate.NOT_EXPECTED: ".",
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
    fate: Fate


@dataclass(frozen=True)
class Row:
    """A subject: its name, and a letter for each column; with ``counts`` where it sums up."""

    subject: str
    name: str
    fates: str
    counts: list[int] = field(default_factory=list)


def by_subject(
    slots: Sequence[Slot],
    rosters: Mapping[str, Roster],
    messages: Iterable[Sent],
    *,
    network: str,
) -> list[Row]:
    """Return the row of the network, by that name, then one for each branch that was ever there.

    ``rosters`` are by period, oldest first; one of before the first column says who was expected
    then. Where no run came, the branches of the run before are expected, or of the first of all.
    """
    fates: dict[tuple[str, str], Fate] = {}
    for sent in messages:
        cell = (sent.period, sent.subject)
        fates[cell] = worst((fates[cell], sent.fate)) if cell in fates else sent.fate
    owed = _owed(slots, rosters)

    def letter(slot: Slot, subject: str) -> str:
        known = fates.get((slot.key, subject))
        return LETTERS[known or fate_of(None, is_owed=subject in owed[slot.key])]

    names = _names(rosters, {subject for _, subject in fates}) | {NETWORK: network}
    subjects = sorted(names, key=lambda subject: (subject != NETWORK, _natural(names[subject])))
    return [
        Row(subject, names[subject], "".join(letter(slot, subject) for slot in slots))
        for subject in subjects
    ]


def summed_up(slots: Sequence[Slot], name: str, messages: Iterable[Sent]) -> list[Row]:
    """Return one row: how many messages a day had, and the gravest fate among them.

    What these messages call their period begins with a day: 2026-11-17, or 2026-11-17T2300Z.
    """
    fates: dict[str, list[Fate]] = defaultdict(list)
    for sent in messages:
        fates[sent.period[:10]].append(sent.fate)
    letters = "".join(LETTERS[worst(fates[slot.key])] for slot in slots)
    return [Row(EVERY, name, letters, [len(fates[slot.key]) for slot in slots])]


def _names(rosters: Mapping[str, Roster], subjects: Iterable[str]) -> dict[str, str]:
    """Return the name of each subject: the newest that a roster gives, else its key."""
    names = {subject: subject for subject in subjects}
    for roster in rosters.values():
        names |= {f"branch-{id_}": name for id_, name in roster.branches.items()}
    return {subject: one_line(name) for subject, name in names.items()}


def _natural(name: str) -> list[str | int]:
    """Sort Branch 2 before Branch 10."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def _owed(slots: Sequence[Slot], rosters: Mapping[str, Roster]) -> dict[str, set[str]]:
    """Return by period whose messages should be there: what a run noted, else as the run before."""
    expected = _if_full(next(iter(rosters.values()), Roster()))
    owed: dict[str, set[str]] = {}
    for slot in slots:
        roster_here = rosters.get(slot.key)
        if roster_here:
            expected = _if_full(roster_here)
        noted = set(roster_here.subjects) if roster_here else expected
        is_owed = slot.is_overdue and (slot.is_scheduled or roster_here is not None)
        owed[slot.key] = noted if is_owed else set()
    return owed


def _if_full(roster: Roster) -> set[str]:
    """Return whom a run that posts everything would owe a message."""
    return set(replace(roster, mode="full").subjects)
