"""The fleet is scaled while a run is under way."""

from __future__ import annotations

import subprocess
import sys
import time

from tests.chaos.bounds import assert_exact, missed
from tests.chaos.chaos_stack import by_driver, happened
from tests.chaos.plans import arrivals
from tests.chaos.pulse import Pulse
from tests.e2e.kube import JsonObject, name_of
from tests.e2e.release import IN_CLUSTER, Release

RATE_PER_S = 200


def test_up_and_down_under_way(release: Release) -> None:
    """2 → 5 → 2 by `kubectl scale`: newcomers send within seconds, who goes leaves nothing open."""
    first = [name_of(pod) for pod in release.kube.pods("driver")]
    run_id = release.begin(arrivals(IN_CLUSTER, RATE_PER_S, 45), RATE_PER_S)
    with Pulse.of_run(release.target, run_id) as pulse:
        scaled_s = time.monotonic()
        release.scale(5)
        sends: dict[str, float] = {}

        def all_send() -> bool:
            rows = release.view(run_id)["drivers"]
            for row in rows:
                if row["sent"] and row["driver_id"] not in first:
                    sends.setdefault(row["driver_id"], time.monotonic() - scaled_s)
            return len(sends) == 3

        release.until(all_send, lambda: f"of three newcomers these send: {sends}", 30)
        print(f"first request reported so many s after the scaling: {sends}")
        release.scale(2)
        release.until(lambda: len(release.at_work()) == 2, "they do not go", 40)
        print(f"two are left {time.monotonic() - scaled_s:.1f} s after the first scaling")
        report = release.report(run_id, 90)
    print(f"per second from the scaling on: {pulse.timeline(scaled_s)}, missed {missed(report)}")
    assert_exact(report, release.target, "handover")
    assert report["accounting"]["planned"] == 45 * RATE_PER_S
    assert missed(report).get("handover", 0) <= 2 * RATE_PER_S
    shares = by_driver(report)
    assert set(shares) == {*first, *sends}
    assert all(share["planned"] > 0 for share in shares.values())
    kinds = [kind for kind, _ in happened(report)]
    assert (kinds.count("joined") >= 3, kinds.count("left")) == (True, 3), happened(report)


def test_the_command_scales(release: Release) -> None:
    """`spate scale 3` changes the Deployment; the API shows its pods by driver."""
    done = subprocess.run(
        [sys.executable, "-m", "spate_cli", "scale", "3", "--url", release.url],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stderr
    release.until(lambda: len(release.at_work()) == 3, "no fleet of three", 60)
    fleet = release.until(lambda: _whole(release, 3), lambda: str(release.fleet()), 20)
    assert [pod["name"] for pod in fleet["pods"]] == release.at_work()
    assert fleet["problem"] is None


def test_more_than_may_be_is_refused(release: Release) -> None:
    """More drivers than `maxDrivers` is a 422 that names the field, and changes nothing."""
    answer = release.call("PUT", "/fleet", {"replicas": 999})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "replicas")
    assert release.kube.get("deployment", "driver")[0]["spec"]["replicas"] == 2


def _whole(release: Release, count: int) -> JsonObject | None:
    fleet = release.fleet()
    return fleet if (fleet["desired"], fleet["ready"]) == (count, count) else None
