"""Which links Telegram takes, in buttons and in text."""

import ipaddress
import re

_ALLOWED = re.compile(r"(?:[A-Za-z0-9._!$,~*'();&+=-]|%[0-9A-Fa-f]{2}|[^\x00-\x7f])*")
_ALLOWED_IN_USERINFO = re.compile(r"(?:[A-Za-z0-9._!$,~*'();&+=:-]|%[0-9A-Fa-f]{2}|[^\x00-\x7f])*")
_SCHEME = re.compile(r"([^:/?#@\[\]]*)://")


class UrlError(ValueError):
    """Telegram's reason for refusing a link."""


def checked_url(url: str) -> str:
    """Return the link as Telegram stores it, or raise `UrlError` with its reason.

    http, https and tg; without a scheme http is meant; the host of a web link needs a dot.
    """
    if url[:3].lower() == "tg:":
        return _checked_tg(url[3:].removeprefix("//"))
    scheme, userinfo, host, port, path = _split(url)
    if "." not in host and not host.startswith("["):
        raise UrlError("Wrong HTTP URL")
    return f"{scheme}://{userinfo}{host}{port}{path}"


def _checked_tg(rest: str) -> str:
    scheme, userinfo, host, port, path = _split(rest)
    if rest[:7].lower() == "http://" or scheme == "https" or userinfo or port:
        raise UrlError("Wrong tg URL")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", host):
        raise UrlError("Unallowed characters in URL host")
    return f"tg://{host}{path[1:] if path.startswith('/?') else path}"


def _split(url: str) -> tuple[str, str, str, str, str]:
    """Split into scheme, ``user@``, host, ``:port`` and a path that begins with a slash."""
    scheme = "http"
    if match := _SCHEME.match(url):
        scheme = match[1].lower()
        if scheme not in ("http", "https"):
            raise UrlError("Unsupported URL protocol")
        url = url[match.end() :]
    authority = re.split(r"[/?#]", url, maxsplit=1)[0]
    path = url[len(authority) :].rstrip(" \t\r\n\v") or "/"
    path = re.sub(r"[\x00-\x20]", lambda found: f"%{ord(found[0]):02X}", path)
    if not path.startswith("/"):
        path = "/" + path

    port = ""
    if match := re.fullmatch(r"(.+):([^:\]@]*)", authority):
        authority, digits = match[1], match[2].lstrip("0")
        if not re.fullmatch(r"[0-9]{1,5}", digits) or int(digits) > 65535:
            raise UrlError("Wrong port number specified in the URL")
        port = f":{digits}"
    userinfo, at, host = authority.rpartition("@")
    _check_host(host, userinfo)
    return scheme, userinfo + at, host.lower(), port, path


def _check_host(host: str, userinfo: str) -> None:
    if not host:
        raise UrlError("URL host is empty")
    if host == ".":
        raise UrlError("Host is invalid")
    if host.startswith("[") and host.endswith("]"):
        try:
            ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            raise UrlError("Wrong IPv6 address specified in the URL") from None
    elif not _ALLOWED.fullmatch(host):
        raise UrlError("Disallowed character in URL host")
    if not _ALLOWED_IN_USERINFO.fullmatch(userinfo):
        raise UrlError("Disallowed character in URL userinfo")
