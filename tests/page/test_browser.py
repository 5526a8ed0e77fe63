"""The page in Airflow's own UI, in a real browser: what it shows, to whom, and where it fits."""

import json
from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest

from chromium import launched, needs_chromium
from demo.ledger import CHAT
from page.conftest import DAG_ID, EVIL, FIRST, LAST, NO_RUN

MONTH = f"last={LAST}&months=1"

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def browser():
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def cookies(browser, airflow):
    """Each user's session, signed in once by Airflow's own form."""
    found = {}
    for user in ("vera", "oleg"):
        context = browser.new_context(base_url=airflow.url, locale="ru-RU")
        page = context.new_page()
        page.goto("/")
        page.fill("input[name=username]", user)
        page.fill("input[name=password]", user)
        page.click("button[type=submit]")
        page.get_by_role("link", name="Отчёты").wait_for()
        found[user] = context.storage_state()
        context.close()
    return found


@pytest.fixture
def visit(browser, airflow, cookies):
    """Open the page as a user; a script that fails, or any other trouble, fails the test."""
    opened, errors = [], []

    def open_page(query=MONTH, *, user="vera", width=1280, on_open=None, locale="ru-RU", **options):
        context = browser.new_context(
            locale=locale,
            base_url=airflow.url,
            storage_state=cookies.get(user),
            viewport={"width": width, "height": 780},
            **options,
        )
        opened.append(context)
        page = context.new_page()
        page.set_default_timeout(90_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        if on_open:
            on_open(page)
        page.goto(f"/plugin/sancrm-reports?{query}")
        return page

    yield open_page
    for context in opened:
        context.close()
    assert errors == []


def cell(page, day, subject="branch-1"):
    """The cell of a day, by what a screen reader reads."""
    row = page.locator(f"[data-subject='{subject}']")
    return row.locator(f"[aria-label*=', {day.day} марта 2025:']")


@pytest.fixture
def daily(visit):
    """The daily reports, with a clock that a test can turn, after a switch.

    Airflow mounts the page anew at the first change of its address, and never again.
    """
    page = visit(on_open=lambda page: page.clock.install())
    page.get_by_role("grid").wait_for()
    with page.expect_response(grid_of("daily")):
        page.get_by_role("button", name="Ежедневные").click()
    page.get_by_role("grid").wait_for()
    return page


def grid_of(report):
    return f"**/kinds/profitability_{report}/grid*"


def details(page):
    return page.get_by_role("dialog")


def is_dark(page, selector):
    """Whether an element's background is dark."""
    colour = page.eval_on_selector(
        selector,
        """element => {
            const canvas = document.createElement("canvas").getContext("2d");
            canvas.fillStyle = getComputedStyle(element).backgroundColor;
            canvas.fillRect(0, 0, 1, 1);
            return [...canvas.getImageData(0, 0, 1, 1).data];
        }""",
    )
    return sum(colour[:3]) < 3 * 128


def test_a_click_shows_the_text_the_history_and_the_links(visit):
    # From the navigation to the task that sent it, all within Airflow.
    page = visit("")
    page.goto("/")
    page.get_by_role("link", name="Отчёты").click()
    page.get_by_role("grid").wait_for()
    page.goto(f"/plugin/sancrm-reports?{MONTH}")
    cell(page, date(2025, 3, 4)).click()
    shown = details(page)
    shown.get_by_text("прибыль 12 800 ₽ → 12 345 ₽").wait_for()
    assert shown.locator("b", has_text="branch-1").count() == 1
    assert "5 марта 2025 в 09:00 отправлено" in shown.inner_text()  # the account's clock
    assert (
        shown.get_by_role("link", name="Сообщение в Telegram").get_attribute("target") == "_blank"
    )
    shown.get_by_role("link", name="Запуск в Airflow").click()
    page.wait_for_url("**/dags/profitability_daily/runs/**/tasks/post_branch_report/mapped/0")
    assert "scheduled__2025-03-05T06" in page.url


def test_a_figure_is_opened_down_to_its_rows(visit):
    # «Из чего это» in the drawer: choose a figure, see its rows, and go to the repair in the CRM.
    page = visit("last=2026-11-22&months=1&day=2026-11-17&subject=branch-1")
    shown = details(page).get_by_role("region", name="Из чего это")
    shown.get_by_role("button", name="Из чего это").click()
    shown.get_by_label("Выберите показатель").select_option("repair_revenue")
    shown.get_by_text("их сумма").wait_for()
    link = shown.get_by_role("link").first
    assert link.get_attribute("href").startswith("https://crm.example.com/repairs/")
    assert link.get_attribute("target") == "_blank"
    shown.get_by_label("Выберите показатель").select_option("repair_count")
    shown.get_by_text("Строк: 1,").wait_for()


def test_nothing_of_a_message_or_of_a_name_runs(visit):
    # A text and a branch's name with a script and an image that calls one: both are only read.
    page = visit(f"{MONTH}&day={FIRST}&subject=branch-2")
    details(page).locator(".sancrm-text", has_text="Прибыль").wait_for()
    assert EVIL in page.locator(".sancrm-name").nth(1).inner_text()
    assert page.locator(".sancrm-text img, .sancrm-text script").count() == 0
    assert page.evaluate("window.hacked") is None


def test_an_operator_sends_what_is_missing_with_one_click(visit, client):
    # The run of this one day is there; the next one is told to wait, and why.
    page = visit(f"{MONTH}&day={NO_RUN}&subject=network", user="oleg")
    details(page).get_by_role("button", name="Отправить отчёт").click()
    details(page).get_by_text("Бэкфилл начат").wait_for()
    runs = client("oleg").get(f"/api/v2/dags/{DAG_ID}/dagRuns").json()["dag_runs"]
    assert [run["data_interval_start"] for run in runs] == ["2025-03-12T21:00:00Z"]
    details(page).get_by_role("button", name="Закрыть").click()
    cell(page, date(2025, 3, 14), "branch-2").click()
    details(page).get_by_role("button", name="Отправить отчёт").click()
    details(page).get_by_text("уже идёт бэкфилл").wait_for()


def test_an_operator_says_with_one_click_whether_a_message_is_in_the_chat(visit, client):
    # The run has the answer in its params; a viewer reads who may say so.
    unknown = f"{MONTH}&day=2025-03-07&subject=branch-1"
    page = visit(unknown, user="oleg")
    details(page).get_by_role("button", name="Нет, отправить снова").click()
    details(page).get_by_text("Запуск начат").wait_for()
    runs = client("oleg").get(f"/api/v2/dags/{DAG_ID}/dagRuns").json()["dag_runs"]
    assert {"period": "2025-03-07", "resend": [f"branch-1@{CHAT}"]} in [run["conf"] for run in runs]
    page = visit(unknown)
    details(page).get_by_text("Ответить, есть ли сообщение").wait_for()
    assert details(page).get_by_role("button", name="Да, есть").count() == 0


def test_a_viewer_is_offered_no_backfill(visit):
    # The same missing report: words instead of a button.
    page = visit(f"{MONTH}&day={NO_RUN}&subject=network")
    details(page).get_by_text("чья роль в Airflow разрешает").wait_for()
    assert details(page).get_by_role("button", name="Отправить отчёт").count() == 0


def test_who_is_signed_out_is_asked_to_sign_in(visit):
    # Airflow's own form, and nothing of the page.
    page = visit(user=None)
    page.wait_for_selector("input[name=password]")
    assert page.locator(".sancrm").count() == 0


def test_no_other_site_can_use_the_session(cookies):
    # The session's cookie does not travel with a foreign site's request.
    for state in cookies.values():
        [session] = [cookie for cookie in state["cookies"] if cookie["name"] == "_token"]
        assert session["sameSite"] == "Lax"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_has_the_colours_of_airflow(visit, theme):
    # Whatever the system prefers: the theme is what the user chose in Airflow.
    page = visit(color_scheme="light" if theme == "dark" else "dark")
    page.evaluate(f"localStorage.setItem('theme', '{theme}')")
    page.reload()
    page.get_by_role("grid").wait_for()
    assert is_dark(page, ".sancrm-grid") is (theme == "dark")


def test_a_phone_scrolls_the_grid_and_not_the_page(visit):
    # At 390 pixels everything is within reach; the newest day is in sight, details fill the screen.
    page = visit(width=390, has_touch=True, is_mobile=True)
    page.get_by_role("grid").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    newest = cell(page, date(2025, 3, 22))
    box = newest.bounding_box()
    assert 0 <= box["x"] <= 390 - box["width"]
    assert min(box["width"], box["height"]) >= 24  # a finger's least target, by WCAG 2.2
    newest.tap()
    details(page).locator(".sancrm-text", has_text="Прибыль").wait_for()
    assert details(page).bounding_box()["width"] == pytest.approx(390, abs=1)
    page.go_back()
    details(page).wait_for(state="detached")


def test_the_keyboard_is_enough(visit):
    # Arrows to a cell, whose words say what it is, Enter opens it, Escape closes it.
    page = visit()
    page.get_by_role("grid").wait_for()
    cell(page, LAST, "network").focus()
    for key in ("ArrowDown", "ArrowDown", "Home", "ArrowRight"):
        page.keyboard.press(key)
    label = page.evaluate("document.activeElement.ariaLabel")
    assert label == "Филиал на Ленина, вторник, 25 февраля 2025: не ожидалось"
    for _ in range(7):
        page.keyboard.press("ArrowRight")
    assert "4 марта 2025: исправлено" in page.evaluate("document.activeElement.ariaLabel")
    page.keyboard.press("Enter")
    details(page).get_by_text("12 800 ₽").wait_for()
    page.keyboard.press("Escape")
    details(page).wait_for(state="detached")


@pytest.mark.parametrize("subject", ["nobody", "network"])
def test_a_mistyped_address_shows_the_newest(visit, subject):
    # No such kind, no such day, perhaps no such branch: a grid, and nothing that is open.
    page = visit(f"kind=other&last=yesterday&months=few&day=2025-99-99&subject={subject}")
    page.get_by_role("grid").wait_for()
    assert page.get_by_role("button", name="Ежедневные").get_attribute("aria-pressed") == "true"
    assert details(page).count() == 0


def test_no_rows_are_shown_under_the_name_of_another_kind(daily):
    # The weekly reports cannot be read: the error stands there, and the daily ones do not.
    daily.route(grid_of("weekly"), lambda route: route.fulfill(status=500))
    daily.get_by_role("button", name="Еженедельные").click()
    daily.get_by_text("Airflow ответил 500").wait_for()
    assert daily.get_by_role("grid").count() == 0


def test_an_error_leaves_what_is_shown_of_the_same_kind(daily):
    # The refresh fails, half a minute later: the rows stay, below the error.
    daily.route(grid_of("daily"), lambda route: route.fulfill(status=500))
    daily.clock.fast_forward(30_000)
    daily.get_by_text("Airflow ответил 500").wait_for()
    assert daily.get_by_role("grid").count() == 1


def test_a_refresh_that_is_answered_after_a_switch_is_not_taken(daily):
    # The answer about the daily reports is held up until the weekly ones are shown: they stay.
    held = []
    daily.route(grid_of("daily"), lambda route: held.append(route))
    with daily.expect_request(grid_of("daily")):
        daily.clock.fast_forward(30_000)
    with daily.expect_response(grid_of("weekly")):
        daily.get_by_role("button", name="Еженедельные").click()
    daily.get_by_role("grid").wait_for()
    with daily.expect_response(grid_of("daily")) as late:
        held.pop().continue_()
    late.value.finished()
    daily.evaluate("new Promise(requestAnimationFrame)")
    assert daily.get_by_role("grid").count() == 1


def test_a_link_to_a_cell_shows_it_later_as_well(visit):
    # The address has the kind and the range, not what happens to be the newest; closing frees it.
    page = visit("")
    page.get_by_role("grid").wait_for()
    page.locator("[data-subject='network'] .sancrm-cell").last.click()
    page.wait_for_url("**day=*")
    asked = parse_qs(urlsplit(page.url).query)
    assert asked["kind"] == [DAG_ID]
    assert asked["last"] == asked["day"]
    details(page).get_by_role("button", name="Закрыть").click()
    page.wait_for_url(lambda url: "day=" not in url)
    assert "last=" not in page.url


def test_the_legend_counts_and_names_each_colour(visit):
    # What a colour means is written beside it, and in the cell as a mark.
    page = visit()
    page.get_by_role("grid").wait_for()
    legend = " ".join(page.locator(".sancrm-legend").inner_text().split())
    assert "исправлено 1" in legend.replace("± ", "")
    assert "не отправлено 4" in legend
    marks = json.loads(
        page.evaluate(
            "JSON.stringify(Object.fromEntries([...document.querySelectorAll('button.sancrm-cell')]"
            ".map(cell => [cell.dataset.status, cell.textContent])))"
        )
    )
    assert marks == {"s": "", "c": "±", "l": "»", "f": "×", "u": "?", "m": "!", ".": ""}


def test_the_page_speaks_the_language_of_airflow(visit):
    # Chosen in Airflow's own menu; a language that we do not have is the account's. A message stays
    # as it was sent.
    page = visit(f"{MONTH}&day={FIRST}&subject=branch-1", locale="en-US")
    page.evaluate("localStorage.setItem('i18nextLng', 'en')")
    page.reload()
    details(page).get_by_text("Monday, 3 March 2025").wait_for()
    details(page).locator(".sancrm-text", has_text="Прибыль").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Daily").wait_for()
    assert "not expected" in page.locator(".sancrm-legend").inner_text()
    page.evaluate("localStorage.setItem('i18nextLng', 'de')")
    page.reload()
    page.get_by_role("button", name="Ежедневные").wait_for()


def test_an_impossible_day_is_said_in_the_readers_language(visit):
    # Typed into the address.
    page = visit("last=9999-10-02")
    page.get_by_text("День 9999-10-02 слишком далеко").wait_for()


def test_todays_missed_calls_can_be_seen(visit, todays_calls):
    # They are posted and wanted on the same day; the legend has nothing of reports.
    page = visit("kind=missed_calls")
    page.get_by_role("grid").wait_for()
    newest = page.locator("button.sancrm-cell").last
    assert newest.inner_text() == "3"
    assert "сообщений: 3" in newest.get_attribute("aria-label")
    assert page.locator(".sancrm-legend").inner_text().split() == ["отправлено"]
    grid = page.locator(".sancrm-grid").bounding_box()
    assert grid["height"] < 100  # one row, in a box of its own height


def test_the_text_looks_as_in_the_chat(visit):
    # Italics, too, which Airflow's styles take away.
    page = visit(f"{MONTH}&day={FIRST}&subject=branch-1")
    text = details(page).locator(".sancrm-text")
    text.wait_for()
    assert text.locator("i").evaluate("one => getComputedStyle(one).fontStyle") == "italic"


def test_a_chat_is_called_by_its_title(visit):
    # As the answer to an earlier message told; the number stays beside it.
    page = visit(f"{MONTH}&day={FIRST}&subject=branch-1")
    details(page).get_by_text("«Отчёты», -1001234567890").wait_for()


@pytest.mark.parametrize("width", [390, 1280])
def test_a_long_name_is_read_whole(visit, width):
    # In the drawer beside the button that closes it; on a phone also in its row, which grows.
    page = visit(MONTH, width=width, has_touch=True)
    page.get_by_role("grid").wait_for()
    row = page.locator(".sancrm-row", has_text="Сервис")
    if width == 390:
        assert row.locator(".sancrm-name span").evaluate(
            "name => name.scrollHeight <= name.clientHeight + 1"
        )
        above = page.locator(".sancrm-grid").bounding_box()["y"]
        assert above < 230  # of 780: what stands above is no longer a third of the screen
    row.locator("button").last.tap()
    details(page).wait_for()
    page.wait_for_function("document.getAnimations().every(one => one.playState !== 'running')")
    title = details(page).get_by_role("heading", level=2).bounding_box()
    close = details(page).get_by_role("button", name="Закрыть").bounding_box()
    assert title["x"] + title["width"] <= close["x"]


def test_not_expected_stands_out_in_the_dark(visit):
    # Lighter than the page, not darker.
    page = visit()
    page.evaluate("localStorage.setItem('theme', 'dark')")
    page.reload()
    page.get_by_role("grid").wait_for()

    def brightness(selector):
        return page.eval_on_selector(
            selector,
            """element => {
                const canvas = document.createElement("canvas").getContext("2d");
                for (const one of [document.querySelector(".sancrm-grid"), element]) {
                    canvas.fillStyle = getComputedStyle(one).backgroundColor;
                    canvas.fillRect(0, 0, 1, 1);
                }
                return [...canvas.getImageData(0, 0, 1, 1).data].reduce((a, b) => a + b);
            }""",
        )

    assert brightness("button.sancrm-cell[data-status='.']") > brightness(".sancrm-grid") + 20


def test_the_tab_and_the_page_have_a_title(visit):
    # As Airflow's own pages; leaving gives Airflow's back.
    page = visit()
    page.get_by_role("heading", name="Отчёты", level=1).wait_for()
    page.wait_for_function("document.title.startsWith('Отчёты')")
    page.goto("/dags")
    page.wait_for_function("!document.title.startsWith('Отчёты')")


def test_a_new_install_says_what_to_do(visit):
    # Of a report that was never sent: words and the way to its DAG above what is grey.
    page = visit("kind=profitability_monthly")
    page.get_by_text("Включите его DAG").wait_for()
    page.get_by_role("link", name="Открыть DAG-и").click()
    page.wait_for_url("**/dags?tags=sancrm*")
