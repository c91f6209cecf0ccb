"""The fleet, seen from the page."""

from __future__ import annotations

from pathlib import Path
from signal import SIGKILL

import pytest
from tests.browser.cluster import DEPLOYMENTS_PATH, PODS_PATH, run_cluster
from tests.browser.conftest import Open
from tests.browser.plans import steady
from tests.browser.viewer import Viewer
from tests.integration.stack import Stack, Target, start_drivers
from tests.unit.pod_documents import condition, deployment, pod, ready

SCHEMES = ("light", "dark")
WIDTHS = (360, 1600)


def test_drivers_are_shown_as_they_are_with_the_command_that_starts_more(
    open_page: Open, stack: Stack, target: Target
) -> None:
    """What they do now, and how many could be given work."""
    viewer = open_page(stack, "/fleet")
    viewer.until(lambda: viewer.page.locator("[data-number='eligible']").count(), "no fleet")
    viewer.until(lambda: len(viewer.rows("Drivers")) == 2, "no drivers")
    assert [row[0] for row in viewer.rows("Drivers")] == ["driver-1", "driver-2"]
    assert viewer.page.inner_text("[data-number='eligible'] .fleet-figure") == "2"
    assert "spate local --drivers N" in viewer.text()
    run_id = stack.submit(steady(target.url, seconds=60))
    viewer.until(
        lambda: [row[1:3] for row in viewer.rows("Drivers")] == [["▶ working", run_id]] * 2,
        "they do not work",
    )
    stack.call("POST", f"/runs/{run_id}/abort")
    viewer.until(
        lambda: [row[1].split()[-1] for row in viewer.rows("Drivers")] == ["idle"] * 2,
        "they still work",
    )


def test_a_driver_that_is_lost_is_seen_at_once_and_a_new_one_too(
    open_page: Open, own_stack: Stack
) -> None:
    """Within five seconds, without a hand on the keyboard."""
    viewer = open_page(own_stack, "/fleet")
    viewer.until(lambda: len(viewer.rows("Drivers")) == 2, "no drivers")
    own_stack.kick("driver-2", SIGKILL)
    viewer.until(
        lambda: viewer.page.inner_text("[data-number='eligible'] .fleet-figure") == "1",
        "nobody misses it",
        within_s=5,
    )
    own_stack.start_driver("driver-3")
    viewer.until(
        lambda: "driver-3" in [row[0] for row in viewer.rows("Drivers")], "the new one is not seen"
    )
    assert viewer.axe() == []


def test_the_fleet_can_be_looked_at_by_everybody(open_page: Open, stack: Stack) -> None:
    """Axe finds nothing, light and dark, narrow and wide."""
    for scheme in SCHEMES:
        for width in WIDTHS:
            viewer = open_page(stack, "/fleet", scheme=scheme, width=width)
            viewer.await_text("driver-2")
            assert viewer.axe() == []
            assert not viewer.is_too_wide()


def test_a_fleet_that_is_not_heard_any_more_does_not_look_new(
    open_page: Open, stack: Stack
) -> None:
    """It is grey and says how old it is; when it is heard again, that is over."""
    viewer = open_page(stack, "/fleet")
    viewer.await_text("as of now")
    viewer.page.context.set_offline(True)
    viewer.await_text("reconnecting, as of")
    assert viewer.page.locator(".fleet-stale").count() == 1
    viewer.page.context.set_offline(False)
    viewer.await_text("as of now")
    assert viewer.page.locator(".fleet-stale").count() == 0


def test_on_kubernetes_the_fleet_is_scaled_after_a_question(
    open_page: Open, kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pods that do not come say why; Escape leaves the number alone."""
    no_room = condition("PodScheduled", "False", "Unschedulable", "0/2 nodes are available")
    with run_cluster(tmp_path) as cluster:
        monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        cluster.make(DEPLOYMENTS_PATH, deployment(2, 1))
        cluster.make(PODS_PATH, ready("driver-a"))
        cluster.make(PODS_PATH, pod("driver-b", conditions=(no_room,)))
        flags = ("--kubernetes", "on", "--sample-target", "http://target:8001")
        with Stack(kafka, tmp_path / "stack", orchestrator_flags=flags) as stack:
            start_drivers(stack, ("driver-a",))
            viewer = open_page(stack, "/fleet")
            viewer.await_text("Unschedulable: 0/2 nodes are available")
            viewer.until(lambda: figures(viewer) == ["1", "1", "2"], "other figures")
            assert viewer.axe() == []
            wanted = viewer.page.get_by_label("Drivers wanted")
            wanted.fill("four")
            viewer.await_text("must be a whole number of 0 to 1,000")
            assert viewer.button("Scale …").is_disabled()
            wanted.fill("4")
            wanted.press("Enter")
            viewer.await_text("2 more drivers are started.")
            assert viewer.axe() == []
            viewer.page.keyboard.press("Escape")
            viewer.page.get_by_role("dialog").wait_for(state="detached")
            assert cluster.scaled_to() == []
            viewer.button("Scale …").press("Enter")
            viewer.button("Scale to 4 drivers").press("Enter")
            viewer.until(lambda: figures(viewer)[2] == "4", "not scaled")
            assert cluster.scaled_to() == [4]
            wanted.fill("101")
            wanted.press("Enter")
            viewer.button("Scale to 101 drivers").press("Enter")
            viewer.await_text("must be at most 100")
            assert cluster.scaled_to() == [4]
            new = open_page(stack, "/new")
            new.until(lambda: new.page.locator("[data-path='target']").count(), "no form")
            sample = new.page.locator("[data-path='target']").input_value()
            assert sample == "http://target:8001"


def test_where_an_autoscaler_sets_the_number_it_is_not_offered_here(
    open_page: Open, kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says who does; and without a sample target the form waits for one."""
    with run_cluster(tmp_path) as cluster:
        monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        cluster.make(DEPLOYMENTS_PATH, deployment(2, 1))
        cluster.make(PODS_PATH, ready("driver-a"))
        flags = ("--kubernetes", "on", "--kubernetes-scaling", "off", "--sample-target", "none")
        with Stack(kafka, tmp_path / "stack", orchestrator_flags=flags) as stack:
            start_drivers(stack, ("driver-a",))
            for scheme, width in zip(SCHEMES, WIDTHS, strict=True):
                viewer = open_page(stack, "/fleet", scheme=scheme, width=width)
                viewer.await_text("An autoscaler sets the number of drivers")
                viewer.await_text("as of now")
                assert viewer.page.get_by_label("Drivers wanted").count() == 0
                assert viewer.axe() == []
            new = open_page(stack, "/new")
            new.until(lambda: new.page.locator("[data-path='target']").count(), "no form")
            assert new.page.locator("[data-path='target']").input_value() == ""
            new.await_text("is not a URL: write it like")


def figures(viewer: Viewer) -> list[str]:
    """Return the numbers of drivers that are eligible, ready and desired."""
    return [str(each) for each in viewer.page.locator(".fleet-figure").all_inner_texts()]
