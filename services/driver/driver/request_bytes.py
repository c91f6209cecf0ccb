"""Requests as bytes, made once per run, so that sending one costs no formatting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spate.plan import Plan, Request
from spate.secrets import fill, fill_header
from spate.traceparent import TraceSampling

_DEFAULTS = {"user-agent": b"User-Agent: spate", "accept": b"Accept: */*"}
_WITH_CONTENT = frozenset({"POST", "PUT", "PATCH"})
_LINE_END = b"\r\n"


@dataclass(frozen=True, slots=True)
class RequestBytes:
    """One request of the plan on the wire.

    ``before`` is all of it, or, if ``after`` is not None, what comes before the digits of the
    arrival's index; ``after`` is what follows them.
    """

    before: bytes
    after: bytes | None

    def of(self, index: int) -> bytes:
        """Return the whole request of the arrival ``index``."""
        if self.after is None:
            return self.before
        return b"%b%d%b" % (self.before, index, self.after)


@dataclass(frozen=True, slots=True)
class TracedRequestBytes:
    """One request of a plan in which some carry W3C trace context, as a header before the last.

    ``head_bytes`` is where that header goes. Plans without the option have none of these, and
    their requests cost nothing more.
    """

    plain: RequestBytes
    head_bytes: int
    sampling: TraceSampling

    def of(self, index: int) -> bytes:
        """Return the whole request of the arrival ``index``."""
        whole = self.plain.of(index)
        if not self.sampling.chosen(index):
            return whole
        head, rest = whole[: self.head_bytes], whole[self.head_bytes :]
        return b"%btraceparent: %b\r\n%b" % (head, self.sampling.value(index), rest)


AnyRequestBytes = RequestBytes | TracedRequestBytes


def request_bytes(
    plan: Plan, environ: Mapping[str, str], run_id: str
) -> tuple[AnyRequestBytes, ...]:
    """Return the requests of the plan in its order, their secrets filled in from ``environ``.

    With ``options.index_header`` each carries ``Spate-Index: RUN/INDEX`` as its last header, with
    ``options.traceparent`` that share of them ``traceparent``.

    Raises:
        spate.secrets.SecretError: if a secret is missing or cannot stand in a header.
    """
    prefix = b"Spate-Index: %b/" % run_id.encode() if plan.options.index_header else None
    share = plan.options.traceparent
    sampling = TraceSampling(run_id, plan.seed, share) if share else None
    return tuple(
        _request_bytes(request, plan.origin.authority, environ, prefix, sampling)
        for request in plan.requests
    )


def _request_bytes(
    request: Request,
    authority: str,
    environ: Mapping[str, str],
    index_prefix: bytes | None,
    sampling: TraceSampling | None,
) -> AnyRequestBytes:
    """Return one request; the plan has refused whatever would break its framing."""
    given = {name.lower() for name in request.headers}
    lines = [f"{request.method} {request.path} HTTP/1.1".encode()]
    if "host" not in given:
        lines.append(f"Host: {authority}".encode())
    lines += [line for name, line in _DEFAULTS.items() if name not in given]
    lines += [
        f"{name}: {fill_header(value, environ)}".encode() for name, value in request.headers.items()
    ]
    body = fill(request.body, environ).encode()
    # RFC 9110, 8.6: a method that usually has content says so even if there is none.
    if body or request.method in _WITH_CONTENT:
        lines.append(b"Content-Length: %d" % len(body))
    head = _LINE_END.join(lines) + _LINE_END
    if index_prefix is None:
        made = RequestBytes(head + _LINE_END + body, None)
    else:
        made = RequestBytes(head + index_prefix, _LINE_END + _LINE_END + body)
    return made if sampling is None else TracedRequestBytes(made, len(head), sampling)
