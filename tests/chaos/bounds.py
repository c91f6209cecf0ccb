"""What must hold of a report after any fault, judged by the target's own count."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from tests.integration.stack import Target
from tests.integration.sums import assert_adds_up, total

JsonObject = dict[str, Any]


def assert_bounds(
    report: JsonObject, target: Target, *causes: str, failing: Collection[str] = ()
) -> int:
    """Check that nothing came twice, nothing is unexplained, and only these causes were missed.

    ``failing`` are the kinds of failures that may have been. Returns how many requests the target
    received.
    """
    accounting = report["accounting"]
    seen = target.count()["runs"][report["run"]["id"]]
    shown = {name: n for name, n in accounting.items() if n and not isinstance(n, dict)}
    print(f"counted {seen}, {shown}, missed {missed(report)}")
    for row in report["drivers"]:
        if row["accounting"]["unconfirmed"]:
            print(f"{row['driver_id']} left {row['accounting']['unconfirmed']} unconfirmed")
    assert_adds_up(report)
    assert seen["duplicates"] == 0
    counted = int(seen["requests"])
    assert accounting["answered"] <= counted <= accounting["sent"] + accounting["unconfirmed"]
    assert set(missed(report)) <= set(causes)
    assert {kind for kind, n in accounting["failed"].items() if n} <= set(failing)
    assert total(accounting, "dropped") == 0
    return counted


def assert_exact(report: JsonObject, target: Target, *causes: str) -> None:
    """Check the same, and that the report knows what became of every request."""
    counted = assert_bounds(report, target, *causes)
    accounting = report["accounting"]
    assert report["run"]["state"] == "FINISHED", report["run"]
    assert accounting["unconfirmed"] == 0
    assert accounting["succeeded"] == accounting["sent"] == counted


def missed(report: JsonObject) -> dict[str, int]:
    """Return what was missed, by cause."""
    return {cause: n for cause, n in report["accounting"]["missed"].items() if n}


def doubts(report: JsonObject) -> dict[str, str]:
    """Return why the report is not to be trusted: a sentence by reason."""
    return {doubt["reason"]: doubt["text"] for doubt in report["verdict"]["degraded"]}
