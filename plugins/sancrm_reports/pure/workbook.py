"""A report's figures as a workbook that can be recalculated: totals over the lines of the CRM.

Nobody is named in it, and a text of the CRM never becomes a formula.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from sancrm_reports.pure.figure_trace import FAMILIES, TERMS
from sancrm_reports.pure.figures import ADDITIVE, COUNTS, Figures
from sancrm_reports.pure.kinds import compared_with
from sancrm_reports.pure.language import Language, language_of
from sancrm_reports.pure.period import Period
from sancrm_reports.pure.reasons import REASONS, added, reasons
from sancrm_reports.pure.templates import Templates
from sancrm_reports.pure.workbook_lines import COLUMNS, Lines
from sancrm_reports.pure.workbook_sheets import Sheet, Style

Pair = tuple[Figures, Figures]  # of one subject: now, before
Sum = tuple[str, Decimal]  # a formula, and what it comes to

TOTALS = (
    ("workbook.place", "place"),
    ("workbook.branch", "text"),
    ("workbook.figure", "text"),
    ("workbook.by_lines", "money"),
    ("workbook.in_message", "money"),
    ("workbook.difference", "money"),
)
CHANGES = (
    ("workbook.branch", "text"),
    *((f"reason.{reason}", "money") for reason in REASONS),
    ("workbook.by_reasons", "money"),
    ("workbook.change_of_profit", "money"),
    ("workbook.difference", "money"),
)
DEFINITIONS = (("workbook.what", "text"), ("workbook.meaning", "wrapped"))


@dataclass(frozen=True)
class About:
    """Where the figures of a workbook come from: the run, the SQL, and when they were computed."""

    run: str
    sql_version: str
    computed_at: datetime


@dataclass(frozen=True)
class Document:
    """A workbook: its bytes, the hash of what it says, and how the lines differ from the message.

    ``figures_hash`` is that of all figures and lines: it does not change with run and time.
    ``differences`` has, by subject and figure, what the lines come to beyond the message, because
    rows of the CRM were changed since; in roubles, or a number of things.
    """

    data: bytes
    figures_hash: str
    differences: Mapping[tuple[str, str], Decimal]


def workbook(
    parts: Sequence[Pair],
    rows: Mapping[str, Iterable[Mapping[str, Any]]],
    period: Period,
    about: About,
    *,
    templates: Templates,
    network: Pair | None = None,
    has_rentals: bool = True,
) -> Document:
    """Return the workbook of a report: of the network, or cut to one branch.

    ``parts`` are what the network consists of, or the one branch, with the figures of the message;
    ``network`` is None in a branch's workbook. ``rows`` are those of each file of
    ``include/sql/trace/``, by its name, of these subjects only; each is read once.

    Raises:
        WorkbookError: there are more lines than a sheet can hold.
    """
    from xlsxwriter import Workbook

    data = BytesIO()
    # Rows go through temporary files, so that memory does not grow with them; none is left behind.
    with TemporaryDirectory(prefix="sancrm-workbook-") as folder:
        book = Workbook(data, {"constant_memory": True, "tmpdir": folder})
        title = language_of(templates).formats.period(period)
        created = about.computed_at.astimezone(UTC).replace(tzinfo=None)
        book.set_properties({"title": title, "created": created})
        style = Style(book, language_of(templates), title)
        totals = style.sheet("totals", TOTALS, wide=False)
        lines = Lines([now for now, _ in parts], period.timezone, style)
        for family in COLUMNS:
            if has_rentals or family != "rentals":
                lines.write(family, rows[family])
        pairs = [*parts, *([network] if network else [])]
        lines.remember([figures.to_json() for pair in pairs for figures in pair])
        figures = [name for name in ADDITIVE if has_rentals or not name.startswith("rental")]
        differences = {
            (now.name, name): difference
            for now, _ in pairs
            for name, difference in _write_totals(totals, lines, now, figures).items()
        }
        totals.finish(mark="F")
        _write_changes(style.sheet("changes", CHANGES), parts, network)
        _write_definitions(style, period, about, figures)
        book.close()
    return Document(data.getvalue(), lines.hash, differences)


def _write_totals(
    sheet: Sheet, lines: Lines, subject: Figures, figures: Sequence[str]
) -> dict[str, Decimal]:
    """Write each figure of a subject: by the lines, in the message, and how far they differ."""
    language, place = sheet.style.language, lines.place_of(subject)
    sums: dict[str, Sum] = {}
    cells = {name: f"D{sheet.row + number}" for number, name in enumerate(figures, 1)}
    for name in figures:
        if name not in TERMS:
            sums[name] = _sum(name, lines, place)
    for name in figures:
        if name in TERMS:
            sums[name] = _follows(name, cells, sums)
    differences = {}
    for name in figures:
        told = getattr(subject, name)
        difference = sums[name][1] - (told or 0)
        kind = "count" if name in COUNTS else "money"
        row = sheet.row + 1
        sheet.write(
            place,
            _name(subject, language),
            language.word(f"figure.{name}"),
            sums[name],
            language.word("figure.unknown") if told is None else told,
            (f"ROUND(D{row}-N(E{row}),2)", difference.quantize(Decimal("0.01"))),
            kinds=("place", "text", "text", kind, kind, kind),
        )
        if difference:
            differences[name] = difference
    return differences


def _sum(name: str, lines: Lines, place: int | None) -> Sum:
    families = [family for family, figures in FAMILIES.items() if name in figures]
    return (
        "+".join(lines.sum_formula(family, name, place) for family in families),
        sum((lines.sum_of(family, name, place) for family in families), Decimal(0)),
    )


def _follows(name: str, cells: Mapping[str, str], sums: Mapping[str, Sum]) -> Sum:
    terms = {term: sign for term, sign in TERMS[name].items() if term in sums}
    formula = "".join(f"{'+' if sign > 0 else '-'}{cells[term]}" for term, sign in terms.items())
    return formula, sum((sign * sums[term][1] for term, sign in terms.items()), Decimal(0))


def _write_changes(sheet: Sheet, parts: Sequence[Pair], network: Pair | None) -> None:
    """Write why the profit of each subject changed, against the period compared with."""
    rows = [(now, before, reasons(now, before)) for now, before in parts]
    if network:
        rows.append((*network, added(found for *_, found in rows)))
    last = chr(ord("A") + len(REASONS))
    columns = [chr(ord(last) + step) for step in (1, 2, 3)]
    for now, before, found in rows:
        amounts = [_decimal(found[name]) for name in REASONS]
        change, row = now.profit - before.profit, sheet.row + 1
        sheet.write(
            _name(now, sheet.style.language),
            *amounts,
            (f"SUM(B{row}:{last}{row})", change),
            change,
            (f"ROUND({columns[0]}{row}-{columns[1]}{row},2)", Decimal(0)),
        )
    sheet.finish(mark=columns[2])


def _write_definitions(style: Style, period: Period, about: About, figures: Sequence[str]) -> None:
    """Write what each figure and reason means, and where all of it comes from."""
    language = style.language
    word = language.word
    sheet = style.sheet("definitions", DEFINITIONS, wide=False)
    zone = ZoneInfo(period.timezone)
    for name in figures:
        sheet.write(word(f"figure.{name}"), word(f"workbook.meaning.{name}"))
    for name in REASONS:
        sheet.write(word(f"reason.{name}"), word(f"workbook.meaning.reason.{name}"))
    for code, fact in (
        ("period", language.formats.period(period)),
        ("compared_with", language.formats.period(compared_with(period))),
        ("timezone", period.timezone),
        ("run", about.run),
        ("sql_version", about.sql_version),
        ("computed_at", language.formats.instant(about.computed_at, zone)),
    ):
        sheet.write(word(f"workbook.{code}"), fact)
    sheet.finish()


def _name(subject: Figures, language: Language) -> str:
    match subject.subject:
        case "network":
            return language.word("network").capitalize()
        case "unallocated":
            return language.word("workbook.unallocated")
        case _:
            return subject.branch_name or subject.name


def _decimal(value: object) -> Decimal:
    numerator, denominator = value.as_integer_ratio()  # type: ignore[attr-defined]
    return Decimal(numerator) / Decimal(denominator)
