"""Laws of the bytes that are sent."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from driver.request_bytes import RequestBytes, request_bytes
from spate.plan import Plan, parse_plan
from spate.secrets import SecretError
from spate.traceparent import TraceSampling


def plan(
    *requests: dict[str, Any],
    index_header: bool = False,
    target: str = "",
    options: dict[str, Any] | None = None,
) -> Plan:
    """Return a plan of these requests."""
    return parse_plan(
        {
            "name": "bytes",
            "target": target or "http://target:8000",
            "requests": list(requests),
            "load": {"test_type": "avalanche", "message_count_per_driver": 1},
            "options": {"index_header": index_header} | (options or {}),
        }
    )


def sent(request: dict[str, Any], environ: dict[str, str] | None = None, target: str = "") -> bytes:
    """Return the only request as sent for arrival 0."""
    (made,) = request_bytes(plan(request, target=target), environ or {}, "run-1")
    return made.of(0)


def test_get() -> None:
    """A request has the usual headers and no content."""
    assert sent({"path": "/ping?a=1"}) == (
        b"GET /ping?a=1 HTTP/1.1\r\nHost: target:8000\r\nUser-Agent: spate\r\nAccept: */*\r\n\r\n"
    )


def test_host_leaves_out_the_usual_port() -> None:
    """The Host header has the port only if it is not the scheme's own."""
    for target, host in (
        ("http://target:80", b"target"),
        ("https://target:443", b"target"),
        ("https://target:80", b"target:80"),
        ("http://[::1]:8000", b"[::1]:8000"),
    ):
        assert b"\r\nHost: " + host + b"\r\n" in sent({"path": "/"}, target=target)


def test_content() -> None:
    """The body is sent in UTF-8 with its length in bytes."""
    made = sent({"path": "/", "method": "POST", "body": "größe"})
    assert made.endswith(b"\r\nContent-Length: 7\r\n\r\ngr\xc3\xb6\xc3\x9fe")


def test_length_of_no_content() -> None:
    """Methods that usually have content say that there is none; others say nothing."""
    for method in ("POST", "PUT", "PATCH"):
        assert sent({"path": "/", "method": method}).endswith(b"\r\nContent-Length: 0\r\n\r\n")
    for method in ("GET", "HEAD", "DELETE", "OPTIONS"):
        assert b"Content-Length" not in sent({"path": "/", "method": method})


def test_own_headers_replace_the_usual() -> None:
    """A header of the plan takes the place of the one that is sent by default."""
    headers = {"host": "other", "USER-AGENT": "mine", "accept": "text/html", "X-Empty": ""}
    assert sent({"path": "/", "headers": headers}) == (
        b"GET / HTTP/1.1\r\nhost: other\r\nUSER-AGENT: mine\r\naccept: text/html\r\n"
        b"X-Empty: \r\n\r\n"
    )


def test_secrets_are_filled() -> None:
    """Secrets come from the environment, in headers and body; the length counts what is sent."""
    request = {
        "path": "/",
        "method": "POST",
        "headers": {"Authorization": "Bearer ${secret:TOKEN}"},
        "body": "${secret:TOKEN} $${x}",
    }
    made = sent(request, {"SPATE_SECRET_TOKEN": "abc"})
    assert b"\r\nAuthorization: Bearer abc\r\n" in made
    assert made.endswith(b"\r\nContent-Length: 8\r\n\r\nabc ${x}")


def test_bad_secrets_are_refused() -> None:
    """A missing secret, or one that would begin a header of its own, stops the run early."""
    request = {"path": "/", "headers": {"X": "${secret:A}"}}
    with pytest.raises(SecretError, match="SPATE_SECRET_A"):
        sent(request)
    with pytest.raises(SecretError, match="SPATE_SECRET_A") as caught:
        sent(request, {"SPATE_SECRET_A": "hidden\r\nX-Evil: 1"})
    assert "hidden" not in str(caught.value)


def test_index_header() -> None:
    """With the index header each arrival names its run and index; all else stays the same."""
    request = {"path": "/", "method": "POST", "body": "%d"}
    (made,) = request_bytes(plan(request, index_header=True), {}, "run-1")
    assert made.of(12_345) == sent(request).replace(
        b"Content-Length: 2\r\n", b"Content-Length: 2\r\nSpate-Index: run-1/12345\r\n"
    )
    assert b"\r\nSpate-Index: run-1/0\r\n" in made.of(0)


@pytest.mark.parametrize("index_header", [False, True])
def test_traced_requests(index_header: bool) -> None:
    """Those that are chosen have one header more; the others are as they would be without it."""
    request = {"path": "/", "method": "POST", "body": "traceparent: no"}
    traced = plan(request, index_header=index_header, options={"traceparent": 0.5})
    (made,) = request_bytes(traced, {}, "run-1")
    (plain,) = request_bytes(plan(request, index_header=index_header), {}, "run-1")
    sampling = TraceSampling("run-1", traced.seed, Fraction(1, 2))
    found = {True: 0, False: 0}
    for index in range(200):
        chosen = sampling.chosen(index)
        found[chosen] += 1
        line = b"traceparent: %b\r\n" % sampling.value(index) if chosen else b""
        last = b"Content-Length: 15\r\n"
        assert made.of(index) == plain.of(index).replace(last, last + line)
    assert min(found.values()) > 50


def test_without_the_option_nothing_is_looked_at() -> None:
    """The requests are then of the type that knows nothing of traces."""
    (made,) = request_bytes(plan({"path": "/"}), {}, "run-1")
    assert type(made) is RequestBytes


def test_order_of_the_plan() -> None:
    """The requests come in the order of the plan."""
    made = request_bytes(plan({"path": "/a"}, {"path": "/b"}), {}, "run-1")
    assert [one.of(0).split()[1] for one in made] == [b"/a", b"/b"]
