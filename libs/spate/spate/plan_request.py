"""Reads the ``requests`` of a plan."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from spate.plan_fields import Fields, join, shown
from spate.plan_model import Expect, Request
from spate.plan_problem import Problems
from spate.secrets import check_templates

_KEYS: Final = ("name", "method", "path", "headers", "body", "weight", "expect")
_EXPECT_KEYS: Final = ("status", "body_contains")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_PATH: Final = re.compile(r"/[\x21-\x22\x24-\x7e]*")
_HEADER_VALUE: Final = re.compile(r"(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?")
_STATUS: Final = re.compile(r"[2-5]xx|[2-5][0-9]{2}")
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_REFUSED: Final = {
    "content-length": "it is set from the body",
    "transfer-encoding": "the body is sent with its length",
    "connection": "connections are kept alive",
    "keep-alive": "connections are kept alive",
    "proxy-connection": "connections are kept alive",
    "te": "trailers are not offered",
    "trailer": "trailers are not offered",
    "upgrade": "only HTTP/1.1 is spoken",
    "expect": "the body is sent at once",
    "spate-index": "options.index_header sets it",
}
_MOST_REQUESTS: Final = 32
_MOST_HEADERS: Final = 64
_MOST_NAME: Final = 200
_MOST_VALUE: Final = 8_192
_MOST_PATH: Final = 8_192
_MOST_BODY: Final = 262_144
_MOST_WEIGHT: Final = 1_000_000
_MOST_CODES: Final = 20
_EXPECTED: Final = ("2xx", "3xx")


def read_requests(document: Fields, problems: Problems) -> tuple[Request, ...]:
    """Return the requests; what it returns after a problem means nothing."""
    if not document.required("requests", "write [{path: /}]"):
        return ()
    requests: list[Request] = []
    names: set[str] = set()
    for path, item in document.items("requests", 1, _MOST_REQUESTS, ()):
        fields = Fields(problems, path, item, _KEYS)
        if not isinstance(item, Mapping):
            continue
        before = problems.count
        request = _read_request(fields, problems)
        requests.append(request)
        if problems.count != before:
            continue  # its name may only be made up of fallbacks
        if request.name in names:
            fields.add("name", f"{shown(request.name)} is used twice; give each request its own")
        names.add(request.name)
    return tuple(requests)


def _read_request(fields: Fields, problems: Problems) -> Request:
    """Return one request."""
    method = _read_method(fields)
    path = _read_path(fields)
    default = f"{method} {path}"
    if not fields.has("name") and len(default) > _MOST_NAME:
        fields.add("name", "is missing; the path is too long to be the name")
        default = default[:_MOST_NAME]
    name = fields.text("name", 1, _MOST_NAME, default)
    if name != name.strip():
        fields.add("name", "begins or ends with a space; take it away")
    body = fields.text("body", 0, _MOST_BODY, "", allowed="any")
    _check(fields, "body", check_templates(body))
    return Request(
        name=name,
        method=method,
        path=path,
        headers=_read_headers(fields, problems),
        body=body,
        weight=fields.whole("weight", 1, _MOST_WEIGHT, 1),
        expect=_read_expect(fields),
    )


def _read_method(fields: Fields) -> str:
    """Return the method: any token but CONNECT."""
    method = fields.text("method", 1, 32, "GET")
    if method.upper() == "CONNECT":
        fields.add("method", "CONNECT makes a tunnel, which is not offered")
    elif method not in _METHODS and method.upper() in _METHODS:
        fields.add("method", f"must be in capitals: {method.upper()}")
    elif _TOKEN.fullmatch(method) is None:
        fields.add("method", f"is not a method: {shown(method)}; write one such as GET or POST")
    return method


def _read_path(fields: Fields) -> str:
    """Return the path with its query: printable ASCII that begins with /."""
    if not fields.required("path", "write the path to ask for, such as /"):
        return "/"
    path = fields.text("path", 1, _MOST_PATH, "/")
    if not path.startswith("/"):
        fields.add("path", f"must begin with /, not {shown(path)}")
    elif "#" in path:
        fields.add("path", "has a fragment, which is never sent; remove it or write %23")
    elif " " in path:
        fields.add("path", "has a space; write %20")
    elif "${" in path:
        fields.add("path", "has ${, which is reserved for templates; write $%7B")
    elif _PATH.fullmatch(path) is None:
        fields.add("path", "has a character beyond ASCII; percent-encode it")
    return path


def _read_headers(fields: Fields, problems: Problems) -> dict[str, str]:
    """Return the headers: names that differ by more than case, values of printable ASCII."""
    headers: dict[str, str] = {}
    seen: set[str] = set()
    for name, value in fields.pairs("headers", _MOST_HEADERS).items():
        path = join(fields.at("headers"), name)
        problem = _header_problem(name, value)
        if problem is None and name.lower() in seen:
            problem = "is given twice; header names do not differ by case"
        seen.add(name.lower())
        if problem is None:
            headers[name] = str(value)
        else:
            problems.add(path, problem)
    return headers


def _header_problem(name: str, value: object) -> str | None:
    """Return what is wrong with a header, or None. Values may be secret: they are not shown."""
    if _TOKEN.fullmatch(name) is None:
        return "is not a header name: letters, digits and - only"
    if name.lower() in _REFUSED:
        return f"cannot be set: {_REFUSED[name.lower()]}; remove it"
    if not isinstance(value, str):
        return "must be text; put it into quotes"
    if len(value) > _MOST_VALUE:
        return f"must have at most {_MOST_VALUE} characters, not {len(value)}"
    if "\r" in value or "\n" in value:
        return "has a line break, which would begin another header; remove it"
    if _HEADER_VALUE.fullmatch(value) is None:
        return "must be printable ASCII without spaces at its ends"
    if name.lower() == "host" and not value:
        return "must not be empty"
    return check_templates(value)


def _read_expect(fields: Fields) -> Expect:
    """Return what is expected of the response."""
    expect = fields.part("expect", _EXPECT_KEYS)
    status: list[str] = []
    for path, item in expect.items("status", 1, _MOST_CODES, _EXPECTED):
        # YAML reads an unquoted 204 as a number, and that is what everybody writes.
        code = str(item) if isinstance(item, int) and not isinstance(item, bool) else item
        if isinstance(code, str) and _STATUS.fullmatch(code):
            status.append(code)
        else:
            expect.note(
                path, f"must be a code, 200 to 599, or a class, 2xx to 5xx, not {shown(item)}"
            )
    contains = expect.text_or_none("body_contains", _MOST_VALUE, allowed="any")
    if contains is not None and "${" in contains:
        expect.add("body_contains", "has ${, which is reserved for templates; look for other text")
    return Expect(tuple(status), contains)


def _check(fields: Fields, key: str, problem: str | None) -> None:
    """Note the problem of a key, if there is one."""
    if problem is not None:
        fields.add(key, problem)
