"""A plan is checked as a whole, filled with defaults, and equal to its normal form."""

from __future__ import annotations

import contextlib
import copy
import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spate.origin import parse_origin
from spate.plan import (
    ArrivalsLoad,
    AvalancheLoad,
    Load,
    Plan,
    PlanError,
    PlanProblem,
    Stage,
    TsunamiLoad,
    parse_plan,
)
from spate.schedule import plan_schedule

MINIMAL: dict[str, Any] = {
    "name": "checkout-smoke",
    "target": "http://127.0.0.1:8000",
    "requests": [{"path": "/ping"}],
    "load": {"test_type": "avalanche", "message_count_per_driver": 1000},
}
PEM = "-----BEGIN CERTIFICATE-----\nAAAA\nBBBB\n-----END CERTIFICATE-----\n"
FULL: dict[str, Any] = {
    "name": "checkout-smoke",
    "description": "two\nlines",
    "labels": {"team": "shop", "app.example/part": ""},
    "target": "https://shop.load.svc:8443",
    "tls": {"verify": False, "ca": PEM, "server_name": "shop.example.com"},
    "requests": [
        {
            "name": "ping",
            "method": "POST",
            "path": "/ping?a=%20&b={c}",
            "headers": {"Authorization": "Bearer ${secret:TOKEN}", "Host": "shop", "X": ""},
            "body": '{"a": "$${b}"}\r\n\x00',
            "weight": 3,
            "expect": {"status": ["204", "3xx"], "body_contains": "PONG"},
        },
        {
            "name": "GET /",
            "method": "GET",
            "path": "/",
            "headers": {},
            "body": "",
            "weight": 1,
            "expect": {"status": ["2xx", "3xx"], "body_contains": None},
        },
    ],
    "seed": 7,
    "load": {
        "test_type": "arrivals",
        "stages": [
            {"name": "up", "duration": "30s", "from": 0, "to": 99.5, "measured": False},
            {"name": "on", "duration": "1h", "from": 99.5, "to": 99.5, "measured": True},
        ],
        "spacing": "uniform",
    },
    "limits": {"connections": 8, "in_flight": 16, "connect_timeout": "250ms", "timeout": "1.5s"},
    "drivers": {"min": 2, "wait": "1m", "on_loss": "abort"},
    "options": {"index_header": True},
    "thresholds": ["response_time.p99{request=GET /} < 300ms", "failed.rate < 1%"],
}


def changed(path: str, value: Any, base: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a document whose value at a path like ``requests.0.path`` is another one."""
    document = copy.deepcopy(base or MINIMAL)
    *heads, last = path.split(".")
    place: Any = document
    for head in heads:
        place = place[int(head)] if head.isdigit() else place.setdefault(head, {})
    place[int(last) if last.isdigit() else last] = value
    return document


def problems_of(document: object) -> list[tuple[str, str]]:
    """Return path and message of every problem."""
    with pytest.raises(PlanError) as caught:
        parse_plan(document)
    assert all(isinstance(problem, PlanProblem) for problem in caught.value.problems)
    return [(problem.path, problem.message) for problem in caught.value.problems]


def test_defaults_are_those_of_the_interface() -> None:
    """What a user leaves out is what the documentation shows."""
    assert parse_plan(MINIMAL).to_document() == {
        "name": "checkout-smoke",
        "description": "",
        "labels": {},
        "target": "http://127.0.0.1:8000",
        "tls": {"verify": True, "ca": None, "server_name": None},
        "requests": [
            {
                "name": "GET /ping",
                "method": "GET",
                "path": "/ping",
                "headers": {},
                "body": "",
                "weight": 1,
                "expect": {"status": ["2xx", "3xx"], "body_contains": None},
            }
        ],
        "seed": 1,
        "load": {"test_type": "avalanche", "message_count_per_driver": 1000},
        "limits": {
            "connections": 64,
            "in_flight": 1000,
            "connect_timeout": "5s",
            "timeout": "10s",
        },
        "drivers": {"min": 1, "wait": "30s", "on_loss": "takeover"},
        "options": {"index_header": False},
        "thresholds": [],
    }


def test_a_full_plan_is_its_own_normal_form() -> None:
    """A document with everything in it comes back unchanged."""
    plan = parse_plan(FULL)
    assert plan.to_document() == FULL
    assert json.loads(plan.canonical_json()) == FULL
    assert parse_plan(json.loads(json.dumps(FULL))) == plan
    assert plan.limits.timeout_ns == 1_500_000_000
    assert str(plan.origin) == "https://shop.load.svc:8443"


def test_digest_is_of_the_content() -> None:
    """The digest depends on what the plan says, not on the order or the defaults written out."""
    plan = parse_plan(MINIMAL)
    again = parse_plan(dict(reversed(plan.to_document().items())))
    assert again.digest() == plan.digest()
    assert parse_plan(changed("seed", 2)).digest() != plan.digest()
    assert plan.digest() == "acf51c272f2060cc430839ad35311266448dd9a23fdf17f0bafea7c406743e2f"


def test_an_option_that_came_later_stands_only_where_it_is_used() -> None:
    """So the digest of a plan without it is what drivers of another version reckon."""
    traced = parse_plan(changed("options.traceparent", 0.001))
    assert traced.options.traceparent == Fraction(1, 1_000)
    assert traced.to_document()["options"] == {"index_header": False, "traceparent": 0.001}
    assert parse_plan(traced.to_document()) == traced
    for nothing in (0, 0.0):
        plan = parse_plan(changed("options.traceparent", nothing))
        assert plan.digest() == parse_plan(MINIMAL).digest()
        assert "traceparent" not in plan.to_document()["options"]


def test_trace_context_is_set_by_one_of_the_two() -> None:
    """The option or the user's own header, whatever its case; without the option it is his."""
    own = changed("requests.0.headers", {"TraceParent": "00-1-2-01"})
    assert parse_plan(own).requests[0].headers == {"TraceParent": "00-1-2-01"}
    assert parse_plan(changed("options.traceparent", 0, own)).options.traceparent == 0
    assert problems_of(changed("options.traceparent", 1, own)) == [
        (
            "requests[0].headers.TraceParent",
            "is set by options.traceparent as well; remove one of the two",
        )
    ]


def test_every_problem_comes_at_once() -> None:
    """One reading of a document finds all that is wrong, each at its place."""
    document = {
        "name": "Not OK",
        "tagret": "http://a",
        "labels": {"a b": 1},
        "requests": [{"path": "ping", "method": "get"}, 5, {"headers": {"Content-Length": "1"}}],
        "load": {"test_type": "tsunami", "message_delay_ms": 0},
        "limits": {"timeout": "21s"},
        "thresholds": ["nonsense"],
    }
    assert sorted(path for path, _ in problems_of(document)) == [
        'labels["a b"]',
        'labels["a b"]',
        "limits.timeout",
        "load.message_count_per_driver",
        "load.message_delay_ms",
        "name",
        "requests[0].method",
        "requests[0].path",
        "requests[1]",
        "requests[2].headers.Content-Length",
        "requests[2].path",
        "tagret",
        "target",
        "thresholds[0]",
    ]


STAGES = [{"duration": "30s", "from": 100}]
LONG = "x" * 9_000
BAD: list[tuple[str, Any, str, str]] = [
    # the place, the value there, the path of the problem, a part of its message
    ("name", "", "name", "must not be empty"),
    ("name", "A", "name", 'must be 1 to 63 of a-z, 0-9 and -, not "A"'),
    ("name", "a" * 64, "name", "must have at most 63 characters, not 64"),
    ("name", 5, "name", "must be text, not 5; put it into quotes"),
    ("name", None, "name", "must be text, not null"),
    ("name", True, "name", "must be text, not true; put it into quotes"),
    ("nmae", "a", "nmae", "is not a key of a plan; did you mean name?"),
    ("Target", "a", "Target", "did you mean target?"),
    ("zzz", 1, "zzz", "the keys here are name, description"),
    ("limits.in-flight", 1, "limits.in-flight", "did you mean in_flight?"),
    ("limits.x" + "y" * 99, 1, f'limits["x{"y" * 39}"]', "is not a key of a plan"),
    ("description", "a\x07", "description", "holds a control character"),
    ("description", "a\ud800", "description", "half of a surrogate pair"),
    ("description", "a" * 2001, "description", "must have at most 2000 characters"),
    ("labels", [], "labels", "must be a mapping of texts, not a list"),
    ("labels", {str(i): "" for i in range(33)}, "labels", "at most 32 entries, not 33"),
    ("labels", {"-a": ""}, "labels.-a", "is no label: 1 to 63 of letters"),
    ("labels", {"a": 1.5}, "labels.a", "must be text, not 1.5; put it into quotes"),
    ("labels", {5: "a"}, 'labels["5"]', "has a key that is no text; quote it"),
    ("target", 5, "target", "must be text, not 5"),
    ("target", "", "target", "is not a URL"),
    ("target", "127.0.0.1:8000", "target", "is not a URL: write it like http://127.0.0.1:8000"),
    ("target", "ftp://a", "target", "has the scheme 'ftp'; only http and https"),
    ("target", "http://", "target", "has no host"),
    ("target", "http://u:p@a", "target", "holds a user or password"),
    ("target", "http://a/b", "target", "has a path, query or fragment"),
    ("target", "http://a?b", "target", "has a path, query or fragment"),
    ("target", "http://a#", "target", "has a path, query or fragment"),
    ("target", "http://a\\b", "target", "has a path, query or fragment"),
    ("target", "http://a b", "target", "has no valid host"),
    ("target", "http://a..b", "target", "has no valid host"),
    ("target", "http://" + "a." * 130 + "b", "target", "has no valid host"),
    ("target", "http://é", "target", "has a host beyond ASCII; write its xn--"),
    ("target", "http://127.1", "target", "has a host that is a number"),
    ("target", "http://2130706433", "target", "has a host that is a number"),
    ("target", "http://0x7f.0.0.1", "target", "has a host that is a number"),
    ("target", "http://127.0.0.01", "target", "has a host that is a number"),
    ("target", "http://127.0.0.256", "target", "has a host that is a number"),
    ("target", "http://a.0x7f", "target", "has a host that is a number"),
    ("target", "http://a:", "target", "has a colon without a port"),
    ("target", "http://a:0", "target", "has the port '0'; a port is 1 to 65535"),
    ("target", "http://a:65536", "target", "has the port '65536'"),
    ("target", "http://a:+80", "target", "has the port '+80'"),
    ("target", "http://a:" + "9" * 200, "target", "has the port '99999999999999999999'"),
    ("target", "http://::1", "target", "an IPv6 address needs brackets"),
    ("target", "http://[::1", "target", "has no valid IPv6 address"),
    ("target", "http://[::1]x", "target", "has no valid IPv6 address"),
    ("target", "http://[::g]", "target", "has no valid IPv6 address"),
    ("target", "http://[a]", "target", "has no valid IPv6 address"),
    ("target", "http://[fe80::1%eth0]", "target", "has an IPv6 zone"),
    ("tls", None, "tls", "must be a mapping of verify, ca, server_name, not null"),
    ("tls.verify", "no", "tls.verify", 'must be true or false, not "no"'),
    ("tls.verify", 1, "tls.verify", "must be true or false, not 1"),
    ("tls.ca", "/etc/ca.pem", "tls.ca", "is not PEM text; paste the certificates"),
    ("tls.ca", PEM + "-----BEGIN X-----", "tls.ca", "is not PEM text"),
    ("tls.ca", PEM.replace("BBBB", "B=BB"), "tls.ca", "is not PEM text"),
    ("tls.ca", 5, "tls.ca", "must be text, not 5"),
    ("tls.server_name", "a b", "tls.server_name", "has no valid host"),
    ("requests", [], "requests", "must have 1 to 32 items, not 0"),
    ("requests", [{"path": f"/{i}"} for i in range(33)], "requests", "not 33"),
    ("requests", {}, "requests", "must be a list, not a mapping"),
    ("requests.0", None, "requests[0]", "must be a mapping of name, method"),
    ("requests", [{"path": "/"}, {"path": "/"}], "requests[1].name", '"GET /" is used twice'),
    ("requests.0.name", " a", "requests[0].name", "begins or ends with a space"),
    ("requests.0.name", "a\n", "requests[0].name", "holds a control character or line break"),
    ("requests.0.method", "get", "requests[0].method", "must be in capitals: GET"),
    ("requests.0.method", "G T", "requests[0].method", 'is not a method: "G T"'),
    ("requests.0.method", "connect", "requests[0].method", "makes a tunnel"),
    ("requests.0.path", "ping", "requests[0].path", 'must begin with /, not "ping"'),
    ("requests.0.path", "/a b", "requests[0].path", "has a space; write %20"),
    ("requests.0.path", "/a\r\nX: y", "requests[0].path", "holds a control character"),
    ("requests.0.path", "/a#b", "requests[0].path", "has a fragment"),
    ("requests.0.path", "/é", "requests[0].path", "has a character beyond ASCII"),
    ("requests.0.path", "/${secret:A}", "requests[0].path", "has ${, which is reserved"),
    ("requests.0.path", "/" + LONG, "requests[0].path", "must have at most 8192 characters"),
    ("requests.0.path", "/" + LONG[:300], "requests[0].name", "the path is too long to be"),
    ("requests.0.headers", [], "requests[0].headers", "must be a mapping of texts"),
    ("requests.0.headers", {"A B": ""}, 'requests[0].headers["A B"]', "is not a header name"),
    ("requests.0.headers", {"": ""}, 'requests[0].headers[""]', "is not a header name"),
    ("requests.0.headers", {"A": "b\r\nC: d"}, "requests[0].headers.A", "has a line break"),
    ("requests.0.headers", {"A": "b\x00"}, "requests[0].headers.A", "must be printable ASCII"),
    ("requests.0.headers", {"A": "é"}, "requests[0].headers.A", "must be printable ASCII"),
    ("requests.0.headers", {"A": " b"}, "requests[0].headers.A", "without spaces at its ends"),
    ("requests.0.headers", {"A": 5}, "requests[0].headers.A", "must be text; put it into quotes"),
    ("requests.0.headers", {"A": LONG}, "requests[0].headers.A", "must have at most 8192"),
    ("requests.0.headers", {"A": "${x}"}, "requests[0].headers.A", "only ${secret:NAME}"),
    ("requests.0.headers", {"Host": ""}, "requests[0].headers.Host", "must not be empty"),
    ("requests.0.headers", {"A": "", "a": ""}, "requests[0].headers.a", "is given twice"),
    *(
        ("requests.0.headers", {name: "x"}, f"requests[0].headers.{name}", "cannot be set: ")
        for name in ("content-length", "Transfer-Encoding", "CONNECTION", "Expect", "Spate-Index")
    ),
    ("requests.0.body", "${x}", "requests[0].body", "only ${secret:NAME}"),
    ("requests.0.body", "\udc00", "requests[0].body", "half of a surrogate pair"),
    ("requests.0.body", {"a": 1}, "requests[0].body", "must be text, not a mapping"),
    ("requests.0.weight", 0, "requests[0].weight", "must be 1 to 1000000, not 0"),
    ("requests.0.weight", 1.0, "requests[0].weight", "must be a whole number of 1 to 1000000"),
    ("requests.0.weight", True, "requests[0].weight", "must be a whole number"),
    ("requests.0.expect", {"status": 200}, "requests[0].expect.status", "must be a list, not 200"),
    ("requests.0.expect", {"status": []}, "requests[0].expect.status", "must have 1 to 20 items"),
    *(
        ("requests.0.expect", {"status": [code]}, "requests[0].expect.status[0]", "must be a code")
        for code in (99, 199, 600, "1xx", "6xx", "2XX", "20x", "", True, None, 200.0)
    ),
    ("requests.0.expect", {"body_contains": ""}, "requests[0].expect.body_contains", "be empty"),
    ("requests.0.expect", {"body_contains": "${"}, "requests[0].expect.body_contains", "reserved"),
    ("seed", -1, "seed", "must be 0 to 9007199254740991, not -1"),
    ("seed", "1", "seed", 'must be a whole number of 0 to 9007199254740991, not "1"'),
    ("seed", 10**50, "seed", "not a number of more than 40 digits"),
    ("seed", float("nan"), "seed", "must be a whole number of 0 to 9007199254740991, not NaN"),
    ("seed", b"1", "seed", "not a bytes"),
    ("load", None, "load", "must be a mapping of test_type"),
    ("load", {}, "load.test_type", "is missing; write one of avalanche, tsunami, arrivals"),
    ("load.test_type", "tsumani", "load.test_type", "did you mean tsunami?"),
    ("load.test_type", ["tsunami"], "load.test_type", "must be avalanche or tsunami or arrivals"),
    ("load.message_delay_ms", 5, "load.message_delay_ms", "belongs to tsunami, not to test type"),
    ("load.stages", STAGES, "load.stages", "belongs to arrivals, not to test type avalanche"),
    ("load.message_count_per_driver", 0, "load.message_count_per_driver", "1 to 1000000000"),
    ("load.message_count_per_driver", 10**9 + 1, "load.message_count_per_driver", "must be 1 to"),
    ("load.message_count_per_driver", "5", "load.message_count_per_driver", "number of 1 to 1000"),
    ("limits", [], "limits", "must be a mapping of connections"),
    ("limits.connections", 0, "limits.connections", "must be 1 to 10000, not 0"),
    ("limits.in_flight", 10**6, "limits.in_flight", "must be 1 to 100000, not 1000000"),
    ("limits.timeout", "20.001s", "limits.timeout", "must be 1ms to 20s, not 20.001s"),
    ("limits.timeout", "999us", "limits.timeout", "must be 1ms to 20s, not 999us"),
    ("limits.timeout", 5, "limits.timeout", "must be a duration such as 10s, not 5"),
    ("limits.timeout", "5", "limits.timeout", '"5" is not a duration: write a number and a unit'),
    (
        "limits.connect_timeout",
        "11s",
        "limits.connect_timeout",
        "longer than timeout, which is",
    ),
    ("drivers.min", 0, "drivers.min", "must be 1 to 1000, not 0"),
    ("drivers.wait", "2h", "drivers.wait", "must be 0s to 1h, not 2h"),
    ("drivers.on_loss", "stop", "drivers.on_loss", 'must be takeover or abort, not "stop"'),
    ("options.index_header", None, "options.index_header", "must be true or false, not null"),
    ("options.traceparent", 1.5, "options.traceparent", "must be 0 to 1, not 1.5"),
    ("options.traceparent", -0.1, "options.traceparent", "must be 0 to 1, not -0.1"),
    ("options.traceparent", True, "options.traceparent", "must be a number of 0 to 1, not true"),
    ("options.traceparent", "1%", "options.traceparent", 'must be a number of 0 to 1, not "1%"'),
    ("options.traceparent", 1e-7, "options.traceparent", "must have at most 6 decimals"),
    ("options.trace_parent", 1, "options.trace_parent", "did you mean traceparent?"),
    ("thresholds", "lag.p99 < 1s", "thresholds", "must be a list"),
    ("thresholds", [5], "thresholds[0]", "must be text, not 5"),
    ("thresholds", ["lag.p99 < 1"], "thresholds[0]", "compares a time with '1'"),
    (
        "thresholds",
        ["lag.p99{request=x} < 1s"],
        "thresholds[0]",
        'names the unknown request "x"; there are GET /ping',
    ),
]


@pytest.mark.parametrize(("place", "value", "path", "message"), BAD)
def test_a_wrong_value_is_one_problem(place: str, value: Any, path: str, message: str) -> None:
    """A single mistake gives a single problem, at its place, that says how to fix it."""
    problems = problems_of(changed(place, value))
    assert [found for found, _ in problems] == [path]
    assert message in problems[0][1]


BAD_LOADS: list[tuple[dict[str, Any], str, str]] = [
    ({"test_type": "tsunami", "message_count_per_driver": 5}, "message_delay_ms", "is missing"),
    *(
        (
            {"test_type": "tsunami", "message_count_per_driver": 5, "message_delay_ms": delay},
            "message_delay_ms",
            message,
        )
        for delay, message in [
            (0, "must be 0.000001 to 82800000, not 0"),
            (-5, "must be 0.000001 to 82800000, not -5"),
            (float("inf"), "not Infinity"),
            (float("nan"), "not NaN"),
            ("5", 'must be a number of 0.000001 to 82800000, not "5"'),
            (True, "must be a number of"),
            (0.0000015, "must have at most 6 decimals, not 1.5e-06"),
            (10**400, "not a number of more than 40 digits"),
            (
                16_560_001,
                "makes a run of 23.0 h; the longest is 23h: lower one",
            ),
        ]
    ),
    ({"test_type": "arrivals"}, "stages", "is missing; write [{duration"),
    *(
        ({"test_type": "arrivals", "stages": stages}, path, message)
        for stages, path, message in [
            ([], "stages", "must have 1 to 64 items"),
            ([STAGES[0] | {"name": str(i)} for i in range(65)], "stages", "must have 1 to 64"),
            ([5], "stages[0]", "must be a mapping of name, duration, from, to, measured"),
            ([{"from": 1}], "stages[0].duration", "is missing"),
            ([{"duration": "0s", "from": 1}], "stages[0].duration", "must be 1ns to 23h, not 0s"),
            ([{"duration": "1s", "to": 1}], "stages[0].from", "the first stage says at which"),
            ([{"duration": "1s", "from": -1}], "stages[0].from", "must be 0 to 10000000, not -1"),
            ([{"duration": "1s", "from": 0.0000001}], "stages[0].from", "at most 6 decimals"),
            ([{"duration": "1s", "from": 5e-324}], "stages[0].from", "at most 6 decimals"),
            ([{"duration": "1s", "from": 1, "to": "5"}], "stages[0].to", "must be a number of"),
            ([{"duration": "1s", "from": 0}], "stages", "have the rate 0 throughout"),
            ([{"duration": "23h", "from": 1e7}], "stages", "make 8.28e+11 requests; the most is"),
            ([{"duration": "1s", "from": 1, "measured": False}], "stages", "measure nothing"),
            (
                [{"duration": "1s", "from": 1, "measured": False}, {"duration": "1s", "from": 0}],
                "stages",
                "measure nothing",
            ),
            (
                [{"duration": "12h", "from": 1}, {"duration": "12h"}],
                "stages",
                "make a run of 24.0 h; the longest is 23h: shorten them",
            ),
            (
                [{"name": "a", "duration": "1s", "from": 1}, {"name": "a", "duration": "1s"}],
                "stages[1].name",
                'is used twice: "a"',
            ),
        ]
    ),
    (
        {"test_type": "arrivals", "stages": STAGES, "spacing": "possion"},
        "spacing",
        'must be uniform or poisson, not "possion"; did you mean poisson?',
    ),
]


@pytest.mark.parametrize(("load", "path", "message"), BAD_LOADS)
def test_a_wrong_load_is_one_problem(load: dict[str, Any], path: str, message: str) -> None:
    """A single mistake in a load gives a single problem as well."""
    problems = problems_of(changed("load", load))
    assert [found for found, _ in problems] == [f"load.{path}"]
    assert message in problems[0][1]


@pytest.mark.parametrize("key", ["name", "target", "requests", "load"])
def test_what_has_no_default_is_missed(key: str) -> None:
    """Without a name, target, request or load there is no plan, and the message shows one."""
    document = {other: MINIMAL[other] for other in MINIMAL if other != key}
    problems = problems_of(document)
    assert [path for path, _ in problems] == [key]
    assert problems[0][1].startswith("is missing; ")


@pytest.mark.parametrize("document", [None, 5, "text", [], [MINIMAL]])
def test_a_plan_is_a_mapping(document: object) -> None:
    """Anything else is one problem of the whole document."""
    problems = problems_of(document)
    assert [path for path, _ in problems] == [""]
    assert problems[0][1].startswith("must be a mapping of name, description")


def test_a_threshold_knows_no_request_when_there_is_none() -> None:
    """A threshold of a request is wrong in a plan whose requests are missing."""
    document = changed("thresholds", ["lag.p99{request=x} < 1s"])
    del document["requests"]
    assert ("thresholds[0]", 'names the unknown request "x"; there are none') in problems_of(
        document
    )


def test_endless_problems_are_cut_short() -> None:
    """A hostile document does not make an endless answer."""
    problems = problems_of(MINIMAL | {f"k{i}": 1 for i in range(5000)})
    assert len(problems) == 201
    assert problems[-1] == ("", "there are 4800 more problems")


def test_the_whole_plan_has_a_size() -> None:
    """A document that is too large is refused although each part is not."""
    requests = [{"path": f"/{i}", "body": "x" * 131_072} for i in range(2)]
    problems = problems_of(MINIMAL | {"requests": requests})
    assert [path for path, _ in problems] == [""]
    assert "bytes with all defaults; the most is 262,144" in problems[0][1]


def test_errors_read_as_lines() -> None:
    """The error's own text has a line for each problem."""
    with pytest.raises(PlanError) as caught:
        parse_plan(changed("seed", "x") | {"name": 5})
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["name", "seed"]
    assert str(PlanProblem("", "whole")) == "whole"


def test_secrets_are_not_shown() -> None:
    """A header's value is in no message, whatever is wrong with it."""
    headers = {"A": "hunter2\n", "Connection": "hunter2", "B": " hunter2", "C": ["hunter2"]}
    text = str(problems_of(changed("requests.0.headers", headers)))
    assert "hunter2" not in text


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("HTTP://Shop.LOAD.svc", "http://shop.load.svc"),
        ("https://a:443", "https://a"),
        ("http://a:443", "http://a:443"),
        ("http://[0:0::1]:8000", "http://[::1]:8000"),
        ("http://a_b-c.svc.", "http://a_b-c.svc."),
    ],
)
def test_targets_have_a_normal_form(target: str, expected: str) -> None:
    """Scheme and host are lower case, the scheme's own port and a lone slash are left out."""
    plan = parse_plan(changed("target", target))
    assert plan.target == expected
    assert parse_plan(plan.to_document()) == plan


def test_an_origin_has_parts() -> None:
    """Host and port are there to connect to, the authority to put into the Host header."""
    origin = parse_origin("https://[::1]")
    assert (origin.scheme, origin.host, origin.port) == ("https", "::1", 443)
    assert [origin.authority, parse_origin("http://a:81").authority] == ["[::1]", "a:81"]


def test_codes_may_be_numbers() -> None:
    """A status code without quotes is the same code."""
    plan = parse_plan(changed("requests.0.expect", {"status": [204, "2xx", "404"]}))
    assert plan.requests[0].expect.status == ("204", "2xx", "404")


def test_rates_carry_on_from_stage_to_stage() -> None:
    """`from` defaults to the previous `to`, `to` to `from`, and names to their position."""
    stages = [
        {"duration": "10s", "from": 0, "to": 0.1, "measured": False},
        {"duration": "20s"},
        {"duration": "30s", "to": 5},
        {"duration": "40s", "from": 7},
    ]
    plan = parse_plan(changed("load", {"test_type": "arrivals", "stages": stages}))
    tenth, five, seven = Fraction(1, 10), Fraction(5), Fraction(7)
    assert plan.load == ArrivalsLoad(
        (
            Stage("stage-1", 10 * 10**9, Fraction(0), tenth, False),
            Stage("stage-2", 20 * 10**9, tenth, tenth, True),
            Stage("stage-3", 30 * 10**9, tenth, five, True),
            Stage("stage-4", 40 * 10**9, seven, seven, True),
        ),
        "uniform",
    )


def test_connecting_takes_no_longer_than_the_timeout_by_default() -> None:
    """A short timeout needs no second setting."""
    assert parse_plan(changed("limits.timeout", "2s")).limits.connect_timeout_ns == 2 * 10**9


@pytest.mark.parametrize(
    ("delay_ms", "delay_ns"),
    [
        (10, 10_000_000),
        (0.1, 100_000),
        (1.000001, 1_000_001),
        (1e-6, 1),
        (82_800.0, 82_800 * 10**6),
    ],
)
def test_delays_are_exact(delay_ms: float, delay_ns: int) -> None:
    """A delay is the decimal that is written, to the nanosecond."""
    load = {"test_type": "tsunami", "message_count_per_driver": 1, "message_delay_ms": delay_ms}
    plan = parse_plan(changed("load", load))
    assert plan.load == TsunamiLoad(1, delay_ns)
    assert parse_plan(plan.to_document()) == plan


RATE = st.integers(min_value=0, max_value=10**9).map(lambda millionths: millionths / 10**6)
LOADS = st.one_of(
    st.builds(
        lambda count: {"test_type": "avalanche", "message_count_per_driver": count},
        st.integers(min_value=1, max_value=10**9),
    ),
    st.builds(
        lambda count, ns: {
            "test_type": "tsunami",
            "message_count_per_driver": count,
            "message_delay_ms": ns / 10**6,
        },
        st.integers(min_value=1, max_value=100),
        st.integers(min_value=1, max_value=8 * 10**11),
    ),
    st.builds(
        lambda stages: {"test_type": "arrivals", "stages": stages},
        st.lists(
            st.fixed_dictionaries(
                {
                    "duration": st.integers(min_value=1, max_value=10**12).map(lambda n: f"{n}ns"),
                    "from": st.just(1) | RATE.filter(bool),
                    "to": RATE,
                }
            ),
            min_size=1,
            max_size=4,
        ),
    ),
)


@settings(max_examples=60)
@given(LOADS)
def test_every_load_comes_back(load: dict[str, Any]) -> None:
    """The normal form, also by way of JSON, gives an equal plan, and the plan has arrivals."""
    plan = parse_plan(changed("load", load))
    document = json.loads(json.dumps(plan.to_document()))
    assert parse_plan(document) == plan
    assert parse_plan(document).digest() == plan.digest()
    assert plan_schedule(plan, 1).count >= 1


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(document: Any, path: str = "") -> list[str]:
    """Return the paths of everything in a document, as ``changed`` takes them."""
    items = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    below = [(f"{path}.{key}" if path else str(key), value) for key, value in items]
    return [found for name, value in below for found in (name, *places(value, name))]


@settings(max_examples=150)
@given(st.sampled_from([p for p in places(FULL) if "app.example" not in p]), ANYTHING)
def test_nothing_breaks_the_reader(place: str, value: Any) -> None:
    """Whatever stands anywhere, there is a plan or a PlanError, and a plan comes back equal."""
    plan: Plan | None = None
    with contextlib.suppress(PlanError):
        plan = parse_plan(changed(place, value, FULL))
    assert plan is None or parse_plan(plan.to_document()) == plan


def test_the_document_is_not_shared() -> None:
    """A plan keeps no part of the document it was read from."""
    document = copy.deepcopy(FULL)
    plan = parse_plan(document)
    document["labels"]["team"] = "other"
    document["requests"][0]["headers"]["X"] = "other"
    plan.to_document()["labels"]["team"] = "another"
    assert plan.to_document() == FULL


def test_load_classes_know_their_name() -> None:
    """A load says which test type it is."""
    loads: list[Load] = [AvalancheLoad(1), TsunamiLoad(1, 1), ArrivalsLoad((), "uniform")]
    assert [load.test_type for load in loads] == ["avalanche", "tsunami", "arrivals"]
