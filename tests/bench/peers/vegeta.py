"""vegeta: Go; sends by a schedule with as many workers as that takes, and times from the send."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar, Final

from tests.bench.peers.load import Load, Said, TrialError
from tests.bench.peers.peer import Pace, Peer, look_for, module_version, told

MODULE: Final = "github.com/tsenart/vegeta/v12"
_RESULTS: Final = "results.gob"
_NAMES: Final = {"50th": "p50", "90th": "p90", "99th": "p99", "max": "max"}
_TAIL: Final = 0.999
_COLUMNS: Final = 4


class Vegeta(Peer):
    """Writes every result into a file; reading it afterwards is not part of what a run costs."""

    name: ClassVar[str] = "vegeta"
    how_to_get: ClassVar[str] = f"--fetch, or go install {MODULE}@latest"
    pace: ClassVar[Pace] = "schedule"

    def program(self) -> Path | None:
        """Return the fetched one, else the system's."""
        return look_for("vegeta", self.here / "bin")

    def version(self) -> str:
        """Return the version of its module: it knows none when it is built by ``go install``."""
        return module_version(self.program())

    def command(self, load: Load, folder: Path) -> list[str]:
        """Return the command; the closed loop is its rate of 0 with so many workers."""
        targets = folder / "targets.txt"
        targets.write_text(f"GET {load.url}\n", encoding="utf-8")
        if load.rate_per_s is None:
            pace = ["-rate=0", f"-max-workers={load.connections}", f"-workers={load.connections}"]
        else:
            pace = [f"-rate={round(load.rate_per_s)}/1s"]
        trust = [] if load.ca is None else [f"-root-certs={load.ca}"]
        return [
            *(self.found(), "attack", *pace, *trust),
            *(f"-connections={load.connections}", f"-duration={load.seconds:g}s"),
            *("-timeout=30s", f"-targets={targets}", f"-output={folder / _RESULTS}"),
        ]

    def said(self, output: str, folder: Path) -> Said:  # noqa: ARG002 - all is in the file
        """Return what its own two reports on the file say."""
        results = str(folder / _RESULTS)
        try:
            report = json.loads(told(self.found(), "report", "-type=json", results))
        except ValueError as error:
            raise TrialError("vegeta cannot report on its results") from error
        plot = told(self.found(), "report", "-type=hdrplot", results)
        answered = sum(n for code, n in report["status_codes"].items() if code.startswith("2"))
        return Said(
            requests=report["requests"],
            failed=report["requests"] - answered,
            latency_ns={**_known(report["latencies"]), **tail_of(plot)},
            seconds=report["duration"] / 1e9,
        )


def _known(latencies: dict[str, float]) -> dict[str, float]:
    """Return the quantiles of its report by our names."""
    return {_NAMES[key]: float(value) for key, value in latencies.items() if key in _NAMES}


def tail_of(plot: str) -> dict[str, float]:
    """Return the p99.9 of lines of ``milliseconds share count …``: the first that reaches it."""
    for line in plot.splitlines():
        cells = line.split()
        if len(cells) == _COLUMNS and cells[0][0].isdigit() and float(cells[1]) >= _TAIL:
            return {"p999": float(cells[0]) * 1e6}
    return {}
