"""The broker is away before a run begins."""

from __future__ import annotations

from tests.chaos.bounds import assert_exact
from tests.chaos.broker import Broker
from tests.chaos.chaos_stack import ChaosStack
from tests.chaos.plans import tsunami
from tests.integration.stack import Target


def test_a_run_that_prepares_waits_for_kafka(
    stack: ChaosStack, target: Target, broker: Broker
) -> None:
    """No new run is taken, the one that waits for a driver says for what; then it goes on."""
    stack.fleet_of(2)
    run_id = stack.submit(tsunami(target, 100, 10, min=3, wait="60s"))
    view = stack.until_state(run_id, "PREPARING")
    assert view["run"]["waiting_for"] is None
    broker.stop()
    stack.until(lambda: not stack.answers(), "the orchestrator does not notice")
    refused = stack.client.get("/readyz")
    assert (refused.status_code, "Kafka" in refused.text) == (503, True)
    refused = stack.call("POST", "/runs", {"plan": tsunami(target, 100, 10)})
    assert (refused.status_code, "Kafka" in refused.json()["detail"]) == (503, True)
    stack.until(
        lambda: stack.view(run_id)["run"]["waiting_for"] == "Kafka", "it does not say so", 30
    )
    assert stack.view(run_id)["run"]["state"] == "PREPARING"
    broker.start()
    stack.until(stack.answers, "the orchestrator is not ready again")
    stack.until(lambda: stack.view(run_id)["run"]["waiting_for"] is None, "it still waits", 20)
    stack.enlist()
    report = stack.report(run_id)
    assert_exact(report, target)
    assert (report["run"]["drivers"], report["accounting"]["planned"]) == (3, 300)
    assert stack.call("GET", "/runs").json()["runs"][0]["id"] == run_id  # none came after it
