"""Errors that tell a person what happened, where, and what to do next."""

from __future__ import annotations

from typing import Self


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
    """Something that a retry cannot mend: the task fails at once."""

    code = "permanent"


class ToldError(PermanentError):
    """A failure of which people were told by a message of its own: ops need no other."""

    code = "told"
