"""Errors that tell a person what happened, where, and what to do next."""

from __future__ import annotations


class ReportError(Exception):
    """Something that may pass by itself: Airflow's retries apply."""


class PermanentError(ReportError):
    """Something that a retry cannot mend: the task fails at once."""


class ToldError(PermanentError):
    """A failure of which people were told by a message of its own: ops need no other."""
