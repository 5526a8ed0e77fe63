"""What reading a dump may come to. Only the first says something about the dump."""

from __future__ import annotations

from sancrm_reports.errors import ReportError


class DamagedError(ReportError):
    """The dump is not whole; the text is the reader's own line."""

    code = "damaged"


class UnknownFormatError(ReportError):
    """The dump is of no format that can be read here, which says nothing about it."""

    code = "unknown_format"


class VerificationError(ReportError):
    """The dump could not be read, or not in time: this says nothing about it."""

    code = "verification"


class StillWrittenError(VerificationError):
    """The dump changed while it was read."""

    code = "still_written"
