"""What every task of every DAG here has in common."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sancrm_reports.glue.conclude import remember_error
from sancrm_reports.glue.retry import RetryWhatCanPass

TASK_DEFAULTS: dict[str, Any] = {
    "retries": 5,
    "retry_delay": timedelta(minutes=1),
    "retry_policy": RetryWhatCanPass(),
    "on_failure_callback": remember_error,
}
