"""What a person who looked into the chats says of messages whose answer never came."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from sancrm_reports.pure.entry import MessageKey


def message_name(key: MessageKey, part: int = 1) -> str:
    """Name one message, or part of one, in one chat, within its run: branch-2@-100123#2."""
    return f"{key.subject}@{key.chat}" + (f"#{part}" if part > 1 else "")


@dataclass(frozen=True)
class Decisions:
    """Of each message by its name: not there, so send it again; there; or removed by hand.

    ``resends_all`` is for alerts, which better come twice than never.
    """

    resend: frozenset[str] = frozenset()
    arrived: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    resends_all: bool = False

    @classmethod
    def of(
        cls,
        *,
        resend: Iterable[str] = (),
        arrived: Iterable[str] = (),
        removed: Iterable[str] = (),
    ) -> Self:
        """Read a run's params."""
        return cls(frozenset(resend), frozenset(arrived), frozenset(removed))

    @property
    def names(self) -> frozenset[str]:
        """All messages that something was decided of."""
        return self.resend | self.arrived | self.removed

    def may_resend(self, name: str) -> bool:
        """Whether a message may be sent again."""
        return self.resends_all or name in self.resend

    def has_arrived(self, name: str) -> bool:
        """Whether a message was seen in its chat."""
        return name in self.arrived


RESEND_ALL = Decisions(resends_all=True)
