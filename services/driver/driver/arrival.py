"""One arrival on its way through a driver: what is known of it so far."""

from __future__ import annotations

Exchange = tuple[int, int, int, int, int, int, int, int, int]
"""What the lane knows of an arrival, in the order of ``Arrival.of_exchange``."""


class Arrival:
    """One planned request in the hands of this driver.

    ``index``, ``request`` and ``stage`` are positions in the plan, ``term`` is the term under
    which it was decided. The four instants are CLOCK_MONOTONIC ns; ``sent_ns`` and ``done_ns``
    are 0 while they have not happened. ``outcome`` is None until it is known, then
    ``"succeeded"`` or a failed kind; ``status`` is 0 without a response.
    """

    __slots__ = (
        "bytes_received",
        "bytes_sent",
        "decided_ns",
        "done_ns",
        "index",
        "intended_ns",
        "outcome",
        "request",
        "sent_ns",
        "stage",
        "status",
        "term",
    )

    def __init__(  # noqa: PLR0917 - made on the hot path, where keywords cost time
        self,
        index: int,
        term: int,
        request: int,
        stage: int,
        intended_ns: int,
        decided_ns: int,
    ) -> None:
        self.index = index
        self.term = term
        self.request = request
        self.stage = stage
        self.intended_ns = intended_ns
        self.decided_ns = decided_ns
        self.sent_ns = 0
        self.done_ns = 0
        self.outcome: str | None = None
        self.status = 0
        self.bytes_sent = 0
        self.bytes_received = 0

    @classmethod
    def of_exchange(  # noqa: PLR0917 - the order in which the lane tells it
        cls,
        index: int,
        term: int,
        request: int,
        stage: int,
        intended_ns: int,
        decided_ns: int,
        sent_ns: int,
        bytes_sent: int,
        bytes_received: int,
    ) -> Arrival:
        """Return an arrival that the lane decided, and leaves to Python from now on."""
        arrival = cls(index, term, request, stage, intended_ns, decided_ns)
        arrival.sent_ns = sent_ns
        arrival.bytes_sent = bytes_sent
        arrival.bytes_received = bytes_received
        return arrival

    def __repr__(self) -> str:
        """Name the arrival and what became of it."""
        return f"Arrival({self.index}, term={self.term}, outcome={self.outcome})"
