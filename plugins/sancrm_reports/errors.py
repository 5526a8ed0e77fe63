"""Errors that tell a person what happened, where, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Self


class ReportError(Exception):
    """Something that may pass by itself: Airflow's retries apply.

    The text is for the log, in English. Ops read ``code``, as a cause and a first step in words of
    their language (``error.…`` in ``words.po``, with ``values`` in their braces); ``about``, such
    as the number of a repair; and ``quote``, what a server or a tool said.
    """

    code = "report"

    def __init__(
        self, text: str = "", *, code: str = "", quote: str = "", about: str = "", **values: str
    ) -> None:
        super().__init__(text)
        self.code = code or type(self).code
        self.quote = quote
        self.about = about
        self.values = values

    def about_private(self, about: str) -> Self:
        """Return the same error of something private, by its number: nothing of it is quoted."""
        error = self.with_text(f"{about}: {self}")
        error.about, error.quote = about, ""
        return error

    def with_text(self, text: str) -> Self:
        """Return the same error with another text."""
        error = type(self).__new__(type(self))
        error.__dict__.update(self.__dict__)
        error.args = (text,)
        return error


class PermanentError(ReportError):
    """Something that a retry cannot fix: the task fails at once."""

    code = "permanent"


@dataclass(frozen=True)
class Undecided:
    """A message that only a person can say anything of.

    ``name`` is what the params of a run call it, ``about`` what people call it; ``words`` are the
    params that may decide it. ``chat`` is its chat's title, empty where that is not known.
    """

    name: str
    about: str = ""
    words: tuple[str, ...] = ("resend", "arrived")
    chat: str = ""


class DecisionNeededError(PermanentError):
    """Only a person who looks into the chat can say how to go on with these messages."""

    def __init__(
        self, text: str = "", *, undecided: Iterable[Undecided] = (), **options: Any
    ) -> None:
        super().__init__(text, **options)
        self.undecided = tuple(undecided)

    def about_private(self, about: str) -> Self:
        """Return the same error, whose messages are called so too."""
        error = super().about_private(about)
        error.undecided = tuple(replace(message, about=about) for message in self.undecided)
        return error

    def with_those_of(self, others: Iterable[ReportError]) -> Self:
        """Return the same error, about the messages of the others as well."""
        error = self.with_text(str(self))
        for other in others:
            error.undecided += getattr(other, "undecided", ())
        return error


class AlreadyAlertedError(PermanentError):
    """A failure that has alerted people by a message of its own: ops need no other."""

    code = "already_alerted"
