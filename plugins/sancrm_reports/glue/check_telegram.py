"""``make check-telegram``: ask Telegram about every chat of the settings, and send nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from sancrm_reports.chat_settings import NOBODY
from sancrm_reports.errors import ReportError
from sancrm_reports.glue.airflow_connections import see_airflows_connections
from sancrm_reports.pure.messages import Button
from sancrm_reports.pure.missed_calls import card_address
from sancrm_reports.settings import Settings, settings
from sancrm_reports.wire.chats import Address
from sancrm_reports.wire.telegram_hook import SancrmTelegramHook


def main() -> int:
    """Print a line for each chat; return 1 where one cannot be written to."""
    see_airflows_connections()
    try:
        problems = [problem for line, problem in findings(settings()) if _said(line, problem)]
    except ReportError as error:
        print(f"✗ {error}")
        return 1
    return 1 if problems else 0


def findings(configured: Settings) -> Iterator[tuple[str, ReportError | None]]:
    """Yield what each chat is for, and what is wrong with it.

    Every chat is asked whether the bot may write there, by the «typing…» that a person would see
    for a moment; so a token that is wrong, a chat that does not exist, a bot that was removed or
    may not write, and a closed topic are all found.
    """
    asked: set[Address] = set()
    for purpose, name, conn_ids in routes(configured):
        try:
            hook = SancrmTelegramHook.first_of(*conn_ids)
            to = Address.parse(name) if name else hook.default_address
            title = hook.ask(to)
        except ReportError as error:
            yield f"{purpose}: {name or 'the chat of the connection'}", error
        else:
            asked |= {to, Address(to.chat)}
            called = f"«{title}» ({to})" if title else f"a person's chat ({to})"
            yield f"{purpose}: {called}, connection {hook.conn_id}", None
    for name in configured.chats.quiet_hours:
        if name and asked and Address.parse(name) not in asked:
            text = "No message of these settings goes there: is it written as it is elsewhere?"
            yield f"chats.quiet_hours: {name}", ReportError(text)
    for purpose, url in buttons(configured):
        if not Button("", url).is_allowed:
            text = f"Telegram takes no button to {url}: it will be a line of text."
            yield purpose, ReportError(text)


def routes(configured: Settings) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return what is sent where: a setting, the chat as it is written, and the connections.

    Of these the first that exists is used.
    """
    chats, telegram = configured.chats, configured.telegram
    own = {
        "chats.backups": (telegram.backup_conn_id, telegram.conn_id),
        "chats.failures": (telegram.ops_conn_id, telegram.conn_id),
    }
    named = [
        ("chats.reports", chats.reports),
        ("chats.summary", chats.of_summary),
        ("chats.missed_calls", chats.missed_calls),
        ("chats.backups", chats.backups),
        ("chats.failures", chats.failures),
    ]
    for branch_id in chats.branches:
        named += [(f"chats.branches.{branch_id}", chat) for chat in chats.of_branch(branch_id)]
    named += [(f"chats.readers.{place}", one.chat) for place, one in enumerate(chats.readers)]
    if configured.bounds.chat:
        named.append(("bounds.chat", configured.bounds.chat))
    return [
        (purpose, name, own.get(purpose, (telegram.conn_id,)))
        for purpose, name in named
        if name != NOBODY
    ]


def buttons(configured: Settings) -> list[tuple[str, str]]:
    """Return the addresses behind buttons: a setting's name, and such an address."""
    card_url = configured.missed_calls.card_url
    example = card_url and card_address(card_url, {"id": 1, "number": 1, "code": "R-1"})
    named = [
        ("account.crm_url", configured.account.crm_url),
        ("missed_calls.card_url", example),
    ]
    return [(purpose, str(url)) for purpose, url in named if url]


def _said(line: str, problem: ReportError | None) -> bool:
    print(f"✗ {line}\n  {problem}" if problem else f"✓ {line}")
    return problem is not None


if __name__ == "__main__":
    sys.exit(main())
