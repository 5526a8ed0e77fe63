"""Why a probe could not look. None of these says anything about the backup."""

from __future__ import annotations

from sancrm_reports.errors import ReportError


class CommandError(ReportError):
    """A command could not be run, or said that it failed."""


class ReportUnreadableError(ReportError):
    """What the tool printed or wrote is not its report."""


class ToolError(ReportError):
    """The tool answered that it cannot tell."""


class SilentProbeError(ReportError):
    """The probe gave no answer in time."""
