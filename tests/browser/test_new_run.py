"""The form: from the first look of a newcomer to a run that is started again with changes."""

from __future__ import annotations

import json
from pathlib import Path

from tests.browser.conftest import Open
from tests.browser.plans import mixed, steady
from tests.browser.viewer import Viewer
from tests.integration.stack import Stack, Target, names, start_drivers


def field(viewer: Viewer, path: str, value: str) -> None:
    """Type into the field of a place in the plan."""
    viewer.page.locator(f"[data-path='{path}']").fill(value)


def value(viewer: Viewer, path: str) -> str:
    """Return what stands in the field of a place in the plan."""
    return str(viewer.page.locator(f"[data-path='{path}']").input_value())


def errors(viewer: Viewer, path: str) -> list[str]:
    """Return what is said to be wrong with the field of a place in the plan."""
    control = viewer.page.locator(f"[data-path='{path}']")
    ids = (control.get_attribute("aria-describedby") or "").split()
    return [
        viewer.page.locator(f"[id='{one}']").inner_text() for one in ids if one.endswith("-errors")
    ]


def fact(viewer: Viewer, name: str) -> str:
    """Return one of the figures of the preview."""
    found = viewer.page.locator(f"[data-fact='{name}']")
    return found.inner_text() if found.count() else ""


def yaml(viewer: Viewer) -> str:
    """Return the plan as the page writes it."""
    return str(viewer.page.get_by_label("The plan as YAML").input_value())


def test_a_newcomer_gets_from_the_form_to_the_report(
    open_page: Open, stack: Stack, target: Target
) -> None:
    """The page begins with the form; only the target's port differs here from what stands in it."""
    viewer = open_page(stack, "/")
    viewer.until(lambda: fact(viewer, "requests") == "2,000", "no preview")
    assert [fact(viewer, name) for name in ("duration", "peak rate")] == ["00:10", "200 /s"]
    assert value(viewer, "target") == "http://127.0.0.1:8000"
    field(viewer, "target", target.url)
    field(viewer, "load.message_count_per_driver", "100")
    viewer.until(lambda: fact(viewer, "requests") == "200", "the preview does not follow")
    assert viewer.axe() == []
    viewer.button("Start run").press("Enter")
    viewer.await_state("FINISHED")
    viewer.await_text("Durations, in ms")
    run_id = viewer.page.url.rpartition("/")[2]
    plan = stack.report(run_id)["run"]["plan"]
    assert plan["load"] == {
        "test_type": "tsunami",
        "message_count_per_driver": 100,
        "message_delay_ms": 10,
    }
    assert plan["target"] == target.url
    assert viewer.term("succeeded") == 200


def test_what_is_wrong_stands_at_its_place_and_nothing_typed_is_lost(
    open_page: Open, stack: Stack, target: Target
) -> None:
    """Also not when the page is loaded again, or the run is refused."""
    viewer = open_page(stack, "/new")
    viewer.page.get_by_role("radio", name="arrivals").check()
    field(viewer, "target", target.url)
    field(viewer, "name", "Wrong Name")
    field(viewer, "load.stages[1].to", "fast")
    viewer.until(lambda: errors(viewer, "load.stages[1].to"), "no error")
    assert [
        [text.partition(",")[0] for text in errors(viewer, path)]
        for path in ("load.stages[1].to", "name", "target")
    ] == [["must be a number of 0 to 10000000"], ["must be 1 to 63 of a-z"], []]
    assert viewer.axe() == []
    viewer.button("Start run").click()
    viewer.until(
        lambda: viewer.page.evaluate("document.activeElement.dataset.path") == "name",
        "the first wrong field is not gone to",
    )
    viewer.page.wait_for_timeout(500)
    viewer.page.reload()
    viewer.until(lambda: errors(viewer, "load.stages[1].to"), "no error after the reload")
    assert value(viewer, "name") == "Wrong Name"
    assert value(viewer, "load.stages[1].to") == "fast"
    field(viewer, "name", "right-name")
    field(viewer, "load.stages[1].to", "50")
    field(viewer, "target", "http://198.51.100.7")
    viewer.until(lambda: errors(viewer, "target"), "a target that is not allowed is not said")
    assert "1 place needs mending." in viewer.text()
    assert value(viewer, "load.stages[1].to") == "50"


def test_errors_open_what_is_folded_and_others_are_listed(open_page: Open, stack: Stack) -> None:
    """A key that is none has no field; it is named where its neighbours are, or in the list."""
    viewer = open_page(stack, "/new")
    viewer.until(lambda: yaml(viewer), "no YAML")
    text = yaml(viewer) + "limits: {timeout: 1h}\nsurprise: 1\n"
    viewer.page.get_by_label("The plan as YAML").fill(text)
    viewer.until(lambda: errors(viewer, "limits.timeout"), "no error")
    assert viewer.page.locator("[data-path='limits.timeout']").is_visible()
    viewer.await_text("This has no place in the form")
    assert "surprise is not a key of a plan" in viewer.text()
    assert yaml(viewer) == text
    assert viewer.axe() == []
    viewer.page.get_by_label("The plan as YAML").fill(text.replace("surprise: 1\n", ""))
    field(viewer, "limits.timeout", "5s")
    viewer.until(lambda: fact(viewer, "requests"), "no preview of the mended plan")
    assert viewer.page.locator("[data-path='limits.timeout']").is_visible()


def test_the_form_follows_the_yaml_and_the_yaml_the_form(open_page: Open, stack: Stack) -> None:
    """A text that cannot be read is kept, also over a reload, and holds the form until it can."""
    viewer = open_page(stack, "/new", width=360)
    viewer.until(lambda: yaml(viewer), "no YAML")
    area = viewer.page.get_by_label("The plan as YAML")
    area.fill(yaml(viewer).replace("message_delay_ms: 10", "message_delay_ms: 2.5 # faster"))
    viewer.until(lambda: value(viewer, "load.message_delay_ms") == "2.5", "the form stays behind")
    viewer.until(lambda: fact(viewer, "peak rate") == "800 /s", "the preview stays behind")
    assert "# faster" in yaml(viewer)
    field(viewer, "load.message_delay_ms", "5")
    viewer.until(lambda: "message_delay_ms: 5\n" in yaml(viewer), "the YAML stays behind")
    area.fill("name: [a")
    viewer.await_text("Line 1 is not YAML")
    assert viewer.button("Start run").is_disabled()
    assert viewer.page.locator("[data-path='name']").is_disabled()
    assert viewer.axe() == []
    assert not viewer.is_too_wide()
    viewer.page.wait_for_timeout(500)
    viewer.page.reload()
    viewer.await_text("Line 1 is not YAML")
    assert yaml(viewer) == "name: [a"
    viewer.page.evaluate("hash => { location.hash = hash }", "#plan=eyJuYW1lIjoic2VudCJ9")
    viewer.until(lambda: yaml(viewer) == "name: sent\n", "an address that is pasted is not taken")
    assert value(viewer, "name") == "sent"
    area.fill("name: again\nload: {test_type: avalanche}\n")
    viewer.until(lambda: value(viewer, "name") == "again", "the form does not go on")
    assert viewer.page.get_by_role("radio", name="avalanche").is_checked()


def test_lists_of_the_plan_are_edited_by_keyboard(open_page: Open, stack: Stack) -> None:
    """Stages are added, moved and removed; headers and thresholds come and go."""
    viewer = open_page(stack, "/new")
    viewer.page.get_by_role("radio", name="arrivals").check()
    viewer.button("Add a stage").press("Enter")
    field(viewer, "load.stages[2].name", "end")
    field(viewer, "load.stages[2].duration", "5s")
    viewer.button("Move stage end up").press("Enter")
    assert [value(viewer, f"load.stages[{at}].name") for at in range(3)] == ["ramp", "end", "hold"]
    viewer.button("Remove stage ramp").press("Enter")
    assert [value(viewer, f"load.stages[{at}].name") for at in range(2)] == ["end", "hold"]
    field(viewer, "load.stages[0].from", "20")
    viewer.page.get_by_text("Name, headers, body").click()
    viewer.button("Add a header").press("Enter")
    viewer.page.get_by_label("header 1, name").fill("X-Team")
    viewer.page.get_by_label("header 1, value").fill("shop: 1")
    viewer.button("Remove threshold 1").press("Enter")
    viewer.button("Add a threshold").press("Enter")
    viewer.until(lambda: fact(viewer, "duration") == "00:25", "no preview")
    assert viewer.marks() == ["00:00 end begins", "00:05 hold begins"]
    assert viewer.axe() == []
    text = yaml(viewer)
    for line in ('X-Team: "shop: 1"', "- response_time.p99 < 300ms", "from: 20"):
        assert line in text
    assert "failed.rate" not in text


def test_a_run_is_started_again_with_changes_and_can_be_sent_to_a_colleague(
    open_page: Open, stack: Stack, target: Target
) -> None:
    """The form begins with the old plan; its address brings another browser the same form."""
    old = stack.submit(mixed(target.url, seconds=4))
    stack.report(old)
    viewer = open_page(stack, f"/runs/{old}")
    viewer.await_text("Durations, in ms")
    viewer.page.get_by_role("link", name="Start again").click()
    viewer.until(lambda: viewer.page.locator("[data-path='name']").count(), "no form")
    assert value(viewer, "name") == "checkout"
    assert value(viewer, "load.stages[1].duration") == "2s"
    field(viewer, "load.stages[0].to", "50")
    field(viewer, "name", "checkout-slower")
    viewer.until(lambda: "#plan=" in viewer.page.url, "the address does not keep the form")
    viewer.page.wait_for_timeout(500)
    colleague = open_page(stack, viewer.page.url.removeprefix(stack.url), scheme="dark")
    colleague.until(lambda: colleague.page.locator("[data-path='name']").count(), "no form")
    assert value(colleague, "name") == "checkout-slower"
    colleague.until(lambda: yaml(colleague) == yaml(viewer) != "", "another plan")
    colleague.button("Start run").click()
    colleague.await_state("FINISHED")
    new = stack.report(colleague.page.url.rpartition("/")[2])["run"]["plan"]
    expected = json.loads(json.dumps(stack.report(old)["run"]["plan"]))
    expected["name"] = "checkout-slower"
    for stage, end in zip(expected["load"]["stages"], (50, 50), strict=True):
        stage["to"] = end
    expected["load"]["stages"][1]["from"] = 50
    assert new == expected


def test_a_run_that_is_refused_is_said_in_words_and_keeps_the_form(
    open_page: Open, stack: Stack, target: Target
) -> None:
    """What waits before it is said first; pressing again after an error makes one run."""
    before = stack.submit(steady(target.url, seconds=60))
    viewer = open_page(stack, "/new")
    viewer.await_text("It waits for the run under way.")
    field(viewer, "target", target.url)
    field(viewer, "name", "once")
    viewer.until(lambda: fact(viewer, "requests"), "no preview")
    viewer.page.context.set_offline(True)
    viewer.button("Start run").click()
    viewer.await_text("It makes one run, never two.")
    assert value(viewer, "name") == "once"
    viewer.page.context.set_offline(False)
    viewer.button("Start run").click()
    viewer.await_state("PENDING")
    stack.call("POST", f"/runs/{viewer.page.url.rpartition('/')[2]}/abort")
    stack.call("POST", f"/runs/{before}/abort")
    viewer.await_state("ABORTED")
    names = [run["name"] for run in stack.call("GET", "/runs").json()["runs"]]
    assert names.count("once") == 1


def test_a_full_queue_is_said_and_keeps_the_form(
    open_page: Open, kafka: str, tmp_path: Path
) -> None:
    """It says what to do; the same press works when there is room."""
    with Stack(kafka, tmp_path, orchestrator_flags=("--max-queued", "0")) as stack:
        start_drivers(stack, names(1))
        target = stack.start_target()
        before = stack.submit(steady(target.url, seconds=60))
        viewer = open_page(stack, "/new")
        viewer.until(lambda: fact(viewer, "requests"), "no preview")
        field(viewer, "target", target.url)
        field(viewer, "load.message_count_per_driver", "10")
        viewer.button("Start run").click()
        viewer.await_text("The queue is full")
        assert "what you typed is kept" in viewer.text()
        assert value(viewer, "load.message_count_per_driver") == "10"
        assert viewer.axe() == []
        stack.call("POST", f"/runs/{before}/abort")
        stack.report(before)
        viewer.button("Start run").click()
        viewer.await_state("FINISHED")
