"""A release is upgraded, rolled back and removed while it is used."""

from __future__ import annotations

from tests.chaos.bounds import assert_exact
from tests.chaos.plans import arrivals
from tests.e2e.conftest import Namespaces
from tests.e2e.kube import JsonObject, Kube, name_of
from tests.e2e.release import IN_CLUSTER, NAME, Release
from tests.e2e.values import values_for

RATE_PER_S = 100
NO_IMAGE = ("ErrImagePull", "ImagePullBackOff")


def replicas(release: Release) -> int:
    """Return how many drivers are wanted."""
    return int(release.kube.get("deployment", "driver")[0]["spec"]["replicas"])


def test_upgrade_and_rollback_keep_fleet_and_run(release: Release) -> None:
    """Scaled to 4 by hand: no conflict, 4 stay, and the run under way is exact, both times."""
    release.fleet_of(4)
    run_id = release.begin(arrivals(IN_CLUSTER, RATE_PER_S, 60), RATE_PER_S)
    release.upgrade("orchestrator.maxQueued=50")
    assert replicas(release) == 4
    release.kube.helm("rollback", NAME, "--wait", "--timeout", "3m")
    assert replicas(release) == 4
    release.renew_ways()
    report = release.report(run_id, 90)
    assert_exact(report, release.target)
    assert report["accounting"]["succeeded"] == 60 * RATE_PER_S


def test_drivers_are_replaced_under_way(release: Release) -> None:
    """A new pod template rolls the whole fleet: who goes hands over, nothing is open."""
    old = release.fleet_of(3)
    run_id = release.begin(arrivals(IN_CLUSTER, RATE_PER_S, 60), RATE_PER_S)
    release.upgrade("driver.podAnnotations.rolled=yes")
    assert replicas(release) == 3
    new = [name_of(pod) for pod in release.kube.pods("driver")]
    assert not set(old) & set(new)
    report = release.report(run_id, 90)
    print(f"missed {report['accounting']['missed']}")
    assert_exact(report, release.target, "handover")
    assert set(new) < {row["driver_id"] for row in report["drivers"]}


def test_pods_that_do_not_come_are_told(release: Release) -> None:
    """An image that does not exist: the fleet and the run's events say so, the load goes on."""
    release.fleet_of(2)
    run_id = release.begin(arrivals(IN_CLUSTER, RATE_PER_S, 30), RATE_PER_S)
    release.upgrade("driver.image.tag=0.0.0-none", wait=False)

    def told() -> JsonObject | None:
        waiting = [pod for pod in release.fleet()["pods"] if pod["reason"] in NO_IMAGE]
        return waiting[0] if waiting else None

    pod = release.until(told, lambda: str(release.fleet()), 30)
    print(pod)
    release.kube.helm("rollback", NAME, "--wait", "--timeout", "3m")
    report = release.report(run_id, 60)
    assert_exact(report, release.target, "handover")
    events = [event for event in report["events"] if event["kind"] == "pod_waiting"]
    assert [event["driver_id"] for event in events][:1] == [pod["name"]], report["events"]


def test_uninstall_leaves_the_named_volumes(namespaces: Namespaces, workers: list[str]) -> None:
    """What is left of a release are the claims that its notes name, and nothing else."""
    kube = namespaces.make()
    with Release(kube, values_for(workers)) as release:
        release.install()
        release.fleet_of(2)
        report = release.run(arrivals(IN_CLUSTER, 50, 3))
        assert_exact(report, release.target)
        notes = kube.helm("get", "notes", NAME)
        kube.helm("uninstall", NAME, "--wait", "--timeout", "3m")
        release.until(lambda: not kube.get("pods"), "pods are left", 90)
    names = {name for kind, name in objects(kube) if kind == "persistentvolumeclaim"}
    assert objects(kube) == {("persistentvolumeclaim", name) for name in names}
    assert {name for name in names if name in notes} == names
    assert len(names) == 2


def objects(kube: Kube) -> set[tuple[str, str]]:
    """Return kind and name of everything in a namespace that somebody put there."""
    kinds = kube.kubectl("api-resources", "--namespaced", "--verbs=list", "--output=name").split()
    passing = {"events", "events.events.k8s.io", "endpoints", "endpointslices.discovery.k8s.io"}
    found = kube.kubectl(
        *("get", ",".join(sorted(set(kinds) - passing)), "--output=name", "--ignore-not-found")
    )
    named = {(kind, name) for kind, _, name in (each.partition("/") for each in found.split())}
    return named - {("serviceaccount", "default"), ("configmap", "kube-root-ca.crt")}
