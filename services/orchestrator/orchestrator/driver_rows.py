"""The drivers as people see them; pure."""

from __future__ import annotations

from collections.abc import Collection

from orchestrator.fleet import Boot, Fleet
from orchestrator.operations import DriverRow, DriverState
from orchestrator.terms import BootKey
from spate.timing import SECOND


def driver_rows(fleet: Fleet, working: Collection[BootKey], now_ns: int) -> list[DriverRow]:
    """Return one row a driver, by driver_id; ``working`` have a part in a run under way."""
    boots = fleet.boots()
    here = {boot.key.driver_id for boot in boots if not boot.lost}
    return [
        _row(fleet, boot, _state(fleet, boot, now_ns, works=boot.key in working), now_ns)
        for boot in boots
        # An earlier life of a driver that is back is no driver.
        if not boot.lost or boot.key.driver_id not in here
    ]


def _state(fleet: Fleet, boot: Boot, now_ns: int, *, works: bool) -> DriverState:
    if boot.lost:
        return "leaving" if boot.heartbeat.leaving else "lost"
    if boot.heartbeat.leaving:
        return "leaving"
    if works:
        return "working"
    return "idle" if fleet.is_eligible(boot, now_ns) else "deaf"


def _row(fleet: Fleet, boot: Boot, state: DriverState, now_ns: int) -> DriverRow:
    said, told = boot.heartbeat, fleet.registration(boot.key)
    return DriverRow(
        driver_id=boot.key.driver_id,
        boot_id=boot.key.boot_id,
        state=state,
        run_id=said.run_id,
        address=told.address if told else None,
        version=told.version if told else None,
        cpu_count=told.cpu_count if told else None,
        labels=dict(told.labels) if told else {},
        in_flight=said.in_flight,
        cpu=said.cpu,
        lag_p99_ns=said.lag_p99_ns,
        clock_offset_ns=said.clock.offset_ns if said.clock else None,
        clock_round_trip_ns=said.clock.round_trip_ns if said.clock else None,
        heard_ago_s=round((now_ns - boot.read_ns) / SECOND, 3),
    )
