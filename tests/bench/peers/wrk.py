"""wrk: C, one thread, closed loop only. It is what all others are compared with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar, Final

from tests.bench.peers.load import Load, Said, TrialError
from tests.bench.peers.peer import Pace, Peer, look_for, told, version_in

SCRIPT: Final = """
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\\n{"requests":%d,"failed":%d,"us":%d,"p50":%d,"p90":%d,"p99":%d,"p999":%d,"max":%d}\\n',
    summary.requests, e.connect + e.read + e.write + e.status + e.timeout, summary.duration,
    latency:percentile(50), latency:percentile(90), latency:percentile(99),
    latency:percentile(99.9), latency.max))
end
"""
"""Prints as JSON what wrk kept: it is run once, after the load."""


class Wrk(Peer):
    """Knows a duration and no rate; with TLS it verifies nothing."""

    name: ClassVar[str] = "wrk"
    how_to_get: ClassVar[str] = "apt-get install wrk"
    pace: ClassVar[Pace] = "none"

    def program(self) -> Path | None:
        """Return the system's."""
        return look_for("wrk")

    def version(self) -> str:
        """Return what its first line says."""
        return version_in(told("wrk", "--version"))

    def command(self, load: Load, folder: Path) -> list[str]:
        """Return the command; a rate is not for wrk, and is not held."""
        script = folder / "done.lua"
        script.write_text(SCRIPT, encoding="utf-8")
        return [
            self.found(),
            *("--threads", "1", "--connections", str(load.connections)),
            *("--duration", f"{load.whole_seconds}s", "--timeout", "30s"),
            *("--script", str(script), load.url),
        ]

    def said(self, output: str, folder: Path) -> Said:  # noqa: ARG002 - all is on the output
        """Return what the script printed."""
        lines = [line for line in output.splitlines() if line.startswith('{"requests"')]
        if not lines:
            raise TrialError("wrk printed no figures")
        figures = json.loads(lines[-1])
        return Said(
            requests=figures["requests"],
            failed=figures["failed"],
            latency_ns={key: figures[key] * 1e3 for key in ("p50", "p90", "p99", "p999", "max")},
            seconds=figures["us"] / 1e6,
        )
