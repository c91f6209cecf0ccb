"""Which requests are traced is a share of them, the same for whoever asks, and no two traces."""

from __future__ import annotations

import re
from fractions import Fraction
from hashlib import sha256
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from spate.choice import RequestChoice
from spate.traceparent import TraceSampling, trace_id

VALUE = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-01")

SHARES = st.fractions(Fraction(1, 1_000), 1).filter(lambda share: share.denominator <= 1_000_000)
RUNS = st.text("abcxyz0189-", min_size=1, max_size=40)
SEEDS = st.integers(0, 2**53 - 1)


@given(RUNS, SEEDS, SHARES)
def test_the_share_is_about_what_was_asked_for(run_id: str, seed: int, share: Fraction) -> None:
    """Within six standard deviations, for any run and seed."""
    n = 4_000
    sampling = TraceSampling(run_id, seed, share)
    found = sum(sampling.chosen(index) for index in range(n))
    spread = float(n * share * (1 - share)) ** 0.5
    assert abs(found - float(n * share)) <= 6 * spread + 1


def test_all_and_nothing_are_exact() -> None:
    """Share 1 is every request, 0 none."""
    every, none = (TraceSampling("r", 1, Fraction(share)) for share in (1, 0))
    indices = [*range(2_000), 2**40, 10**12]
    assert all(every.chosen(index) for index in indices)
    assert not any(none.chosen(index) for index in indices)


@given(RUNS, SEEDS)
def test_a_larger_share_traces_what_a_smaller_one_does(run_id: str, seed: int) -> None:
    """The same plan with more tracing finds the same requests again."""
    few, many = (TraceSampling(run_id, seed, Fraction(n, 10)) for n in (1, 4))
    chosen = [index for index in range(500) if few.chosen(index)]
    assert all(many.chosen(index) for index in chosen)


def test_it_is_neither_every_nth_nor_tied_to_the_request() -> None:
    """Gaps differ, and each request of a plan is traced in its turn, whatever its seed."""
    sampling = TraceSampling("shop-1", 7, Fraction(1, 10))
    chosen = [index for index in range(20_000) if sampling.chosen(index)]
    gaps = {b - a for a, b in pairwise(chosen)}
    assert len(gaps) > 30
    choice = RequestChoice(7, [1, 3])
    share = sum(choice.request(index) == 0 for index in chosen) / len(chosen)
    assert 0.2 < share < 0.3
    other = TraceSampling("shop-2", 7, Fraction(1, 10))
    assert 120 < sum(other.chosen(index) for index in chosen) < 280


@given(RUNS, SEEDS, st.integers(0, 10**15))
def test_a_value_is_as_w3c_writes_it(run_id: str, seed: int, index: int) -> None:
    """Version, trace, span, sampled; the ids are those of the text of Spate-Index."""
    value = TraceSampling(run_id, seed, Fraction(1)).value(index)
    found = VALUE.fullmatch(value)
    assert found is not None
    assert found[1].decode() == trace_id(run_id, index)
    digest = sha256(f"{run_id}/{index}".encode()).hexdigest()
    assert (found[1] + found[2]).decode() == digest[:48]
    assert (int(found[1], 16), int(found[2], 16)) != (0, 0)


def test_ids_differ_among_runs_and_indices() -> None:
    """A trace is of one request ever."""
    ids = {trace_id(run, index) for run in ("a-1", "a-11", "b-1") for index in range(2_000)}
    assert len(ids) == 6_000


def test_an_id_can_be_worked_out_in_a_shell() -> None:
    """``printf checkout-1a2b3c4d/4711 | sha256sum | cut -c1-32``."""
    assert trace_id("checkout-1a2b3c4d", 4711) == "2f7f42772ed5baa5b6dfaf9087f80e90"
