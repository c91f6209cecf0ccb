"""A log is one line an event, in both forms, with the fields that are promised and no other."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from driver.settings import read_settings
from orchestrator.settings import parse_settings
from spate.logs import FIELDS, log_handler

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
NASTY = "Kafka said: \n2026-01-01T00:00:00.000Z driver ERROR forged\r\x1b[2J\u2028\x85end"


class Terminal(io.StringIO):
    """A stream that people look at."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def written(
    form: str,
    message: str,
    *,
    driver_id: str | None = None,
    stream: io.StringIO | None = None,
    extra: Mapping[str, Any] | None = None,
    error: BaseException | None = None,
) -> str:
    """Return what one call writes."""
    stream = io.StringIO() if stream is None else stream
    log = logging.Logger("orchestrator.api", logging.INFO)  # noqa: LOG001 - the others stay as they are
    log.addHandler(log_handler("orchestrator", form, driver_id=driver_id, stream=stream))
    log.warning("%s", message, extra=extra, exc_info=error)
    return stream.getvalue()


def raised() -> ValueError:
    """Return an error with a trace."""
    try:
        int(NASTY)
    except ValueError:
        return ValueError(NASTY).with_traceback(sys.exc_info()[2])
    raise AssertionError("that is no number")


def test_a_line_holds_what_is_promised() -> None:
    """Five fields always, in the order of FIELDS, the time in UTC with ms and a Z."""
    line = json.loads(written("json", "it is there"))
    assert list(line) == ["time", "level", "service", "logger", "message"]
    assert INSTANT.fullmatch(line.pop("time"))
    assert line == {
        "level": "WARNING",
        "service": "orchestrator",
        "logger": "orchestrator.api",
        "message": "it is there",
    }


def test_what_is_bound_and_what_is_given_are_fields() -> None:
    """A driver's id stands in each of its lines, a run's in those that are given it."""
    line = json.loads(written("json", "x", driver_id="d-1", extra={"run_id": "r-1"}))
    assert (line["driver_id"], line["run_id"]) == ("d-1", "r-1")
    accounting = {"planned": 3, "succeeded": 3}
    line = json.loads(written("json", "x", extra={"driver_id": "d-2", "accounting": accounting}))
    assert (line["driver_id"], line["accounting"]) == ("d-2", accounting)


def test_what_a_library_adds_stays_out() -> None:
    """No header or colour of somebody's record becomes a field."""
    extra = {"headers": {"Authorization": "Bearer abc"}, "color_message": "x", "run_id": "r"}
    text = written("json", "x", extra=extra)
    assert set(json.loads(text)) <= set(FIELDS)
    assert "Bearer" not in text + written("text", "x", extra=extra)


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_text_of_outside_begins_a_line(form: str) -> None:
    """Line breaks and escape sequences in a message are shown, not obeyed."""
    text = written(form, NASTY)
    assert text.endswith("\n")
    assert len(text.splitlines()) == 1
    assert re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text) == []
    if form == "json":
        assert json.loads(text)["message"] == NASTY


def test_an_exception_is_one_field() -> None:
    """The whole trace, in a line that is still one."""
    text = written("json", "it broke", error=raised())
    assert len(text.splitlines()) == 1
    line = json.loads(text)
    assert list(line)[-1] == "exception"
    assert line["exception"].startswith("Traceback (most recent call last):\n")
    assert line["exception"].endswith(f"ValueError: {NASTY}")


def test_text_is_for_people() -> None:
    """Who it is, how bad, and the sentence; below it the trace, without control characters."""
    (line,) = written("text", "it is there", driver_id="d%s-1").splitlines()
    time, rest = line.split(" ", 1)
    assert INSTANT.fullmatch(time)
    assert rest == "d%s-1 WARNING it is there"
    assert written("text", "x").split(" ", 1)[1] == "orchestrator WARNING x\n"
    first, *trace = written("text", "it broke", error=raised()).splitlines()
    assert first.endswith(" orchestrator WARNING it broke")
    assert trace[0] == "Traceback (most recent call last):"
    assert "\x1b" not in "".join(trace)


def test_auto_is_text_on_a_terminal() -> None:
    """And JSON everywhere else, where a collector reads it."""
    assert written("auto", "x", stream=Terminal()).endswith(" orchestrator WARNING x\n")
    assert json.loads(written("auto", "x"))["message"] == "x"


@pytest.mark.parametrize("read", [read_settings, parse_settings])
def test_both_services_are_told_alike(read: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """By flag or variable, checked, and listed by --help."""
    environ = {"SPATE_KAFKA_BOOTSTRAP": "k:1", "SPATE_LOG_FORMAT": "json"}
    found = read([], environ)
    assert (found.log_level, found.log_format) == ("info", "json")
    assert read(["--log-format", "text"], environ).log_format == "text"
    assert read([], {"SPATE_KAFKA_BOOTSTRAP": "k:1"}).log_format == "auto"
    with pytest.raises(SystemExit):
        read(["--log-format", "xml"], environ)
    said = " ".join(capsys.readouterr().err.split())
    assert "--log-format" in said
    assert "auto, json" in said
    with pytest.raises(SystemExit):
        read(["--help"], {})
    said = capsys.readouterr().out
    assert "--log-level" in said
    assert "SPATE_LOG_FORMAT" in said


PROCESS = """
import logging, sys, threading, warnings
from spate.logs import set_up_logs

set_up_logs("driver", sys.argv[1], "json", driver_id="d")
logging.getLogger("driver").debug("ours")
logging.getLogger("kubernetes.client").debug("response body: secret")
logging.getLogger("kubernetes.client").info("theirs")
warnings.warn("a warning")
def breaks():
    raise OSError("in a thread")
thread = threading.Thread(target=breaks)
thread.start()
thread.join()
raise ValueError("at the end")
"""


@pytest.mark.parametrize("level", ["debug", "info", "error"])
def test_all_that_a_process_says_is_lines(level: str) -> None:
    """Warnings and what ends it too; at debug libraries say no more than at info."""
    done = subprocess.run(
        [sys.executable, "-c", PROCESS, level], capture_output=True, text=True, check=False
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    said = [(line["logger"], line["level"], line["message"].splitlines()[0]) for line in lines]
    ours = [("driver", "DEBUG", "ours")]
    theirs = [("kubernetes.client", "INFO", "theirs")]
    warned = [("py.warnings", "WARNING", "<string>:9: UserWarning: a warning")]
    ends = [("spate", "CRITICAL", "a thread breaks"), ("spate", "CRITICAL", "the process breaks")]
    assert done.returncode == 1
    assert {line["driver_id"] for line in lines} == {"d"}
    wanted = {
        "debug": ours + theirs + warned + ends,
        "info": theirs + warned + ends,
        "error": ends,
    }
    assert said == wanted[level]
    assert [line["exception"].splitlines()[-1] for line in lines[-2:]] == [
        "OSError: in a thread",
        "ValueError: at the end",
    ]
