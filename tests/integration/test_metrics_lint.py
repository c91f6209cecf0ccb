"""What a real stack tells Prometheus: well formed, the figures of the report, no counter falls."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.integration.stack import Stack, Target
from tests.integration.sums import total

from driver.metric_table import DRIVER_METRICS
from orchestrator.metric_table import ORCHESTRATOR_METRICS, RUN_METRICS
from target.metric_table import TARGET_METRICS

pytestmark = pytest.mark.kafka

Samples = dict[tuple[str, ...], float]

LOAD = {
    "test_type": "arrivals",
    "stages": [
        {"name": "ramp", "duration": "2s", "from": 20, "to": 80},
        {"name": "hold", "duration": "3s", "from": 80, "to": 80},
    ],
}
REQUESTS = [
    {"name": "ping", "path": "/ping", "weight": 9},
    {"name": "wrong", "path": "/status/503"},
]
RUNNING = 'spate_run_state{state="RUNNING"} 1.0'
NOT_HERE = {
    "spate_orchestrator_fleet_desired",
    "spate_orchestrator_fleet_ready",
    "spate_orchestrator_bad_messages_total",
}
"""Without Kubernetes, and without a message that is none, there is nothing to tell of these."""


@pytest.fixture(scope="module")
def target(small: Stack) -> Target:
    """A target of this module's own."""
    return small.start_target()


def scraped(url: str) -> str:
    """Return what a process answers."""
    answer = httpx.get(f"{url}/metrics", trust_env=False, timeout=20)
    assert answer.status_code == 200
    return answer.text


def samples(text: str, kind: str | None = None) -> Samples:
    """Return the samples, of all kinds or of one, by name and the values of its labels in order."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        if kind in (None, family.type)
        for sample in family.samples
    }


def families(text: str) -> set[str]:
    """Return the names of all metrics but the process's, as in a query."""
    return {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in text_string_to_metric_families(text)
        if not family.name.startswith("process_")
    }


@pytest.fixture(scope="module")
def told(small: Stack, target: Target) -> dict[str, Any]:
    """What the three processes said in a run and after it, and the run's report."""
    plan = {"name": "metrics", "target": target.url, "requests": REQUESTS, "load": LOAD}
    run_id = small.submit(plan)
    small.until_sent(run_id, 1)
    under_way: list[str] = []
    while not under_way or RUNNING in under_way[-1]:
        under_way.append(scraped(small.url))
        time.sleep(0.1)
    report = small.report(run_id)
    (driver,) = small.call("GET", "/drivers").json()["drivers"]
    return {
        "under way": under_way[:-1],
        "orchestrator": scraped(small.url),
        "driver": scraped(f"http://{driver['address']}"),
        "target": scraped(target.url),
        "report": report,
    }


def test_promtool_finds_nothing_to_mend(told: dict[str, Any]) -> None:
    """Names, units, suffixes, help texts: of all three, and of a run under way."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("there is no promtool here (on Debian: apt install prometheus)")
    texts = [told["under way"][-1], *(told[name] for name in ("orchestrator", "driver", "target"))]
    for text in texts:
        done = subprocess.run(
            (promtool, "check", "metrics"),
            input=text,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, "")


def test_all_that_can_be_told_is_told(told: dict[str, Any]) -> None:
    """Each metric of the tables, and no other, in a run or after it."""
    both = families(told["under way"][-1]) | families(told["orchestrator"])
    declared = {each.name for each in (*ORCHESTRATOR_METRICS, *RUN_METRICS)} - NOT_HERE
    assert both - {"spate_run_degraded"} == declared - {"spate_run_degraded"}
    assert families(told["driver"]) == {each.name for each in DRIVER_METRICS}
    assert families(told["target"]) == {each.name for each in TARGET_METRICS}


def test_after_the_end_the_figures_are_those_of_the_report(told: dict[str, Any]) -> None:
    """Of the orchestrator, of the only driver, and of the target that counts for itself."""
    report = told["report"]
    books = report["accounting"]
    run, driver, target = (samples(told[name]) for name in ("orchestrator", "driver", "target"))
    assert run["spate_run_info", "metrics", report["run"]["id"], "arrivals"] == 1
    assert run["spate_run_state", "FINISHED"] == 1
    assert run["spate_run_passed",] == report["verdict"]["passed"]
    assert run["spate_run_due_arrivals_total",] == books["planned"] == 340
    assert run["spate_run_planned_arrivals",] == books["planned"]
    assert run["spate_run_arrivals_total", "", "succeeded"] == books["succeeded"]
    assert run["spate_run_arrivals_total", "status_5xx", "failed"] == books["failed"]["status_5xx"]
    assert books["failed"]["status_5xx"] > 0
    outcomes = ("failed", "dropped", "missed")
    ended = sum(n for key, n in run.items() if key[0] == "spate_run_arrivals_total")
    assert ended == books["succeeded"] + sum(total(books, name) for name in outcomes)
    for row in report["requests"]:
        key = ("spate_run_request_arrivals_total", "failed", row["name"])
        assert run[key] == total(row["accounting"], "failed")
    for name in ("response_time", "service_time", "lag"):
        count, sum_s = report[name]["count"], report[name]["mean_ns"] * report[name]["count"] / 1e9
        for prefix, found in (("spate_run", run), ("spate_driver", driver)):
            assert found[f"{prefix}_{name}_seconds_count",] == count > 0
            assert found[f"{prefix}_{name}_seconds_sum",] == pytest.approx(sum_s)
    assert run["spate_run_requests_sent_total",] == books["sent"]
    assert driver["spate_driver_requests_sent_total",] == books["sent"]
    assert run["spate_run_sent_bytes_total",] == driver["spate_driver_sent_bytes_total",] > 0
    assert target["spate_target_requests_total", "503"] == report["status_codes"]["503"]
    assert target["spate_target_requests_total", "200"] == report["status_codes"]["200"]
    assert run["spate_run_responses_total", "200"] == report["status_codes"]["200"]


def test_no_counter_falls_in_a_run(told: dict[str, Any]) -> None:
    """Scrape after scrape, to the end."""
    before: Samples = {}
    for text in (*told["under way"], told["orchestrator"]):
        now = samples(text, "counter") | samples(text, "histogram")
        assert [key for key, n in before.items() if now[key] < n] == []
        before = now
    assert len(told["under way"]) >= 5


def test_the_newest_second_is_as_in_the_report(told: dict[str, Any]) -> None:
    """A full second does not change any more: exact quantiles, and how much was due in it."""
    rows = told["report"]["windows"]
    levels = [samples(text) for text in told["under way"]]
    for name, column, unit in (
        (("spate_run_planned_rate",), "planned", 1),
        (("spate_run_window_response_time_seconds", "1"), "max_ns", 1e9),
        (("spate_run_window_response_time_seconds", "0.99"), "p99_ns", 1e9),
        (("spate_run_window_lag_seconds", "0.99"), "lag_p99_ns", 1e9),
    ):
        said = {each[name] for each in levels if name in each}
        assert said <= {row[column] / unit for row in rows if row[column] is not None}
        assert len(said) >= 2
    assert 1 in {each["spate_run_drivers",] for each in levels}


def test_no_counter_of_a_run_falls_when_the_orchestrator_is_killed(
    small: Stack, target: Target
) -> None:
    """Its successor says nothing of the run until it knows as much as was ever told."""
    stages = [{"name": "hold", "duration": "12s", "from": 60, "to": 60}]
    plan = {
        "name": "killed",
        "target": target.url,
        "requests": REQUESTS,
        "load": {"test_type": "arrivals", "stages": stages},
    }
    run_id = small.submit(plan)
    small.until_sent(run_id, 120)
    texts = [scraped(small.url)]
    small.expect_end("orchestrator")
    small.kick("orchestrator", signal.SIGKILL)
    small.ended("orchestrator")
    small.start_orchestrator()

    def back() -> bool:
        try:
            return small.answers()
        except httpx.TransportError:
            return False

    small.until(back, "the orchestrator is not back")
    while "spate_run_passed" not in texts[-1]:
        texts.append(scraped(small.url))
        time.sleep(0.05)
    report = small.report(run_id)
    told = [samples(text, "counter") | samples(text, "histogram") for text in texts]
    runs = [{k: n for k, n in each.items() if k[0].startswith("spate_run_")} for each in told]
    runs = [each for each in runs if each]
    # What is not known yet, such as what is due before the start is found, is absent meanwhile.
    highest = dict(runs[0])
    for now in runs[1:]:
        assert [key for key, n in now.items() if n < highest.get(key, 0)] == []
        highest |= now
    assert set(runs[-1]) == set(highest)
    assert runs[0]["spate_run_requests_sent_total",] >= 120
    assert runs[-1]["spate_run_requests_sent_total",] == report["accounting"]["sent"] == 720
