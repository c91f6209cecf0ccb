"""Each fault of the recovery table, as a cluster has it, in the middle of a run."""

from __future__ import annotations

import time

from tests.chaos.bounds import assert_bounds, assert_exact, doubts, missed
from tests.chaos.chaos_stack import by_driver, happened
from tests.chaos.plans import arrivals
from tests.chaos.pulse import Pulse
from tests.e2e.conftest import Nodes
from tests.e2e.kube import JsonObject, is_ready, name_of
from tests.e2e.release import IN_CLUSTER, Release

RATE_PER_S = 200
BROKEN_OFF = ("timeout", "connect_timeout", "reset", "closed_early", "connect_refused")
"""How a request may fail whose way to the target is cut."""


def test_a_driver_pod_is_deleted_by_force(release: Release) -> None:
    """`--grace-period=0 --force`: the others take over, its successor joins, all adds up."""
    drivers = release.fleet_of(3)
    run_id = release.begin(arrivals(IN_CLUSTER, RATE_PER_S, 25), RATE_PER_S)
    with Pulse.of_run(release.target, run_id) as pulse:
        gone_s = time.monotonic()
        release.kube.kubectl("delete", "pod", drivers[1], "--grace-period=0", "--force")
        report = release.report(run_id, 60)
    _tell(pulse, gone_s, report)
    assert_bounds(report, release.target, "handover")
    assert report["run"]["state"] == "FINISHED"
    assert report["accounting"]["unconfirmed"] <= 3 * RATE_PER_S / 3
    shares = by_driver(report)
    assert set(drivers) < set(shares)  # its successor has sent as well
    assert {("lost", drivers[1]), ("left", drivers[1])} & happened(report)


def test_a_worker_stops(release: Release, nodes: Nodes) -> None:
    """A node with nothing but drivers goes: the rest take over, pods elsewhere replace them."""
    drivers = release.fleet_of(4)
    where = {driver: release.node_of(driver) for driver in drivers}
    node = where[drivers[0]]
    dead = sorted(driver for driver in drivers if where[driver] == node)
    assert 0 < len(dead) < 4, where
    run_id = release.begin(arrivals(IN_CLUSTER, RATE_PER_S, 75), RATE_PER_S)
    with Pulse.of_run(release.target, run_id) as pulse:
        gone_s = time.monotonic()
        nodes.stop(node)
        report = release.report(run_id, 120)
    _tell(pulse, gone_s, report)
    _assert_bounds_of_a_cut(release, report)
    assert {driver for kind, driver in happened(report) if kind == "lost"} == set(dead)
    assert set(dead) <= {driver for driver in dead if driver in doubts(report)["driver_lost"]}
    shares = by_driver(report)
    assert set(drivers) < set(shares), "no pod replaced those of the node"
    # What a driver claims is 2 s of its share; half a second was not reported yet.
    assert report["accounting"]["unconfirmed"] <= 3 * RATE_PER_S * len(dead) / 4


def test_a_worker_is_cut_off(release: Release, nodes: Nodes) -> None:
    """A node without its network: its drivers fence; healed, they are given work again."""
    drivers = release.fleet_of(4)
    node = release.node_of(drivers[0])
    cut = sorted(driver for driver in drivers if release.node_of(driver) == node)
    assert 0 < len(cut) < 4
    run_id = release.begin(
        arrivals(IN_CLUSTER, RATE_PER_S, 45) | {"limits": {"timeout": "5s"}}, RATE_PER_S
    )
    with Pulse.of_run(release.target, run_id) as pulse:
        gone_s = time.monotonic()
        nodes.partition(node)
        time.sleep(12)
        nodes.mend()
        healed_s = time.monotonic() - gone_s
        before = {driver: release.sent_by(run_id, driver) for driver in cut}
        release.until(
            lambda: all(release.sent_by(run_id, d) > n + RATE_PER_S for d, n in before.items()),
            lambda: f"{cut} do not send again",
            25,
        )
        again_s = time.monotonic() - gone_s
        report = release.report(run_id, 90)
    print(f"healed after {healed_s:.1f} s, 200 requests each after {again_s:.1f} s")
    _tell(pulse, gone_s, report)
    _assert_bounds_of_a_cut(release, report)
    assert {driver for kind, driver in happened(report) if kind == "lost"} == set(cut)
    assert set(by_driver(report)) == set(drivers)


def test_the_orchestrator_pod_is_deleted(release: Release) -> None:
    """The load does not notice; the report is exact, and no window is missing."""
    release.fleet_of(3)
    run_id = release.begin(arrivals(IN_CLUSTER, RATE_PER_S, 35), RATE_PER_S)
    [old] = release.kube.pods("orchestrator")
    with Pulse.of_run(release.target, run_id) as pulse:
        gone_s = time.monotonic()
        release.kube.kubectl("delete", "pod", name_of(old), "--wait=false")
        release.until(lambda: _replaced(release, name_of(old)), "no new orchestrator", 60)
        back_s = time.monotonic()
        report = release.report(run_id, 90)
    print(f"a new orchestrator was ready after {back_s - gone_s:.1f} s")
    _tell(pulse, gone_s, report)
    assert_exact(report, release.target)
    assert report["accounting"]["succeeded"] == 35 * RATE_PER_S
    assert pulse.lowest(gone_s, back_s + 1) >= 0.8 * RATE_PER_S
    sent = [row["sent"] for row in report["windows"]][1:34]
    assert all(0.7 * RATE_PER_S <= n <= 1.3 * RATE_PER_S for n in sent), sent


def test_the_kafka_pod_is_deleted(release: Release) -> None:
    """The load stops, comes back with Kafka, and nothing is open: missed is what was due."""
    release.fleet_of(3)
    run_id = release.begin(arrivals(IN_CLUSTER, RATE_PER_S, 60), RATE_PER_S)
    with Pulse.of_run(release.target, run_id) as pulse:
        gone_s = time.monotonic()
        release.kube.kubectl("delete", "pod", "kafka-0", "--wait=false")
        report = release.report(run_id, 120)
    _tell(pulse, gone_s, report)
    assert_exact(report, release.target, "handover", "fenced", "no_driver")
    assert report["accounting"]["planned"] == 60 * RATE_PER_S
    release.until(lambda: len(release.at_work()) == 3, "the fleet is not back", 30)
    restarts = [
        each["restartCount"]
        for component in ("orchestrator", "driver")
        for pod in release.kube.pods(component)
        for each in pod["status"]["containerStatuses"]
    ]
    assert restarts == [0] * len(restarts)


def _replaced(release: Release, old: str) -> bool:
    pods = [pod for pod in release.kube.pods("orchestrator") if name_of(pod) != old]
    return any(is_ready(pod) for pod in pods)


def _assert_bounds_of_a_cut(release: Release, report: JsonObject) -> None:
    assert_bounds(report, release.target, "handover", "fenced", failing=BROKEN_OFF)
    assert report["run"]["state"] == "FINISHED"


def _tell(pulse: Pulse, gone_s: float, report: JsonObject) -> None:
    restored_s = pulse.restored_after(gone_s, RATE_PER_S)
    print(
        f"full rate {restored_s} s after the fault; per second {pulse.timeline(gone_s)}; "
        f"missed {missed(report)}"
    )
    for event in report["events"]:
        print("  ", event)
