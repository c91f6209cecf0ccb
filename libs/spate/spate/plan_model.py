"""The plan: the immutable document a user submits, checked and with every default filled in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from typing import Any, ClassVar, Literal

from spate.origin import Origin, parse_origin
from spate.units import NS_PER_MS, format_duration


@dataclass(frozen=True, slots=True)
class Tls:
    """How https targets are verified; ``ca`` is PEM text, ``server_name`` replaces the host."""

    verify: bool
    ca: str | None
    server_name: str | None


@dataclass(frozen=True, slots=True)
class Expect:
    """What a response must be like: codes (``204``) or classes (``2xx``), and a part of it."""

    status: tuple[str, ...]
    body_contains: str | None


@dataclass(frozen=True, slots=True)
class Request:
    """One kind of request; ``headers`` and ``body`` may hold ``${secret:NAME}``."""

    name: str
    method: str
    path: str
    headers: dict[str, str]
    body: str
    weight: int
    expect: Expect


@dataclass(frozen=True, slots=True)
class AvalancheLoad:
    """Closed load: every driver sends its messages as fast as its connections allow."""

    message_count_per_driver: int
    test_type: ClassVar[Literal["avalanche"]] = "avalanche"


@dataclass(frozen=True, slots=True)
class TsunamiLoad:
    """Open load: every driver sends one message per delay, whatever the target does."""

    message_count_per_driver: int
    message_delay_ns: int
    test_type: ClassVar[Literal["tsunami"]] = "tsunami"


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the load whose fleet-wide rate goes linearly from one value to another.

    ``measured`` False makes it a warm-up, which thresholds do not see.
    """

    name: str
    duration_ns: int
    from_per_s: Fraction
    to_per_s: Fraction
    measured: bool


Spacing = Literal["uniform", "poisson"]
"""How arrivals follow each other: evenly, or at random as those of independent users do."""


@dataclass(frozen=True, slots=True)
class ArrivalsLoad:
    """Open load: stages of a rate for the whole fleet."""

    stages: tuple[Stage, ...]
    spacing: Spacing
    test_type: ClassVar[Literal["arrivals"]] = "arrivals"


Load = AvalancheLoad | TsunamiLoad | ArrivalsLoad


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of each driver. ``timeout_ns`` is per arrival, from decided."""

    connections: int
    in_flight: int
    connect_timeout_ns: int
    timeout_ns: int


@dataclass(frozen=True, slots=True)
class Drivers:
    """How many drivers a run needs, how long it waits for them, what it does at a loss."""

    min: int
    wait_ns: int
    on_loss: Literal["takeover", "abort"]


@dataclass(frozen=True, slots=True)
class Options:
    """``index_header`` adds ``Spate-Index: RUN/INDEX`` to every request.

    ``traceparent`` is the share of requests that carry W3C trace context, 0 to 1.
    """

    index_header: bool
    traceparent: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked plan. Two plans are equal if and only if their documents are."""

    name: str
    description: str
    labels: dict[str, str]
    target: str
    tls: Tls
    requests: tuple[Request, ...]
    seed: int
    load: Load
    limits: Limits
    drivers: Drivers
    options: Options
    thresholds: tuple[str, ...]

    @property
    def origin(self) -> Origin:
        """The target as scheme, host and port."""
        return parse_origin(self.target)

    def to_document(self) -> dict[str, Any]:
        """Return the full normal form; ``parse_plan`` of it gives an equal plan."""
        return {
            "name": self.name,
            "description": self.description,
            "labels": dict(self.labels),
            "target": self.target,
            "tls": {
                "verify": self.tls.verify,
                "ca": self.tls.ca,
                "server_name": self.tls.server_name,
            },
            "requests": [_request_document(request) for request in self.requests],
            "seed": self.seed,
            "load": _load_document(self.load),
            "limits": {
                "connections": self.limits.connections,
                "in_flight": self.limits.in_flight,
                "connect_timeout": format_duration(self.limits.connect_timeout_ns),
                "timeout": format_duration(self.limits.timeout_ns),
            },
            "drivers": {
                "min": self.drivers.min,
                "wait": format_duration(self.drivers.wait_ns),
                "on_loss": self.drivers.on_loss,
            },
            "options": _options_document(self.options),
            "thresholds": list(self.thresholds),
        }

    def canonical_json(self) -> bytes:
        """Return the normal form as UTF-8 JSON with sorted keys and no spaces."""
        return json.dumps(
            self.to_document(),
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
            allow_nan=False,
        ).encode()

    def digest(self) -> str:
        """Return the SHA-256 of the canonical JSON, in hexadecimal."""
        return sha256(self.canonical_json()).hexdigest()


def _request_document(request: Request) -> dict[str, Any]:
    """Return the normal form of a request."""
    return {
        "name": request.name,
        "method": request.method,
        "path": request.path,
        "headers": dict(request.headers),
        "body": request.body,
        "weight": request.weight,
        "expect": {
            "status": list(request.expect.status),
            "body_contains": request.expect.body_contains,
        },
    }


def _options_document(options: Options) -> dict[str, Any]:
    """Return the normal form of the options.

    An option that came later stands there only where it is used: plans without it keep their
    digest, by which drivers of another version know them.
    """
    document: dict[str, Any] = {"index_header": options.index_header}
    if options.traceparent:
        document["traceparent"] = _number(options.traceparent)
    return document


def _load_document(load: Load) -> dict[str, Any]:
    """Return the normal form of a load."""
    document: dict[str, Any] = {"test_type": load.test_type}
    if isinstance(load, ArrivalsLoad):
        document["stages"] = [
            {
                "name": stage.name,
                "duration": format_duration(stage.duration_ns),
                "from": _number(stage.from_per_s),
                "to": _number(stage.to_per_s),
                "measured": stage.measured,
            }
            for stage in load.stages
        ]
        document["spacing"] = load.spacing
        return document
    document["message_count_per_driver"] = load.message_count_per_driver
    if isinstance(load, TsunamiLoad):
        document["message_delay_ms"] = _number(Fraction(load.message_delay_ns, NS_PER_MS))
    return document


def _number(value: Fraction) -> int | float:
    """Return a JSON number that reads back as exactly this value.

    A decimal of up to 15 digits survives the way through a float's shortest form; the bounds of
    ``plan_document`` keep every number within that.
    """
    return value.numerator if value.denominator == 1 else float(value)
