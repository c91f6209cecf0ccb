"""What adds up in every report, whatever happened in the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

JsonObject = dict[str, Any]

_DURATIONS = (
    "response_time",
    "response_time_succeeded",
    "service_time",
    "lag",
    "wait_time",
    "connect_time",
)


def flat(accounting: JsonObject) -> Counter[str]:
    """Return an accounting as one level of counts: ``failed.reset`` and so on."""
    counts: Counter[str] = Counter()
    for name, value in accounting.items():
        for key, number in value.items() if isinstance(value, dict) else [("", value)]:
            counts[f"{name}.{key}".rstrip(".")] = number
    return counts


def total(accounting: JsonObject, name: str) -> int:
    """Return ``failed``, ``dropped`` or ``missed`` over all kinds and causes."""
    return sum(accounting[name].values())


def buckets(durations: Iterable[JsonObject]) -> list[list[int]]:
    """Return the histogram of all of them together."""
    counts: Counter[tuple[int, int]] = Counter()
    for duration in durations:
        for low_ns, high_ns, number in duration["histogram"]:
            counts[low_ns, high_ns] += number
    return [[low_ns, high_ns, number] for (low_ns, high_ns), number in sorted(counts.items())]


def assert_adds_up(report: JsonObject) -> None:
    """Check the identity of all, and that every way to divide the run gives the whole again."""
    whole = report["accounting"]
    for row in (report, *report["requests"], *report["stages"], *report["drivers"]):
        one = row["accounting"]
        assert one["planned"] == (
            one["succeeded"]
            + sum(total(one, name) for name in ("failed", "dropped", "missed"))
            + one["unconfirmed"]
        )
    for division in ("requests", "stages"):
        rows = report[division]
        assert sum((flat(row["accounting"]) for row in rows), Counter()) == +flat(whole)
        assert sum((Counter(row["status_codes"]) for row in rows), Counter()) == Counter(
            report["status_codes"]
        )
    drivers = sum((flat(row["accounting"]) for row in report["drivers"]), Counter())
    # What belongs to nobody was given up by the ledger: planned and missed, and nothing else.
    ownerless = flat(whole)
    ownerless.subtract(drivers)
    given_up = {name: n for name, n in ownerless.items() if name.startswith("missed.")}
    assert {name: n for name, n in ownerless.items() if n} == {
        name: n for name, n in {**given_up, "planned": sum(given_up.values())}.items() if n
    }
    for name in _DURATIONS:
        assert sum(n for _, _, n in report[name]["histogram"]) == report[name]["count"]
        assert buckets(row[name] for row in report["stages"]) == report[name]["histogram"]
    for name, divisions in (
        ("response_time", ("requests", "drivers")),
        ("service_time", ("requests", "drivers")),
        ("lag", ("drivers",)),
    ):
        for division in divisions:
            assert buckets(row[name] for row in report[division]) == report[name]["histogram"]
    assert sum(report["status_codes"].values()) == whole["answered"]
    windows = report["windows"]
    assert [row["offset_s"] for row in windows] == list(range(len(windows)))
    for name in ("sent", "succeeded"):
        assert sum(row[name] for row in windows) == whole[name]
    for name in ("failed", "dropped"):
        assert sum(row[name] for row in windows) == total(whole, name)
    assert [sum(row["failed_kinds"].values()) for row in windows] == [
        row["failed"] for row in windows
    ]
    by_kind = sum((Counter(row["failed_kinds"]) for row in windows), Counter())
    assert by_kind == +Counter(whole["failed"])
    assert [
        doubt for doubt in report["verdict"]["degraded"] if doubt["reason"] == "accounting"
    ] == []
