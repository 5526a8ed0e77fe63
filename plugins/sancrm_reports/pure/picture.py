"""A report as a picture for a phone: the profit over the last periods, and the branches as bars.

matplotlib is imported when a picture is drawn: 0.4 s and 55 MB, for the task that posts one. Its
own font is used, so that the same figures give the same bytes on every machine.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from io import BytesIO
from math import ceil
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from babel.numbers import format_compact_decimal

from sancrm_reports.pure.formatting import MINUS, one_line
from sancrm_reports.pure.language import Language, language_of
from sancrm_reports.pure.period import Period
from sancrm_reports.pure.templates import Templates

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Theme = Literal["light", "dark"]

# Inches at 200 dots each: 780 pixels wide, which a phone shows as 390 points. A letter of 8 points
# is 22 of these pixels high, 11 on the phone.
DPI = 200
WIDTH = 3.9
MARGIN = 0.15
HEAD = 0.62
SCALE = 0.66
PERIODS = 1.9
BRANCHES_HEAD = 0.34
BRANCH = 0.37
MOST_BRANCHES = 12
MOST_HEADS = 14  # numbers or months below the bars that don't run into each other
HEAD_LETTERS, LINE_LETTERS = 32, 44  # of a name and an amount in one line
FONT = "DejaVu Sans"
TEXT, SMALL = 8.5, 7.5  # points


class Colours(NamedTuple):
    """The colours of a theme; a loss is red, whatever else a bar is."""

    background: str
    text: str
    muted: str
    line: str
    bar: str
    reported: str
    loss: str
    reported_loss: str


COLOURS: dict[Theme, Colours] = {
    "light": Colours(
        background="#ffffff",
        text="#1f2328",
        muted="#5b636d",
        line="#d9dde2",
        bar="#a9c8ec",
        reported="#1f6fd0",
        loss="#f2b5b0",
        reported_loss="#c62f25",
    ),
    "dark": Colours(
        background="#17212b",
        text="#f2f4f6",
        muted="#9fb0c0",
        line="#2f3d4a",
        bar="#3d5f86",
        reported="#62a8f5",
        loss="#7d3d3b",
        reported_loss="#f0645a",
    ),
}


@dataclass(frozen=True)
class Point:
    """The profit of a period, in the account's currency, and its plan; None where unknown."""

    period: Period
    profit: Decimal | None
    plan: Decimal | None = None


def picture(
    subject: str,
    history: Sequence[Point],
    branches: Sequence[tuple[str, Decimal]],
    *,
    templates: Templates,
    theme: Theme = "light",
) -> bytes:
    """Return a PNG of 780 pixels' width.

    Args:
        subject: whose profit it is, as shown.
        history: at least one period, the oldest first; the last is the reported one.
        branches: names and profits; none in a branch's picture. The twelve highest have bars, the
            others are added up.
        templates: the language that people read.
        theme: ``light`` or ``dark``.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    language = language_of(templates)
    lines = min(len(branches), MOST_BRANCHES + 1)
    height = HEAD + PERIODS + (BRANCHES_HEAD + BRANCH * lines + MARGIN if lines else 0)
    with mpl.rc_context({**mpl.rcParamsDefault, "font.family": FONT}):
        figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor=COLOURS[theme].background)
        drawing = _Drawing(figure, height, language, COLOURS[theme])
        drawing.head(subject, history[-1])
        drawing.periods(history)
        if branches:
            drawing.branches(branches)
        data = BytesIO()
        figure.savefig(data, format="png", metadata={"Software": None})
    return data.getvalue()


class _Drawing:
    """What is on a picture, from the top; places are inches from the left and the top."""

    def __init__(self, figure: Figure, height: float, language: Language, colours: Colours) -> None:
        self._figure = figure
        self._height = height
        self._language = language
        self._colours = colours

    def head(self, subject: str, reported: Point) -> None:
        """Write whose profit of which period it is, and the profit."""
        formats = self._language.formats
        profit = formats.chat_money(reported.profit)
        name = one_line(subject, HEAD_LETTERS - len(profit))
        self._write(MARGIN, 0.24, name, weight="bold", size=TEXT + 2)
        self._write(WIDTH - MARGIN, 0.24, profit, weight="bold", size=TEXT + 2, ha="right")
        self._write(MARGIN, 0.45, formats.period(reported.period), color=self._colours.muted)

    def periods(self, history: Sequence[Point]) -> None:
        """Draw a bar for each period, the reported one in a stronger colour, and plans as lines."""
        axes = self._axes(SCALE, HEAD + 0.05, WIDTH - SCALE - MARGIN, PERIODS - 0.5)
        last = len(history) - 1
        for place, point in enumerate(history):
            if point.profit is not None:
                colour = self._bar_colour(point.profit, is_reported=place == last)
                axes.bar(place, float(point.profit), width=0.72, color=colour, zorder=2)
            if point.plan is not None:
                plan = float(point.plan)
                axes.hlines(
                    plan, place - 0.45, place + 0.45, color=self._colours.text, lw=1.4, zorder=3
                )
        axes.axhline(0, color=self._colours.muted, lw=0.8, zorder=1)
        axes.set_xlim(-0.6, last + 0.6)
        axes.margins(y=0.1)
        if not any(point.profit or point.plan for point in history):
            axes.set_ylim(0, 1)
        self._scale(axes)
        self._name_periods(axes, history)
        if any(point.plan is not None for point in history):
            legend = f"— {self._language.word('picture.plan')}"
            self._write(WIDTH - MARGIN, 0.45, legend, ha="right", size=SMALL)

    def branches(self, branches: Sequence[tuple[str, Decimal]]) -> None:
        """Draw the highest branches, a bar below each, and write what the others come to."""
        ranked = sorted(branches, key=lambda branch: (-branch[1], branch[0]))
        shown, others = ranked[:MOST_BRANCHES], ranked[MOST_BRANCHES:]
        top = HEAD + PERIODS + BRANCHES_HEAD
        self._write(MARGIN, top - 0.15, self._language.word("picture.branches"), weight="bold")
        longest = max(abs(profit) for _, profit in shown) or Decimal(1)
        axes = self._axes(MARGIN, top, WIDTH - 2 * MARGIN, BRANCH * len(shown))
        axes.set_xlim(0, 1)
        axes.set_ylim(len(shown), 0)
        axes.set_axis_off()
        for place, (name, profit) in enumerate(shown):
            self._branch(top + BRANCH * place, name, profit)
            axes.barh(place + 0.72, 1, height=0.18, color=self._colours.line)
            colour = self._bar_colour(profit, is_reported=True)
            axes.barh(place + 0.72, float(abs(profit) / longest), height=0.18, color=colour)
        if others:
            name = self._language.word("picture.others", count=len(others))
            whole = sum((profit for _, profit in others), Decimal(0))
            self._branch(top + BRANCH * len(shown), name, whole)

    def _branch(self, top: float, name: str, profit: Decimal) -> None:
        amount = self._language.formats.chat_money(profit)
        self._write(MARGIN, top + 0.15, one_line(name, LINE_LETTERS - len(amount)))
        self._write(WIDTH - MARGIN, top + 0.15, amount, ha="right")

    def _bar_colour(self, profit: Decimal, *, is_reported: bool) -> str:
        if profit < 0:
            return self._colours.reported_loss if is_reported else self._colours.loss
        return self._colours.reported if is_reported else self._colours.bar

    def _axes(self, left: float, top: float, width: float, height: float) -> Axes:
        whole = self._height
        axes: Axes = self._figure.add_axes(
            (left / WIDTH, (whole - top - height) / whole, width / WIDTH, height / whole)
        )
        axes.set_facecolor("none")
        return axes

    def _scale(self, axes: Axes) -> None:
        """Name some amounts on the left, as short as the language can."""
        from matplotlib.ticker import MaxNLocator

        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.yaxis.set_major_formatter(lambda amount, _: self._compact(amount))
        axes.tick_params(axis="y", length=0, labelsize=SMALL, labelcolor=self._colours.muted)
        axes.grid(axis="y", color=self._colours.line, lw=0.6, zorder=0)
        for side in axes.spines.values():
            side.set_visible(False)

    def _compact(self, amount: float) -> str:
        text = format_compact_decimal(abs(amount), locale=self._language.locale, fraction_digits=1)
        return f"{MINUS if amount < 0 else ''}{text}"

    def _name_periods(self, axes: Axes, history: Sequence[Point]) -> None:
        """Name each period below its bar, and above a new month or year what it is of."""
        columns = [self._language.formats.column(point.period) for point in history]
        step = ceil(len(columns) / MOST_HEADS)
        named = range((len(columns) - 1) % step, len(columns), step)  # the reported one always is
        axes.set_xticks(named, [columns[place]["head"] for place in named], fontsize=SMALL)
        axes.tick_params(axis="x", length=0, pad=2, labelcolor=self._colours.muted)
        axes.get_xticklabels()[-1].set(color=self._colours.text, fontweight="bold")
        first = [
            place
            for place, column in enumerate(columns)
            if place == 0 or column["group"] != columns[place - 1]["group"]
        ]
        for place, until in zip(first, [*first[1:], len(columns)], strict=True):
            at_end = place > 0 and until == len(columns)
            if until - place >= 3 or len(first) == 1:  # a name needs room
                axes.annotate(
                    columns[place]["group"],
                    (until - 0.6 if at_end else place - 0.4, 0),
                    (0, -19),
                    xycoords=("data", "axes fraction"),
                    textcoords="offset points",
                    fontsize=SMALL,
                    color=self._colours.muted,
                    ha="right" if at_end else "left",
                    va="center",
                    parse_math=False,
                )

    def _write(self, left: float, top: float, text: str, **style: Any) -> None:
        """Write a text as it is: a dollar in a branch's name begins no formula."""
        options: dict[str, Any] = {
            "size": TEXT,
            "color": self._colours.text,
            "va": "center",
        } | style
        self._figure.text(
            left / WIDTH, 1 - top / self._height, drawable(text), parse_math=False, **options
        )


def drawable(text: str) -> str:
    """Return a text without what the font has no sign for, such as emoji."""
    return "".join(sign for sign in text if ord(sign) in _signs()).strip()


@cache
def _signs() -> Collection[int]:
    """Return what the font has a sign for; read once for all texts."""
    from matplotlib.font_manager import findfont
    from matplotlib.ft2font import FT2Font

    return FT2Font(findfont(FONT)).get_charmap().keys()
