"""Spate itself: one process, the whole way of a request, by its ordinary command."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from tests.bench.peers.load import QUANTILES, Load, Said, TrialError
from tests.bench.peers.peer import Pace, Peer

MOST_IN_FLIGHT = 100_000


class Spate(Peer):
    """Counts requests in the closed loop, and holds any schedule in the open one."""

    name: ClassVar[str] = "spate"
    how_to_get: ClassVar[str] = "make setup"
    pace: ClassVar[Pace] = "schedule"
    counted: ClassVar[bool] = True

    def program(self) -> Path | None:
        """Return the one of this tree."""
        program = Path(sys.executable).with_name("spate")
        return program if program.exists() else None

    def version(self) -> str:
        """Return the version of this tree."""
        return version("spate")

    def command(self, load: Load, folder: Path) -> list[str]:
        """Return the command, having written the plan."""
        path = folder / "plan.json"
        path.write_text(json.dumps(plan_of(load)), encoding="utf-8")
        out = ("--format", "json", "--out", str(folder / "report"))
        return [self.found(), "run", str(path), "--local", *out]

    def said(self, output: str, folder: Path) -> Said:  # noqa: ARG002 - all is on the output
        """Return what the report says."""
        try:
            report = json.loads(output)
        except ValueError as error:
            raise TrialError("spate printed no report") from error
        account = report["accounting"]
        lost = account["dropped"], account["missed"], account["failed"]
        failed = account["unconfirmed"] + sum(sum(each.values()) for each in lost)
        began, ended = (
            datetime.fromisoformat(report["run"][key]) for key in ("started_at", "ended_at")
        )
        return Said(
            requests=account["sent"],
            failed=failed,
            latency_ns=_quantiles(report["response_time"]),
            lag_ns=_quantiles(report["lag"]),
            seconds=(ended - began).total_seconds(),
        )


def plan_of(load: Load) -> dict[str, Any]:
    """Return the plan of a load: an avalanche is the closed loop, arrivals are the open one."""
    address = urlsplit(load.url)
    limits = {"connections": load.connections, "timeout": "20s", "in_flight": MOST_IN_FLIGHT}
    plan: dict[str, Any] = {
        "name": "side-by-side",
        "target": f"{address.scheme}://{address.netloc}",
        "requests": [{"path": address.path or "/"}],
        "limits": limits,
    }
    if load.rate_per_s is None:
        plan["load"] = {"test_type": "avalanche", "message_count_per_driver": load.count}
    else:
        rate = round(load.rate_per_s, 6)
        hold = {"duration": f"{round(load.seconds * 1000)}ms", "from": rate, "to": rate}
        plan["load"] = {"test_type": "arrivals", "stages": [hold]}
    if load.ca is not None:
        plan["tls"] = {"ca": load.ca.read_text(encoding="utf-8")}
    return plan


def _quantiles(duration: dict[str, Any]) -> dict[str, float]:
    """Return what is known of a duration."""
    said = {name: duration[f"{name}_ns"] for name in QUANTILES}
    return {name: float(value) for name, value in said.items() if value is not None}
