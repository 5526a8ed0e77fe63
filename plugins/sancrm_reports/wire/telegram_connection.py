"""An Airflow connection to a bot: its token, its default chat, and what its extra says."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sancrm_reports.errors import PermanentError


class NoConnectionError(PermanentError):
    """Airflow has no connection of that name."""

    code = "no_connection"


class Extra(BaseModel):
    """What the connection's extra field may hold; timeouts in seconds."""

    model_config = ConfigDict(extra="forbid")

    # The token comes right after it: without the path it would become a part of the host's name.
    base_url: str = Field("https://api.telegram.org/bot", pattern="^https?://[^/]+/(.+/)?bot$")
    proxy: str | None = Field(None, pattern="^(https?|socks5h?)://.")
    message_thread_id: int | None = Field(None, ge=1)
    connect_timeout: float = Field(10, gt=0)
    read_timeout: float = Field(40, gt=0)
    write_timeout: float = Field(40, gt=0)


def token_of(account: Any, conn_id: str) -> str:
    """Return the bot's token, which is the connection's password.

    Raises:
        PermanentError: there is none.
    """
    token = (account.password or "").strip()
    if not token:
        raise PermanentError(
            f"The connection {conn_id!r} has no bot token in its password.", code="bad_connection"
        )
    return str(token)


def extra_of(account: Any, conn_id: str) -> Extra:
    """Return what the connection's extra says; no value of it is quoted: one may be a secret.

    Raises:
        PermanentError: it is wrong; the text says which key.
    """
    try:
        return Extra.model_validate_json(account.extra or "{}")
    except ValidationError as error:
        problems = "; ".join(
            ": ".join([*map(str, problem["loc"]), problem["msg"]]) for problem in error.errors()
        )
        raise PermanentError(
            f"The extra of connection {conn_id!r} is wrong: {problems}. It is a JSON object; "
            f"allowed in it: {', '.join(Extra.model_fields)}.",
            code="bad_connection",
        ) from None
