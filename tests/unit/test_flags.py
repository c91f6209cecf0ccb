"""Every flag is read from the command line and from the environment, and the flag wins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from spate.flags import GIVEN, REQUIRED, Flag, on_off, one_of, parse_flags, whole, words

FLAGS = [
    Flag("kafka", "SPATE_KAFKA", REQUIRED, words, "Where Kafka is: HOST:PORT."),
    Flag("--port", "SPATE_PORT", 8080, whole(0, 65_535), "Where to listen."),
    Flag("driver-id", "SPATE_DRIVER_ID", None, words, "The driver's name."),
    Flag("mode", "SPATE_MODE", "fast", one_of("fast", "slow"), "How to go."),
    Flag("dir", "SPATE_DIR", ".local", Path, "Where files are."),
    Flag("sample", "SPATE_SAMPLE", False, on_off, "Whether to begin with a sample."),
]
DEFAULTS = {
    "kafka": "k:1",
    "port": 8080,
    "driver_id": None,
    "mode": "fast",
    "dir": Path(".local"),
    "sample": False,
}


def parse(argv: list[str], environ: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the values of the flags above."""
    return parse_flags("spate-thing", "Does a thing.", FLAGS, argv, environ or {})


@pytest.mark.parametrize(
    ("argv", "environ", "expected"),
    [
        (["--kafka", "k:1"], {}, {}),
        (["--kafka=k:1"], {"SPATE_PORT": ""}, {}),
        ([], {"SPATE_KAFKA": "k:1", "SPATE_PORT": "1"}, {"port": 1}),
        (["--kafka", "k:1", "--port", "2"], {"SPATE_PORT": "1"}, {"port": 2}),
        (["--kafka", "k:1", "--port=2"], {"SPATE_PORT": "bad"}, {"port": 2}),
        (["--sample", "--kafka", "k:1"], {}, {"sample": True}),
        (["--sample=no", "--kafka", "k:1"], {"SPATE_SAMPLE": "yes"}, {"sample": False}),
        (["--kafka", "k:1"], {"SPATE_SAMPLE": "On"}, {"sample": True}),
        (["--driver-id=a=b", "--kafka", "k:1", "--mode", "slow"], {},
         {"driver_id": "a=b", "mode": "slow"}),
    ],
)  # fmt: skip
def test_values_come_from_flag_then_environment_then_default(
    argv: list[str], environ: dict[str, str], expected: dict[str, Any]
) -> None:
    """The flag wins over the variable, the variable over the default; nothing is not a value."""
    assert parse(argv, environ) == DEFAULTS | expected


@pytest.mark.parametrize(
    ("argv", "environ", "message"),
    [
        ([], {}, "--kafka (or SPATE_KAFKA) is missing: Where Kafka is: HOST:PORT."),
        (["--kafka"], {}, "--kafka needs a value; write --kafka VALUE"),
        (["--kafka", "--port", "1"], {}, "--kafka needs a value"),
        (["--kafka="], {}, "--kafka (or SPATE_KAFKA): '', from --kafka, is not right: write some"),
        (["--port", "x"], {}, "--port (or SPATE_PORT): 'x', from --port, is not right: write a"),
        (["--port", "65536"], {}, "write a whole number of 0 to 65535"),
        (["--port", "-1"], {}, "write a whole number of 0 to 65535"),
        (["--port", "9" * 5000], {}, "write a whole number of 0 to 65535"),
        ([], {"SPATE_PORT": "1.5"}, "--port (or SPATE_PORT): '1.5', from SPATE_PORT, is not right"),
        (["--mode", "x"], {}, "write one of fast, slow"),
        (["--sample=x"], {}, "write true or false"),
        (["--port", "1", "--port", "2"], {}, "--port is given twice; remove one"),
        (["--prot", "1"], {}, "there is no '--prot'; --help lists what there is"),
        (["--prot=1"], {}, "there is no '--prot'"),
        (["word"], {}, "there is no 'word'"),
        (["--prot", "--port", "1"], {}, "there is no '--prot'"),
    ],
)
def test_problems_name_flag_variable_and_fix(
    argv: list[str],
    environ: dict[str, str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A wrong value ends the process with 2 and says what to write where."""
    with pytest.raises(SystemExit) as caught:
        parse(argv, environ)
    assert caught.value.code == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert "spate-thing: " in output.err
    assert message in output.err


def test_all_problems_come_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Each problem is a line of its own, and an unknown flag's value is not a second problem."""
    with pytest.raises(SystemExit):
        parse(["--prot", "1", "--port", "x"], {"SPATE_MODE": "y"})
    assert len(capsys.readouterr().err.splitlines()) == 4


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_lists_both_names_and_defaults(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Help goes to stdout, also beside wrong flags, and ends with 0."""
    with pytest.raises(SystemExit) as caught:
        parse(["--nonsense", option])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for line in [
        "usage: spate-thing [FLAG VALUE]...",
        "  --kafka VALUE   or SPATE_KAFKA in the environment (required)",
        "  --port VALUE   or SPATE_PORT in the environment (default: 8080)",
        "  --driver-id VALUE   or SPATE_DRIVER_ID in the environment (no default)",
        "  --dir VALUE   or SPATE_DIR in the environment (default: .local)",
        "  --sample   or SPATE_SAMPLE in the environment (default: false)",
        "      Where to listen.",
    ]:
        assert line in text.splitlines()


def test_marks_say_so() -> None:
    """The mark of a required flag is readable, and that of a wrong value."""
    assert (repr(REQUIRED), repr(GIVEN)) == ("REQUIRED", "GIVEN")


def test_a_check_sees_all_values_and_adds_to_the_problems(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What is missing is None to it, what is wrong by itself is GIVEN."""
    seen: list[dict[str, Any]] = []

    def check(values: Mapping[str, Any]) -> Iterable[str]:
        seen.append(dict(values))
        yield "mode and port do not go together"

    with pytest.raises(SystemExit) as caught:
        parse_flags("spate-thing", "", FLAGS, ["--port", "x"], {}, check=check)
    assert caught.value.code == 2
    assert seen == [DEFAULTS | {"kafka": None, "port": GIVEN}]
    assert [line.partition(" ")[0] for line in capsys.readouterr().err.splitlines()] == [
        "spate-thing:"
    ] * 3


def test_what_a_secret_flag_was_given_is_not_quoted(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither from the command line nor from the environment."""
    flags = [Flag("url", "SPATE_URL", None, whole(0, 1), "A URL.", secret=True)]
    for argv, environ in ((["--url", "hunter2"], {}), ([], {"SPATE_URL": "hunter2"})):
        with pytest.raises(SystemExit):
            parse_flags("spate-thing", "", flags, argv, environ)
        said = capsys.readouterr().err
        assert "--url (or SPATE_URL): the value from " in said
        assert "hunter2" not in said
