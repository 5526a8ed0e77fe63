"""Alerts when the ledger is out of reach: sent all the same, and they say that they may repeat.

A report is not sent without the ledger: it might be doubled. An alert is: one that is told twice is
better than one that is lost (docs/decisions/0042-alerts-without-the-ledger.md).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from sancrm_reports.errors import ReportError
from sancrm_reports.pure.language import language_of
from sancrm_reports.pure.messages import Message
from sancrm_reports.pure.templates import Templates
from sancrm_reports.wire.channel import Channel
from sancrm_reports.wire.chats import Address
from sancrm_reports.wire.delivery import Outcome

log = logging.getLogger(__name__)
Route = Callable[[], tuple[Channel, Address]]


def send_unlogged(
    message: Message, routes: Sequence[Route], why: ReportError, templates: Templates
) -> Outcome:
    """Send an alert by the first route that takes it, once, with a line that nothing keeps it.

    Args:
        message: what is to be read.
        routes: where it may go, each opened when it is its turn.
        why: what is the matter with the ledger, for the log.
        templates: the language that people read.

    Raises:
        ReportError: no route took it; the last one's error.
    """
    log.error("The alert is sent without the ledger, so it may come again: %s", why)
    note = language_of(templates).render("without_ledger.html.j2")
    message = replace(message, html=f"{message.html}\n\n{note}")
    refusal: ReportError = why
    for route in routes:
        try:
            channel, to = route()
            message_id = channel.send(to, message)
        except ReportError as error:
            log.warning("Trying the next chat: %s", error)
            refusal = error
        else:
            return Outcome("without the ledger", "sent", to.chat, message_id)
    raise refusal
