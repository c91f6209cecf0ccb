"""How a service logs: one line an event on stderr, as JSON for machines or as text for people.

A JSON line holds the fields of ``FIELDS`` and no other, so what a library adds to its records
stays out. ``run_id`` and the rest come from the ``extra`` of a call::

    _LOG.info("run %s is taken up", run_id, extra={"run_id": run_id})

Text of outside, such as an error's, cannot begin a line of its own: JSON escapes what breaks one,
and so does the text form.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, TextIO

from pythonjsonlogger.json import JsonFormatter

from spate.flags import Flag, one_of
from spate.instants import rfc3339

FIELDS: Final = (
    "time",
    "level",
    "service",
    "logger",
    "message",
    "run_id",
    "driver_id",
    "state",
    "passed",
    "accounting",
    "exception",
    "stack",
)
"""The fields of a JSON line, in their order; the first five are always there."""

LOG_FLAGS: Final = (
    Flag(
        "log-level",
        "SPATE_LOG_LEVEL",
        "info",
        one_of("debug", "info", "warning", "error"),
        "What is logged to stderr; libraries say no more than at info.",
    ),
    Flag(
        "log-format",
        "SPATE_LOG_FORMAT",
        "auto",
        one_of("auto", "json", "text"),
        "How: json, one object a line, or text; auto: text where stderr is a terminal, else json.",
    ),
)

_OURS: Final = ("spate", "orchestrator", "driver")
_NAMES: Final = {
    "asctime": "time",
    "levelname": "level",
    "name": "logger",
    "exc_info": "exception",
    "stack_info": "stack",
}
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_BUT_LINES: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def set_up_logs(service: str, level: str, form: str, *, driver_id: str | None = None) -> None:
    """Let this process log to stderr, and take warnings and uncaught errors along.

    ``level`` and ``form`` are values of ``LOG_FLAGS``; ``driver_id`` stands in every line. At
    debug level only our own loggers speak: what libraries say there, such as whole answers of the
    cluster, may hold secrets.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    handler = log_handler(service, form, driver_id=driver_id, stream=sys.stderr)
    logging.basicConfig(handlers=[handler], level=max(number, logging.INFO), force=True)
    for name in _OURS:
        logging.getLogger(name).setLevel(number)
    logging.captureWarnings(capture=True)
    sys.excepthook = _tell_end
    threading.excepthook = _tell_end_of_thread


def log_handler(
    service: str, form: str, *, driver_id: str | None = None, stream: TextIO
) -> logging.Handler:
    """Return what writes one line an event to ``stream``."""
    if form == "auto":
        form = "text" if stream.isatty() else "json"
    bound = {"service": service} | ({} if driver_id is None else {"driver_id": driver_id})
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Json(bound) if form == "json" else _Text(driver_id or service))
    return handler


class _Json(JsonFormatter):
    """One JSON object a line."""

    def __init__(self, bound: Mapping[str, str]) -> None:
        super().__init__(
            ("asctime", "levelname", "name", "message"),
            rename_fields=dict(_NAMES),
            static_fields=dict(bound),
        )

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802 - the library's name
        return _instant(record)

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        return {name: log_data[name] for name in FIELDS if name in log_data}


class _Text(logging.Formatter):
    """``TIME WHO LEVEL MESSAGE``; only a trace is more than one line."""

    def __init__(self, who: str) -> None:
        super().__init__("%(asctime)s %(who)s %(levelname)s %(message)s", defaults={"who": who})

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802 - the library's name
        return _instant(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        return _CONTROL.sub(_escape, super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the library's name
        return _CONTROL_BUT_LINES.sub(_escape, super().formatException(ei))


def _instant(record: logging.LogRecord) -> str:
    return rfc3339(int(record.created * 1_000) * 1_000_000)


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


def _tell_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Log what ends the process; the interpreter would write a trace of many lines."""
    logging.getLogger("spate").critical("the process breaks", exc_info=(kind, error, trace))


def _tell_end_of_thread(broken: threading.ExceptHookArgs) -> None:
    """Log what ends a thread; one that is told to exit ends in silence."""
    error = broken.exc_value
    if error is not None and not isinstance(error, SystemExit):
        logging.getLogger("spate").critical(
            "a thread breaks", exc_info=(broken.exc_type, error, broken.exc_traceback)
        )
