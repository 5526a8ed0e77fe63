"""Sheets of a workbook as all of them look: heads, typed cells, filters, print set-up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sancrm_reports.errors import PermanentError
from sancrm_reports.pure.formatting import one_line
from sancrm_reports.pure.language import Language

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

MOST_ROWS = 1_048_576  # of a sheet, with its head
LONGEST = 1000  # characters of a text; a cell holds 32,767
A4 = 9
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
# Spreadsheets write numbers 14 and 22 as their own language writes dates and times.
FORMATS = {"day": 14, "moment": 22, "count": "#,##0", "quantity": "#,##0.###"}
WIDTHS = {
    "place": 5,
    "money": 17,
    "count": 11,
    "quantity": 11,
    "day": 12,
    "moment": 17,
    "code": 14,
    "wrapped": 90,
}


class WorkbookError(PermanentError):
    """The workbook cannot hold what belongs into it."""

    code = "workbook"


class Style:
    """Makes the sheets of one workbook.

    Args:
        book: XlsxWriter's workbook.
        language: of heads and sheets' names.
        title: printed above each sheet.
    """

    def __init__(self, book: Workbook, language: Language, title: str) -> None:
        self.book = book
        self.language = language
        self.title = title
        numbers = FORMATS | {"money": language.formats.spreadsheet_money()}
        self.formats: dict[str, Any] = {
            kind: book.add_format({"num_format": shown}) for kind, shown in numbers.items()
        }
        self.formats |= {
            "head": book.add_format({"bold": True, "text_wrap": True, "bottom": 1}),
            "wrapped": book.add_format({"text_wrap": True, "valign": "top"}),
            # A text that looks like a formula stays one, also when somebody edits its cell.
            "quoted": book.add_format({"quote_prefix": True}),
            "wrong": book.add_format({"bold": True, "font_color": "#C00000"}),
        }

    def sheet(self, code: str, columns: Sequence[tuple[str, str]], *, wide: bool = True) -> Sheet:
        """Add a sheet; ``columns`` are codes of heads in words.po, each with its kind of cell."""
        made = self.book.add_worksheet(self.language.word(f"workbook.sheet.{code}"))
        return Sheet(made, self, columns, wide=wide)


class Sheet:
    """One sheet, written from the top; ``row`` is the number of the next row, from 0."""

    def __init__(
        self, sheet: Worksheet, style: Style, columns: Sequence[tuple[str, str]], *, wide: bool
    ) -> None:
        self.columns = columns
        self.style = style
        self.row = 0
        self._sheet = sheet
        sheet.set_paper(A4)
        if wide:
            sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.set_header(f"&L{style.title.replace('&', '&&')}&R&A")
        sheet.set_footer("&C&P / &N")
        for place, (_, kind) in enumerate(columns):
            sheet.set_column(place, place, WIDTHS.get(kind, 32))
        sheet.freeze_panes(1, 0)
        sheet.repeat_rows(0)
        for place, (code, _) in enumerate(columns):
            sheet.write_string(0, place, style.language.word(code), style.formats["head"])
        self.row = 1

    @property
    def name(self) -> str:
        """The name, as formulas write it."""
        quoted: str = "'" + self._sheet.get_name().replace("'", "''") + "'"
        return quoted

    def write(self, *values: Any, kinds: Sequence[str] = ()) -> None:
        """Write a row: texts, numbers, times, None for nothing, and formulas with their result.

        Raises:
            WorkbookError: the sheet is full.
        """
        if self.row >= MOST_ROWS:
            raise WorkbookError(f"More than {MOST_ROWS:,} rows don't fit on {self.name}.")
        own = [kind for _, kind in self.columns]
        for place, (kind, value) in enumerate(zip(kinds or own, values, strict=True)):
            self._write_cell(place, kind, value)
        self.row += 1

    def finish(self, *, mark: str = "") -> None:
        """Let the rows be filtered, and mark what is not 0 in the column of a letter."""
        self._sheet.autofilter(0, 0, max(self.row - 1, 1), len(self.columns) - 1)
        if mark:
            self._sheet.conditional_format(
                f"{mark}2:{mark}{max(self.row, 2)}",
                {
                    "type": "cell",
                    "criteria": "!=",
                    "value": 0,
                    "format": self.style.formats["wrong"],
                },
            )

    def _write_cell(self, place: int, kind: str, value: Any) -> None:
        sheet, style = self._sheet, self.style.formats.get(kind)
        match value:
            case None:
                pass
            case (str() as formula, result):
                sheet.write_formula(self.row, place, f"={formula}", style, float(result))
            case datetime() | date():
                sheet.write_datetime(self.row, place, value, style)
            case int() | Decimal():
                sheet.write_number(self.row, place, float(value), style)
            case _:
                text = one_line(str(value), LONGEST)
                if text.startswith(FORMULA_SIGNS):
                    style = self.style.formats["quoted"]
                sheet.write_string(self.row, place, text, style)
