"""The picture of a report: the same bytes for the same figures, everything inside, readable."""

import subprocess
import sys
from datetime import date
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from sancrm_reports.pure.kinds import REPORT_KINDS
from sancrm_reports.pure.period import Period
from sancrm_reports.pure.picture import COLOURS, DPI, SMALL, WIDTH, Point, picture
from sancrm_reports.pure.templates import Templates

ROOT = Path(__file__).parents[2]
LANGUAGES = [Templates(ROOT / "include" / "templates" / code) for code in ("ru", "en")]
PROFITS = [98000, 112000, 87500, -12400, 65000, None, 121000, 99000, 105000, 143000, 88000, 139736]
BRANCHES = [("Филиал на Ленина", Decimal("44066.16")), ("Проспект Мира", Decimal("-6850.65"))]


def history(kind="weekly", profits=PROFITS, plan=None):
    reported = Period.containing(
        date(2026, 11, 17), kind=REPORT_KINDS[kind].period, timezone="Europe/Moscow"
    )
    return [
        Point(reported.before(len(profits) - place), None if p is None else Decimal(p), plan)
        for place, p in enumerate(profits, 1)
    ]


def drawn(points=None, branches=BRANCHES, *, subject="Вся сеть", templates=LANGUAGES[0], **options):
    data = picture(subject, points or history(), branches, templates=templates, **options)
    return Image.open(BytesIO(data)).convert("RGB")


def share(image, colour):
    """The part of a picture that has a colour."""
    wanted = tuple(bytes.fromhex(colour[1:]))
    return sum(pixel == wanted for pixel in image.get_flattened_data()) / (
        image.width * image.height
    )


@pytest.mark.parametrize("theme", COLOURS)
def test_equal_figures_give_equal_bytes(theme):
    # Also in another process, where nothing is left of an earlier picture.
    code = (
        "import sys; from pure.test_picture import *; sys.stdout.buffer.write("
        f"picture('Вся сеть', history(), BRANCHES, templates=LANGUAGES[0], theme={theme!r}))"
    )
    there = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": f"{ROOT}/plugins:{ROOT}/tests:{ROOT}/include"},
        capture_output=True,
        check=True,
    ).stdout
    here = picture("Вся сеть", history(), BRANCHES, templates=LANGUAGES[0], theme=theme)
    assert here == there
    other = picture("Вся сеть", history(), BRANCHES[:1], templates=LANGUAGES[0], theme=theme)
    assert other != here


@pytest.mark.parametrize("templates", LANGUAGES, ids=lambda language: language.folder.name)
@pytest.mark.parametrize("kind", REPORT_KINDS)
def test_nothing_is_cut_off_at_an_edge(kind, templates):
    # Long names, large losses, a single period, branches that have no place: the frame is empty.
    name = "Очень длинное название филиала №1 «Ромашка» на проспекте Космонавтов"
    large = [Decimal(f"-{place}99999999.99") for place in range(1, 10)]
    for points, branches in (
        (history(kind, large, plan=Decimal("123456789.01")), [(name, profit) for profit in large]),
        (history(kind, [5]), []),
        (history(kind, [0] * 31), [(name, Decimal(n)) for n in range(40)]),
    ):
        image = drawn(points, branches, subject=name, templates=templates)
        background = tuple(bytes.fromhex(COLOURS["light"].background[1:]))
        width, height = image.size
        frame = [
            image.crop(box)
            for box in (
                (0, 0, width, 8),
                (0, height - 8, width, height),
                (0, 0, 6, height),
                (width - 6, 0, width, height),
            )
        ]
        assert all(set(side.get_flattened_data()) == {background} for side in frame)


def test_it_fits_a_phone():
    # Twice the 390 points of a phone, the smallest letters 10 points high, and no ratio that
    # Telegram refuses, however many branches.
    image = drawn(branches=[(f"Филиал {n}", Decimal(n)) for n in range(200)])
    assert image.width == WIDTH * DPI == 780
    assert SMALL / 72 * DPI / 2 >= 10
    assert image.height < 3 * image.width
    assert image.width + image.height < 10_000


def test_the_reported_period_is_marked_and_a_loss_is_red():
    # One bar in the strong colour, the others in the weak one.
    colours = COLOURS["light"]
    image = drawn(branches=[])
    assert 0 < share(image, colours.reported) < share(image, colours.bar)
    assert share(image, colours.loss) > 0
    assert share(image, colours.reported_loss) == 0
    loss = drawn(history(profits=[5, -5]), [])
    assert share(loss, colours.reported) == 0
    assert share(loss, colours.reported_loss) > 0


def test_a_plan_is_drawn_where_there_is_one():
    # A line over each bar; without a plan there is no word of it.
    assert share(drawn(history(plan=Decimal(90000))), COLOURS["light"].text) > share(
        drawn(), COLOURS["light"].text
    )


def test_a_dark_chat_gets_a_dark_picture():
    # By its background.
    assert share(drawn(theme="dark"), COLOURS["dark"].background) > 0.5


@pytest.mark.filterwarnings("error")
def test_a_name_is_drawn_as_it_is():
    # A dollar begins no formula, and a sign that the font lacks is left out without a warning.
    drawn(branches=[("Цены от $5 до $6_{", Decimal(1)), ("修理 Ремонт", Decimal(2))])


def test_nothing_else_imports_matplotlib():
    # Neither a DAG file nor a task that posts a text: only drawing does.
    code = (
        "import sys, runpy, sancrm_reports.pure.picture, sancrm_reports.pure.workbook;"
        "import sancrm_reports.glue.post, sancrm_reports.glue.compute;"
        f"runpy.run_path({str(ROOT / 'dags' / 'profitability.py')!r});"
        "print(*({'matplotlib', 'xlsxwriter'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={"PYTHONPATH": str(ROOT / "plugins"), "AIRFLOW_HOME": "/nonexistent"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == ""
