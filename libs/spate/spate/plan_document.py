"""Reads a whole plan from the document a user wrote."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping
from fractions import Fraction
from typing import Final, Literal

from spate.expression import parse_threshold
from spate.origin import check_host, parse_origin
from spate.plan_fields import Fields, check_text, join, shown
from spate.plan_load import read_load
from spate.plan_model import Drivers, Limits, Options, Plan, Request, Tls
from spate.plan_problem import PlanError, PlanProblem, Problems
from spate.plan_request import read_requests
from spate.traceparent import HEADER
from spate.units import NS_PER_HOUR, NS_PER_MS, NS_PER_S, format_duration

MOST_BYTES: Final = 256 * 1024
"""The most bytes of a plan, as written and as canonical JSON."""

_KEYS: Final = (
    "name",
    "description",
    "labels",
    "target",
    "tls",
    "requests",
    "seed",
    "load",
    "limits",
    "drivers",
    "options",
    "thresholds",
)
_LOSSES: Final[tuple[Literal["takeover", "abort"], ...]] = ("takeover", "abort")
_NAME: Final = re.compile(r"[a-z0-9-]{1,63}")
_LABEL_KEY: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?")
_PEM: Final = re.compile(
    r"-----BEGIN CERTIFICATE-----\s([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----"
)
_MOST_LABELS: Final = 32
_MOST_LABEL: Final = 200
_MOST_DESCRIPTION: Final = 2_000
_MOST_URL: Final = 300
_MOST_PEM: Final = 131_072
_MOST_SEED: Final = 2**53 - 1  # what JavaScript holds exactly
_MOST_CONNECTIONS: Final = 10_000
_MOST_IN_FLIGHT: Final = 100_000
_MOST_DRIVERS: Final = 1_000
_MOST_THRESHOLDS: Final = 64
_MOST_EXPRESSION: Final = 400
_SHARE_DECIMALS: Final = 6
_SHORTEST_TIMEOUT_NS: Final = NS_PER_MS
_LONGEST_TIMEOUT_NS: Final = 20 * NS_PER_S


def parse_plan(document: object) -> Plan:
    """Return the plan that a document (mappings, lists, text, numbers) describes.

    Raises:
        PlanError: with every problem of the document, if it has any.
    """
    problems = Problems()
    fields = Fields(problems, "", document, _KEYS)
    if not isinstance(document, Mapping):
        problems.raise_any()
    requests = read_requests(fields, problems)
    plan = Plan(
        name=_read_name(fields),
        description=fields.text("description", 0, _MOST_DESCRIPTION, "", allowed="lines"),
        labels=_read_labels(fields, problems),
        target=_read_target(fields),
        tls=_read_tls(fields),
        requests=requests,
        seed=fields.whole("seed", 0, _MOST_SEED, 1),
        load=read_load(fields, problems),
        limits=_read_limits(fields, problems),
        drivers=_read_drivers(fields),
        options=_read_options(fields, requests),
        thresholds=_read_thresholds(fields, requests),
    )
    problems.raise_any()
    size = len(plan.canonical_json())
    if size > MOST_BYTES:
        text = f"the plan has {size:,} bytes with all defaults; the most is {MOST_BYTES:,}"
        raise PlanError((PlanProblem("", text),))
    return plan


def _read_name(fields: Fields) -> str:
    """Return the name of the plan."""
    if not fields.required("name", "give the plan a name such as checkout-smoke"):
        return "-"
    name = fields.text("name", 1, 63, "-")
    if _NAME.fullmatch(name) is None:
        fields.add("name", f"must be 1 to 63 of a-z, 0-9 and -, not {shown(name)}")
    return name


def _read_labels(fields: Fields, problems: Problems) -> dict[str, str]:
    """Return the labels."""
    labels: dict[str, str] = {}
    for key, value in fields.pairs("labels", _MOST_LABELS).items():
        path = join(fields.at("labels"), key)
        if _LABEL_KEY.fullmatch(key) is None:
            problems.add(path, "is no label: 1 to 63 of letters, digits and . _ / - between them")
        problem = check_text(value, 0, _MOST_LABEL)
        if problem is not None:
            problems.add(path, problem)
        labels[key] = str(value)
    return labels


def _read_target(fields: Fields) -> str:
    """Return the target in its normal form."""
    if not fields.required("target", "write where the load goes, such as http://127.0.0.1:8000"):
        return ""
    text = fields.text("target", 0, _MOST_URL, "http://localhost")
    try:
        return str(parse_origin(text))
    except ValueError as error:
        fields.add("target", str(error))
    return ""


def _read_tls(fields: Fields) -> Tls:
    """Return how https targets are verified."""
    tls = fields.part("tls", ("verify", "ca", "server_name"))
    ca = tls.text_or_none("ca", _MOST_PEM, allowed="lines")
    if ca is not None and not _is_pem(ca):
        tls.add("ca", "is not PEM text; paste the certificates themselves, not a file's name")
    server_name = tls.text_or_none("server_name", _MOST_URL)
    if server_name is not None:
        try:
            server_name = check_host(server_name)
        except ValueError as error:
            tls.add("server_name", str(error))
    return Tls(verify=tls.flag("verify", default=True), ca=ca, server_name=server_name)


def _is_pem(text: str) -> bool:
    """Return whether a text is PEM certificates (with anything between them) in valid base64."""
    blocks: list[str] = _PEM.findall(text)
    if not blocks or len(blocks) != text.count("-----BEGIN "):
        return False
    try:
        return all(b64decode("".join(block.split()), validate=True) for block in blocks)
    except binascii.Error:
        return False


def _read_limits(fields: Fields, problems: Problems) -> Limits:
    """Return the limits; without its own value, connecting may take the whole of ``timeout``."""
    limits = fields.part("limits", ("connections", "in_flight", "connect_timeout", "timeout"))
    before = problems.count
    timeout_ns = limits.duration(
        "timeout", _SHORTEST_TIMEOUT_NS, _LONGEST_TIMEOUT_NS, 10 * NS_PER_S
    )
    connect_ns = limits.duration(
        "connect_timeout",
        _SHORTEST_TIMEOUT_NS,
        _LONGEST_TIMEOUT_NS,
        min(5 * NS_PER_S, timeout_ns),
    )
    if problems.count == before and connect_ns > timeout_ns:
        limits.add(
            "connect_timeout",
            f"must not be longer than timeout, which is {format_duration(timeout_ns)}",
        )
    return Limits(
        connections=limits.whole("connections", 1, _MOST_CONNECTIONS, 64),
        in_flight=limits.whole("in_flight", 1, _MOST_IN_FLIGHT, 1000),
        connect_timeout_ns=connect_ns,
        timeout_ns=timeout_ns,
    )


def _read_drivers(fields: Fields) -> Drivers:
    """Return what the run asks of the fleet."""
    drivers = fields.part("drivers", ("min", "wait", "on_loss"))
    return Drivers(
        min=drivers.whole("min", 1, _MOST_DRIVERS, 1),
        wait_ns=drivers.duration("wait", 0, NS_PER_HOUR, 30 * NS_PER_S),
        on_loss=drivers.choice("on_loss", _LOSSES, "takeover"),
    )


def _read_options(fields: Fields, requests: tuple[Request, ...]) -> Options:
    """Return the options; who asks for trace context must not write it as well."""
    options = fields.part("options", ("index_header", "traceparent"))
    share = options.number("traceparent", Fraction(0), Fraction(1), _SHARE_DECIMALS, Fraction(0))
    for place, request in enumerate(requests):
        for name in request.headers:
            if share and name.lower() == HEADER:
                path = join(f"requests[{place}].headers", name)
                fields.note(path, "is set by options.traceparent as well; remove one of the two")
    return Options(options.flag("index_header", default=False), share)


def _read_thresholds(fields: Fields, requests: tuple[Request, ...]) -> tuple[str, ...]:
    """Return the thresholds, each of which can be read and names a request that there is."""
    names = [request.name for request in requests]
    thresholds: list[str] = []
    for path, item in fields.items("thresholds", 0, _MOST_THRESHOLDS, ()):
        problem = check_text(item, 1, _MOST_EXPRESSION)
        if problem is None:
            text = str(item)
            thresholds.append(text)
            try:
                request = parse_threshold(text).request
            except ValueError as error:
                problem = str(error)
            else:
                if request is not None and request not in names:
                    problem = f"names the unknown request {shown(request)}; {_known(names)}"
        if problem is not None:
            fields.note(path, problem)
    return tuple(thresholds)


def _known(names: list[str]) -> str:
    """Return a piece of a message that lists the requests."""
    return f"there are {', '.join(names)}"[:200] if names else "there are none"
