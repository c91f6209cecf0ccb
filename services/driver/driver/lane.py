"""The lane carries plain exchanges in C, where that was built; ``_lane.c`` says what is plain.

Without it (no compiler at the installation, a plan that looks into bodies) every exchange goes
through ``driver.http1``, which is also what judges whatever is not plain. Both give the same
outcomes; docs/adr/0029-the-lane.md says what each costs.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from driver.connector import Attach
from driver.expectation import SUCCEEDED, Expectation
from driver.request_bytes import AnyRequestBytes, RequestBytes
from spate.choice import RequestChoice
from spate.plan_model import AvalancheLoad, Plan

if TYPE_CHECKING:
    from driver._lane import Lane
    from driver.express import Express
    from driver.requester import Requester

BUILT = find_spec("driver._lane") is not None
"""Whether this installation has the lane."""


def lane_wanted(said: str) -> bool:
    """Read ``SPATE_DRIVER_LANE``: with ``off`` everything is sent through Python.

    Raises:
        ValueError: if it is neither ``on`` nor ``off``.
    """
    if said not in {"on", "off"}:
        raise ValueError(f"must be on or off, not {said!r}")
    return said == "on"


def attachment(lane: Lane | None) -> Attach | None:
    """Return what gives connected sockets to the lane, None without one."""
    if lane is None:
        return None
    from driver.lane_transport import attach

    return partial(attach, lane)


def make_express(lane: Lane, requester: Requester, loop: AbstractEventLoop) -> Express:
    """Return what lets the lane work for the requester."""
    from driver.express import Express

    return Express(lane, requester, loop)


def make_lane(
    plan: Plan, requests: Sequence[AnyRequestBytes], expectations: Sequence[Expectation]
) -> Lane | None:
    """Return a lane for a run of the plan, None if there is none or the plan is not for it.

    Raises:
        OSError: if the kernel gives no epoll set.
    """
    if not BUILT or any(each.needle is not None or each.no_body for each in expectations):
        return None
    choice = RequestChoice(plan.seed, [request.weight for request in plan.requests])
    rows: list[tuple[bytes, bytes | None, bytes, int]] = []
    for request, expectation, bound in zip(requests, expectations, choice.bounds, strict=True):
        if not isinstance(request, RequestBytes):
            return None
        succeeds = bytes(outcome == SUCCEEDED for outcome in expectation.outcomes)
        rows.append((request.before, request.after, succeeds, bound))

    from driver._lane import Lane

    return Lane(isinstance(plan.load, AvalancheLoad), rows, choice.offset)
