"""Which hosts may be loaded: names, ``*.suffix`` and networks; everything else is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

DEFAULT_TEXT: Final = "localhost,127.0.0.0/8,::1/128,target"
"""Loopback and the bundled target's service."""

_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER: Final = re.compile(r"0x[0-9a-f]*|[0-9]+")
_OCTAL: Final = re.compile(r"0[0-7]*")
_LINK_LOCAL: Final[tuple[Network, ...]] = (
    IPv4Network("169.254.0.0/16"),
    IPv6Network("fe80::/10"),
)
_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_PARTS: Final = 4
_OCTET: Final = 256


@dataclass(frozen=True, slots=True)
class Allowlist:
    """The hosts and networks that may be loaded.

    Names are compared in lower case without the trailing dot. Link-local addresses, where clouds
    keep their credentials, need a network of their own: neither a name that resolves to one nor
    a wider network such as ``0.0.0.0/0`` reaches them.
    """

    names: frozenset[str]
    suffixes: tuple[str, ...]
    networks: tuple[Network, ...]

    @classmethod
    def parse(cls, text: str) -> Allowlist:
        """Read ``127.0.0.0/8,*.svc,host``; blanks around entries and empty ones do not count.

        Raises:
            ValueError: if an entry is none of the three; the message names it and the fix.
        """
        names: set[str] = set()
        suffixes: dict[str, None] = {}
        networks: dict[Network, None] = {}
        for entry in filter(None, (part.strip() for part in text.split(","))):
            network = _entry_network(entry)
            if network is not None:
                networks[network] = None
            elif entry.startswith("*."):
                suffixes["." + _entry_name(entry, entry[2:])] = None
            else:
                names.add(_entry_name(entry, entry))
        return cls(frozenset(names), tuple(suffixes), tuple(networks))

    def __str__(self) -> str:
        """Return a text that ``parse`` reads as the same list."""
        stars = (f"*{suffix}" for suffix in self.suffixes)
        return ",".join([*sorted(self.names), *stars, *map(str, self.networks)])

    def allows_host(self, host: str) -> bool:
        """Return whether a host as written in a URL is on the list.

        A name is looked up among the names, never resolved. Any spelling of an address that a
        resolver would take for one (brackets, ``0x7f.1``, ``2130706433``) counts as the address.
        """
        address = literal_address(host)
        if address is not None:
            return self.allows_address(address)
        name = _normal_name(host)
        return name is not None and (
            name in self.names or any(name.endswith(suffix) for suffix in self.suffixes)
        )

    def allows_address(self, address: str | Address) -> bool:
        """Return whether an address lies in one of the networks; False if it is no address."""
        known = literal_address(address) if isinstance(address, str) else _plain(address)
        if known is None:
            return False
        home = _link_local(known)
        if home is not None:
            return any(
                known in network and network.prefixlen >= home.prefixlen
                for network in self.networks
                if network.version == known.version
            )
        return any(known in network for network in self.networks)

    def permits(self, host: str, resolved: Iterable[str]) -> bool:
        """Return whether load may go to ``host``, whose addresses are ``resolved``.

        Either the name is on the list, or every address lies in a listed network (and there is
        one). An address as host must be in a listed network itself. Link-local addresses must be
        in a listed network whatever the name is.
        """
        literal = literal_address(host)
        if literal is not None:
            return self.allows_address(literal)
        if _normal_name(host) is None:
            return False
        addresses = [literal_address(address) for address in resolved]
        if self.allows_host(host):
            return all(
                address is not None
                and (_link_local(address) is None or self.allows_address(address))
                for address in addresses
            )
        return bool(addresses) and all(
            address is not None and self.allows_address(address) for address in addresses
        )


def literal_address(host: str) -> Address | None:
    """Return the address that a host spells, or None if it is a name.

    Takes what ``getaddrinfo`` takes: brackets, an IPv6 zone (which is dropped), a trailing dot,
    and IPv4 in one to four decimal, octal (``0177.1``) or hexadecimal parts. An IPv4-mapped IPv6
    address is its IPv4 address, because that is where its packets go.
    """
    text = host.strip().lower()
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    if ":" in text:
        try:
            return _plain(ip_address(text.partition("%")[0]))
        except ValueError:
            return None
    return _numbers(text.removesuffix("."))


def _numbers(text: str) -> IPv4Address | None:
    """Return the address of one to four numbers as ``inet_aton`` reads them, or None.

    All but the last are octets, the last fills what is left: ``127.1`` is 127.0.0.1.
    """
    parts = text.split(".")
    if len(parts) > _PARTS or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    values: list[int] = []
    for part in parts:
        if part.startswith("0x"):
            values.append(int(part[2:] or "0", 16))
        elif _OCTAL.fullmatch(part):
            values.append(int(part, 8))
        elif part.startswith("0") or len(part) > len(str(_OCTET**_PARTS)):
            return None
        else:
            values.append(int(part))
    *heads, last = values
    if any(head >= _OCTET for head in heads) or last >= _OCTET ** (_PARTS - len(heads)):
        return None
    number = last
    for place, head in enumerate(heads):
        number += head * _OCTET ** (_PARTS - 1 - place)
    return IPv4Address(number)


def _plain(address: Address) -> Address:
    """Return the IPv4 address behind an IPv4-mapped one, and no IPv6 zone."""
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or IPv6Address(int(address))
    return address


def _link_local(address: Address) -> Network | None:
    """Return the link-local network of an address, or None."""
    return next((network for network in _LINK_LOCAL if address in network), None)


def _normal_name(host: str) -> str | None:
    """Return a host name in lower case without its trailing dot; None if it is none."""
    name = host.lower().removesuffix(".")
    return name if all(_LABEL.fullmatch(label) for label in name.split(".")) else None


def _entry_name(entry: str, text: str) -> str:
    """Return the name of an entry.

    Raises:
        ValueError: if it is no host name.
    """
    name = _normal_name(text)
    if name is None:
        raise ValueError(
            f"{entry!r} is no host name, *.suffix or network; write entries such as "
            "shop.load.svc, *.svc or 10.0.0.0/8, without scheme and port"
        )
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        raise ValueError(f"{entry!r} is a number; write the address as in 127.0.0.1")
    return name


def _entry_network(entry: str) -> Network | None:
    """Return the network of an entry, or None if it is to be a name.

    Raises:
        ValueError: if it has bits beyond its prefix, or a prefix that does not fit.
    """
    text = entry
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        if "/" in entry or ":" in entry:
            raise ValueError(f"{entry!r} is no network; write one such as 10.0.0.0/8") from None
        return None
    if "/" in text and network.network_address != ip_address(text.partition("/")[0]):
        raise ValueError(f"{entry!r} has bits beyond its prefix; write {network}")
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        inner = int(network.network_address) & 0xFFFF_FFFF
        return IPv4Network((inner, network.prefixlen - _MAPPED.prefixlen))
    return network


DEFAULT: Final = Allowlist.parse(DEFAULT_TEXT)
"""What may be loaded without any setting."""
