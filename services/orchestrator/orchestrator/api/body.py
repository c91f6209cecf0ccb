"""Reads a request's body as strict JSON: small enough, typed, UTF-8, nothing twice, no NaN."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import math
from collections import Counter
from collections.abc import Collection
from email.message import Message
from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect

from orchestrator.api.problems import ApiProblemError, bad_request
from spate.plan_fields import join

MAX_BODY_BYTES = 256 * 1024
MAX_DEPTH = 32
READ_TIMEOUT_S = 30.0
"""A body must be here by then; whoever sends slower holds a connection for nothing."""

DISCARD_BYTES = 16 * 1024 * 1024
DISCARD_S = 2.0


class _NotANumber:
    """Stands in a parsed document where a number was no finite number."""

    def __init__(self, text: str) -> None:
        self.text = text[:20]


class _Repeating(dict[str, Any]):
    """An object in which a key came twice."""

    repeated: tuple[str, ...] = ()


async def read_object(request: Request, known: Collection[str]) -> dict[str, Any]:
    """Return the body as an object that has no keys but ``known``.

    Raises:
        ApiProblemError: 408, 413, 415 or 422, whichever comes first.
    """
    _require_json(request)
    document = parse_json(await _read(request))
    if not isinstance(document, dict):
        raise bad_request([("", f"the body is {_kind(document)}, not an object")])
    unknown = [(key, f"unknown key; known: {', '.join(known)}") for key in document.keys() - known]
    if unknown:
        raise bad_request(sorted(unknown))
    return document


async def read_nothing(request: Request) -> None:
    """Accept no body, or an empty object.

    Raises:
        ApiProblemError: 408, 413, 415 or 422.
    """
    body = await _read(request)
    if not body:
        return
    _require_json(request)
    if parse_json(body) != {}:
        raise bad_request([("", "no body is expected here")])


def parse_json(body: bytes) -> Any:
    """Parse JSON text.

    Raises:
        ApiProblemError: 422 with every place that is wrong: not UTF-8, not JSON, a key twice, a
            number that is not finite or too long, half a surrogate pair, nested too deep.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise bad_request([("", f"byte {error.start} is not UTF-8")]) from None
    if not text.strip():
        raise bad_request([("", "a JSON body is missing")])
    try:
        document = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_NotANumber,
            parse_float=_float,
            parse_int=_int,
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise bad_request([("", f"not JSON: {error.msg} at {where}")]) from None
    except RecursionError:
        raise bad_request([("", f"nested more than {MAX_DEPTH} levels deep")]) from None
    errors = _walk(document)
    if errors:
        raise bad_request(errors)
    return document


def canonical_digest(document: Any) -> str:
    """Return the SHA-256 of a document, the same however its text was laid out."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _require_json(request: Request) -> None:
    header = Message()
    header["Content-Type"] = request.headers.get("content-type", "none/none")
    charset = header.get_content_charset("utf-8")
    if header.get_content_type() != "application/json" or charset not in ("utf-8", "utf8"):
        shown = request.headers.get("content-type")
        detail = f"the body must be application/json in UTF-8, not {(shown or 'untyped')[:80]}"
        raise ApiProblemError(415, "unsupported-media-type", "Unsupported Media Type", detail)


async def _read(request: Request) -> bytes:
    """Return the whole body. A length that is announced is refused before it is read."""
    announced = request.headers.get("content-length", "")
    body = bytearray()
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            if announced.isdigit() and int(announced[:20]) > MAX_BODY_BYTES:
                raise await _too_large(request)
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise await _too_large(request)
    except TimeoutError:
        detail = f"the body was not complete after {READ_TIMEOUT_S:g} s"
        raise _closing(408, "timeout", "Request Timeout", detail) from None
    except ClientDisconnect:
        raise _closing(408, "timeout", "Request Timeout", "the body was cut off") from None
    return bytes(body)


async def _too_large(request: Request) -> ApiProblemError:
    """Return the 413, after some of the rest was thrown away.

    Most clients write all of the body before they read: closed on at once, they would see a
    reset and never our answer. One that waits for ``100 Continue`` is answered at once.
    """
    discarded = 0
    if "expect" not in request.headers:
        with contextlib.suppress(TimeoutError, ClientDisconnect, RuntimeError):
            async with asyncio.timeout(DISCARD_S):
                async for chunk in request.stream():
                    discarded += len(chunk)
                    if discarded > DISCARD_BYTES:
                        break
    detail = f"a body may have at most {MAX_BODY_BYTES} bytes"
    return _closing(413, "too-large", "Content Too Large", detail)


def _closing(status: int, kind: str, title: str, detail: str) -> ApiProblemError:
    """Return a problem after which the connection is of no use: part of a body is in it."""
    return ApiProblemError(status, kind, title, detail, headers={"Connection": "close"})


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    repeating = _Repeating(found)
    times = Counter(key for key, _ in pairs)
    repeating.repeated = tuple(key for key, n in times.items() if n > 1)
    return repeating


def _float(text: str) -> float | _NotANumber:
    number = float(text)
    return number if math.isfinite(number) else _NotANumber(text)


def _int(text: str) -> int | _NotANumber:
    # 4,300 digits is where Python refuses; no number of ours has more than 30.
    return int(text) if len(text) <= 30 else _NotANumber(text)  # noqa: PLR2004  said above


def _walk(document: Any) -> list[tuple[str, str]]:
    """Return (path, message) of all that is wrong inside a parsed document, in its order."""
    errors: list[tuple[str, str]] = []
    waiting: list[tuple[str, Any, int]] = [("", document, 0)]
    while waiting:
        path, value, depth = waiting.pop()
        if isinstance(value, _NotANumber):
            errors.append((path, f"{value.text} is not a number that can be used"))
        elif isinstance(value, str):
            if not _is_unicode(value):
                errors.append((path, "holds half of a surrogate pair, which is no character"))
        elif isinstance(value, dict | list) and depth >= MAX_DEPTH:
            errors.append((path, f"nested more than {MAX_DEPTH} levels deep"))
        elif isinstance(value, list):
            items = [(f"{path}[{n}]", item, depth + 1) for n, item in enumerate(value)]
            waiting += reversed(items)
        elif isinstance(value, dict):
            repeated = getattr(value, "repeated", ())
            errors += [(join(path, key), "this key is there twice") for key in repeated]
            if not all(_is_unicode(key) for key in value):
                errors.append((path, "a key holds half of a surrogate pair"))
            items = [(join(path, key), item, depth + 1) for key, item in value.items()]
            waiting += reversed(items)
    # Inside a plan, paths begin at the plan, like those that the plan's own rules give.
    return [(path.removeprefix("plan.") or path, message) for path, message in errors]


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kind(value: Any) -> str:
    """Return what JSON calls a value."""
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list"}
    return names.get(type(value), "null")
