"""Lets a task write its run's note: the XCom ``sancrm_run_note`` becomes it when the run ends.

A task has no way to write it by itself (Airflow 3.3), a listener in the scheduler has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.listeners import hookimpl

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

RUN_NOTE = "sancrm_run_note"


@hookimpl
def on_dag_run_success(dag_run: DagRun) -> None:
    """Write the note of a run that succeeded."""
    _write_note(dag_run)


@hookimpl
def on_dag_run_failed(dag_run: DagRun) -> None:
    """Write the note of a run that failed."""
    _write_note(dag_run)


def _write_note(dag_run: DagRun) -> None:
    """Copy the XCom, unless a person wrote a note: that stays."""
    from airflow.models.xcom import XComModel
    from sqlalchemy import select
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    if session is None:
        return
    left = session.scalars(
        select(XComModel).where(
            XComModel.dag_id == dag_run.dag_id,
            XComModel.run_id == dag_run.run_id,
            XComModel.key == RUN_NOTE,
        )
    ).first()
    written = dag_run.dag_run_note
    if left is not None and (written is None or written.user_id is None):
        dag_run.note = XComModel.deserialize_value(left)
