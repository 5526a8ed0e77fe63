"""Keeps the reports of a backfill in order, however many of its runs go at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class WaitForEarlierRunOperator(BaseOperator):
    """Let the run of the period before post first; waits without a worker.

    Only a backfill has several runs at once: ``airflow backfill create`` starts ten, whatever the
    DAG's ``max_active_runs`` says. A run that has not started is not waited for: with
    ``--run-backwards`` it would wait for this one.
    """

    def execute(self, context: Context) -> None:
        """Defer until the run before is over, if it is going on."""
        from airflow.providers.standard.triggers.external_task import DagStateTrigger
        from airflow.sdk import DagRunState

        if context["dag_run"].run_type != "backfill":
            return
        earlier = context["ti"].get_previous_dagrun()
        if earlier is None or earlier.state != DagRunState.RUNNING:
            return
        self.log.info("Waiting for %s to post first.", earlier.run_id)
        self.defer(
            trigger=DagStateTrigger(
                dag_id=self.dag_id,
                run_ids=[earlier.run_id],
                states=[DagRunState.SUCCESS, DagRunState.FAILED],  # type: ignore[list-item]
                poll_interval=1,
            ),
            method_name="resume",
        )

    def resume(self, context: Context, event: Any) -> None:
        """Go on: the run before is over, well or badly."""
