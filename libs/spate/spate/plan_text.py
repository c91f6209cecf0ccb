"""Reads the text of a plan: JSON or YAML, with nothing in it that could surprise."""

from __future__ import annotations

import json
from typing import Any, Final

from spate.plan_document import MOST_BYTES, parse_plan
from spate.plan_model import Plan
from spate.plan_problem import PlanError, PlanProblem

_MOST_DIGITS: Final = 40


class _RefusedError(ValueError):
    """A text that is no plan's."""


def parse_plan_text(text: str | bytes) -> Plan:
    """Return the plan that a JSON or YAML text describes.

    Raises:
        PlanError: with every problem of the document, or the one that kept it from being read.
    """
    return parse_plan(read_document(text))


def read_document(text: str | bytes) -> Any:
    """Return the mappings, lists, texts and numbers of a JSON or YAML text, unchecked.

    Raises:
        PlanError: if it is longer than 256 KB, not UTF-8, neither JSON nor YAML, names a key
            twice, holds NaN or infinity, or what YAML has beyond JSON (see ``plan_yaml``).
    """
    try:
        characters = _characters(text)
        if characters.lstrip()[:1] in {"{", "["}:
            return _read_braces(characters)
        return _read_yaml(characters)
    except _RefusedError as error:
        raise PlanError((PlanProblem("", f"the plan {error}"),)) from None


def _characters(text: str | bytes) -> str:
    """Return the text without a byte order mark.

    Raises:
        _RefusedError: if it is too long or not UTF-8.
    """
    try:
        raw = text.encode() if isinstance(text, str) else text
        if len(raw) > MOST_BYTES:
            raise _RefusedError(f"has {len(raw):,} bytes; the most is {MOST_BYTES:,}")
        return raw.decode("utf-8-sig")
    except UnicodeError:
        raise _RefusedError("is not UTF-8 text; save it as UTF-8") from None


def _read_braces(text: str) -> Any:
    """Return the document of a text that is JSON, or YAML that begins like it.

    Raises:
        _RefusedError: if it is neither; then it says what JSON misses.
    """
    try:
        return json.loads(
            text,
            object_pairs_hook=_mapping,
            parse_int=_whole,
            parse_constant=_not_finite,
        )
    except RecursionError:
        raise _RefusedError("is nested too deeply") from None
    except json.JSONDecodeError as error:
        try:
            return _read_yaml(text)
        except _SyntaxError:
            where = f"line {error.lineno}, column {error.colno}"
            raise _RefusedError(f"is not JSON: {where}: {error.msg}") from None


class _SyntaxError(_RefusedError):
    """A text that is no YAML."""


def _read_yaml(text: str) -> Any:
    """Return the document of a YAML text.

    Raises:
        _RefusedError: if it is none.
    """
    # Here, because PyYAML takes longer to import than all the rest and JSON does not need it.
    from spate.plan_yaml import YamlRefusedError, YamlSyntaxError, read_yaml

    try:
        return read_yaml(text)
    except YamlSyntaxError as error:
        raise _SyntaxError(str(error)) from None
    except YamlRefusedError as error:
        raise _RefusedError(str(error)) from None


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        _RefusedError: if it has a key twice.
    """
    mapping: dict[str, Any] = {}
    for key, value in pairs:
        if key in mapping:
            raise _RefusedError(f"has the key {json.dumps(key[:_MOST_DIGITS])} twice; remove one")
        mapping[key] = value
    return mapping


def _whole(text: str) -> int:
    """Return a JSON integer.

    Raises:
        _RefusedError: if it is endless.
    """
    if len(text) > _MOST_DIGITS:
        raise _RefusedError(f"has a number of more than {_MOST_DIGITS} digits")
    return int(text)


def _not_finite(text: str) -> float:
    """Refuse NaN and Infinity, which are not JSON.

    Raises:
        _RefusedError: always.
    """
    raise _RefusedError(f"has {text}; write a finite number")
