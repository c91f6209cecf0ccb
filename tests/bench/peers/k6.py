"""k6: Go and JavaScript; sends by a schedule, with virtual users that were made beforehand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar, Final

from tests.bench.peers.load import Load, Said, TrialError
from tests.bench.peers.peer import Pace, Peer, look_for, told, version_in

_SCRIPT: Final = """\
import http from "k6/http";

export const options = {options};

export default function () {{
  http.get({url});
}}

export function handleSummary(data) {{
  return {{ [{summary}]: JSON.stringify(data) }};
}}
"""
_TRENDS: Final = {"med": "p50", "p(90)": "p90", "p(99)": "p99", "p(99.9)": "p999", "max": "max"}


class K6(Peer):
    """Bodies are read and thrown away, as its manual advises for load; TLS is not verified."""

    name: ClassVar[str] = "k6"
    how_to_get: ClassVar[str] = "it is used if it is on the PATH"
    pace: ClassVar[Pace] = "schedule"

    def program(self) -> Path | None:
        """Return the system's."""
        return look_for("k6")

    def version(self) -> str:
        """Return its version."""
        return version_in(told("k6", "version"))

    def command(self, load: Load, folder: Path) -> list[str]:
        """Return the command, having written the script."""
        script = folder / "script.js"
        script.write_text(script_of(load, folder / "summary.json"), encoding="utf-8")
        return [
            *(self.found(), "run", "--quiet", "--no-usage-report", "--address", "127.0.0.1:0"),
            str(script),
        ]

    def said(self, output: str, folder: Path) -> Said:  # noqa: ARG002 - all is in the file
        """Return what the summary says."""
        try:
            data = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise TrialError("k6 wrote no summary") from error
        return from_summary(data)


def script_of(load: Load, summary: Path) -> str:
    """Return the script of a load."""
    duration = f"{round(load.seconds * 1000)}ms"
    scenario: dict[str, Any] = {
        "executor": "constant-vus",
        "vus": load.connections,
        "duration": duration,
    }
    if load.rate_per_s is not None:
        scenario = {
            "executor": "constant-arrival-rate",
            "rate": round(load.rate_per_s),
            "timeUnit": "1s",
            "duration": duration,
            "preAllocatedVUs": load.connections,
        }
    options = {
        "scenarios": {"load": scenario},
        "discardResponseBodies": True,
        "insecureSkipTLSVerify": True,
        "summaryTrendStats": list(_TRENDS),
    }
    return _SCRIPT.format(
        options=json.dumps(options), url=json.dumps(load.url), summary=json.dumps(str(summary))
    )


def from_summary(data: dict[str, Any]) -> Said:
    """Return what the summary's metrics say; durations there are in ms."""
    metrics = data["metrics"]
    requests = int(metrics["http_reqs"]["values"]["count"])
    trend = metrics["http_req_duration"]["values"]
    return Said(
        requests=requests,
        failed=round(metrics["http_req_failed"]["values"]["rate"] * requests),
        latency_ns={name: trend[key] * 1e6 for key, name in _TRENDS.items()},
    )
