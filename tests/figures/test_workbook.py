"""The workbook of a report, over real rows, as LibreOffice recalculates it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zipfile import ZipFile

import pytest
from hypothesis import given, settings
from xlsxwriter.worksheet import Worksheet

from figures.conftest import SQL
from figures.small_crm import completed, holding
from figures.test_against_oracle import EXAMPLES, examples
from libreoffice import needs_libreoffice, recalculated
from sancrm_reports.pure.figure_trace import FAMILIES
from sancrm_reports.pure.figures import ADDITIVE, Figures
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.pure.templates import Templates
from sancrm_reports.pure.workbook import About, workbook
from sancrm_reports.pure.workbook_sheets import WorkbookError
from sancrm_reports.wire.crm import read_profitability
from sancrm_reports.wire.figure_trace import read_rows

RUSSIAN = Templates(Path(__file__).parents[2] / "include" / "templates" / "ru")
MONTH = Period(PeriodKind.MONTH, date(2026, 10, 1), "Europe/Moscow")
ABOUT = About("scheduled__2026-11-01", "0123abcd", datetime(2026, 11, 1, 6, 30, tzinfo=UTC))
SHEETS = ["Итоги", "Услуги", "Запчасти", "Прокат", "Постоянные расходы", "Ремонты", "Почему"]
SHEETS.append("Определения")


def pairs_of(cursor, sql, period):
    """Each part of the network, and last the network itself, now and before."""
    now, before = (
        {row.key: row for row in read_profitability(cursor, sql, one)}
        for one in (period, period.before(1))
    )
    pairs = [
        (now.get(key) or Figures.none_of(before[key]), before.get(key) or Figures.none_of(now[key]))
        for key in now | before
    ]
    return sorted(pairs, key=lambda pair: pair[0].subject == "network")


def rows_of(cursor, period, branch=None):
    return {family: read_rows(cursor, SQL, family, period, branch) for family in FAMILIES}


def whole(cursor, sql, period=MONTH, about=ABOUT):
    """The network's workbook."""
    *parts, network = pairs_of(cursor, sql, period)
    rows = rows_of(cursor, period)
    return workbook(parts, rows, period, about, network=network, templates=RUSSIAN)


def same_to_the_kopeck(cell, figure):
    """A spreadsheet writes fifteen digits; what is unknown has no lines."""
    return abs(Decimal(cell) - (figure or 0)) < Decimal("0.005")


@pytest.mark.long
@needs_libreoffice
def test_recalculated_it_equals_the_message(connection, profitability_sql, tmp_path, monkeypatch):
    # Over random databases: every total to the kopeck, every difference 0, also of the reasons. The
    # files claim that each formula comes to 777, so these are LibreOffice's own results.
    write = Worksheet.write_formula

    def lie(sheet, row, place, formula, style, _):
        return write(sheet, row, place, formula, style, 777)

    monkeypatch.setattr(Worksheet, "write_formula", lie)
    told = {}

    @settings(EXAMPLES, max_examples=150)
    @given(examples)
    def make(example):
        period, tables = example
        with holding(connection, tables) as cursor:
            document = whole(cursor, profitability_sql, period)
            pairs = pairs_of(cursor, profitability_sql, period)
        assert document.differences == {}
        name = f"book{len(told)}"
        (tmp_path / f"{name}.xlsx").write_bytes(document.data)
        told[name] = [getattr(now, figure) for now, _ in pairs for figure in ADDITIVE]

    make()
    books = recalculated(tmp_path)
    assert books.keys() == told.keys()
    for name, sheets in books.items():
        assert sheets.keys() == set(SHEETS)
        totals, changes = sheets["Итоги"][1:], sheets["Почему"][1:]
        assert all(
            same_to_the_kopeck(row[3], figure)
            for row, figure in zip(totals, told[name], strict=True)
        )
        assert {float(row[5]) for row in totals} == {0}
        assert {float(row[-1]) for row in changes} == {0}


@pytest.fixture
def october(connection):
    """Two branches; names and texts that a spreadsheet would take for formulas."""
    noon = datetime(2026, 10, 15, 9, tzinfo=UTC)
    tables = completed(
        {
            "branches": [{"id": 1, "name": "=Ленина"}, {"id": 2, "name": "Мира"}],
            "repairs": [
                {"branch_id": branch, "status": "closed", "closed_at": noon} for branch in (1, 2, 2)
            ],
            "repair_services": [
                {"repair_id": 1, "price": 100, "name": "=1+1"},
                {"repair_id": 2, "price": 70, "name": "+7 912 000-00-00"},
                {"repair_id": 3, "price": 30, "name": "-2-3"},
            ],
            "repair_parts": [
                {"repair_id": 2, "sale_price": 9, "product_name": "@SUM(A1:A9)"},
                {"repair_id": 2, "sale_price": 9, "product_name": "\t=1+1"},
            ],
            "rentals": [
                {"branch_id": 1, "price_per_day": 70, "ended_at": noon}
                | {"started_at": noon - timedelta(hours=30)}
            ],
            "fixed_costs": [{"amount_per_month": 310, "valid_from": date(2026, 10, 17)}],
        }
    )
    with holding(connection, tables) as cursor:
        yield cursor


@needs_libreoffice
def test_a_branchs_workbook_has_its_own_lines_only(october, profitability_sql, tmp_path):
    # Without the other's and without common costs; its figures are those of its message.
    pair = pairs_of(october, profitability_sql, MONTH)[1]
    made = workbook([pair], rows_of(october, MONTH, "2"), MONTH, ABOUT, templates=RUSSIAN)
    (tmp_path / "branch.xlsx").write_bytes(made.data)
    sheets = recalculated(tmp_path)["branch"]
    assert {row[1] for name in SHEETS[:6] for row in sheets[name][1:]} == {"Мира"}
    totals = {row[2]: row[3:] for row in sheets["Итоги"][1:]}
    assert totals["прибыль"] == ["118", "118", "0"]
    assert totals["постоянные расходы"] == ["0", "нет данных", "0"]
    assert totals["ремонтов"] == ["2", "2", "0"]


@needs_libreoffice
def test_a_text_of_the_crm_never_becomes_a_formula(october, profitability_sql, tmp_path):
    # Names that begin with = + - @ or a tab arrive as they were written.
    (tmp_path / "book.xlsx").write_bytes(whole(october, profitability_sql).data)
    sheets = recalculated(tmp_path)["book"]
    assert {row[5] for row in sheets["Услуги"][1:]} == {"=1+1", "+7 912 000-00-00", "-2-3"}
    assert {row[5] for row in sheets["Запчасти"][1:]} == {"@SUM(A1:A9)", "=1+1"}
    assert sheets["Итоги"][1][1] == "=Ленина"


def test_nobody_is_named(october, profitability_sql, tmp_path):
    # Neither in a cell nor in a comment: not in any file of the archive.
    (tmp_path / "book.xlsx").write_bytes(whole(october, profitability_sql).data)
    with ZipFile(tmp_path / "book.xlsx") as archive:
        texts = [archive.read(name).decode() for name in archive.namelist()]
    assert any("HR2470" in text for text in texts)
    assert not any("Иван" in text or "79120000000" in text for text in texts)


def test_the_hash_is_of_the_figures_and_lines(october, profitability_sql):
    # The same bytes for the same run; another run says the same; a changed line does not.
    first = whole(october, profitability_sql)
    assert whole(october, profitability_sql).data == first.data
    other = whole(october, profitability_sql, about=About("manual", "4567", ABOUT.computed_at))
    assert (other.figures_hash, other.data == first.data) == (first.figures_hash, False)
    october.execute("update repair_services set name = 'Чистка' where id = 1")
    assert whole(october, profitability_sql).figures_hash != first.figures_hash


def test_what_was_changed_in_the_crm_since_is_told(october, profitability_sql):
    # The message has the figures of before, the workbook the lines of now, and the difference.
    *parts, network = pairs_of(october, profitability_sql, MONTH)
    october.execute("update repair_services set price = price + 5 where id = 1")
    rows = rows_of(october, MONTH)
    made = workbook(parts, rows, MONTH, ABOUT, network=network, templates=RUSSIAN)
    assert {key for key in made.differences if key[0] == "network"} == {
        ("network", name) for name in ("repair_revenue", "revenue", "profit")
    }
    assert made.differences["branch-1", "profit"] == 5


def test_more_lines_than_a_sheet_holds_are_refused(october, profitability_sql, monkeypatch):
    # And not left out in silence, as XlsxWriter would.
    monkeypatch.setattr("sancrm_reports.pure.workbook_sheets.MOST_ROWS", 3)
    with pytest.raises(WorkbookError, match="don't fit"):
        whole(october, profitability_sql)


def test_without_rentals_there_is_no_sheet_of_them(october, profitability_sql, tmp_path):
    # Nor are they among the figures.
    *parts, _ = pairs_of(october, profitability_sql, MONTH)
    rows = {family: [] for family in FAMILIES if family != "rentals"}
    made = workbook(parts, rows, MONTH, ABOUT, templates=RUSSIAN, has_rentals=False)
    (tmp_path / "book.xlsx").write_bytes(made.data)
    with ZipFile(tmp_path / "book.xlsx") as archive:
        everything = "".join(archive.read(name).decode() for name in archive.namelist())
    assert "Запчасти" in everything
    assert "Прокат" not in everything
