"""What monitoring may watch, by Airflow's own metrics: docs/deployment.md names them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from sancrm_reports.errors import DecisionNeededError, PermanentError, ReportError

if TYPE_CHECKING:
    from sancrm_reports.wire.delivery import Outcome

COUNTED = ("sent", "corrected")  # what an outcome's action may be, of those that are counted


def count_messages(
    dag_id: str, outcomes: Sequence[Outcome], errors: Sequence[ReportError] = ()
) -> None:
    """Count what became of messages; what another try may still send is not counted."""
    from airflow.sdk.observability.stats import incr

    found = [outcome.action for outcome in outcomes if outcome.action in COUNTED]
    found += [
        "unknown" if isinstance(error, DecisionNeededError) else "failed"
        for error in errors
        if isinstance(error, PermanentError)
    ]
    for name in found:
        incr(f"sancrm.messages.{name}", tags={"dag_id": dag_id})


def note_lateness(dag_id: str, late: timedelta) -> None:
    """Say how long after its scheduled time a message of a report was posted."""
    from airflow.sdk.observability.stats import gauge

    gauge("sancrm.report.late_seconds", max(0.0, late.total_seconds()), tags={"dag_id": dag_id})


def note_backup_age(backup: str, age: timedelta) -> None:
    """Say how old the last good backup is, by its name in the settings."""
    from airflow.sdk.observability.stats import gauge

    gauge("sancrm.backup.age_seconds", age.total_seconds(), tags={"backup": backup})
