"""Laws of figures: what is merged is added, and the wire loses nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spate.figures import (
    ANSWERED_KINDS,
    DROPPED_CAUSES,
    FAILED_KINDS,
    HISTOGRAMS,
    MISSED_CAUSES,
    Figures,
    FiguresAccumulator,
)
from spate.histogram import Histogram
from spate.messages import Cell

COUNTS = st.integers(0, 1000)
DURATIONS = st.lists(st.integers(0, 1 << 40), max_size=6).map(Histogram.of)


def named(names: tuple[str, ...]) -> st.SearchStrategy[dict[str, int]]:
    """Counts of some of these names."""
    return st.dictionaries(st.sampled_from(names), st.integers(1, 9), max_size=3)


FIGURES = st.builds(
    Figures,
    decided=COUNTS,
    sent=COUNTS,
    succeeded=COUNTS,
    failed=named(FAILED_KINDS),
    dropped=named(DROPPED_CAUSES),
    missed=named(MISSED_CAUSES),
    status_codes=named(("200", "404", "503")),
    bytes_sent=COUNTS,
    bytes_received=COUNTS,
    **dict.fromkeys(HISTOGRAMS, DURATIONS),
)


@settings(max_examples=30)
@given(FIGURES, FIGURES, FIGURES)
def test_merge_is_associative_and_commutative_with_identity(
    a: Figures, b: Figures, c: Figures
) -> None:
    """So snapshots may be added in any order and any grouping."""
    assert a.merge(b).merge(c) == a.merge(b.merge(c)) == Figures.merge_all([c, a, b])
    assert a == a.merge(Figures.zero()) == Figures.zero().merge(a)
    assert a.merge(b).reported == a.reported + b.reported
    assert a.merge(b).answered == a.answered + b.answered


@settings(max_examples=30)
@given(FIGURES)
def test_a_cell_reads_back(figures: Figures) -> None:
    """Through JSON and back nothing is lost."""
    cell = Cell.model_validate_json(figures.to_cell(3, 1).model_dump_json())
    assert (cell.request, cell.stage) == (3, 1)
    assert figures == Figures.from_cell(cell)


@settings(max_examples=30)
@given(st.lists(FIGURES, max_size=3))
def test_cells_are_read_together_as_each_alone(several: list[Figures]) -> None:
    """Reading a snapshot at once is only faster."""
    assert several == Figures.from_cells([one.to_cell(0, 0) for one in several])


def test_an_empty_histogram_is_not_sent() -> None:
    """A cell of counts alone stays small."""
    cell = Figures(succeeded=1).to_cell(0, 0)
    assert [getattr(cell, name) for name in HISTOGRAMS] == [None] * 6


@pytest.mark.parametrize("field", ["failed", "dropped", "missed"])
def test_an_unknown_kind_or_cause_is_refused(field: str) -> None:
    """The sets are closed: a name nobody shows could not be added up by a reader."""
    cell = Cell.model_validate({"request": 0, "stage": 0, field: {"bored": 1}})
    with pytest.raises(ValueError, match="bored"):
        Figures.from_cell(cell)


def test_totals_count_every_kind_and_cause() -> None:
    """Reported is the sum of all outcomes; answered those with a whole response."""
    figures = Figures(
        succeeded=1,
        failed=dict.fromkeys(FAILED_KINDS, 1),
        dropped=dict.fromkeys(DROPPED_CAUSES, 1),
        missed=dict.fromkeys(MISSED_CAUSES, 1),
    )
    assert (figures.failed_total, figures.dropped_total, figures.missed_total) == (14, 2, 4)
    assert figures.reported == 21
    assert 1 + len(ANSWERED_KINDS) == figures.answered


def test_the_sum_is_made_once_until_more_is_added() -> None:
    """Looking twice gives the same object; adding makes a new sum."""
    total = FiguresAccumulator()
    total.add(Figures(sent=1))
    first = total.freeze()
    assert first is total.freeze()
    total.add(Figures(sent=2))
    assert (first.sent, total.freeze().sent) == (1, 3)
