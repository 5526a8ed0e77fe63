"""``make pictures``: messages of a Tuesday of the demo as a phone shows them, and the page in
Airflow's UI, for the docs.

Real SQL, templates, hook and delivery; the Telegram stand-in takes the messages and draws the
chat, Airflow's API server the page. Figures and times are the same each time; only fonts are the
machine's.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import psycopg
from playwright.sync_api import Browser, sync_playwright
from psycopg.rows import dict_row

from demo.crm.backups import FAILED_NIGHTS_AGO
from demo.crm.load import load_demo
from demo.crm.network import KONAKOVO, LENINA, SADOVAYA
from demo.ledger import create_ledger, open_database
from demo.page_pictures import pictures_of_page, webp
from demo.postgres import EmbeddedPostgres
from demo.telegram.clock import Clock as FrozenClock
from demo.telegram.message import Message as ShownMessage
from demo.telegram.page import render_page
from demo.telegram.server import TelegramStandIn
from sancrm_reports.backups.alerts import BackupAlerts
from sancrm_reports.backups.facts import Window
from sancrm_reports.backups.probes.table import BackupRunsTable
from sancrm_reports.backups.settings import Limits
from sancrm_reports.backups.text import Subject
from sancrm_reports.backups.verdicts import judge
from sancrm_reports.glue.attached_messages import MAKERS
from sancrm_reports.glue.compute import compute
from sancrm_reports.glue.messages import network_message
from sancrm_reports.pure.figures import ATTACHMENTS, NETWORK, Figures, attached_subject
from sancrm_reports.pure.kinds import compared_with, report_of
from sancrm_reports.pure.messages import Comparison, Message, branch_report, network_report
from sancrm_reports.pure.missed_calls import MissedCall, Wording
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.pure.templates import Templates
from sancrm_reports.settings import INCLUDE, DatabaseSettings
from sancrm_reports.wire.chats import Address
from sancrm_reports.wire.crm import read_missed_calls, read_profitability, sql_text
from sancrm_reports.wire.delivery import Delivery
from sancrm_reports.wire.ledger.database import Clock, LedgerDatabase
from sancrm_reports.wire.ledger.ledger import Ledger
from sancrm_reports.wire.missed_calls import MissedCallsChat
from sancrm_reports.wire.telegram_hook import SancrmTelegramHook

ZONE = "Europe/Moscow"
TEMPLATES = Templates(INCLUDE / "templates" / "ru")
NINE = datetime(2026, 11, 18, 9, tzinfo=ZoneInfo(ZONE))  # a Wednesday
CHAT = Address("-1001234567890")
PICTURES = INCLUDE.parent / "docs" / "pictures"
LARGEST = 200_000  # bytes of a picture
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
)


def main() -> int:
    """Make the pictures, and fail where one is too large."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        print(f"None of these is installed: {', '.join(BROWSERS)}", file=sys.stderr)
        return 1
    with demo_chat() as chat:
        branch, loss, quiet = (chat.post_branch(id) for id in (LENINA, SADOVAYA, KONAKOVO))
        network = chat.post_network()
        month = chat.post_month()
        chat.enter_missing_costs()
        corrected = chat.post_branch(LENINA)
        alert = chat.tell_backup(FAILED_NIGHTS_AGO)
        recovered, answer = chat.tell_recovery(FAILED_NIGHTS_AGO - 1)
        missed_calls = chat.post_missed_calls()
        PICTURES.mkdir(parents=True, exist_ok=True)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=FLAGS.split())
            sizes = [
                draw(browser, "branch", branch),
                draw(browser, "branch-dark", branch, colours="dark"),
                draw(browser, "network", network),
                draw(browser, "month", *month),
                draw(browser, "loss-and-quiet", loss, quiet),
                draw(browser, "corrected", corrected),
                draw(browser, "backup-alert", alert),
                draw(browser, "backup-recovered", recovered, answer),
                draw(browser, "missed-calls", *missed_calls),
                *(
                    keep(name, picture)
                    for name, picture in pictures_of_page(
                        browser, chat.branches, chat.ledger_dsn, until=NINE.date()
                    )
                ),
            ]
            browser.close()
    return 1 if max(sizes) > LARGEST else 0


@contextmanager
def demo_chat() -> Iterator[DemoChat]:
    """Start a CRM and a chat at nine o'clock."""
    telegram = TelegramStandIn(clock=FrozenClock(NINE.timestamp()))
    with EmbeddedPostgres() as postgres, telegram:
        dsn = postgres.create_database("sancrm")
        load_demo(dsn, today=NINE.date(), timezone=ZONE)
        ledger_dsn = create_ledger(postgres)
        with (
            psycopg.connect(dsn, row_factory=dict_row, autocommit=True) as crm,
            open_database(ledger_dsn) as ledger,
        ):
            os.environ |= {"AIRFLOW_CONN_SANCRM_DB": dsn, "SANCRM__PLANS__SOURCE": "sql"}
            yield DemoChat(crm, telegram, ledger, ledger_dsn)


class DemoChat:
    """The chat of the demo, to which the daily report is posted message by message."""

    def __init__(
        self,
        crm: psycopg.Connection[Any],
        telegram: TelegramStandIn,
        ledger: LedgerDatabase,
        ledger_dsn: str,
    ) -> None:
        telegram.chats.add(int(CHAT.chat), "supergroup", "SanCRM · отчёты")
        os.environ["AIRFLOW_CONN_TELEGRAM_DEFAULT"] = json.dumps(
            {
                "conn_type": "telegram",
                "password": telegram.token,
                "extra": {"base_url": telegram.base_url},
            }
        )
        self._crm = crm
        self._telegram = telegram
        self._period = Period.last_whole_before(NINE, kind=PeriodKind.DAY, timezone=ZONE)
        self.ledger_dsn = ledger_dsn
        self._ledger = Ledger(ledger, _Clock(telegram.clock))
        self._delivery = Delivery(
            self._ledger, SancrmTelegramHook(), timezone=ZONE, templates=TEMPLATES
        )

    def post_branch(self, branch_id: int) -> ShownMessage:
        """Post the report of a branch; return what the chat shows."""
        figures = self._figures()["branch", branch_id]
        message = branch_report(figures, self._period, templates=TEMPLATES)
        return self._post(figures.now.name, message)

    def post_network(self) -> ShownMessage:
        """Post the summary; return what the chat shows."""
        figures = self._figures()
        message = network_report(
            figures["network", None],
            unallocated=figures["unallocated", None].now,
            branches=[of.now for of in figures.values() if of.now.subject == "branch"],
            period=self._period,
            templates=TEMPLATES,
            crm_url="https://crm.example.com",
        )
        return self._post("network", message)

    def post_month(self) -> list[ShownMessage]:
        """Post the summary of the last month with what is below it; return what the chat shows."""
        month = Period.last_whole_before(NINE, kind=PeriodKind.MONTH, timezone=ZONE)
        rows = compute(self._crm.cursor(), sql_text(INCLUDE / "sql"), month)
        return [
            self._post(NETWORK, network_message(rows, month), month),
            *(
                self._post(attached_subject(NETWORK, kind), MAKERS[kind](rows, month), month)
                for kind in ATTACHMENTS
            ),
        ]

    def enter_missing_costs(self) -> None:
        """Let somebody enter, two hours later, what parts without a cost had cost."""
        self._telegram.clock.advance(2 * 3600)
        self._crm.execute(
            "update repair_parts set purchase_price = 480 where purchase_price is null"
        )

    def tell_backup(self, nights_ago: int) -> ShownMessage:
        """Judge a night's backup by the table, tell it, and return what the chat shows last."""
        opens_at = NINE.replace(hour=2) - timedelta(days=nights_ago)
        window = Window(opens_at, opens_at + timedelta(hours=3), opens_at + timedelta(days=1))
        # As of nine, whatever day it is when the pictures are drawn.
        facts = replace(BackupRunsTable(DatabaseSettings(), "sancrm").look(), observed_at=NINE)
        judgement = judge(facts, window=window, now=opens_at + timedelta(hours=1), limits=Limits())
        alerts = BackupAlerts(
            "sancrm",
            Subject("sancrm", "table", ZONE, window),
            ledger=self._ledger,
            routes=[lambda: (self._delivery, CHAT)],
            templates=TEMPLATES,
        )
        alerts.notify(judgement, today=opens_at.date(), log_url="https://airflow.example.com/log")
        return self._telegram.messages[-1]

    def tell_recovery(self, nights_ago: int) -> list[ShownMessage]:
        """Tell the next night's; return the edited alert and the answer to it."""
        self.tell_backup(nights_ago)
        return list(self._telegram.messages[-2:])

    def post_missed_calls(self) -> list[ShownMessage]:
        """Post whom to call on two days, between which one was called; return what is shown."""
        before = len(self._telegram.messages)
        sql = sql_text(INCLUDE / "sql", "missed_calls.sql")
        found = read_missed_calls(self._crm.cursor(), sql, ["Готов", "Подбор"])
        called, waiting, new, *_ = found.calls
        self._tell(NINE.date(), [called, waiting])
        self._telegram.clock.advance(24 * 3600)
        self._tell(NINE.date() + timedelta(days=1), [waiting, new])
        return self._telegram.messages[before:]

    def _tell(self, day: date, calls: list[MissedCall]) -> None:
        wording = Wording(TEMPLATES, ZONE, "RU", "https://crm.example.com/repairs/{id}")
        MissedCallsChat(self._delivery, CHAT, wording, day=day).update(calls)

    @property
    def branches(self) -> dict[int, str]:
        """The names of the network's branches."""
        rows = self._crm.execute("select id, name from branches where is_active order by id")
        return {row["id"]: row["name"] for row in rows}

    def _figures(self) -> dict[tuple[str, int | str | None], Comparison]:
        sql = sql_text(INCLUDE / "sql")
        now, before = (
            {row.key: row for row in read_profitability(self._crm.cursor(), sql, period)}
            for period in (self._period, compared_with(self._period))
        )
        return {
            key: Comparison(now=row, before=before.get(key, Figures.none_of(row)))
            for key, row in now.items()
        }

    def _post(self, subject: str, message: Message, period: Period | None = None) -> ShownMessage:
        period = period or self._period
        key = self._ledger.key(report_of(period).dag_id, period.key, subject, CHAT)
        [outcome] = self._delivery.deliver(key, CHAT, message)
        shown = {message.message_id: message for message in self._telegram.messages}
        return shown[outcome.message_id]


class _Clock(Clock):
    """The stand-in's clock: waiting takes no time."""

    def __init__(self, frozen: FrozenClock) -> None:
        self._frozen = frozen

    def now(self) -> float:
        return self._frozen.now()

    def wait(self, seconds: float) -> None:
        self._frozen.advance(seconds)


def draw(
    browser: Browser,
    name: str,
    *messages: ShownMessage,
    colours: Literal["light", "dark"] = "light",
) -> int:
    """Draw messages as a phone shows them; return the picture's size in bytes."""
    page = browser.new_page(
        viewport={"width": 390, "height": 100},
        device_scale_factor=2,
        color_scheme=colours,
        java_script_enabled=False,  # the page is then as long as its messages
        locale="ru",
    )
    page.set_content(render_page(messages))
    picture = webp(page, page.locator("main").bounding_box() or {})
    page.close()
    return keep(name, picture)


def keep(name: str, picture: bytes) -> int:
    """Write a picture of the docs; return its size in bytes."""
    (PICTURES / f"{name}.webp").write_bytes(picture)
    print(f"docs/pictures/{name}.webp  {len(picture) / 1000:.0f} kB")
    return len(picture)


if __name__ == "__main__":
    sys.exit(main())
