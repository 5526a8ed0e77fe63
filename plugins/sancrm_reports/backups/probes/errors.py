"""Why a probe could not look. None of these says anything about the backup."""

from __future__ import annotations

from sancrm_reports.errors import ReportError


class CommandError(ReportError):
    """A command could not be run, or said that it failed."""

    code = "command"


class ReportUnreadableError(ReportError):
    """What the tool printed or wrote is not its report."""

    code = "report_unreadable"


class ToolError(ReportError):
    """The tool answered that it cannot tell."""

    code = "tool"


class SilentProbeError(ReportError):
    """The probe gave no answer in time."""

    code = "silent_probe"
