"""What every request passes first: is it meant for us, and does it come from our own page.

A page of somebody else can make a browser on this machine call us (and, by DNS rebinding, even
read the answers). So the ``Host`` must be one of ours, and an ``Origin``, which browsers send
with everything that changes something, must be the same place. This is pure ASGI: it holds up
no stream.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator.api.problems import ApiProblemError

PROBE_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked by kubelet and Prometheus under the pod's address, which nobody knows beforehand.

An address as ``Host`` is not rebinding: that needs a name.
"""

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": (
        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
}

_DEFAULT_PORTS = {"http": 80, "https": 443}


def split_host(header: str) -> tuple[str, int | None] | None:
    """Return name (lower case, no brackets) and port of a ``Host`` header; None if it is none."""
    if any(character in header for character in "/@?#\\ ,"):
        return None
    try:
        parts = urlsplit(f"//{header}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    return None if not host else (host.rstrip("."), port)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


class HostRule:
    """Which hosts are ours: loopback, the bound host, and those listed.

    A listed host is a name, an address, ``*.suffix`` or ``*`` (any: then a proxy must check).
    """

    def __init__(self, bound_host: str, allowed: Iterable[str]) -> None:
        self._names = {name.lower().strip("[]") for name in (bound_host, *allowed)}
        self._any = "*" in self._names
        self._suffixes = tuple(name[1:] for name in self._names if name.startswith("*."))

    def allows(self, host: str, path: str) -> bool:
        """Say whether a request for this host (as ``split_host`` gives it) is for us."""
        if self._any or host in self._names or host == "localhost":
            return True
        address = _address(host)
        if address is None:
            return host.endswith(self._suffixes) if self._suffixes else False
        return address.is_loopback or path in PROBE_PATHS


def same_origin(origin: str, host: tuple[str, int | None]) -> bool:
    """Say whether an ``Origin`` names the place that the ``Host`` header names.

    The scheme may differ from ours: TLS can end at a proxy before us.
    """
    scheme, separator, rest = origin.partition("://")
    place = split_host(rest)
    default = _DEFAULT_PORTS.get(scheme)
    if not separator or default is None or place is None:
        return False
    return (place[0], place[1] or default) == (host[0], host[1] or default)


class Guard:
    """The middleware that refuses foreign hosts and origins with 403."""

    def __init__(self, app: ASGIApp, rule: HostRule) -> None:
        self._app = app
        self._rule = rule

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it with a problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                # Nothing here may be shown after it changed, unless the route knows better.
                headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        refused = self._refuse(scope)
        if refused is not None:
            await refused.response()(scope, receive, send_guarded)
        else:
            await self._app(scope, receive, send_guarded)

    def _refuse(self, scope: Scope) -> ApiProblemError | None:
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
        host = split_host(hosts[0]) if len(hosts) == 1 else None
        if host is None or not self._rule.allows(host[0], scope["path"]):
            shown = ", ".join(hosts)[:100]
            return ApiProblemError(
                403,
                "host-not-allowed",
                "This host is not served",
                f"the Host {shown!r} is not served here; --allowed-hosts adds it",
            )
        if not all(same_origin(origin, host) for origin in origins):
            shown = ", ".join(origins)[:100]
            return ApiProblemError(
                403,
                "origin-not-allowed",
                "Calls from other sites are refused",
                f"the Origin {shown!r} is not the site that is called",
            )
        return None
