"""Which failures are tried again, and when."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import RetryDecision, RetryPolicy

from sancrm_reports.errors import PermanentError

if TYPE_CHECKING:
    from airflow.sdk import Context


class RetryWhatCanPass(RetryPolicy):
    """Fail at once what a retry cannot fix, and wait exactly as long as Telegram asks."""

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,
        context: Context | None = None,
    ) -> RetryDecision:
        """Decide by the kind of the error."""
        if isinstance(exception, PermanentError | ImportError):
            return RetryDecision.fail(reason="a retry cannot fix this")
        if seconds := getattr(exception, "retry_after", None):
            return RetryDecision.retry(delay=timedelta(seconds=seconds), reason="Telegram's wait")
        return RetryDecision.default()

    def serialize(self) -> dict[str, Any]:
        """Return no arguments."""
        return {}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> RetryPolicy:
        """Make the policy."""
        return cls()
