"""A scrape holds every sample against the table of what was declared."""

from __future__ import annotations

import pytest
from prometheus_client.core import Sample

from spate.declared_metric import DeclaredMetric
from spate.le_counts import LeCounts
from spate.scrape import Scrape

TABLE = (
    DeclaredMetric("a_total", "counter", "So many.", ("kind",)),
    DeclaredMetric("b", "gauge", "So much."),
    DeclaredMetric("c_seconds", "histogram", "So long."),
    DeclaredMetric("d_seconds", "summary", "So long.", ("quantile",)),
)


def test_families_come_in_the_order_of_the_table() -> None:
    """With help, type and labels as declared, and without those of which nothing was told."""
    scrape = Scrape(TABLE)
    scrape.tell_some("b", None)
    scrape.tell_durations("c_seconds", LeCounts())
    scrape.tell("a_total", 1, 'x"\n')
    scrape.tell("a_total", 2, "y")
    families = list(scrape.collect())
    assert [(each.name, each.documentation, each.type) for each in families] == [
        ("a", "So many.", "counter"),
        ("c_seconds", "So long.", "histogram"),
    ]
    scrape.tell("d_seconds", 0.25, "0.5")
    assert list(scrape.collect())[-1].samples == [Sample("d_seconds", {"quantile": "0.5"}, 0.25)]
    assert families[0].samples == [
        Sample("a_total", {"kind": 'x"\n'}, 1),
        Sample("a_total", {"kind": "y"}, 2),
    ]


@pytest.mark.parametrize(
    ("name", "labels", "error"),
    [
        ("e", (), KeyError),
        ("d_seconds", (), ValueError),
        ("a_total", (), ValueError),
        ("b", ("x",), ValueError),
        ("c_seconds", (), ValueError),
    ],
)
def test_what_is_not_declared_cannot_be_told(
    name: str, labels: tuple[str, ...], error: type[Exception]
) -> None:
    """An unknown name, other labels, or one value for a histogram."""
    with pytest.raises(error):
        Scrape(TABLE).tell(name, 1, *labels)


def test_a_value_is_no_histogram() -> None:
    """Buckets for a gauge are refused."""
    with pytest.raises(ValueError, match="b is no histogram"):
        Scrape(TABLE).tell_durations("b", LeCounts())
