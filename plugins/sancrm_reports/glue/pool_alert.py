"""Alerts ops, once, to a missing pool: without it tasks stay scheduled, and nothing else says so.

A task cannot tell, because the one that would tell may wait for that pool itself. A listener in the
scheduler looks when a run begins, and starts this module as a process of its own: the scheduler
must not wait for Telegram.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from airflow.listeners import hookimpl

from sancrm_reports.glue.settings_alert import start_alone
from sancrm_reports.settings import SettingsError, settings

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

    from sancrm_reports.wire.incidents import Incidents


@hookimpl
def on_dag_run_running(dag_run: DagRun) -> None:
    """Start the alert where a run of ours begins that cannot go on."""
    try:
        is_ours = dag_run.dag_id in settings().dag_ids
    except SettingsError:  # then there are no runs of ours
        return
    if is_ours and (missing := missing_pools()):
        start_alone(__name__, *missing)


def pool_commands() -> dict[str, str]:
    """Return the command that makes each pool of the settings."""
    telegram = settings().telegram
    alerts = f'airflow pools set {telegram.alerts_pool} 4 "Tasks that alert"'
    posts = f'airflow pools set {telegram.pool} 8 "Tasks that post reports"'
    return {telegram.alerts_pool: alerts, telegram.pool: posts}


def missing_pools() -> list[str]:
    """Return which of the pools of the settings Airflow doesn't have; asks its database."""
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session(scoped=False) as session:  # not the scheduler's, which is not ours to end
        known = set(session.scalars(select(Pool.pool)))
    return [name for name in pool_commands() if name not in known]


def alert_to_missing_pools(names: Iterable[str]) -> None:
    """Alert ops to each pool, with the command that makes it."""
    from sancrm_reports.glue.telegram_operator import alert_ops
    from sancrm_reports.pure.ops import pool_missing
    from sancrm_reports.settings import templates

    for name in names:
        message = pool_missing(name, pool_commands()[name], templates=templates())
        alert_ops(None, incident(name), message, is_last_try=True)


def solve_missing_pools(incidents: Incidents, names: Iterable[str]) -> None:
    """Say that the pools are there: a run that was over has used them."""
    from sancrm_reports.pure.ops import pool_there
    from sancrm_reports.settings import templates

    for name in sorted(set(names)):
        incidents.solve(incident(name), pool_there(name, templates=templates()))


def incident(pool: str) -> str:
    """Return the name of the incident of a missing pool."""
    return f"pool|{pool}"


if __name__ == "__main__":
    from sancrm_reports.glue.airflow_connections import see_airflows_connections

    see_airflows_connections()
    alert_to_missing_pools(sys.argv[1:])
