"""Params that several DAGs have, as the trigger form explains them."""

from __future__ import annotations

from airflow.sdk import Param

# What a person says of messages whose answer never came, having looked into the chat.
UNKNOWN_FATE = {
    "resend": Param(
        False,
        type="boolean",
        title="Send again what has an unknown fate",
        description="Only after looking into the chat: messages whose answer never came.",
    ),
    "arrived": Param(
        False,
        type="boolean",
        title="Take what has an unknown fate as sent",
        description="Only after looking into the chat: messages whose answer never came are there.",
    ),
}
