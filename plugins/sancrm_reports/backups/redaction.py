"""What a program printed, as an alert may show it."""

from __future__ import annotations

import re
import signal

LONGEST = 300  # characters: an alert has to fit in one message

_VALUE = r"""("(\\.|[^"\\])*"?|'(\\.|[^'\\])*'?|\S+)"""  # also one whose quotation mark is cut off
_NAME = r"(password|passwd|passphrase|pass|pwd|secret|token|key)"
SECRETS = (  # each keeps what is captured first, and hides the rest
    re.compile(r"(://[^:/@\s]*:)\S+(?=@)"),  # up to the last @: a password may have some
    re.compile(r"(/bot\d+:)[\w-]+"),
    re.compile(r"""(?i)(\bauthorization\\?["']?\s*[:=]\s*).+"""),
    re.compile(r"(?i)(\bbearer\s+)\S+"),
    re.compile(rf"""(?i)({_NAME}\\?["']?\s*[:=]\s*){_VALUE}"""),
    re.compile(rf"(?i)(--[\w-]*{_NAME}\s+){_VALUE}"),
)


def last_line(text: str) -> str:
    """Return the last line that says something, without the secrets that are known by their form.

    They stand in addresses, headers, settings and options.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    line = lines[-1] if lines else ""
    for secret in SECRETS:
        line = secret.sub(r"\1…", line)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def ending(code: int) -> str:
    """Say how a program ended; a negative code is that of a signal."""
    return f"signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"exit code {code}"
