"""The second way out: an alert that Telegram does not take in time goes by e-mail.

Since when Telegram does not take an alert is kept in the ledger, because a task's tries are
processes of their own. Why it did not is said in the e-mail (docs/decisions/0100-second-way.md).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sancrm_reports.errors import PermanentError, ReportError
from sancrm_reports.pure.language import explained, language_of
from sancrm_reports.pure.templates import Templates
from sancrm_reports.wire.ledger.database import NoLedgerError

if TYPE_CHECKING:
    from sancrm_reports.wire.chats import Address
    from sancrm_reports.wire.delivery import Delivery, Outcome
    from sancrm_reports.wire.ledger.ledger import Ledger

log = logging.getLogger(__name__)

Route = Callable[[], tuple["Delivery", "Address"]]


class SecondWay:
    """Where alerts go that Telegram did not take, and when.

    Args:
        ledger: remembers since when Telegram does not take an alert.
        routes: the one by e-mail; none where the settings have it off.
        after: how long Telegram is given, from the first try.
        is_last_try: nobody tries again, so what Telegram does not take now goes at once.
        templates: the language that people read.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        routes: tuple[Route, ...] = (),
        after: timedelta = timedelta(minutes=5),
        is_last_try: bool = False,
        templates: Templates,
    ) -> None:
        self.routes = routes
        self._ledger = ledger
        self._after = after
        self._is_last_try = is_last_try
        self._templates = templates

    def deliver(
        self,
        name: str,
        by_telegram: Callable[[], list[Outcome]],
        by_email: Callable[[Delivery, Address, str], list[Outcome]],
    ) -> list[Outcome]:
        """Deliver by Telegram, or where that did not take it in time, by e-mail.

        Args:
            name: the alert's; the same at each try.
            by_telegram: delivers in the usual way.
            by_email: delivers by a delivery to an address, with the line that says why.

        Raises:
            ReportError: neither took it, or Telegram still has time.
        """
        if not self.routes:
            return by_telegram()
        try:
            outcomes = by_telegram()
        except NoLedgerError:
            raise  # nobody knows what Telegram took
        except ReportError as error:
            if not self.is_due(name, error):
                raise
            log.warning("Telegram did not take it, so it goes by e-mail: %s", error)
            outcomes = self._by_email(error, by_email)
        self._ledger.forget_note(_note(name))
        return outcomes

    def is_due(self, name: str, error: ReportError) -> bool:
        """Whether Telegram has had its time for this alert, or will not take it at all."""
        if self._is_last_try or isinstance(error, PermanentError):
            return True
        now = self._ledger.now()
        since = self._ledger.note(_note(name))
        if since is None:
            since = now.isoformat()
            self._ledger.set_note(_note(name), since)
        # Telegram may have asked for a pause, and Airflow does not try again before it is over.
        pause = timedelta(seconds=getattr(error, "retry_after", 0))
        return now + pause - datetime.fromisoformat(since) >= self._after

    def _by_email(
        self, refusal: ReportError, by_email: Callable[[Delivery, Address, str], list[Outcome]]
    ) -> list[Outcome]:
        """Deliver by e-mail; of two errors the one counts that may pass, so that it is retried."""
        why = language_of(self._templates).word(
            "email.why", cause=explained(refusal, self._templates)
        )
        (route,) = self.routes
        try:
            return by_email(*route(), why)
        except PermanentError as error:
            log.error("Nor could it be sent by e-mail: %s", error)
            raise (error if isinstance(refusal, PermanentError) else refusal) from None


def _note(name: str) -> str:
    return f"not_taken|{name}"
