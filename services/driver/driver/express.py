"""Lets the lane work for an engine, and acts on what the lane leaves to Python."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterable
from typing import cast

from driver._lane import AGAIN, DATA, END, NOTHING, WINDOW, Lane
from driver.lane_figures import LaneRow
from driver.lane_transport import LaneTransport
from driver.ranges import HeldRanges
from driver.requester import Requester

_EVENTS = 64
"""Handed to Python before rights are looked at again: about a millisecond of work."""

_NOBODY = 1 << 30
"""Room in flight where the slots of closed load are the limit."""

_NEVER_NS = 1 << 62


def _no_window(mono_ns: int) -> int:  # noqa: ARG001 - the shape of the engine's
    return _NEVER_NS


class LaneSlots:
    """The slots of closed load where the lane has them (see ``driver.slots``)."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    def __len__(self) -> int:
        """Return how many slots are free."""
        return self._lane.slots

    def append(self, mono_ns: int) -> None:
        """Note that a slot is free since ``mono_ns``."""
        self._lane.push_slot(mono_ns)

    def extend(self, times_ns: Iterable[int]) -> None:
        """Note several."""
        for mono_ns in times_ns:
            self._lane.push_slot(mono_ns)

    def popleft(self) -> int:
        """Take the slot that has been free for longest; return since when.

        Raises:
            IndexError: if none is free.
        """
        return self._lane.pop_slot()


class Express:
    """Gives the lane rations of what may be decided, and keeps the books of what it took.

    Until an engine leads, the lane takes nothing, and only carries what the requester sends.
    """

    def __init__(
        self,
        lane: Lane,
        requester: Requester,
        loop: AbstractEventLoop,
    ) -> None:
        self.slots = LaneSlots(lane)
        self._lane = lane
        self._requester = requester
        self._limit: int | None = None
        self._turn_window: Callable[[int], int] = _no_window
        self._on_ready: Callable[[], None] = self._hear
        self._version = -1
        self._ranges: HeldRanges | None = None
        self._loop = loop
        loop.add_reader(lane.fileno(), self._ready)

    @property
    def first_lag_ns(self) -> int | None:
        """The lag of the first arrival that the lane took, None before it."""
        return self._lane.first_lag_ns

    def cut(self) -> list[LaneRow]:
        """Return what the lane noted since the last cut (see ``Recorder.absorb``)."""
        return self._lane.cut()

    def lead(
        self,
        *,
        in_flight: int | None,
        turn_window: Callable[[int], int],
        on_ready: Callable[[], None],
    ) -> None:
        """Let an engine decide when the lane works, and what it takes.

        ``in_flight`` is the limit of open load. ``turn_window`` is called with the time of an
        event that lies beyond the present window, and returns when the event's own window ends.
        ``on_ready`` is called when the lane has something to do, and is to call ``turn``.
        """
        self._limit = in_flight
        self._turn_window = turn_window
        self._on_ready = on_ready

    def nudge(self) -> None:
        """See to what waits in the lane: there may be a connection for it."""
        self._on_ready()

    def close(self) -> None:
        """Free the lane, once every connection is closed."""
        self._loop.remove_reader(self._lane.fileno())
        self._lane.close()

    def turn(
        self, held: HeldRanges | None, term: int, start_ns: int, until_boot_ns: int, ends_ns: int
    ) -> bool:
        """Let the lane take what is due of ``held``, and hear what became of what it sent.

        ``start_ns`` is the start of the run, ``until_boot_ns`` (CLOCK_BOOTTIME) the end of the
        right to send, ``ends_ns`` the end of the present window. Without ranges nothing is taken.

        Returns:
            Whether there may be more to do at once. The rights are to be looked at again first.
        """
        if held is None:
            until_boot_ns = 0
        else:
            self._give(held, term, start_ns)
        taken_any = acted = False
        for _ in range(_EVENTS):
            taken, what, conn, payload, exchange = self._lane.turn(
                until_boot_ns, self._room(), ends_ns
            )
            if taken:
                assert held is not None
                held.took(taken)
                taken_any = True
                self._requester.attend()
            if what == WINDOW:
                ends_ns = self._turn_window(payload)
                continue
            if what == NOTHING:
                # There may be another ration, or what Python did has freed a connection.
                return acted or (taken_any and self._lane.left == 0)
            if what == AGAIN:
                return True
            # Whatever Python does now may change what may be sent.
            until_boot_ns, acted = 0, True
            transport = cast("LaneTransport", conn)
            if exchange is not None:
                self._requester.adopt(transport.protocol, exchange)
            if what == DATA:
                transport.protocol.data_received(payload)
            elif what == END:
                transport.end(payload)
        return True

    def _ready(self) -> None:
        self._on_ready()

    def _hear(self) -> None:
        self.turn(None, term=0, start_ns=0, until_boot_ns=0, ends_ns=_NEVER_NS)

    def _give(self, held: HeldRanges, term: int, start_ns: int) -> None:
        """Renew the lane's ration if it is used up or the ranges have changed."""
        lane = self._lane
        if held is self._ranges and held.version == self._version and lane.left:
            return
        ration = held.ration()
        if ration is None:
            lane.ration(term, 0, 0, 1, 0, 0, None if self._limit is None else b"")
        elif ration.dues is None:
            since_ns = 0 if ration.since_ns is None else start_ns + ration.since_ns
            lane.ration(term, ration.stage, ration.index, ration.step, ration.count, since_ns, None)
        else:
            lane.ration(
                term, ration.stage, ration.index, ration.step, ration.count, start_ns, ration.dues
            )
        self._ranges, self._version = held, held.version

    def _room(self) -> int:
        return _NOBODY if self._limit is None else self._limit - self._requester.in_flight
