"""Waits for a backup in the triggerer: no worker is held."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from sancrm_reports.backups.facts import Window
from sancrm_reports.backups.notifications import MEMORY
from sancrm_reports.backups.text import progress
from sancrm_reports.backups.watch import look
from sancrm_reports.settings import settings


class BackupTrigger(BaseTrigger):
    """Look again and again until a verdict is final; the event is the judgement.

    :param name: the backup's name in the settings, which the triggerer reads itself.
    :param window: the window's three times, as ISO 8601.
    :param errors: how many looks in a row could not be made before, in the worker.
    :param memory: what is known from earlier nights.
    :param seen: the fingerprint of a backup that was read and is not whole yet: before the deadline
        only another one ends the wait, or that one once it has changed.
    """

    def __init__(
        self,
        name: str,
        window: list[str],
        errors: int = 0,
        memory: dict[str, Any] | None = None,
        seen: str = "",
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.name = name
        self.window = window
        self.errors = errors
        self.memory = memory or {}
        self.seen = seen

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class, and plain arguments."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "name": self.name,
                "window": self.window,
                "errors": self.errors,
                "memory": self.memory,
                "seen": self.seen,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look in a thread, because probes block; what is being waited for is in the log.

        The worker has just looked, so the first look is a pause later.
        """
        window = Window(*map(datetime.fromisoformat, self.window))
        configured = settings()
        errors, said = self.errors, ""
        memory = MEMORY.validate_python(self.memory)
        while True:
            left = (window.due_at - datetime.now(UTC)).total_seconds()
            await asyncio.sleep(max(1.0, min(configured.backups[self.name].poll_seconds, left)))
            judgement = await asyncio.to_thread(look, self.name, window, errors, memory)
            is_due = datetime.now(UTC) >= window.due_at
            is_seen = judgement.backup and judgement.backup.fingerprint == self.seen
            if judgement.verdict.is_final and (is_due or not is_seen):
                yield TriggerEvent(judgement.to_json())  # type: ignore[no-untyped-call]
                return
            errors = errors + 1 if judgement.cause else 0
            line = progress(judgement, configured.account.timezone)
            if line != said:
                self.log.info(line)
                said = line
