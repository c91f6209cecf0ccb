"""A second orchestrator on the same topics: it takes over, and the first makes room."""

from __future__ import annotations

from tests.chaos.bounds import assert_exact
from tests.chaos.chaos_stack import ChaosStack
from tests.chaos.plans import tsunami
from tests.chaos.pulse import Pulse


def test_a_second_orchestrator_takes_over(own_stack: ChaosStack) -> None:
    """The first ends with code 1 and says why; the run under way ends whole with the second."""
    stack, target = own_stack, own_stack.start_target("--record-index")
    stack.fleet_of(2)
    run_id = stack.begin(tsunami(target, 800, 10), target, 200)
    with Pulse.of_run(target, run_id) as pulse:
        stack.expect_end("orchestrator")
        second = stack.succeed()
        code, said = stack.ended_by_itself("orchestrator")
        stack.until(stack.answers, "the second orchestrator is not ready")
        report = stack.report(run_id)
    print(f"{second}; per second {pulse.timeline(pulse.began_s)}")
    assert (code, "another orchestrator has taken over" in said) == (1, True), said
    assert "Traceback" not in said
    assert_exact(report, target)
    assert report["accounting"]["succeeded"] == 1_600
    assert stack.run(tsunami(target, 50, 10))["accounting"]["succeeded"] == 100
