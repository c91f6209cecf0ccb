"""Only listed hosts are loaded, however their address is spelled."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spate.allowlist import DEFAULT, DEFAULT_TEXT, Allowlist, literal_address

LISTED = Allowlist.parse("shop.load.svc, *.Example.COM.,10.0.0.0/8,2001:db8::/32,192.0.2.7,")


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.255.0.3", "[::1]", "::1", "target",
     "Target.", "127.1", "0x7f.1", "2130706433", "0x7f000001", "0177.0.0.1", "017700000001",
     "::ffff:127.0.0.1", "[::FFFF:7f00:1]", "127.0.0.1.", "0:0:0:0:0:0:0:1", "::1%lo"],
)  # fmt: skip
def test_loopback_and_the_bundled_target_are_allowed(host: str) -> None:
    """Without any setting, this machine and the bundled target may be loaded."""
    assert DEFAULT.allows_host(host)


@pytest.mark.parametrize(
    "host",
    ["", ".", "example.com", "localhost.example.com", "xlocalhost", "target.evil.com", "target..",
     "128.0.0.1", "0.0.0.0", "::", "0", "127.0.0.256", "256.1", "127.0.0.0.1", "0x", "::2",
     "::ffff:128.0.0.1", "3232235777", "169.254.169.254", "[::1", "::1]", ":::", "127.0.0.1:80",
     "\uff11\uff12\uff17.0.0.1", "local host", "1" * 5000, "0128.0.0.1", "4294967296", "0400.1"],
)  # fmt: skip
def test_everything_else_is_refused(host: str) -> None:
    """What is not on the list is refused, also what is no host at all."""
    assert not DEFAULT.allows_host(host)
    assert not DEFAULT.permits(host, ["8.8.8.8"])


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("shop.load.svc", True),
        ("a.shop.load.svc", False),
        ("a.example.com", True),
        ("a.b.EXAMPLE.com.", True),
        ("example.com", False),
        ("badexample.com", False),
        ("10.1.2.3", True),
        ("11.0.0.0", False),
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("[2001:db8::5]", True),
        ("2001:db9::5", False),
    ],
)
def test_names_suffixes_and_networks(host: str, expected: bool) -> None:
    """A name matches itself, *.suffix what ends in it, a network its addresses."""
    assert LISTED.allows_host(host) is expected


@pytest.mark.parametrize(
    ("host", "resolved", "expected"),
    [
        ("shop.load.svc", [], True),
        ("shop.load.svc", ["8.8.8.8"], True),
        ("shop.load.svc", ["8.8.8.8", "169.254.169.254"], False),
        ("shop.load.svc", ["::ffff:169.254.169.254"], False),
        ("shop.load.svc", ["fe80::1%eth0"], False),
        ("shop.load.svc", ["nonsense"], False),
        ("other.svc", [], False),
        ("other.svc", ["10.0.0.1", "::ffff:10.0.0.2", "2001:db8::1"], True),
        ("other.svc", ["10.0.0.1", "11.0.0.1"], False),
        ("other.svc", ["nonsense"], False),
        ("not a name", ["10.0.0.1"], False),
        ("10.0.0.1", ["10.0.0.1"], True),
        ("11.0.0.1", ["10.0.0.1"], False),
    ],
)
def test_what_a_name_resolves_to_counts(host: str, resolved: list[str], expected: bool) -> None:
    """A listed name may resolve to anything but link-local; another only to listed networks."""
    assert LISTED.permits(host, iter(resolved)) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.0.0.0/0,::/0", False),
        ("169.254.0.0/16", True),
        ("169.254.169.254", True),
        ("::ffff:169.254.0.0/112", True),
        ("169.0.0.0/8", False),
    ],
)
def test_link_local_needs_its_own_network(text: str, expected: bool) -> None:
    """The addresses of clouds' credentials are reached by nothing wider than their network."""
    assert Allowlist.parse(text).permits("169.254.169.254", ["169.254.169.254"]) is expected
    assert Allowlist.parse(text).allows_address("::ffff:169.254.169.254") is expected


def test_addresses_are_objects_or_texts() -> None:
    """An address may come from ipaddress as well; a name is no address."""
    assert LISTED.allows_address(ip_address("10.0.0.1"))
    assert LISTED.allows_address(ip_address("2001:db8::1%eth0"))
    assert not LISTED.allows_address("shop.load.svc")


@given(st.ip_addresses(v=4))
def test_every_spelling_is_the_same_address(address: object) -> None:
    """Decimal, octal, hexadecimal and mapped spellings all mean the address itself."""
    number = int(ip_address(str(address)))
    a, b, c, d = number.to_bytes(4)
    spellings = [
        str(address), str(number), hex(number), f"0{number:o}", f"{a}.{number & 0xFFFFFF}",
        f"{a:#x}.{b}.{number & 0xFFFF}", f"0{a:o}.0{b:o}.0{c:o}.0{d:o}", f"::ffff:{address}",
        f"[::ffff:{address}]", f"{address}.",
    ]  # fmt: skip
    assert {literal_address(text) for text in spellings} == {address}


@pytest.mark.parametrize("text", ["", DEFAULT_TEXT, str(LISTED), "*.svc,a"])
def test_written_lists_read_back(text: str) -> None:
    """The text of a list reads as the same list."""
    assert Allowlist.parse(str(Allowlist.parse(text))) == Allowlist.parse(text)


def test_an_empty_list_allows_nothing() -> None:
    """Nothing listed, nothing allowed."""
    assert not Allowlist.parse(" , ").allows_host("localhost")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("http://a", "'http://a' is no network"),
        ("a:80", "'a:80' is no network"),
        ("10.0.0.1/8", "'10.0.0.1/8' has bits beyond its prefix; write 10.0.0.0/8"),
        ("10.0.0.0/33", "is no network"),
        ("*", "'*' is no host name"),
        ("*.", "'*.' is no host name"),
        ("a.*.b", "'a.*.b' is no host name"),
        ("0x7f.1", "'0x7f.1' is a number"),
        ("*.1", "'*.1' is a number"),
        ("[::1", "is no network"),
    ],
)
def test_other_entries_are_refused(text: str, message: str) -> None:
    """An entry that is no name, suffix or network is named, with what to write."""
    with pytest.raises(ValueError, match=r".") as caught:
        Allowlist.parse(f"localhost,{text}")
    assert message in str(caught.value)


def test_brackets_are_optional() -> None:
    """An IPv6 address is listed with or without brackets."""
    assert Allowlist.parse("[::1]") == Allowlist.parse("::1")
