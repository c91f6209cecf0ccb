"""What a user does with the REST API of a stack, wherever that stack runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import httpx

T = TypeVar("T")

JsonObject = dict[str, Any]

ENDS = ("FINISHED", "FAILED", "ABORTED")


class Caller(ABC):
    """Calls an orchestrator through ``client`` and waits for what it does."""

    client: httpx.Client

    @abstractmethod
    def until(
        self,
        holds: Callable[[], T | None],
        problem: str | Callable[[], str],
        within_s: float = 60.0,
    ) -> T:
        """Wait until something is true and return it; ``problem`` says what was not."""

    def call(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Call the API; ``path`` is below ``/api/v1``, None sends no body."""
        if body is None:
            return self.client.request(method, f"/api/v1{path}")
        return self.client.request(method, f"/api/v1{path}", json=body)

    def submit(self, plan: Mapping[str, object]) -> str:
        """Start a run and return its id."""
        answer = self.call("POST", "/runs", {"plan": plan})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["run"]["id"])

    def view(self, run_id: str) -> JsonObject:
        """Return a run as it is now."""
        answer = self.call("GET", f"/runs/{run_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def until_state(self, run_id: str, *states: str, within_s: float = 60.0) -> JsonObject:
        """Wait until a run is in one of these states and return its view."""

        def reached() -> JsonObject | None:
            view = self.view(run_id)
            return view if view["run"]["state"] in states else None

        return self.until(reached, lambda: f"{self.view(run_id)['run']}, not {states}", within_s)

    def until_sent(self, run_id: str, count: int, within_s: float = 60.0) -> JsonObject:
        """Wait until the drivers reported so many requests as sent and return the view."""

        def reached() -> JsonObject | None:
            view = self.view(run_id)
            return view if view["accounting"]["sent"] >= count else None

        return self.until(
            reached, lambda: f"{self.view(run_id)['accounting']}, not {count} sent", within_s
        )

    def report(self, run_id: str, within_s: float = 60.0) -> JsonObject:
        """Wait for the end of a run and return its report."""

        def fetched() -> JsonObject | None:
            answer = self.call("GET", f"/runs/{run_id}/report")
            # 503: it has ended, and its report is on its way into the archive.
            if answer.status_code in (409, 503):
                return None
            assert answer.status_code == 200, answer.text
            return dict(answer.json())

        return self.until(fetched, lambda: f"no end of {self.view(run_id)['run']}", within_s)

    def run(self, plan: Mapping[str, object], within_s: float = 60.0) -> JsonObject:
        """Run a plan to its end and return the report."""
        return self.report(self.submit(plan), within_s)

    def driver_states(self) -> dict[str, str]:
        """Return the state of each driver that the orchestrator shows."""
        rows = self.call("GET", "/drivers").json()["drivers"]
        return {row["driver_id"]: row["state"] for row in rows}

    def await_drivers(self, *driver_ids: str) -> None:
        """Wait until the orchestrator is ready, and these drivers can have work."""

        def usable() -> bool:
            try:
                if self.client.get("/readyz").status_code != 200:
                    return False
            except httpx.TransportError:
                return False
            states = self.driver_states()
            return all(states.get(driver_id) == "idle" for driver_id in driver_ids)

        self.until(usable, f"the stack is not up with {driver_ids}")

    def end_runs(self) -> None:
        """Abort what is under way or waits, as after a test that failed."""
        self.until(self.answers, "the orchestrator is not ready")
        for row in self.call("GET", "/runs").json()["runs"]:
            if row["state"] not in ENDS:
                self.call("POST", f"/runs/{row['id']}/abort")
                self.report(row["id"])

    def answers(self) -> bool:
        """Tell whether the orchestrator is ready."""
        return self.client.get("/readyz").status_code == 200
