"""The arithmetic of the benchmark beside other tools: marginal costs, ratios, quantiles, words."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.bench.peers.costs import Cost, Marginal, Ratio, marginal, middle, ratio
from tests.bench.peers.hey import Hey
from tests.bench.peers.load import Load, TrialError
from tests.bench.peers.nearest import quantiles
from tests.bench.peers.peer import Peer
from tests.bench.peers.quiet import note
from tests.bench.peers.rounds import Series, take_turns
from tests.bench.peers.wrk import Wrk


def test_the_start_of_a_tool_cancels() -> None:
    """Two tools that differ in what they spend once have the same marginal cost."""
    found = {
        marginal(Cost(1_000, once + 0.01, once + 1, 0.5), Cost(5_000, once + 0.05, once + 5, 2.5))
        for once in (0.0, 4.0)
    }
    assert {(round(each.cpu_us, 6), each.per_s, each.target_busy) for each in found} == {
        (10.0, 1_000.0, 0.5)
    }


def test_cpu_per_request_and_its_inverse() -> None:
    """Ten microseconds each are a hundred thousand for a CPU second."""
    assert Marginal(10.0, 5.0, 0.5).per_cpu_s == 100_000


def test_a_target_does_not_give_time_back() -> None:
    """A target that used less CPU in the longer run was busy for no share of its core."""
    assert marginal(Cost(10, 1.0, 1.0, 0.3), Cost(20, 2.0, 2.0, 0.2)).target_busy == 0.0


@pytest.mark.parametrize(
    "long",
    [Cost(10, 2.0, 2.0, 0.0), Cost(20, 1.0, 2.0, 0.0), Cost(20, 2.0, 1.0, 0.0)],
    ids=["requests", "cpu", "wall"],
)
def test_a_longer_run_must_be_longer(long: Cost) -> None:
    """A run that has no more requests, CPU or time than the shorter one gives no marginal cost."""
    with pytest.raises(ValueError, match="cost no more than the shorter one"):
        marginal(Cost(10, 1.0, 1.0, 0.0), long)


def test_a_ratio_pairs_rounds() -> None:
    """The ratio is the median of those rounds that both tools have, with lowest and highest."""
    assert ratio({0: 2.0, 1: 9.0, 2: 4.0, 3: 5.0}, {0: 1.0, 2: 1.0, 3: 1.0}) == Ratio(4, 2, 5)


def test_no_common_round_is_no_ratio() -> None:
    """Tools without a common round, or beside a figure of zero, are not compared."""
    assert ratio({0: 1.0}, {1: 1.0}) is None
    assert ratio({0: 1.0}, {0: 0.0}) is None


def test_the_middle() -> None:
    """The median of nothing is None."""
    assert middle([3.0, 1.0, 2.0]) == 2.0
    assert middle([]) is None


def test_quantiles_are_values_that_occurred() -> None:
    """Quantile q of n values is number ⌈q × n⌉ in order."""
    assert quantiles(range(1, 1_001)) == {
        "p50": 500,
        "p90": 900,
        "p99": 990,
        "p999": 999,
        "max": 1_000,
    }
    assert quantiles([7]) == dict.fromkeys(("p50", "p90", "p99", "p999", "max"), 7)
    assert quantiles([]) == {}


def test_others_are_mentioned_where_they_were_loud() -> None:
    """A tenth of a core is still silence."""
    assert note([]) is None
    assert note([0.0, 0.1]) is None
    assert note([0.05, 0.5, 0.2]) == (
        "The machine was not idle: others used up to 50% of a core in 2 of 3 runs, and rates and "
        "latencies suffer from that"
    )


def test_tools_take_turns(tmp_path: Path) -> None:
    """One sample of each tool makes a round; one that failed twice is left out of what remains.

    Its figures are those of the rounds that it lasted.
    """
    wrk, hey = Wrk(tmp_path), Hey(tmp_path)
    asked: list[str] = []

    def sample(peer: Peer) -> dict[str, float]:
        asked.append(peer.name)
        if peer is hey and len(asked) > 2:
            raise TrialError("exit 1: no more")
        return {"cpu_us": float(len(asked))}

    told: list[str] = []
    series = take_turns([wrk, hey], 4, told.append, sample)
    assert asked == ["wrk", "hey", "wrk", "hey", "wrk", "hey", "wrk"]
    assert series["wrk"].values("cpu_us") == {0: 1.0, 1: 3.0, 2: 5.0, 3: 7.0}
    assert (series["wrk"].problem, series["wrk"].shortfall) == (None, None)
    assert series["hey"].median("cpu_us") == 2.0
    assert series["hey"].problem is None
    assert series["hey"].shortfall == "figures of 1 only, then: exit 1: no more"
    assert told[0] == "round 1 of 4: wrk"
    assert told.count("hey: exit 1: no more") == 2


def test_a_tool_that_never_worked_has_a_problem(tmp_path: Path) -> None:
    """There is no figure, and a word instead."""

    def sample(peer: Peer) -> dict[str, float]:
        raise ValueError(peer.name)

    series = take_turns([Wrk(tmp_path)], 1, lambda _: None, sample)["wrk"]
    assert (series.problem, series.shortfall) == ("wrk", None)


def test_a_series_beside_another() -> None:
    """A figure that was never said has no median, and nothing beside it."""
    mine, other = Series({0: {"a": 2.0}}), Series({0: {"a": 1.0}})
    assert mine.beside(other, "a") == Ratio(2, 2, 2)
    assert mine.beside(None, "a") is None
    assert mine.median("b") is None


def test_the_count_of_a_load() -> None:
    """A count is the rate times the time, and at least one request for each connection."""
    assert Load("http://x", 64, 2.0, rate_per_s=500).count == 1_000
    assert Load("http://x", 64, 2.0, expected_per_s=300).count == 600
    assert Load("http://x", 64, 2.0, expected_per_s=1).count == 64


def test_whole_seconds_are_at_least_one() -> None:
    """A tool that knows whole seconds only is given one for anything shorter."""
    assert [Load("http://x", 1, s).whole_seconds for s in (0.2, 1.4, 2.0)] == [1, 1, 2]
