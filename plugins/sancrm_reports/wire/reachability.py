"""What kept a request from its server: the name, the port, the certificate, the proxy."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import httpx

# The first that is found in an error's causes decides. A refused certificate is a kind of SSLError.
_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (httpx.InvalidURL, "address"),
    (httpx.UnsupportedProtocol, "address"),
    (httpx.ProxyError, "proxy"),
    (httpx.TimeoutException, "telegram_silent"),
    (socket.gaierror, "host_unknown"),
    (ssl.SSLCertVerificationError, "certificate"),
    (ssl.SSLError, "tls"),
    (ConnectionRefusedError, "port_refused"),
)
# With a proxy it is the proxy that cannot be found or does not answer.
_OF_THE_PROXY = ("host_unknown", "port_refused", "telegram_silent")


def reason_unreachable(failure: BaseException, *, is_by_proxy: bool) -> str:
    """Return the error code that says why a server could not be reached.

    ``not_sent`` where no cause is known.
    """
    causes = list(_causes(failure))
    for kind, code in _REASONS:
        if any(isinstance(cause, kind) for cause in causes):
            return "proxy" if is_by_proxy and code in _OF_THE_PROXY else code
    return "not_sent"


def _causes(failure: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and all that caused it."""
    if failure is None:
        return
    yield failure
    if isinstance(failure, BaseExceptionGroup):
        for error in failure.exceptions:
            yield from _causes(error)
    yield from _causes(failure.__cause__ or failure.__context__)
