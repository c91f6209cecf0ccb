"""Secrets are filled in by name; any other template is an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spate.secrets import SecretError, check_templates, fill, fill_header, secret_names

ENVIRON = {"SPATE_SECRET_TOKEN": "s3cret", "SPATE_SECRET_ODD": "${secret:TOKEN}"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain $5 {x}", "plain $5 {x}"),
        ("Bearer ${secret:TOKEN}", "Bearer s3cret"),
        ("${secret:TOKEN}${secret:TOKEN}", "s3crets3cret"),
        ("$${secret:TOKEN}", "${secret:TOKEN}"),
        ("$$${secret:TOKEN}", "$${secret:TOKEN}"),
        ("${secret:ODD}", "${secret:TOKEN}"),
        ("$${", "${"),
    ],
)
def test_texts_are_filled(text: str, expected: str) -> None:
    """A secret takes its placeholder's place, $${ is a literal, and values stay as they are."""
    assert check_templates(text) is None
    assert fill(text, ENVIRON) == expected


@pytest.mark.parametrize(
    "text", ["${", "${x}", "${secret:}", "${secret:a-b}", "a ${env:X} b", "${ secret:TOKEN}"]
)
def test_other_templates_are_refused(text: str) -> None:
    """What is not ${secret:NAME} is named, both when checked and when filled."""
    problem = check_templates(text)
    assert problem is not None
    assert "only ${secret:NAME}" in problem
    with pytest.raises(SecretError, match="is offered"):
        fill(text, ENVIRON)


def test_missing_secret_names_its_variable() -> None:
    """A variable that is not set is named; no value is shown."""
    with pytest.raises(SecretError, match="set SPATE_SECRET_NONE in the driver") as caught:
        fill("${secret:TOKEN} ${secret:NONE}", ENVIRON)
    assert "s3cret" not in str(caught.value)


def test_names_are_listed_once() -> None:
    """The secrets of a text come in order, each once; literals are none."""
    text = "${secret:B} ${secret:A} $${secret:C} ${secret:B}"
    assert secret_names(text) == ("B", "A")


@given(st.text())
def test_checked_texts_can_be_filled(text: str) -> None:
    """A text without problem needs only its secrets."""
    if check_templates(text) is None:
        environ = {"SPATE_SECRET_" + name: "x" for name in secret_names(text)}
        assert isinstance(fill(text, environ), str)


@pytest.mark.parametrize("value", ["a\n", "a\r\nX: y", "\x00", "\x7f", "é"])
def test_a_secret_cannot_begin_another_header(value: str) -> None:
    """A line break, control character or non-ASCII character in a header's secret is refused."""
    with pytest.raises(SecretError, match="value of SPATE_SECRET_TOKEN") as caught:
        fill_header("Bearer ${secret:TOKEN}", {"SPATE_SECRET_TOKEN": value})
    assert value not in str(caught.value)


def test_headers_are_filled() -> None:
    """A secret of printable ASCII makes a header; a header without one is left alone."""
    assert fill_header("Bearer ${secret:TOKEN}", ENVIRON) == "Bearer s3cret"
    assert fill_header("text/plain", {}) == "text/plain"
