"""hey: Go; a rate is held by each worker for itself, which waits for its answer first."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar, Final

from tests.bench.peers.load import Load, Said, TrialError
from tests.bench.peers.nearest import quantiles
from tests.bench.peers.peer import Pace, Peer, look_for, module_version, told, version_in

_STATUS: Final = re.compile(r"\[(\d{3})\]\s+(\d+) responses")
_ERROR: Final = re.compile(r"^\s+\[(\d+)\]\s+(?!\d+ responses)", re.MULTILINE)
_QUANTILE: Final = re.compile(r"(\d+)%+ in ([\d.]+) secs")
_TOTAL: Final = re.compile(r"Total:\s+([\d.]+) secs")
_SLOWEST: Final = re.compile(r"Slowest:\s+([\d.]+) secs")
_NAMES: Final = {"50": "p50", "90": "p90", "99": "p99"}


class Hey(Peer):
    """Knows a duration; with TLS it verifies nothing. Its summary has no p99.9, its list has."""

    name: ClassVar[str] = "hey"
    how_to_get: ClassVar[str] = "apt-get install hey"
    pace: ClassVar[Pace] = "worker"

    def program(self) -> Path | None:
        """Return the system's, or one that was put beside the fetched ones."""
        return look_for("hey", self.here / "bin")

    def version(self) -> str:
        """Return the version in the program, else that of Debian's package."""
        version = module_version(self.program())
        if version[:1].isdigit():
            return version
        return version_in(told("dpkg-query", "--show", "hey"))

    def command(self, load: Load, folder: Path) -> list[str]:  # noqa: ARG002 - it reads no file
        """Return the command; a rate is divided among the workers."""
        rate = []
        if load.rate_per_s is not None:
            rate = ["-q", f"{load.rate_per_s / load.connections:g}"]
        form = ["-o", "csv"] if load.fine else []
        duration = ["-z", f"{load.seconds:g}s", "-t", "30"]
        return [self.found(), *duration, "-c", str(load.connections), *rate, *form, load.url]

    def said(self, output: str, folder: Path) -> Said:  # noqa: ARG002 - all is on the output
        """Return what the summary, or the list of all responses, says."""
        if output.startswith("response-time,"):
            return _from_list(output)
        total, slowest = _TOTAL.search(output), _SLOWEST.search(output)
        if total is None or slowest is None:
            raise TrialError("hey printed no summary")
        answered = {code: int(count) for code, count in _STATUS.findall(output)}
        _, _, errors = output.partition("Error distribution:")
        said = {_NAMES[q]: float(s) * 1e9 for q, s in _QUANTILE.findall(output) if q in _NAMES}
        failed = sum(n for code, n in answered.items() if not code.startswith("2"))
        failed += sum(map(int, _ERROR.findall(errors)))
        return Said(
            requests=sum(answered.values()),
            failed=failed,
            latency_ns={**said, "max": float(slowest.group(1)) * 1e9},
            seconds=float(total.group(1)),
        )


def _from_list(output: str) -> Said:
    """Return what a list of ``response-time,…,status-code,offset`` says; it has no failures."""
    rows = [line.split(",") for line in output.splitlines()[1:]]
    failed = sum(not row[6].startswith("2") for row in rows)
    return Said(
        requests=len(rows),
        failed=failed,
        latency_ns=quantiles(round(float(row[0]) * 1e9) for row in rows),
    )
