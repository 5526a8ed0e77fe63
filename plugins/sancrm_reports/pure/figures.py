"""The figures of a report as facts that travel: exact decimals, never floats.

The SQL computes them (``include/sql/profitability.sql``); docs/metrics.md defines them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from sancrm_reports.errors import PermanentError
from sancrm_reports.pure.printable import printable

ADDITIVE = (
    "repair_revenue",
    "rental_revenue",
    "revenue",
    "variable_costs",
    "parts_without_cost",
    "fixed_costs",
    "profit",
    "repair_count",
    "rental_count",
)
COUNTS = ("parts_without_cost", "repair_count", "rental_count")
FIGURES = (*ADDITIVE, "margin")
# For the reasons of a change only. A formula of an installation's own may leave them out: then
# they count as a part of what they are taken from.
DETAILS = ("scrapped_costs",)
SUBJECT = ("subject", "branch_id", "branch_name")


Key = int | str  # of a branch or a repair; a uuid as its text
NETWORK = "network"


def branch_subject(branch_id: Key) -> str:
    """Return what a branch's messages are about, in the ledger and in errors: branch-3."""
    return f"branch-{branch_id}"


def branch_of(subject: str) -> str | None:
    """Return the id in a subject of ``branch_subject``, as text; None of any other."""
    kind, _, branch_id = subject.partition("-")
    return branch_id if kind == "branch" else None


AttachmentKind = Literal["picture", "workbook"]
ATTACHMENTS: Mapping[AttachmentKind, tuple[Literal["picture", "document"], str]] = {
    # how the chat shows it, and the suffix of its file
    "picture": ("picture", "png"),
    "workbook": ("document", "xlsx"),
}


def attached_subject(subject: str, kind: AttachmentKind) -> str:
    """Return the subject of what is attached to a text: ``branch-3+workbook``.

    It has a status of its own: the text neither waits for it nor suffers from it.
    """
    return f"{subject}+{kind}"


def text_subject(subject: str) -> str:
    """Return the subject of the text that something is attached to; a text's is its own."""
    for kind in ATTACHMENTS:
        subject = subject.removesuffix(f"+{kind}")
    return subject


def attachment_of(subject: str) -> str:
    """Return the kind of what is attached to a text; a text's own subject has none."""
    return subject.removeprefix(text_subject(subject)).removeprefix("+")


class FiguresError(PermanentError):
    """The figures contradict themselves, or cannot be reported: nothing may be sent."""

    code = "figures"


@dataclass(frozen=True)
class Figures:
    """What one subject earned and spent in one period; amounts in roubles.

    ``subject`` is ``branch``, ``unallocated`` (costs of no branch) or ``network``. ``fixed_costs``
    is None where no amount applies to any day; ``margin`` is a ratio, None without revenue.
    ``scrapped_costs`` is the part of ``variable_costs`` on repairs that were closed as a failure.
    """

    subject: str
    branch_id: Key | None
    branch_name: str | None
    repair_revenue: Decimal
    rental_revenue: Decimal
    revenue: Decimal
    variable_costs: Decimal
    parts_without_cost: int
    fixed_costs: Decimal | None
    profit: Decimal
    margin: Decimal | None
    repair_count: int
    rental_count: int
    scrapped_costs: Decimal = Decimal(0)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Figures:
        """Make figures of a row of SQL, or of what ``to_json`` returned.

        Raises:
            FiguresError: the row lacks a column, or a number is not one.
        """
        missing = [name for name in (*SUBJECT, *FIGURES) if name not in row]
        if missing:
            raise FiguresError(
                f"profitability.sql gives no column {', '.join(missing)}. "
                "Its last select must name every figure of docs/metrics.md."
            )
        details = [name for name in DETAILS if name in row]
        numbers: dict[str, Any] = {name: _number(name, row[name]) for name in (*FIGURES, *details)}
        subject = {name: row[name] for name in SUBJECT} | {"branch_id": key_of(row["branch_id"])}
        if isinstance(row["branch_name"], str):
            subject["branch_name"] = printable(row["branch_name"])
        return cls(**subject, **numbers)

    @classmethod
    def none_of(cls, other: Figures) -> Figures:
        """Return the figures of a subject that did not move: zeros, and costs unknown."""
        values: dict[str, Any] = {name: Decimal(0) for name in ADDITIVE} | dict.fromkeys(COUNTS, 0)
        return cls(
            **{name: getattr(other, name) for name in SUBJECT},
            **(values | {"fixed_costs": None, "margin": None}),
        )

    @property
    def key(self) -> tuple[str, Key | None]:
        """What the figures are of."""
        return self.subject, self.branch_id

    @property
    def name(self) -> str:
        """The subject in the ledger and in errors."""
        return self.subject if self.branch_id is None else branch_subject(self.branch_id)

    @property
    def is_loss(self) -> bool:
        """Whether the profit is below zero."""
        return self.profit < 0

    @property
    def has_movements(self) -> bool:
        """Whether anything was earned, or used up; fixed costs alone don't count."""
        return any(
            (
                self.revenue,
                self.variable_costs,
                self.parts_without_cost,
                self.repair_count,
                self.rental_count,
            )
        )

    @property
    def costs(self) -> Decimal | None:
        """All costs; None where the fixed ones are unknown."""
        return None if self.fixed_costs is None else self.variable_costs + self.fixed_costs

    def to_json(self) -> dict[str, Any]:
        """Return a mapping for XCom; amounts are texts, because Airflow makes decimals floats."""
        amounts = {name: getattr(self, name) for name in (*FIGURES, *DETAILS) if name not in COUNTS}
        return {
            **{name: getattr(self, name) for name in SUBJECT},
            **{name: None if value is None else f"{value:f}" for name, value in amounts.items()},
            **{name: getattr(self, name) for name in COUNTS},
        }


def key_of(value: Any) -> Key | None:
    """Return a key as it can travel through JSON."""
    return value if value is None or isinstance(value, int) else str(value)


def _number(name: str, value: Any) -> Decimal | int | None:
    if value is None:
        if name in ("fixed_costs", "margin"):
            return None
        raise FiguresError(
            f"profitability.sql gives null for {name}; write coalesce(sum(…), 0) where nothing "
            "moved. Only fixed_costs and margin may be unknown."
        )
    if isinstance(value, float):
        raise FiguresError(
            f"profitability.sql gives {name} as a binary float, which loses kopecks; "
            "cast it to numeric."
        )
    if not Decimal(value).is_finite():
        raise FiguresError(
            f"profitability.sql gives {name} as {value}: a price or quantity in the CRM is not a "
            "number. make check-sources says which."
        )
    return int(value) if name in COUNTS else Decimal(value)


def check_reportable(rows: Sequence[Figures]) -> None:
    """Refuse what cannot be a report: no branch at all, a branch without a name, a doubled one.

    Raises:
        FiguresError: naming the branch, and what to do.
    """
    branches = [row for row in rows if row.subject == "branch"]
    if not branches:
        raise FiguresError(
            "The CRM has no active branch and no movements: there is nothing to report. "
            "Is the connection sancrm_db set to the right database?",
            code="figures_none",
        )
    for row in branches:
        if not printable(row.branch_name or "").strip():
            raise FiguresError(
                f"Branch {row.branch_id} has no name. Give it one in the CRM, then repeat.",
                code="figures_no_name",
                quote=row.name,
            )
    keys = [row.key for row in rows]
    if doubled := sorted({row.name for row in rows if keys.count(row.key) > 1}):
        raise FiguresError(
            f"profitability.sql gives more than one row for {', '.join(doubled)}: a join "
            "multiplies rows. Aggregate to one row per branch before joining."
        )


def check_network_sum(rows: Sequence[Figures]) -> None:
    """Check that branches and unallocated costs add up to the network.

    Raises:
        FiguresError: with every figure that disagrees.
    """
    network = [row for row in rows if row.subject == NETWORK]
    if len(network) != 1:
        raise FiguresError("profitability.sql gives no single row for the network.")
    parts = [row for row in rows if row.subject != NETWORK]
    _require_equal("branches + not allocated", parts, "the network", network)


def check_days_sum(whole: Sequence[Figures], days: Iterable[Sequence[Figures]]) -> None:
    """Check for each subject that the days of a period add up to the period.

    Raises:
        FiguresError: with the first subject for which they do not, and every figure of it.
    """
    by_day = [row for day in days for row in day]
    by_subject = {row.key: row for row in (*by_day, *whole)}
    for key, subject in by_subject.items():
        _require_equal(
            f"the days of {subject.name}",
            [row for row in by_day if row.key == key],
            "its period",
            [row for row in whole if row.key == key],
        )


def _require_equal(
    name: str, parts: Sequence[Figures], total_name: str, totals: Sequence[Figures]
) -> None:
    wrong = [
        f"{figure}: {name} = {total(parts, figure)}, {total_name} = {total(totals, figure)}"
        for figure in ADDITIVE
        if total(parts, figure) != total(totals, figure)
    ]
    if wrong:
        raise FiguresError(
            "The report was stopped, because sums that must be equal are not:\n"
            + "\n".join(f"  {line}" for line in wrong)
            + "\nLook for a join that loses or doubles rows in include/sql/profitability.sql or "
            "in include/sql/sources/, correct it, and clear the failed run.",
            code="figures_sums",
        )


def total(rows: Iterable[Figures], figure: str) -> Decimal:
    """Sum a figure over subjects or days; unknown costs add nothing.

    An inactive branch whose costs are 0 has no row, yet they are in the network's: so 0 and
    unknown are the same here.
    """
    return sum((getattr(row, figure) or Decimal(0) for row in rows), start=Decimal(0))
