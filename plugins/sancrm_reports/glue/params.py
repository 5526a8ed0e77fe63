"""The params of runs: what the trigger form says of those of several DAGs, and what a run has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from airflow.sdk import Param

from sancrm_reports.pure.decisions import Decisions

DECISIONS = ("resend", "arrived", "removed")

# What a person says of messages whose answer never came, having looked into the chat.
UNKNOWN_STATUS = {
    "resend": Param(
        [],
        type="array",
        items={"type": "string"},
        title="Not in the chat: send again",
        description="Names of messages of unknown status, as branch-2@-1001234567890. Only after "
        "looking into the chat: these are not there. The alert gives the command.",
    ),
    "arrived": Param(
        [],
        type="array",
        items={"type": "string"},
        title="In the chat: take as sent",
        description="Names of messages of unknown status, as branch-2@-1001234567890. Only after "
        "looking into the chat: these are there. The alert gives the command.",
    ),
}


@dataclass(frozen=True)
class RunParams:
    """The params of a run, of whatever DAG: one that the DAG has not is as if nobody gave it.

    ``period`` and ``day`` are as a person wrote them, empty where nobody did.
    """

    dry_run: bool = False
    rehearse: bool = False
    backfill_mode: str = "full"  # or digest, or silent
    period: str = ""
    day: str = ""
    correct_frozen: bool = False
    most_changes: int | None = None
    decisions: Decisions = field(default_factory=Decisions)


def params_of(context: Any) -> RunParams:
    """Return the params of a task's run."""
    given = context["params"]
    return RunParams(
        dry_run=bool(given.get("dry_run")),
        rehearse=bool(given.get("rehearse")),
        backfill_mode=given.get("backfill_mode") or "full",
        period=str(given.get("period") or ""),
        day=str(given.get("day") or ""),
        correct_frozen=bool(given.get("correct_frozen")),
        most_changes=given.get("most_changes"),
        decisions=Decisions.of(**{word: given.get(word) or () for word in DECISIONS}),
    )
