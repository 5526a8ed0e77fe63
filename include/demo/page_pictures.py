"""Draws the page «Отчёты» as it stands in Airflow's UI: in both themes, on a desk and a phone."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, BrowserContext, Page

from demo.ledger import daily_reports, ledger_connection, open_database
from demo.local_airflow import LocalAirflow
from demo.postgres import EmbeddedPostgres
from sancrm_reports.pure.audit import DeliveryStatus
from sancrm_reports.pure.figures import NETWORK

USER = "olga"
WIDE, PHONE = {"width": 1280, "height": 700}, {"width": 390, "height": 780}


def pictures_of_page(
    browser: Browser, branches: Mapping[int, str], ledger_dsn: str, *, until: date
) -> Iterator[tuple[str, bytes]]:
    """Yield names and pictures: of the grid, of a report that was sent, and of one that was not.

    The ledger holds the newest reports; the time before is made up.
    """
    days = [until - timedelta(days=number) for number in range(120, 0, -1)]
    newest = days[-1]
    sent = f"day={newest}&subject=branch-{next(iter(branches))}"
    missing = f"day={newest - timedelta(days=4)}&subject={NETWORK}"
    with (
        tempfile.TemporaryDirectory() as home,
        EmbeddedPostgres() as postgres,
        LocalAirflow(
            postgres,
            Path(home),
            components=("api-server",),
            users={USER: "op"},
            environment={"AIRFLOW_CONN_SANCRM_LEDGER": ledger_connection(ledger_dsn)},
        ) as airflow,
        open_database(ledger_dsn) as ledger,
    ):
        daily_reports(
            ledger,
            branches,
            days,
            lambda day, subject: _status(day, subject, newest),
            lambda day, subject: f"{subject}, {day}",
        )
        for theme in ("light", "dark"):
            for size, screen in (("", WIDE), ("-phone", PHONE)):
                context = _signed_in(browser, airflow.url, screen, theme)
                for what, query in (("", ""), ("-sent", sent), ("-missing", missing)):
                    if what == "-missing" and (theme == "dark" or not size):
                        continue  # two of them would show nothing new
                    picture = _picture(context, f"last={newest}&{query}", is_open=bool(query))
                    yield f"reports{what}{size}{'-dark' if theme == 'dark' else ''}", picture
                context.close()


def webp(page: Page, clip: Mapping[str, Any] | None = None) -> bytes:
    """Return a picture of the page, or of a part of it.

    Playwright writes PNG and JPEG only, which are five times as large.
    """
    part = {"captureBeyondViewport": True, "clip": {**clip, "scale": 1}} if clip else {}
    answer = page.context.new_cdp_session(page).send(
        "Page.captureScreenshot", {"format": "webp", "quality": 90, **part}
    )
    return base64.b64decode(answer["data"])


def _signed_in(
    browser: Browser, url: str, screen: Mapping[str, int], theme: Literal["light", "dark"] | str
) -> BrowserContext:
    is_phone = screen is PHONE
    context = browser.new_context(
        base_url=url,
        locale="ru-RU",
        viewport={"width": screen["width"], "height": screen["height"]},
        device_scale_factor=2,
        is_mobile=is_phone,
        has_touch=is_phone,
        reduced_motion="reduce",
    )
    context.add_init_script(f"localStorage.setItem('theme', '{theme}')")
    page = context.new_page()
    page.goto("/")
    page.fill("input[name=username]", USER)
    page.fill("input[name=password]", USER)
    page.click("button[type=submit]")
    page.get_by_role("link", name="Отчёты").wait_for()
    page.close()
    return context


def _picture(context: BrowserContext, query: str, *, is_open: bool) -> bytes:
    page = context.new_page()
    page.goto(f"/plugin/sancrm-reports?{query}")
    page.locator(".sancrm-grid").wait_for()
    if is_open:
        page.get_by_role("dialog").locator("article, button:text('Отправить')").first.wait_for()
        page.evaluate("document.activeElement.blur()")
    page.wait_for_load_state("networkidle")
    page.wait_for_function("document.getAnimations().every(one => one.playState !== 'running')")
    picture = webp(page)
    page.close()
    return picture


def _status(day: date, subject: str, newest: date) -> DeliveryStatus:
    """Say what became of each report: most were sent, and each other thing can be seen."""
    place = 0 if subject == NETWORK else int(subject.removeprefix("branch-"))
    age = (newest - day).days
    if day.isoweekday() == 7:
        return DeliveryStatus.NOT_EXPECTED
    if age == 4:
        return DeliveryStatus.MISSING
    if age in (11, 12):
        return DeliveryStatus.LATE
    special = {
        (8, 2): DeliveryStatus.FAILED,
        (6, 5): DeliveryStatus.UNKNOWN,
        (14, 3): DeliveryStatus.MISSING,
        (0, 1): DeliveryStatus.CORRECTED,
    }
    if (age, place) in special:
        return special[age, place]
    return (
        DeliveryStatus.CORRECTED
        if (day.toordinal() * 5 + place * 3) % 23 == 0
        else DeliveryStatus.SENT
    )
