"""The operator that keeps the staff's chat up to date about customers to call back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import ZoneInfo

from sancrm_reports.errors import DecisionNeededError
from sancrm_reports.glue.conclude import ConcludeRunOperator
from sancrm_reports.glue.notes import RUN_NOTE
from sancrm_reports.glue.params import params_of
from sancrm_reports.glue.reported_period import (
    PeriodError,
    refuse_taken_place,
    refuse_unknown_params,
)
from sancrm_reports.glue.same_files import refuse_other_files
from sancrm_reports.glue.telegram_operator import (
    TelegramOperator,
    address,
    common_hook,
    delivery_of,
    ledger_of,
)
from sancrm_reports.glue.workdays import workday_timetable
from sancrm_reports.pure.period import parse_day
from sancrm_reports.settings import settings, templates
from sancrm_reports.wire.crm import read_missed_calls, read_statuses, snapshot

if TYPE_CHECKING:
    from airflow.sdk import Context

    from sancrm_reports.errors import PermanentError
    from sancrm_reports.pure.missed_calls import CallList, Wording
    from sancrm_reports.pure.ops import RunPurpose
    from sancrm_reports.wire.ledger.ledger import Ledger
    from sancrm_reports.wire.missed_calls import MissedCallsChat

LONGEST_WAIT = 5.0  # seconds; for a longer wait the slot of the pool is given to others


class PostMissedCallsOperator(TelegramOperator):
    """Read whom to call back, and tell the staff's chat, one message a repair.

    Names and phones stay in this task. One task sends all, in order; whenever the chat's pace asks
    for a wait, it gives the pool's slot back and goes on where the ledger says.

    :param sql: the file with the question.
    :param statuses_sql: the file that asks which statuses there are.
    """

    template_fields: Sequence[str] = ("sql", "statuses_sql")
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql", "statuses_sql": "sql"}

    def __init__(
        self,
        *,
        sql: str = "missed_calls.sql",
        statuses_sql: str = "repair_statuses.sql",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sql = sql
        self.statuses_sql = statuses_sql

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Bring the chat up to date; return what was done."""
        refuse_other_files(context)
        ti: Any = context["ti"]
        return self._go_on(context, is_first=ti.try_number == 1)

    def resume(self, context: Context, event: Any) -> list[dict[str, Any]]:
        """Go on after a wait, where the ledger says."""
        return self._go_on(context, is_first=False)

    def _go_on(self, context: Context, *, is_first: bool) -> list[dict[str, Any]]:
        from sancrm_reports.pure.formatting import quoted

        refuse_unknown_params(context)
        refuse_taken_place(context, workday_timetable(settings()))
        day = day_of(context)
        is_past = day < run_day(context)
        statuses = settings().missed_calls.statuses
        with snapshot(settings().database, is_private=True) as cursor:
            known = read_statuses(cursor, self.statuses_sql)
            found = read_missed_calls(cursor, self.sql, statuses)
        calls = found.calls
        self.log.info("To call back: %s", [call.repair_id for call in calls] or "nobody")
        note = f"{len(calls) or 'Nobody'} to call back on {day}."
        if found.unreadable:
            note += f" No message can be made of {len(found.unreadable)} more."
        if lacking := [status for status in statuses if status not in known]:
            note += f" The CRM has no status {quoted(lacking)}."
        if params_of(context).dry_run:
            return self._note(context, f"Dry run, nothing is sent. {note}")
        if not is_past and is_over(context, day):
            return self._note(context, f"{day} is over, nothing is sent: today's run tells of all.")
        self._note(context, note)
        with ledger_of(context) as ledger:
            chat = self._chat(context, ledger, day, is_first=is_first)
            if is_past:
                chat.decide(calls)
            else:
                chat.check_statuses(statuses, known)
                self._update(chat, found)
        return self.show(context, chat.outcomes, self._logged(chat.errors))

    def _note(self, context: Context, note: str) -> list[dict[str, Any]]:
        self.log.info(note)
        context["ti"].xcom_push(key=RUN_NOTE, value=note)
        return []

    def _update(self, chat: MissedCallsChat, found: CallList) -> None:
        """Send and edit; for a long wait, give the slot back and resume after it."""
        from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

        from sancrm_reports.wire.telegram_errors import FloodWaitError

        try:
            chat.update(found.calls, found.unreadable)
        except FloodWaitError as wait:
            self.log.info("Waiting %.0f s for the chat; others may post.", wait.retry_after)
            # A little less: to start again takes seconds, and what is left is waited for then.
            seconds = max(0.0, wait.retry_after - LONGEST_WAIT)
            self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=seconds)), method_name="resume")

    def _logged(self, errors: Sequence[PermanentError]) -> list[PermanentError]:
        """Log the errors, and return them: those first that a person must decide of."""
        for error in errors:
            self.log.error("%s", error)
        return sorted(errors, key=lambda error: not isinstance(error, DecisionNeededError))

    def _chat(
        self, context: Context, ledger: Ledger, day: date, *, is_first: bool
    ) -> MissedCallsChat:
        from sancrm_reports.pure.ops import RunPurpose
        from sancrm_reports.wire.missed_calls import MissedCallsChat

        configured = settings().missed_calls
        hook = common_hook()
        # Later, what is of unknown status may be what this run sent: nobody has looked since.
        decisions = params_of(context).decisions if is_first else None
        purpose = RunPurpose.of_day(self.dag_id, self.dag_id, day, names_day=True)
        delivery = delivery_of(
            ledger,
            hook,
            decisions=decisions,
            how_to_decide=purpose.decide,
            longest_wait=LONGEST_WAIT,
        )
        return MissedCallsChat(
            delivery,
            address(settings().chats.missed_calls, hook),
            _wording(),
            day=day,
            decisions=decisions,
            closes=configured.close_called_back,
            supersedes=configured.mark_superseded,
            silent=configured.is_silent(datetime.now(ZoneInfo(settings().account.timezone))),
        )


class ConcludeMissedCallsOperator(ConcludeRunOperator):
    """Conclude a run of the missed calls; one that came too late has sent nothing."""

    def purpose(self, context: Context) -> RunPurpose:
        """Return the day whose messages the run is of."""
        from sancrm_reports.pure.ops import RunPurpose

        try:
            day = day_of(context)
        except PeriodError:  # that no day can be told is what failed
            return RunPurpose(self.dag_id, context["dag_run"].run_id)
        return RunPurpose.of_day(self.dag_id, self.dag_id, day, names_day=True)

    def fulfilled_purposes(self, context: Context) -> list[RunPurpose]:
        """Return what a successful run is the end of: one of a past day, of that day only."""
        if day_of(context) < run_day(context):
            return [self.purpose(context)]
        return super().fulfilled_purposes(context)

    def has_sent(self, context: Context) -> bool:
        """Whether the run was to send what it is for."""
        return super().has_sent(context) and not is_over(context, day_of(context))


def run_day(context: Any) -> date:
    """Return the day of a run: that of its ``run_after``, in the account's zone."""
    run_after: datetime = context["dag_run"].run_after
    return run_after.astimezone(ZoneInfo(settings().account.timezone)).date()


def day_of(context: Any) -> date:
    """Return the day whose messages a run is of: its param ``day``, or its own.

    Raises:
        PeriodError: the param isn't a day, or is in the future.
    """
    today, named = run_day(context), params_of(context).day
    if not named:
        return today
    try:
        day = parse_day(named)
    except ValueError as error:
        raise PeriodError(f"The param day is wrong: {error}", code="day") from None
    if day > today:
        raise PeriodError(f"The param day, {day}, is yet to come.", code="day")
    return day


def is_over(context: Any, day: date) -> bool:
    """Tell whether a run came too late: after an outage, in a backfill, or cleared another day.

    It would post a second set on the day of a later run, or on a day off. A run by hand is as it
    was asked for.
    """
    run = context["dag_run"]
    today = datetime.now(ZoneInfo(settings().account.timezone)).date()
    return bool(day < today and (run.run_type != "manual" or run.clear_number))


def _wording() -> Wording:
    from sancrm_reports.pure.missed_calls import Wording

    configured = settings()
    return Wording(
        templates=templates(),
        timezone=configured.account.timezone,
        country=configured.account.country,
        card_url=configured.missed_calls.card_url,
        shows_waiting=configured.missed_calls.show_waiting,
        masks_phone=configured.missed_calls.mask_phone,
        is_protected=configured.missed_calls.protect_content,
    )
