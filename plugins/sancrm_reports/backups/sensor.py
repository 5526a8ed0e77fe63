"""The tasks that find out: wait for a backup, and read it."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, BaseSensorOperator

from sancrm_reports.backups.timetable import window_of, window_timetable
from sancrm_reports.backups.verdicts import BadBackupError, Judgement, Verdict
from sancrm_reports.errors import ReportError
from sancrm_reports.glue.notes import RUN_NOTE
from sancrm_reports.glue.params import params_of
from sancrm_reports.glue.reported_period import refuse_taken_place
from sancrm_reports.settings import settings

if TYPE_CHECKING:
    from airflow.sdk import Context

    from sancrm_reports.backups.facts import Memory, Window

log = logging.getLogger(__name__)

JUDGEMENT = "judgement"  # XCom; pushed also by a task that then fails
LATE = timedelta(minutes=10)  # for a triggerer that is slow; after it the worker looks


class TriggererError(ReportError):
    """The triggerer failed before the wait was over."""

    code = "triggerer"


class BackupSensor(BaseSensorOperator):
    """Wait, without a worker, for the backup of the run's window.

    Green as soon as there is a good one, red as soon as one is known to be bad, and at the
    deadline. What was found is the XCom ``judgement``.

    :param backup: its name in the settings.
    """

    def __init__(self, *, backup: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.backup = backup

    def execute(self, context: Context) -> None:
        """Look once in the worker, which often is enough; otherwise wait in the triggerer."""
        from sancrm_reports.backups.notifications import MEMORY
        from sancrm_reports.backups.text import progress
        from sancrm_reports.backups.trigger import BackupTrigger
        from sancrm_reports.backups.watch import look

        refuse_taken_place(context, window_timetable(self.backup, settings()))
        window = window_of(context, self.backup, settings())
        memory = remembered(self.backup)
        judgement = look(self.backup, window, 0, memory)
        if judgement.verdict.is_final or params_of(context).rehearse:
            self._conclude(context, judgement)
            return
        self.log.info(progress(judgement, settings().account.timezone))
        trigger = BackupTrigger(
            self.backup,
            times_of(window),
            errors=1 if judgement.cause else 0,
            memory=MEMORY.dump_python(memory, mode="json"),
        )
        self.defer(trigger=trigger, method_name="conclude", timeout=time_left(window))

    def conclude(self, context: Context, event: dict[str, Any]) -> None:
        """Take the trigger's judgement."""
        self._conclude(context, Judgement.from_json(event))

    def resume_execution(
        self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context
    ) -> Any:
        """Look again in the worker where the trigger failed or never answered.

        Otherwise a stopped triggerer would look like a missing backup.

        Raises:
            TriggererError: the wait is not over; Airflow's retry starts it again.
        """
        from sancrm_reports.backups.watch import look

        if next_method == "conclude":
            return super().resume_execution(next_method, next_kwargs, context)
        self.log.warning("The triggerer gave no answer (%s); looking here.", next_kwargs)
        window = window_of(context, self.backup, settings())
        judgement = look(self.backup, window, 0, remembered(self.backup))
        if judgement.verdict.is_final:
            return self._conclude(context, judgement)
        raise TriggererError(
            "The triggerer could not wait for the backup. Is it running, and does it see plugins/ "
            "and include/? Its own log says more."
        )

    def _conclude(self, context: Context, judgement: Judgement) -> None:
        _publish(context, judgement, is_rehearsal=params_of(context).rehearse)


class VerifyBackupOperator(BaseOperator):
    """Read the backup that was found; red where it is damaged, or could not be read.

    A dump that is not whole may still be written, however still it stands: until the deadline it is
    waited for, without a worker, and read again once it has changed.

    :param backup: its name in the settings.
    """

    def __init__(self, *, backup: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.backup = backup

    def execute(self, context: Context) -> None:
        """Verify as the settings say."""
        waited = found_by(context, "wait_for_backup")
        if waited is None or waited[0].verdict is not Verdict.OK:
            self.log.info("There is no backup to read.")
            return
        self._verify(context, waited[0])

    def verify_again(self, context: Context, event: dict[str, Any]) -> None:
        """Take what the trigger saw change, or what is there at the deadline."""
        found = Judgement.from_json(event)
        if found.verdict is Verdict.OK:
            self._verify(context, found)
        else:
            self._publish(context, found)

    def resume_execution(
        self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context
    ) -> Any:
        """Read again where the trigger failed or never answered."""
        if next_method == "verify_again":
            return super().resume_execution(next_method, next_kwargs, context)
        self.log.warning("The triggerer gave no answer (%s); reading here.", next_kwargs)
        return self.execute(context)

    def _verify(self, context: Context, found: Judgement) -> None:
        from sancrm_reports.backups.dumps.faults import StillWrittenError
        from sancrm_reports.backups.verification import verify_backup

        window = window_of(context, self.backup, settings())
        watched = settings().backups[self.backup]
        may_grow = watched.probe.kind == "files" and datetime.now(UTC) < window.due_at
        is_rehearsal = params_of(context).rehearse
        try:
            judgement = verify_backup(watched, found)
        except StillWrittenError:
            if not may_grow or is_rehearsal:
                raise
            judgement = replace(found, verdict=Verdict.DAMAGED, detail="it is growing")
        if may_grow and judgement.verdict is Verdict.DAMAGED and not is_rehearsal:
            self.log.info("Not whole yet (%s); waiting for more of it.", judgement.detail)
            self._wait_for_more(context, window, found)
        self._publish(context, judgement)

    def _wait_for_more(self, context: Context, window: Window, found: Judgement) -> None:
        from sancrm_reports.backups.notifications import MEMORY
        from sancrm_reports.backups.trigger import BackupTrigger

        trigger = BackupTrigger(
            self.backup,
            times_of(window),
            memory=MEMORY.dump_python(remembered(self.backup), mode="json"),
            seen=found.backup.fingerprint if found.backup else "",
        )
        self.defer(trigger=trigger, method_name="verify_again", timeout=time_left(window))

    def _publish(self, context: Context, judgement: Judgement) -> None:
        _publish(context, judgement, is_rehearsal=params_of(context).rehearse)


def times_of(window: Window) -> list[str]:
    """Return a window's three times, as the trigger takes them."""
    return [time.isoformat() for time in (window.opens_at, window.due_at, window.next_at)]


def time_left(window: Window) -> timedelta:
    """Return how long to wait at most: until the deadline, and for a triggerer that is slow."""
    return max(window.due_at - datetime.now(UTC), timedelta()) + LATE


def remembered(name: str) -> Memory:
    """Return what the watch knows from earlier nights; nothing, where the ledger does not answer.

    The look goes on without: that there is no backup must be told all the same.
    """
    from sancrm_reports.backups.facts import Memory
    from sancrm_reports.backups.notifications import Watch, note_of
    from sancrm_reports.glue.telegram_operator import ledger_of

    try:
        with ledger_of(None) as ledger:
            return Watch.from_json(ledger.note(note_of(name))).memory
    except ReportError as error:
        log.warning("Sizes of earlier nights are not known: %s", error)
        return Memory()


def found_by(context: Context, task_id: str) -> tuple[Judgement, str] | None:
    """Return what a task of this run found out, and its log's address; None if it never did."""
    value = context["ti"].xcom_pull(task_ids=task_id, key=JUDGEMENT)
    return (Judgement.from_json(value["judgement"]), value["log_url"]) if value else None


def _publish(context: Context, judgement: Judgement, *, is_rehearsal: bool) -> None:
    """Leave the judgement for the alert, and turn the task red where it is bad.

    Raises:
        BadBackupError: the verdict is bad, and this isn't a rehearsal.
    """
    from sancrm_reports.backups.text import verdict_line

    ti, line = context["ti"], verdict_line(judgement)
    log.info(line)
    ti.xcom_push(key=JUDGEMENT, value={"judgement": judgement.to_json(), "log_url": ti.log_url})
    ti.xcom_push(key=RUN_NOTE, value=line)
    if judgement.verdict.is_bad and not is_rehearsal:
        raise BadBackupError(f"{line}. The task post_backup_alert tells it.")
