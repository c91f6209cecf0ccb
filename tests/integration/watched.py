"""A run with everything in it that a dashboard can show, on a stack that Prometheus watches."""

from __future__ import annotations

import contextlib
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.chaos.meddling import Meddler
from tests.integration.boards import Span
from tests.integration.prometheus import Prometheus
from tests.integration.stack import Stack, Target, names

JsonObject = dict[str, Any]

NAMESPACE = "load"
RATE_PER_S = 300
HOLD_S = 40
_SETTLE_S = 6.0
"""How long is watched after the end: alerts and the last scrapes are in it."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A run that has ended, and what Prometheus knows of it.

    ``target_count`` is what the target had counted by then. ``calm`` is another run after it,
    ``alone`` a time after that in which the orchestrator is gone.
    """

    prometheus: Prometheus
    report: JsonObject
    span: Span
    target_count: int
    calm: Span
    alone: Span

    @property
    def run_id(self) -> str:
        """The run's id."""
        return str(self.report["run"]["id"])

    @property
    def end_s(self) -> float:
        """The last instant that is looked at."""
        return self.span.end_s

    def instant_s(self, name: str) -> float:
        """Return ``started_at`` or ``ended_at`` in seconds since 1970."""
        return datetime.fromisoformat(self.report["run"][name]).timestamp()


def plan(target: Target) -> JsonObject:
    """Return a run of 45 s with failures, bodies, and limits that a stall reaches."""
    return {
        "name": "watched",
        "target": target.url,
        "requests": [
            {"name": "ping", "path": "/ping", "weight": 18},
            {"name": "order", "method": "POST", "path": "/ping", "body": "x" * 500},
            {"name": "broken", "path": "/status/503"},
        ],
        "load": {
            "test_type": "arrivals",
            "stages": [
                {"name": "ramp", "duration": "5s", "from": 100, "to": RATE_PER_S},
                {"name": "hold", "duration": f"{HOLD_S}s", "to": RATE_PER_S},
            ],
        },
        "limits": {"connections": 60, "in_flight": 60},
    }


def calm_plan(target: Target) -> JsonObject:
    """Return a closed run of about 12 s in which nothing goes wrong."""
    return {
        "name": "calm",
        "target": target.url,
        "requests": [{"path": "/ping"}],
        "load": {"test_type": "avalanche", "message_count_per_driver": 2_000},
        "limits": {"connections": 4},
    }


@contextlib.contextmanager
def watched_run(kafka: str, directory: Path) -> Iterator[Watched]:
    """Run it: the target stalls, a driver is killed, another joins, garbage is on the topics."""
    with Stack(kafka, directory / "stack") as stack:
        drivers = [stack.start_driver(driver_id) for driver_id in names(3)]
        target = stack.start_target("--latency", "lognormal:20ms:0.5", "--stall", "12:1")
        jobs = {
            "orchestrator": [urlsplit(stack.url).netloc],
            "driver": [urlsplit(url).netloc for url in drivers],
            "target": [urlsplit(target.url).netloc],
        }
        with Prometheus(directory / "prometheus", jobs, NAMESPACE) as prometheus:
            stack.await_drivers(*names(3))
            stack.until(lambda: prometheus.scraped() == {}, "not everything is scraped")
            start_s = time.time()
            run_id = stack.submit(plan(target))
            stack.until_sent(run_id, 2_000)
            _meddle(stack, kafka, target)
            stack.until_sent(run_id, 4_000)
            stack.kick("driver-2", signal.SIGKILL)
            stack.until_sent(run_id, 6_000)
            joiner = stack.start_driver("driver-4")
            prometheus.watch("driver", urlsplit(joiner).netloc)
            report = stack.report(run_id, within_s=120)
            time.sleep(_SETTLE_S)
            span = Span(start_s, time.time(), {"run": run_id, "namespace": NAMESPACE})
            counted = target.requests()
            calm_id = stack.submit(calm_plan(target))
            stack.report(calm_id, within_s=120)
            time.sleep(_SETTLE_S)
            calm = Span(span.end_s, time.time(), {"run": calm_id, "namespace": NAMESPACE})
            alone = _without_orchestrator(stack, prometheus)
            yield Watched(prometheus, report, span, counted, calm, alone)


def _meddle(stack: Stack, kafka: str, target: Target) -> None:
    """Write what nobody understands, and snapshots twice."""
    meddler = Meddler(kafka, seed=1)
    for topic in ("heartbeat", "metrics", "trigger"):
        meddler.litter(stack.prefix + topic)
    meddler.repeat(f"{stack.prefix}metrics", partitions=1, most=20)
    address = urlsplit(target.url)
    with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
        connection.sendall(b"this is no HTTP\r\n\r\n")
        connection.recv(100)


def _without_orchestrator(stack: Stack, prometheus: Prometheus) -> Span:
    """Kill the orchestrator, wait until somebody is woken, and return what time that took."""
    start_s = time.time()
    stack.kick("orchestrator", signal.SIGKILL)
    stack.ended("orchestrator")
    fires = 'ALERTS{alertname="SpateOrchestratorMissing", alertstate="firing"}'
    stack.until(lambda: prometheus.at(fires, time.time()), "nobody is woken")
    return Span(start_s, time.time(), {"run": ".*", "namespace": NAMESPACE})
