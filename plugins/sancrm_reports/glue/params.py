"""Params that several DAGs have, as the trigger form explains them."""

from __future__ import annotations

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


def decisions_of(context: Any) -> Decisions:
    """Return what the run's params say of messages of unknown status."""
    params = context["params"]
    return Decisions.of(**{word: params.get(word) or () for word in DECISIONS})
