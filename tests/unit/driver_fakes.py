"""Fakes at the ports of a driver: its clock and its HTTP client."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from driver.arrival import Arrival
from driver.clock import Clock
from driver.moment import Moment
from driver.requester import Requester
from spate.plan import Plan, parse_plan

START_NS = 10**18
"""Far in the future of the machine's clock, so that the kernel's timer never strikes by itself."""


class FakeClock(Clock):
    """Stands still until it is moved; ``asleep_ns`` is for how long the machine has slept."""

    def __init__(self) -> None:
        self.ns = START_NS
        self.asleep_ns = 0

    def mono_ns(self) -> int:
        """Return the time that was set."""
        return self.ns

    def boot_ns(self) -> int:
        """Return it with the sleep."""
        return self.ns + self.asleep_ns

    cpu_ns = mono_ns
    wall_ns = boot_ns

    def now(self) -> Moment:
        """Return it on all clocks."""
        return Moment(self.boot_ns(), self.mono_ns(), self.wall_ns())


class FakeRequester(Requester):
    """Keeps arrivals until the test ends them; the first so many are on sockets."""

    def __init__(
        self,
        clock: Clock,
        sockets: int,
        *,
        on_sent: Callable[[Arrival], None],
        on_done: Callable[[Arrival], None],
        on_dropped: Callable[[Arrival, str], None],
        on_connected: Callable[[int, Arrival | None], None],
        on_idle: Callable[[], None],
    ) -> None:
        self.express = None
        self.time = clock
        self.sockets = sockets
        self.busy: list[Arrival] = []
        self.queue: deque[Arrival] = deque()
        self.submitted: list[Arrival] = []
        self.cancelled = 0
        self.closed = False
        self.warmed = False
        self.warm_breaks = False
        self.sent_to = on_sent
        self.done_to = on_done
        self.dropped_to = on_dropped
        self.connected_to = on_connected
        self.idle_to = on_idle

    @property
    def in_flight(self) -> int:
        """All that was not ended."""
        return len(self.busy) + len(self.queue)

    @property
    def waiting(self) -> int:
        """All that is on no socket."""
        return len(self.queue)

    @property
    def connections(self) -> int:
        """As many as there may be."""
        return self.sockets

    async def warm(self) -> None:
        """Note it, or break."""
        self.warmed = True
        if self.warm_breaks:
            raise RuntimeError("warm")

    def submit(self, arrival: Arrival) -> None:
        """Put it on a socket or into the queue."""
        self.submitted.append(arrival)
        self.queue.append(arrival)
        self._serve()

    def take_back(self, term: int) -> list[Arrival]:
        """Give back what waits."""
        taken = [arrival for arrival in self.queue if arrival.term <= term]
        self.queue = deque(arrival for arrival in self.queue if arrival.term > term)
        return taken

    def cancel_all(self) -> None:
        """Forget everything."""
        self.cancelled += 1
        self.busy.clear()
        self.queue.clear()

    async def close(self) -> None:
        """Note it."""
        self.closed = True

    def finish(self, outcome: str = "succeeded") -> None:
        """End the oldest on a socket, as the real one does."""
        arrival = self.busy.pop(0)
        arrival.outcome, arrival.done_ns = outcome, self.time.mono_ns()
        self.done_to(arrival)
        self._serve()
        self.idle_to()

    def drop(self) -> None:
        """Let the oldest that waits give up."""
        self.dropped_to(self.queue.popleft(), "no_connection")
        self.idle_to()

    def _serve(self) -> None:
        while self.queue and len(self.busy) < self.sockets:
            arrival = self.queue.popleft()
            arrival.sent_ns = self.time.mono_ns()
            self.busy.append(arrival)
            self.sent_to(arrival)


def plan_of(
    test_type: str, count: int, delay_ms: float, in_flight: int, connections: int = 3
) -> Plan:
    """A plan for one request."""
    load: dict[str, object] = {"test_type": test_type, "message_count_per_driver": count}
    if test_type == "tsunami":
        load["message_delay_ms"] = delay_ms
    return parse_plan(
        {
            "name": "p",
            "target": "http://127.0.0.1:8000",
            "requests": [{"path": "/"}],
            "load": load,
            "limits": {"connections": connections, "in_flight": in_flight},
        }
    )
