"""Trace context from end to end: what the target received is what plan, headers and report say."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.integration.stack import Stack
from tests.integration.sums import assert_adds_up

from spate.traceparent import TraceSampling, trace_id

pytestmark = pytest.mark.kafka

SHARE = Fraction(1, 5)
COUNT = 300
SLOW_EVERY = 40
VALUE = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-01")

Seen = dict[int, str | None]
"""The ``traceparent`` of each arrival, None without one."""


@pytest.fixture(scope="module")
def seen() -> Iterator[tuple[str, Seen]]:
    """A target that notes headers and answers each fortieth arrival after 80 ms; its URL."""
    noted: Seen = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            index = int(self.headers["Spate-Index"].rpartition("/")[2])
            assert index not in noted
            noted[index] = self.headers["traceparent"]
            if index % SLOW_EVERY == 0:
                time.sleep(0.08)
            self.send_response(503 if index % (2 * SLOW_EVERY) == 0 else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", noted
        server.shutdown()
        thread.join()


def test_every_trace_of_the_report_was_received(fleet: Stack, seen: tuple[str, Seen]) -> None:
    """The share, the choice and the ids are those that can be worked out, by whichever driver."""
    url, noted = seen
    run_id = fleet.submit(
        {
            "name": "traced",
            "target": url,
            "requests": [{"path": "/"}],
            "load": {
                "test_type": "tsunami",
                "message_count_per_driver": COUNT,
                "message_delay_ms": 10,
            },
            "limits": {"connections": 8},
            "options": {"index_header": True, "traceparent": float(SHARE)},
        }
    )
    report = fleet.report(run_id)
    assert_adds_up(report)
    assert sorted(noted) == list(range(3 * COUNT))
    sampling = TraceSampling(run_id, 1, SHARE)
    traced = {index: value for index, value in noted.items() if value is not None}
    assert sorted(traced) == [index for index in range(3 * COUNT) if sampling.chosen(index)]
    assert 120 < len(traced) < 240
    ids = {}
    for index, value in traced.items():
        found = VALUE.fullmatch(value)
        assert found is not None, value
        ids[index] = found[1]
    assert ids == {index: trace_id(run_id, index) for index in traced}

    rows = report["traces"]
    assert len(rows) == 20
    assert [row for row in rows if ids.get(row["index"]) != row["trace_id"]] == []
    times = [row["response_ns"] for row in rows]
    assert times == sorted(times, reverse=True)
    # Nothing else waits for 80 ms on purpose, and no arrival that did is left out.
    slow = {index for index in traced if index % SLOW_EVERY == 0}
    assert slow <= {row["index"] for row in rows}
    assert times[0] <= report["response_time"]["max_ns"]
    for row in rows:
        assert row["driver_id"] in ("driver-1", "driver-2", "driver-3")
        answer = ("status_5xx", 503) if row["index"] % (2 * SLOW_EVERY) == 0 else ("succeeded", 200)
        assert (row["outcome"], row["status"]) == answer
        # Tsunami: 3 drivers, each one every 10 ms.
        assert row["offset_s"] == pytest.approx(row["index"] / 300, abs=0.001)
