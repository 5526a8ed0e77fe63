"""Lets a task write its run's note: the XCom ``sancrm_run_note`` becomes it when the run ends.

A task has no way to write it by itself (Airflow 3.3), a listener in the scheduler has.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from airflow.listeners import hookimpl

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from sqlalchemy.orm import Session

LONGEST = 1000  # characters that Airflow's database takes
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
    from airflow.utils.session import create_session
    from sqlalchemy.orm import object_session

    if session := object_session(dag_run):  # the scheduler's, which holds the run's row locked
        _copy(dag_run, session)
        return
    with create_session() as session:  # in ``airflow dags test`` the run has none
        _copy(session.get_one(type(dag_run), dag_run.id), session)


def _copy(dag_run: DagRun, session: Session) -> None:
    from airflow.models.xcom import XComModel
    from sqlalchemy import select

    from sancrm_reports.pure.formatting import shortened

    left = session.scalars(
        select(XComModel)
        .where(
            XComModel.dag_id == dag_run.dag_id,
            XComModel.run_id == dag_run.run_id,
            XComModel.key == RUN_NOTE,
        )
        .order_by(XComModel.timestamp.desc())  # the last task that left one knows most
        .limit(1)
    )
    texts = [*_mark(dag_run), *(str(XComModel.deserialize_value(xcom)) for xcom in left)]
    written = dag_run.dag_run_note
    if texts and (written is None or written.user_id is None):
        # Longer, it would break the scheduler's transaction, and so the scheduler.
        dag_run.note = shortened("\n\n".join(texts), LONGEST)


def _mark(dag_run: DagRun) -> Iterator[str]:
    """Yield a line for runs of ours that went by earlier settings than the file has."""
    from sancrm_reports.pure.language import language_of
    from sancrm_reports.settings import SettingsError, settings, settings_error, templates

    with suppress(SettingsError):  # then there are no runs of ours
        if dag_run.dag_id in settings().dag_ids and settings_error():
            yield language_of(templates()).word("note.settings")
