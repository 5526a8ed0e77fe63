"""Which messages a report owes, and what became of each: for the audit, and for the page.

A run writes the expected messages into the ledger when its figures are checked; where no run came
so far, whoever asks says which branches there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sancrm_reports.pure.decisions import message_name
from sancrm_reports.pure.entry import Entry, MessageKey, State
from sancrm_reports.pure.figures import NETWORK, Key, branch_subject
from sancrm_reports.pure.period import Period


class DeliveryStatus(StrEnum):
    """What became of a message, as page and audit show it; ``State`` is the ledger's own word."""

    SENT = "sent"
    CORRECTED = "corrected"
    LATE = "late"
    FAILED = "failed"
    UNKNOWN = "unknown"
    MISSING = "missing"
    NOT_EXPECTED = "not_expected"

    @property
    def is_trouble(self) -> bool:
        """Whether somebody must do something."""
        return self in (DeliveryStatus.FAILED, DeliveryStatus.UNKNOWN, DeliveryStatus.MISSING)


# From harmless to bad: a message to several chats is as well as its worst one.
_BY_GRAVITY = (
    DeliveryStatus.NOT_EXPECTED,
    DeliveryStatus.SENT,
    DeliveryStatus.CORRECTED,
    DeliveryStatus.LATE,
    DeliveryStatus.MISSING,
    DeliveryStatus.UNKNOWN,
    DeliveryStatus.FAILED,
)


@dataclass(frozen=True)
class ExpectedMessages:
    """The messages that a run of a report was to post: names of branches by id, chats by subject.

    ``mode`` is the run's ``backfill_mode``: a digest or a silent run owes no reports. ``chats`` are
    by the settings of then, an empty list where nobody reads of a subject; what was written before
    they were kept has none.
    """

    mode: str = "full"
    branches: dict[Key, str] = field(default_factory=dict)
    chats: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ExpectedMessages:
        """Read what the ledger keeps: JSON has made the ids texts."""
        names = {_number_or_text(id_): name for id_, name in value["branches"].items()}
        return cls(value["mode"], names, value.get("chats", {}))

    @property
    def subjects(self) -> list[str]:
        """The subjects of the messages that are owed, the network last."""
        if self.mode != "full":
            return []
        return [subject for subject in (*self.names, NETWORK) if self.chats.get(subject) != []]

    @property
    def names(self) -> dict[str, str]:
        """The names of the branches by their subjects."""
        return {branch_subject(id_): name for id_, name in self.branches.items()}


def _number_or_text(key: str) -> Key:
    return int(key) if key.isdecimal() and str(int(key)) == key else key


@dataclass(frozen=True)
class Finding:
    """What became of one message that a report owes, in one chat; ``error`` is the ledger's.

    ``name`` is the branch's, empty for the network; ``message`` is what a run's params call it.
    """

    dag_id: str
    period: Period
    name: str
    chat: str
    status: DeliveryStatus
    error: str = ""
    message: str = ""


@dataclass(frozen=True)
class PeriodAudit:
    """The findings on one period of one report, and what is known of its run.

    ``reason`` says why messages are missing, by its code (``missing.…`` in words.po); empty where
    nobody knows, or none is.
    What a run that is going on has not sent yet isn't trouble: its end, or its deadline, tells.
    """

    dag_id: str
    period: Period
    findings: Sequence[Finding]
    reason: str = ""
    is_going_on: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether something was owed, and all of it was sent."""
        return bool(self.findings) and not any(f.status.is_trouble for f in self.findings)

    @property
    def troubles(self) -> list[Finding]:
        """The findings that somebody must do something about."""
        if self.is_going_on:
            return []
        return [finding for finding in self.findings if finding.status.is_trouble]


def examine(
    dag_id: str,
    period: Period,
    expected: ExpectedMessages,
    delivered: Callable[[str], Iterable[tuple[str, Entry | None]]],
) -> PeriodAudit:
    """Look what became of everything that a report owes for a period.

    Args:
        dag_id: the DAG of the report.
        period: what it reports.
        expected: the messages that it owes.
        delivered: gives, for a subject, its chats and what the ledger says of each.
    """
    names = expected.names
    return PeriodAudit(
        dag_id,
        period,
        [
            Finding(
                dag_id,
                period,
                names.get(subject, ""),
                chat,
                status_of(entry, is_owed=True),
                (entry.error or "") if entry else "",
                message_name(
                    MessageKey(dag_id, period.key, subject, chat), entry.part if entry else 1
                ),
            )
            for subject in expected.subjects
            for chat, entry in delivered(subject)
        ],
    )


def status_of(entry: Entry | None, *, is_owed: bool) -> DeliveryStatus:
    """Return what became of one message in one chat.

    ``sending`` counts as unknown: where it is found later, nobody saw the answer.
    """
    if entry is None:
        return DeliveryStatus.MISSING if is_owed else DeliveryStatus.NOT_EXPECTED
    return ledger_status(
        entry.state, is_late=bool(entry.footer), is_corrected=bool(entry.corrections)
    )


def ledger_status(state: State, *, is_late: bool, is_corrected: bool) -> DeliveryStatus:
    """Return what became of a message that the ledger knows, as for ``status_of``."""
    match state:
        case State.WAITING:
            return DeliveryStatus.MISSING
        case State.FAILED:
            return DeliveryStatus.FAILED
        case State.UNKNOWN | State.SENDING:
            return DeliveryStatus.UNKNOWN
    if is_corrected:
        return DeliveryStatus.CORRECTED
    return DeliveryStatus.LATE if is_late else DeliveryStatus.SENT


def worst(statuses: Iterable[DeliveryStatus]) -> DeliveryStatus:
    """Return the gravest of the statuses; of none, ``not_expected``."""
    return max(statuses, key=_BY_GRAVITY.index, default=DeliveryStatus.NOT_EXPECTED)
