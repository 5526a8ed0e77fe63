"""What a program printed, as an alert may show it."""

from __future__ import annotations

import re

LONGEST = 300  # characters: an alert has to fit in one message


def last_line(text: str) -> str:
    """Return the last line that says something, without passwords that stand in addresses."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    line = lines[-1] if lines else ""
    line = re.sub(r"(://[^:/@\s]*):[^@\s]+@", r"\1:…@", line)
    line = re.sub(r"(?i)(password|secret|token|key)=\S+", r"\1=…", line)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
