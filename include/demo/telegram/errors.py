"""How the Bot API refuses a request."""

from typing import Any

PREFIXES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    413: "Request Entity Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    504: "Gateway Timeout",
}


class ApiError(Exception):
    """An answer with ``ok: false``: the HTTP status, the description and the extra parameters."""

    def __init__(self, status: int, reason: str = "", **parameters: int) -> None:
        self.status = status
        self.description = (
            f"{PREFIXES[status]}: {_decapitalised(reason)}" if reason else (PREFIXES[status])
        )
        self.parameters = parameters
        super().__init__(self.description)

    def to_json(self) -> dict[str, Any]:
        """The body of the answer."""
        body: dict[str, Any] = {
            "ok": False,
            "error_code": self.status,
            "description": self.description,
        }
        return body | {"parameters": self.parameters} if self.parameters else body


class BadRequest(ApiError):  # noqa: N818 - the name that Telegram gives it
    """Status 400: the request can never succeed as it is."""

    def __init__(self, reason: str, **parameters: int) -> None:
        super().__init__(400, reason, **parameters)


class TooManyRequests(ApiError):  # noqa: N818 - the name that Telegram gives it
    """Status 429: nothing was done, and the client must wait ``seconds``."""

    def __init__(self, seconds: int) -> None:
        super().__init__(429, f"retry after {seconds}", retry_after=seconds)


def _decapitalised(reason: str) -> str:
    """Lower the first letter as the real server does, and leave TOPIC_CLOSED alone."""
    if len(reason) > 1 and (reason[1] == "_" or "A" <= reason[1] <= "Z"):
        return reason
    return reason[:1].lower() + reason[1:]
