"""Sends an incident's alert, its reminders and its end. Better sent twice than lost."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from sancrm_reports.backups.notifications import (
    BackupIncident,
    Notification,
    Watch,
    note_of,
    notification_for,
)
from sancrm_reports.backups.text import Subject, alert, recovered
from sancrm_reports.backups.verdicts import Judgement, Verdict
from sancrm_reports.errors import PermanentError, ReportError
from sancrm_reports.pure.entry import MessageKey
from sancrm_reports.pure.messages import Message
from sancrm_reports.pure.templates import Templates
from sancrm_reports.wire.chats import Address
from sancrm_reports.wire.delivery import Delivery, Outcome
from sancrm_reports.wire.ledger.ledger import Ledger
from sancrm_reports.wire.second_way import Route, SecondWay
from sancrm_reports.wire.telegram_errors import UnknownOutcomeError

log = logging.getLogger(__name__)


class AlertInDoubtError(ReportError):
    """Nobody knows whether the alert arrived: unlike a report, it is sent again."""

    code = "alert_in_doubt"


class BackupAlerts:
    """Sends the notifications of one backup, and remembers what it sent.

    Args:
        name: the backup's name in the settings.
        subject: what people know it by.
        ledger: remembers the incident between runs.
        routes: where they go: the backup chat, and where that refuses, the next. Each makes a
            delivery that may resend, because an alert fails open.
        second: where they go if Telegram does not take them; nowhere by default.
        templates: the language that people read.
    """

    def __init__(
        self,
        name: str,
        subject: Subject,
        *,
        ledger: Ledger,
        routes: Sequence[Route],
        second: SecondWay | None = None,
        templates: Templates,
    ) -> None:
        self.name = name
        self.subject = subject
        self._ledger = ledger
        self._note = note_of(name)
        self.routes = routes
        self.second = second or SecondWay(ledger, templates=templates)
        self.templates = templates
        self.errors: list[ReportError] = []

    def notify(self, judgement: Judgement, *, today: date, log_url: str) -> list[Outcome]:
        """Send what this judgement calls for; ``errors`` are of chats that refused.

        Raises:
            AlertInDoubtError: a message may have arrived; another try sends it again.
            ReportError: no chat took it.
        """
        watch = Watch.from_json(self._ledger.note(self._note))
        notification, after = notification_for(
            watch, judgement, self.subject.window, today=today, log_url=log_url
        )
        log.info("%s: %s.", judgement.verdict, notification)
        outcomes: list[Outcome] = []
        if notification is Notification.ALERT:
            self._ledger.set_note(self._note, after.unsent.to_json())
        if notification is Notification.RECOVERY and watch.incident:
            outcomes = self._recover(watch.incident, judgement)
        elif notification is not Notification.NONE and after.incident:
            outcomes = self._alert(after.incident, judgement, log_url)
        # Only now: what ended before this line is sent again, under the same key.
        self._ledger.set_note(self._note, after.to_json())
        return outcomes

    def rehearse(self, judgement: Judgement, *, run_id: str, log_url: str) -> list[Outcome]:
        """Send a marked alert, edit it and answer it, as a real one would be; remember nothing."""
        if not judgement.verdict.is_bad:
            last_good = judgement.backup or judgement.last_good
            judgement = replace(
                judgement, verdict=Verdict.MISSING, backup=None, last_good=last_good
            )
        key = f"rehearsal-{run_id.replace('/', '_')}"
        incident = BackupIncident(key, judgement.to_json(), log_url, told_on="")
        sent = self._alert(incident, judgement, log_url, is_rehearsal=True)
        return sent + self._recover(incident, judgement, is_rehearsal=True)

    def _alert(
        self,
        incident: BackupIncident,
        judgement: Judgement,
        log_url: str,
        *,
        is_rehearsal: bool = False,
    ) -> list[Outcome]:
        # What was bad on an earlier day may pass for good in the facts, such as a damaged file.
        last_good = Judgement.from_json(incident.alert).last_good
        message = alert(
            replace(judgement, last_good=last_good),
            self.subject,
            templates=self.templates,
            log_url=log_url,
            day=incident.day,
            is_rehearsal=is_rehearsal,
        )
        if incident.day == 1:
            return self._post(incident.key, message)
        return self._post(f"{incident.key}.day-{incident.told_on}", message, answers=incident.key)

    def _recover(
        self, incident: BackupIncident, good: Judgement, *, is_rehearsal: bool = False
    ) -> list[Outcome]:
        edited, answer = recovered(
            Judgement.from_json(incident.alert),
            good,
            self.subject,
            templates=self.templates,
            log_url=incident.log_url,
            is_rehearsal=is_rehearsal,
        )
        # The e-mail first: a chat that does not answer then holds up nothing.
        routes = [*self.second.routes, *self.routes]
        amended = [self._amend(route, incident.key, edited) for route in routes]
        outcomes = [outcome for outcome in amended if outcome]
        if not outcomes and not incident.told_on:  # no chat took the alert: its end reports both
            outcomes = self._post(incident.key, edited)
        return outcomes + self._post(f"{incident.key}.end", answer, answers=incident.key)

    def _amend(self, route: Route, period: str, message: Message) -> Outcome | None:
        """Edit what a route sent; a chat that refuses now cannot hold up the rest."""
        try:
            delivery, to = route()
            return delivery.amend(self._key(period, to), to, message)
        except ReportError as error:
            if not isinstance(error, PermanentError) and not self._is_due(period, error):
                raise
            log.warning("The alert is left as it was: %s", error)
            return None

    def _is_due(self, period: str, error: ReportError) -> bool:
        return bool(self.second.routes) and self.second.is_due(self._name(period), error)

    def _post(self, period: str, message: Message, *, answers: str = "") -> list[Outcome]:
        """Deliver by Telegram; by the second way where that does not take it in time."""

        def by_email(delivery: Delivery, to: Address, why: str) -> list[Outcome]:
            return self._deliver(period, message, answers, delivery, to, why)

        return self.second.deliver(
            self._name(period), lambda: self._by_chats(period, message, answers), by_email
        )

    def _by_chats(self, period: str, message: Message, answers: str) -> list[Outcome]:
        """Deliver by the first route that takes it."""
        refusals: list[ReportError] = []
        for route in self.routes:
            try:
                outcomes = self._deliver(period, message, answers, *route())
            except UnknownOutcomeError as error:
                raise AlertInDoubtError(f"{error} An alert is sent again by itself.") from None
            except PermanentError as error:
                log.warning("Trying the next chat: %s", error)
                refusals.append(error)
            else:
                self.errors += refusals
                return outcomes
        raise refusals[0]

    def _deliver(
        self,
        period: str,
        message: Message,
        answers: str,
        delivery: Delivery,
        to: Address,
        why: str = "",
    ) -> list[Outcome]:
        return delivery.deliver(
            self._key(period, to),
            to,
            message,
            edits_quietly=True,
            reply_to=self._key(answers, to) if answers else None,
            footer=why,
        )

    def _name(self, period: str) -> str:
        return f"backup_watch|{period}|{self.name}"

    def _key(self, period: str, to: Address) -> MessageKey:
        return self._ledger.key("backup_watch", period, self.name, to)
