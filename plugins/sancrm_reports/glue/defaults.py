"""What every task of every DAG here has in common."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sancrm_reports.glue.conclude import remember_error
from sancrm_reports.glue.retry import RetryWhatCanPass
from sancrm_reports.settings import settings


def task_defaults() -> dict[str, Any]:
    """Return ``default_args``: retries of what can pass, and a trace for ``conclude_run``."""
    retries = settings().retries
    return {
        "retries": retries.count,
        "retry_delay": timedelta(seconds=retries.delay_seconds),
        "retry_policy": RetryWhatCanPass(),
        "on_failure_callback": remember_error,
        "weight_rule": "absolute",
    }


def on_queue(name: str) -> dict[str, str]:
    """Return what puts a task on a queue of Celery's; nothing where the settings name none."""
    return {"queue": name} if name else {}
