"""Operators of the restore drill: one restores and compares, the other tells what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.sdk import BaseOperator

from sancrm_reports.glue.notes import RUN_NOTE
from sancrm_reports.glue.reported_period import refuse_taken_place
from sancrm_reports.glue.telegram_operator import (
    TelegramOperator,
    alerts_by,
    backup_route,
    is_last_try,
    ledger_of,
    second_way,
)
from sancrm_reports.glue.timetable import cron_timetable
from sancrm_reports.settings import settings, templates

if TYPE_CHECKING:
    from airflow.sdk import Context, CronTriggerTimetable

    from sancrm_reports.backups.drill.result import Drill, DrillProblem
    from sancrm_reports.settings import Settings
    from sancrm_reports.wire.chats import Address
    from sancrm_reports.wire.delivery import Delivery, Outcome

DRILL = "drill"  # the XCom with what is known of a drill: names, counts and times, no rows


class RestoreDumpOperator(BaseOperator):
    """Restore the newest dump, compare it with the source, and remove what was made for that.

    One task, because a server that only one machine can reach cannot be shared by several
    (docs/decisions/0030-a-drill-is-one-task.md).

    :param sql: the file that counts rows, one statement per table.
    """

    template_fields: Sequence[str] = ("sql",)
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql"}

    def __init__(self, *, sql: str = "restore_drill.sql", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sql = sql

    def execute(self, context: Context) -> None:
        """Do the drill; what is known of it is left for the message, also when it fails.

        Raises:
            DrillError: it did not pass.
        """
        from sancrm_reports.backups.drill.result import Drill, DrillError
        from sancrm_reports.backups.drill.run import run_drill

        refuse_taken_place(context, cron_timetable(settings().restore_drill.schedule, settings()))
        drill = Drill()
        try:
            run_drill(drill, settings(), self.sql)
        except DrillError as error:
            drill.trouble, drill.what = error.trouble, error.what
            raise
        finally:
            context["ti"].xcom_push(key=DRILL, value=drill.model_dump(mode="json"))
        _check(drill)
        self.log.info(drill.summary)
        context["ti"].xcom_push(key=RUN_NOTE, value=drill.summary)

    def on_kill(self) -> NoReturn:
        """End through ``finally``, which removes what was made."""
        raise SystemExit("The drill was stopped.")


class PostRestoreDrillOperator(TelegramOperator):
    """Tell the chat of the backup what came of a drill, once. Give it ``**posting()``.

    :param drilled_by: id of the task that did the drill.
    """

    def __init__(self, *, drilled_by: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.drilled_by = drilled_by

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Write the message and bring it to its chat."""
        from sancrm_reports.backups.drill.result import Drill, drill_message
        from sancrm_reports.wire.incidents import deliver_at_least_once

        left: Any = context["ti"].xcom_pull(task_ids=self.drilled_by, key=DRILL)
        drill = Drill.model_validate(left or {})  # nothing is left by a worker that was killed
        message = drill_message(
            drill,
            _wrong_with(drill),
            timezone=settings().account.timezone,
            templates=templates(),
        )
        with ledger_of(context) as ledger:
            run_id = context["dag_run"].run_id
            open_chat = alerts_by(ledger, backup_route)

            def deliver(delivery: Delivery, to: Address, why: str = "") -> list[Outcome]:
                key = ledger.key("restore_drill", run_id, "drill", to)
                return deliver_at_least_once(lambda: delivery.deliver(key, to, message, footer=why))

            second = second_way(ledger, is_last_try=is_last_try(context))
            outcomes = second.deliver(
                f"restore_drill|{run_id}", lambda: deliver(*open_chat()), deliver
            )
            return self.show(context, outcomes)


def drill_timetable(configured: Settings) -> CronTriggerTimetable | None:
    """Return when drills are due: by hand only, unless the settings enable them."""
    from airflow.sdk import CronTriggerTimetable

    wanted = configured.restore_drill
    if not wanted.enabled:
        return None
    return CronTriggerTimetable(wanted.schedule, timezone=configured.account.timezone)


def _wrong_with(drill: Drill) -> list[DrillProblem]:
    from sancrm_reports.backups.drill.result import problems_of

    wanted = settings().restore_drill
    if drill.trouble:
        return []
    return problems_of(
        drill,
        tolerance_percent=wanted.tolerance_percent,
        newest_row_hours=wanted.newest_row_hours,
    )


def _check(drill: Drill) -> None:
    from sancrm_reports.backups.drill.result import DrillError

    if wrong := _wrong_with(drill):
        told = "; ".join(problem.english for problem in wrong)
        raise DrillError(
            None,
            f"The newest dump was restored, but is not what it should be: {told}. Keep the older "
            "dumps, and look what the backup copies, and from where.",
        )
