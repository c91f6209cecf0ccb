"""Spate as a Helm release on a real cluster, used from outside as people use it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from tests.e2e.kube import CHART, JsonObject, Kube, is_ready, name_of
from tests.e2e.port_forward import PortForward
from tests.integration.caller import Caller
from tests.integration.stack import Target

T = TypeVar("T")

NAME = "spate"
IN_CLUSTER = Target("http://target:8000")
"""The target as drivers reach it."""

_AT_WORK = ("idle", "working")
_POLL_EVERY_S = 0.1


class Release(Caller):
    """An installed chart in a namespace of its own; a context manager around the ways to it."""

    def __init__(self, kube: Kube, values: Mapping[str, Any]) -> None:
        self.kube = kube
        self._values = values
        self._forwards = {
            service: PortForward(kube, service, port)
            for service, port in (("orchestrator", 8080), ("target", 8000))
        }
        self.url = self._forwards["orchestrator"].url
        self.target = Target(self._forwards["target"].url)
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=20)

    def __enter__(self) -> Self:
        """Open the ways."""
        for forward in self._forwards.values():
            forward.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the ways; the release stays."""
        self.client.close()
        for forward in self._forwards.values():
            forward.__exit__(kind, error, trace)

    # ---- the release -------------------------------------------------------------------------

    def install(self) -> float:
        """Install the chart and wait until all is ready; return how long that took, in s."""
        begun_s = time.monotonic()
        self.kube.helm(
            "install", NAME, str(CHART), "--wait", "--timeout", "4m", values=self._values
        )
        return time.monotonic() - begun_s

    def upgrade(self, *changes: str, wait: bool = True) -> str:
        """Upgrade with further values, ``a.b=c``; return what helm printed."""
        words = [word for change in changes for word in ("--set", change)]
        if wait:
            words += ["--wait", "--timeout", "4m"]
        return self.kube.helm("upgrade", NAME, str(CHART), *words, values=self._values)

    def renew_ways(self) -> None:
        """Look for the pods behind the services anew."""
        for forward in self._forwards.values():
            forward.renew()

    # ---- the fleet ---------------------------------------------------------------------------

    def scale(self, replicas: int) -> None:
        """Scale as anybody would."""
        self.kube.kubectl("scale", "deployment", "driver", f"--replicas={replicas}")

    def at_work(self) -> list[str]:
        """Return the drivers that have work or can be given some, by id."""
        return sorted(d for d, state in self.driver_states().items() if state in _AT_WORK)

    def fleet_of(self, replicas: int) -> list[str]:
        """Scale and wait until just these pods are drivers, ready and free; return their ids."""
        self.scale(replicas)

        def gathered() -> list[str] | None:
            pods = self.kube.pods("driver")
            found = [name_of(pod) for pod in pods if is_ready(pod)]
            idle = [d for d, state in self.driver_states().items() if state == "idle"]
            whole = len(found) == len(pods) == replicas and sorted(idle) == found
            return found if whole else None

        if replicas == 0:
            self.until(lambda: not self.kube.pods("driver"), "driver pods are left")
            return []
        return self.until(gathered, lambda: f"no fleet of {replicas}: {self._heard()}", 120)

    def _heard(self) -> str:
        """Return all that is known of the drivers, and whether the orchestrator is ready."""
        return f"{self.call('GET', '/drivers').text} {self.client.get('/readyz').text}"

    def node_of(self, pod: str) -> str:
        """Return where a pod runs."""
        return str(self.kube.get("pod", pod)[0]["spec"]["nodeName"])

    # ---- runs --------------------------------------------------------------------------------

    def begin(self, plan: Mapping[str, object], count: int) -> str:
        """Start a run, wait until the target received so many requests of it; return its id."""
        run_id = self.submit(plan)
        self.until(lambda: self.received(run_id) >= count, f"the target has not {count}")
        return run_id

    def received(self, run_id: str) -> int:
        """Return how many requests of a run the target received so far."""
        return int(self.target.count()["runs"].get(run_id, {}).get("requests", 0))

    def sent_by(self, run_id: str, driver_id: str) -> int:
        """Return how many requests of a run this driver has reported as sent."""
        rows = self.view(run_id)["drivers"]
        return sum(int(row["sent"]) for row in rows if row["driver_id"] == driver_id)

    def fleet(self) -> JsonObject:
        """Return the fleet as the orchestrator knows it from the cluster."""
        answer = self.call("GET", "/fleet")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def until(
        self,
        holds: Callable[[], T | None],
        problem: str | Callable[[], str],
        within_s: float = 60.0,
    ) -> T:
        """Wait until something is true and return it.

        While the orchestrator does not answer, or is not ready, the wait goes on.
        """
        deadline = time.monotonic() + within_s
        while True:
            try:
                held = holds()
            except (httpx.TransportError, ValueError) as error:
                held, said = None, f"no answer: {error!r}"
            else:
                said = ""
            if held:
                return held
            if time.monotonic() >= deadline:
                try:
                    said = said or (problem if isinstance(problem, str) else problem())
                except httpx.TransportError as error:
                    said = f"no answer: {error!r}"
                raise AssertionError(f"{said} (after {within_s:g} s)")
            time.sleep(_POLL_EVERY_S)
