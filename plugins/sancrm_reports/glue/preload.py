"""Imports what tasks need before LocalExecutor forks its workers, so that no task does it again.

Imports were two fifths of a posting task's time. Other executors' workers do not come from the
scheduler: for them this changes nothing.
"""

from __future__ import annotations

from importlib import import_module

from airflow.listeners import hookimpl

MODULES = (
    "airflow.providers.postgres.hooks.postgres",
    "airflow.sdk.definitions.decorators",
    "sancrm_reports.glue.check_sources",
    "sancrm_reports.glue.conclude",
    "sancrm_reports.glue.post",
    "sancrm_reports.pure.ops",
    "sancrm_reports.wire.delivery",
    "sancrm_reports.wire.ledger.ledger",
    "sancrm_reports.wire.telegram_hook",
)


@hookimpl
def on_starting(component: object) -> None:
    """Import the modules where a component of Airflow starts; a task imports what it needs."""
    from airflow.jobs.job import Job

    if isinstance(component, Job):
        for module in MODULES:
            import_module(module)
