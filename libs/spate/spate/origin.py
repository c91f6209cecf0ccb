"""The scheme, host and port of a target."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final, Literal

_URL: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#\\]*)(?P<rest>.*)", re.DOTALL
)
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_OCTET: Final = re.compile(r"0|[1-9][0-9]{0,2}")
_NUMERIC_END: Final = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_EXAMPLE: Final = "write it like http://127.0.0.1:8000"
_MOST_HOST: Final = 253
_MOST_PORT: Final = 65_535
_MOST_OCTET: Final = 255
_OCTETS: Final = 4


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the requests go. ``host`` is lower case, an IPv6 address without its brackets."""

    scheme: Literal["http", "https"]
    host: str
    port: int

    @property
    def authority(self) -> str:
        """What the Host header says: the port is left out if it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        """Return the URL."""
        return f"{self.scheme}://{self.authority}"


def parse_origin(text: str) -> Origin:
    """Read a URL that is scheme, host and perhaps port.

    Raises:
        ValueError: with what is wrong and what to write instead.
    """
    match = _URL.fullmatch(text)
    if match is None:
        raise ValueError(f"is not a URL: {_EXAMPLE}")
    scheme: Literal["http", "https"]
    match match["scheme"].lower():
        case "http":
            scheme = "http"
        case "https":
            scheme = "https"
        case other:
            raise ValueError(f"has the scheme {other!r}; only http and https are offered")
    authority = match["authority"]
    if "@" in authority:
        raise ValueError("holds a user or password; put them into an Authorization header")
    if match["rest"] not in {"", "/"}:
        raise ValueError("has a path, query or fragment; put it into the path of a request")
    host, port = _split(authority)
    return Origin(scheme, check_host(host), _port(port) if port else _DEFAULT_PORTS[scheme])


def check_host(host: str) -> str:
    """Return a host name or address (IPv6 without brackets) in lower case.

    Raises:
        ValueError: with what is wrong and what to write instead.
    """
    host = host.lower()
    if not host:
        raise ValueError(f"has no host: {_EXAMPLE}")
    if ":" in host:
        return _ipv6(host)
    if not host.isascii():
        raise ValueError("has a host beyond ASCII; write its xn--… form")
    labels = host.removesuffix(".").split(".")
    if len(host) > _MOST_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"has no valid host: {_EXAMPLE}")
    # Resolvers read 127.1, 0x7f.1 and 2130706433 as addresses; people do not.
    if _NUMERIC_END.fullmatch(labels[-1]) and not _is_dotted(host):
        raise ValueError("has a host that is a number; write the address as in 127.0.0.1")
    return host


def _split(authority: str) -> tuple[str, str]:
    """Return host and port of an authority; the port is "" if there is none.

    Raises:
        ValueError: if the brackets or the colon are wrong.
    """
    if authority.startswith("["):
        host, bracket, rest = authority[1:].partition("]")
        if not bracket or ":" not in host or (rest and not rest.startswith(":")):
            raise ValueError("has no valid IPv6 address: write it like http://[::1]:8000")
        colon, port = rest[:1], rest[1:]
    else:
        host, colon, port = authority.partition(":")
        if ":" in port:
            raise ValueError("has no valid port; an IPv6 address needs brackets: [::1]:8000")
    if colon and not port:
        raise ValueError("has a colon without a port; write the port or leave out the colon")
    return host, port


def _port(text: str) -> int:
    """Return the port.

    Raises:
        ValueError: if it is not 1 to 65535.
    """
    valid = text.isascii() and text.isdigit() and len(text) <= len(str(_MOST_PORT))
    if not valid or not 1 <= int(text) <= _MOST_PORT:
        raise ValueError(f"has the port {text[:20]!r}; a port is 1 to {_MOST_PORT}")
    return int(text)


def _is_dotted(host: str) -> bool:
    """Return whether the host is four decimal octets without leading zeros."""
    octets = host.split(".")
    return len(octets) == _OCTETS and all(
        _OCTET.fullmatch(octet) and int(octet) <= _MOST_OCTET for octet in octets
    )


def _ipv6(host: str) -> str:
    """Return an IPv6 address in its shortest form.

    Raises:
        ValueError: if it is none, or has a zone.
    """
    if "%" in host:
        raise ValueError("has an IPv6 zone, which only one machine understands; leave it out")
    try:
        return IPv6Address(host).compressed
    except ValueError:
        raise ValueError("has no valid IPv6 address: write it like http://[::1]:8000") from None
