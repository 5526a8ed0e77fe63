"""What chats that read of losses only are told once a report, as posted, has turned into one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sancrm_reports.glue.lateness import how_late, late_footer
from sancrm_reports.glue.messages import Row, branch_message, network_message
from sancrm_reports.glue.telegram_operator import common_hook, readers_of
from sancrm_reports.pure.entry import State
from sancrm_reports.pure.figures import NETWORK, Figures
from sancrm_reports.settings import settings

if TYPE_CHECKING:
    from sancrm_reports.pure.entry import MessageKey
    from sancrm_reports.pure.kinds import ReportKind
    from sancrm_reports.pure.period import Period
    from sancrm_reports.pure.rechecking import Change
    from sancrm_reports.wire.ledger.ledger import Ledger
    from sancrm_reports.wire.telegram_hook import SancrmTelegramHook


def new_losses(
    ledger: Ledger, kind: ReportKind, period: Period, rows: Sequence[Row]
) -> Iterator[Change]:
    """Yield what these chats are to be told first, by the figures of today.

    Of reports that told of a profit: as other chats have it, or where none has, because the run had
    no reader for it. A chat that came into the settings later hears nothing of old losses.
    """
    if not any(reader.only_losses for reader in settings().chats.readers):
        return
    from sancrm_reports.pure.rechecking import Change

    hook, footer = common_hook(), late_footer(how_late(kind.id, period))
    expected = ledger.expected(kind.dag_id, period.key)
    for row in rows:
        figures = Figures.from_row(row)
        if figures.is_loss and figures.subject != "unallocated":
            message = (
                network_message(rows, period)
                if figures.subject == NETWORK
                else branch_message(row, period)
            )
            owed = expected.chats.get(figures.name) if expected else None
            for key, before in _untold(ledger, hook, kind, period, figures.name, owed):
                yield Change(key, period, figures.branch_name or "", before, message, footer)


def _untold(
    ledger: Ledger,
    hook: SancrmTelegramHook,
    kind: ReportKind,
    period: Period,
    subject: str,
    owed: Sequence[str] | None,
) -> Iterator[tuple[MessageKey, Mapping[str, str]]]:
    """Yield who knows nothing of a loss yet, and what others were told before.

    ``owed`` are the chats that its run was to tell; None where nobody knows.
    """
    from sancrm_reports.pure.rechecking import had_profit
    from sancrm_reports.wire.ledger.history import History

    found = History(ledger.database).of(kind.dag_id, period.key, period.after.key, subject)
    told = [one.entry.facts for one in found if one.entry.is_posted and one.entry.facts]
    was_none = any(map(had_profit, told)) if found else owed == []
    always = readers_of(kind.id, subject, hook, is_loss=False)
    for to in readers_of(kind.id, subject, hook, is_loss=True):
        if to in always or to.name in (owed or ()):
            continue
        key = ledger.key(kind.dag_id, period.key, subject, to)
        known = ledger.messages.get(key)
        if was_none if known is None else known.state in (State.FAILED, State.WAITING):
            yield key, next(iter(told), {})
