"""The workbook as a file: sheets in every language, money of the account, print set-up."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from pure.samples import branch, network, unallocated
from sancrm_reports.pure.figure_trace import FAMILIES
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.pure.templates import Templates
from sancrm_reports.pure.workbook import About, workbook

TEMPLATES = Path(__file__).parents[2] / "include" / "templates"
LANGUAGES = sorted(words.parent.name for words in TEMPLATES.glob("*/words.po"))
MONTH = Period(PeriodKind.MONTH, date(2026, 10, 1), "Europe/Moscow")
ABOUT = About("scheduled__2026-11-01", "0123abcd", datetime(2026, 11, 1, 6, 30, tzinfo=UTC))
SERVICE = {
    "branch_id": 1,
    "moved_at": datetime(2026, 10, 15, 9, tzinfo=UTC),
    "repair_id": 7,
    "repair_code": "R-7",
    "item_name": "Чистка",
    "quantity": Decimal("1.000"),
    "price": Decimal("500.00"),
    "discount": Decimal("0.00"),
    "repair_revenue": Decimal("500.00000"),
}


def files(language="ru", currency="RUB", services=(SERVICE,)):
    """The files of a workbook by their names in the archive."""
    parts = [(branch(), branch()), (unallocated(), unallocated())]
    rows = dict.fromkeys(FAMILIES, ()) | {"services": services}
    whole = network([now for now, _ in parts])
    made = workbook(
        parts,
        rows,
        MONTH,
        ABOUT,
        network=(whole, whole),
        templates=Templates(TEMPLATES / language, currency),
    )
    with ZipFile(BytesIO(made.data)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_its_sheets(language):
    # Their names are short enough for Excel, and no two are equal: XlsxWriter would refuse.
    names = re.findall('sheet name="(.+?)"', files(language)["xl/workbook.xml"])
    assert len(names) == 8
    assert ("Постоянные расходы" in names) == (language == "ru")


@pytest.mark.parametrize(
    ("currency", "shown"), [("RUB", '"\xa0₽"'), ("KZT", '#,##0.00"\xa0₸"'), ("JPY", '#,##0"\xa0¥"')]
)
def test_amounts_have_the_currency_of_the_account(currency, shown):
    # Its symbol and its decimals.
    styles = files(currency=currency)["xl/styles.xml"].replace("&quot;", '"')
    assert shown in styles
    assert '"₽"#,##0.00' in files("en")["xl/styles.xml"].replace("&quot;", '"')


def test_every_sheet_can_be_filtered_and_printed():
    # The head stays in place and on each page; A4, as wide as the page, with the period above.
    sheets = [text for name, text in files().items() if name.startswith("xl/worksheets/")]
    assert len(sheets) == 8
    for text in sheets:
        assert '<pane ySplit="1"' in text
        assert "<autoFilter" in text
        assert 'paperSize="9"' in text
        assert 'fitToHeight="0"' in text
        assert "октябрь 2026" in text
    assert files()["xl/workbook.xml"].count("_xlnm.Print_Titles") == 8


def test_a_phones_preview_shows_the_results():
    # It does not calculate: each formula comes with what it comes to, also the difference.
    cells = dict(re.findall("<f>(.+?)</f><v>(.+?)</v>", files()["xl/worksheets/sheet1.xml"]))
    assert cells["SUM('Услуги'!$J$2:$J$2)+SUM('Запчасти'!$K$2:$K$2)"] == "500.0"
    assert cells["ROUND(D2-N(E2),2)"] == "-500.0"


def test_the_definitions_say_where_the_figures_come_from():
    # Run, version of the SQL and time, by the account's clock.
    text = files()["xl/worksheets/sheet8.xml"]
    for fact in ("scheduled__2026-11-01", "0123abcd", "1 ноября 2026 в 09:30", "Europe/Moscow"):
        assert fact in text


@pytest.mark.filterwarnings("error")
def test_a_workbook_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    # The CRM goes away in the middle of its lines: no temporary file keeps those that were read.
    def lost():
        yield SERVICE
        assert list(tmp_path.iterdir())
        raise ConnectionError

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(ConnectionError):
        files(services=lost())
    assert list(tmp_path.iterdir()) == []
