"""oha: Rust; a rate is shared by its workers, and latencies can count from when they were due."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar, Final

from tests.bench.peers.load import Load, Said, TrialError
from tests.bench.peers.peer import Pace, Peer, look_for, told, version_in

_NAMES: Final = {"p50": "p50", "p90": "p90", "p99": "p99", "p99.9": "p999"}
_CUT_OFF: Final = "aborted due to deadline"


class Oha(Peer):
    """One thread for its one core; at a rate with ``--latency-correction``, as its help advises."""

    name: ClassVar[str] = "oha"
    how_to_get: ClassVar[str] = "--fetch, or cargo install oha"
    pace: ClassVar[Pace] = "schedule"

    def program(self) -> Path | None:
        """Return the fetched one, else the system's."""
        return look_for("oha", self.here / "oha" / "bin")

    def version(self) -> str:
        """Return its version."""
        return version_in(told(self.found(), "--version"))

    def command(self, load: Load, folder: Path) -> list[str]:  # noqa: ARG002 - it reads no file
        """Return the command; at a rate what is under way at the end is waited for."""
        pace = []
        if load.rate_per_s is not None:
            pace = ["-q", str(round(load.rate_per_s)), "--latency-correction", "-w"]
        trust = [] if load.ca is None else ["--cacert", str(load.ca)]
        return [
            *(self.found(), "--no-tui", "--output-format", "json", "--worker-threads", "1"),
            *("-z", f"{round(load.seconds * 1000)}ms", "-c", str(load.connections)),
            *(*pace, *trust, load.url),
        ]

    def said(self, output: str, folder: Path) -> Said:  # noqa: ARG002 - all is on the output
        """Return what its JSON says."""
        try:
            return from_json(json.loads(output))
        except ValueError as error:
            raise TrialError("oha printed no figures") from error


def from_json(data: dict[str, Any]) -> Said:
    """Return what its figures say; durations there are in seconds, None where nothing was."""
    answered: dict[str, int] = data["statusCodeDistribution"]
    errors: dict[str, int] = data["errorDistribution"]
    said = {name: data["latencyPercentiles"][key] for key, name in _NAMES.items()}
    said["max"] = data["summary"]["slowest"]
    failed = sum(n for code, n in answered.items() if not code.startswith("2"))
    failed += sum(n for text, n in errors.items() if text != _CUT_OFF)
    return Said(
        requests=sum(answered.values()),
        failed=failed,
        latency_ns={name: s * 1e9 for name, s in said.items() if s is not None},
        seconds=data["summary"]["total"],
    )
