"""The branches of a network by profit, as the summary names them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sancrm_reports.pure.figures import Figures

FEW = 12  # so many branches are all seen; of more, the best and the worst, and the rest is folded
ENDS = 3
LOSS, IDLE = "🔴 ", "⚪️ "


@dataclass(frozen=True)
class Place:
    """One branch among the others; ``share`` is None where there are too many to show it."""

    rank: int
    figures: Figures
    share: Decimal | None
    name_length: int

    @property
    def is_loss(self) -> bool:
        """Whether it earned less than it spent."""
        return self.figures.has_movements and self.figures.is_loss

    @property
    def mark(self) -> str:
        """What draws the eye to it."""
        return IDLE if not self.figures.has_movements else LOSS if self.is_loss else ""


@dataclass(frozen=True)
class Ranking:
    """All branches, the best first.

    ``silent`` are the names that a warning tells of; ``shown`` is how many places the folded list
    has room for, of all where it is None.
    """

    places: Sequence[Place]
    silent: Collection[str] = ()
    shown: int | None = None

    @classmethod
    def of(cls, branches: Sequence[Figures], silent: Collection[str] = ()) -> Ranking:
        """Rank branches by profit; equal ones by name."""
        ranked = sorted(branches, key=lambda branch: (-branch.profit, branch.branch_name or ""))
        are_few = len(ranked) <= FEW
        parts = shares(ranked) if are_few else [None] * len(ranked)
        length = 100 if are_few else 40
        return cls(
            [
                Place(rank, figures, share, length)
                for rank, (figures, share) in enumerate(zip(ranked, parts, strict=True), start=1)
            ],
            silent,
        )

    @property
    def few(self) -> Sequence[Place]:
        """All places, unless there are too many to be seen at once."""
        return self.places if len(self.places) <= FEW else ()

    @property
    def best(self) -> Sequence[Place]:
        """The first places."""
        return self.places[:ENDS]

    @property
    def worst(self) -> Sequence[Place]:
        """The last places."""
        return self.places[-ENDS:]

    @property
    def losing(self) -> Sequence[Place]:
        """The branches at a loss, the worst first; empty where the last places show them all."""
        losing = [place for place in reversed(self.places) if place.is_loss]
        return [] if all(place in self.worst for place in losing) else losing

    @property
    def idle(self) -> Sequence[Place]:
        """The branches without movements that no warning tells of."""
        return [
            place
            for place in self.places
            if not place.figures.has_movements and place.figures.branch_name not in self.silent
        ]

    @property
    def first(self) -> Sequence[Place]:
        """The folded list, up to its gap if it has one."""
        return self.places[: self._room - len(self.last)]

    @property
    def last(self) -> Sequence[Place]:
        """The folded list after the gap."""
        return self.places[len(self.places) - self._room // 2 :] if self.left_out else ()

    @property
    def left_out(self) -> int:
        """How many places are in the gap."""
        return len(self.places) - self._room

    @property
    def _room(self) -> int:
        return len(self.places) if self.shown is None else self.shown


def shares(branches: Sequence[Figures]) -> list[Decimal | None]:
    """Return each branch's part of what the profitable branches earned; None without profit."""
    whole = sum((max(branch.profit, Decimal(0)) for branch in branches), start=Decimal(0))
    return [branch.profit / whole if branch.profit > 0 else None for branch in branches]
