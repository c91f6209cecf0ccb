"""What ``/metrics`` says of a run, as of one instant; pure.

It is gathered on the loop, where nothing changes meanwhile, and turned into text elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from orchestrator.director import Director
from orchestrator.fleet import Boot, Fleet
from orchestrator.freshness import Freshness
from orchestrator.ledger import Ledger
from orchestrator.terms import Now
from spate.aggregator import Aggregator, WindowFigures
from spate.figures import Figures
from spate.messages import RunState
from spate.schedule import Schedule
from spate.timing import SECOND


@dataclass(frozen=True, slots=True)
class Trust:
    """Reasons not to trust a run, and whether it passed: None before that is decided."""

    degraded: tuple[str, ...] = ()
    passed: bool | None = None


@dataclass(frozen=True, slots=True)
class WorkerFigures:
    """A driver with work of the run, by its last heartbeat and its newest snapshot."""

    snapshot_age_ns: int
    cpu: float
    lag_p99_ns: int | None


@dataclass(frozen=True, slots=True)
class RunFigures:
    """A run past PENDING, merged over all drivers.

    ``missed`` are the causes under which the ledger gave arrivals up, ``by_request`` counts by
    name and outcome. ``planned`` is None before the count is fixed, ``due`` and ``planned_rate``
    where nothing is due at any time; ``window`` is the newest full second, None before there is
    one and after the end.
    """

    run_id: str
    name: str
    test_type: str
    state: RunState
    entered_at_ns: int
    planned: int | None
    due: int | None
    planned_rate: int | None
    totals: Figures
    missed: Mapping[str, int]
    unconfirmed: int
    by_request: Mapping[tuple[str, str], int]
    window: WindowFigures | None
    workers: Mapping[str, WorkerFigures]
    events: Mapping[str, int]
    fences: int
    takeovers: int
    trust: Trust = field(default_factory=Trust)


def run_figures(
    director: Director, fleet: Fleet, freshness: Freshness, trust: Trust, now: Now
) -> RunFigures:
    """Return the figures of a run as they are now."""
    run, ledger, aggregator = director.run, director.ledger, director.aggregator
    window = None if run.ended else _newest_full(aggregator)
    return RunFigures(
        run_id=run.id,
        name=run.plan.name,
        test_type=run.plan.load.test_type,
        state=run.state,
        entered_at_ns=next(
            (event.at_ns for event in reversed(run.events) if event.kind == "state"),
            run.created_at_ns,
        ),
        planned=None if ledger is None else ledger.count,
        due=_due(director, now),
        planned_rate=None if window is None else _due_in(director.schedule, window.second),
        totals=Figures.zero() if aggregator is None else aggregator.totals(),
        missed={} if ledger is None else _given_up(ledger),
        unconfirmed=_owed(ledger, aggregator, ended=run.ended),
        by_request={} if aggregator is None else _by_request(aggregator),
        window=window,
        workers={} if run.ended else _workers(ledger, fleet, freshness, now),
        events=Counter(event.kind for event in run.events),
        fences=run.fences,
        takeovers=run.takeovers,
        trust=trust,
    )


def _due(director: Director, now: Now) -> int | None:
    """Return how many arrivals were due by now, 0 before the start; None in closed load.

    It is None too while the start that another process gave is not found yet. What was stopped is
    due all the same, until everything is settled.
    """
    schedule = director.schedule
    if schedule is None or not schedule.is_open:
        return None
    run = director.run
    if run.started_at_ns is None:
        return 0
    elapsed_ns = run.lasted_ns if run.ended else director.elapsed_ns(now)
    return None if elapsed_ns is None else schedule.due_before(elapsed_ns)


def _due_in(schedule: Schedule | None, second: int) -> int | None:
    if schedule is None or not schedule.is_open:
        return None
    return schedule.due_before((second + 1) * SECOND) - schedule.due_before(second * SECOND)


def _newest_full(aggregator: Aggregator | None) -> WindowFigures | None:
    """Return the second before the latest of which anything was heard, None without one.

    By then all drivers have reported it, as a rule.
    """
    last = None if aggregator is None else aggregator.last_window
    return aggregator.window(last - 1) if aggregator is not None and last else None


def _given_up(ledger: Ledger) -> Counter[str]:
    missed: Counter[str] = Counter()
    for each in ledger.missed:
        missed[each.cause] += each.range.size
    return missed


def _owed(ledger: Ledger | None, aggregator: Aggregator | None, *, ended: bool) -> int:
    """Return what terms own and have not reported: those that are not live or, at the end, all."""
    if ledger is None or aggregator is None:
        return 0
    return sum(
        term.owned - aggregator.reported(*term.key)
        for term in ledger.terms.values()
        if ended or term.status != "live"
    )


def _by_request(aggregator: Aggregator) -> Counter[tuple[str, str]]:
    """Return the outcomes of each request; what did not occur is 0."""
    found: Counter[tuple[str, str]] = Counter()
    names = [request.name for request in aggregator.plan.requests]
    for name in names:
        for outcome in ("succeeded", "failed", "dropped", "missed"):
            found[name, outcome] = 0
    for (request, _), cell in aggregator.state.cells.items():
        figures = cell.freeze()
        found[names[request], "succeeded"] += figures.succeeded
        found[names[request], "failed"] += figures.failed_total
        found[names[request], "dropped"] += figures.dropped_total
        found[names[request], "missed"] += figures.missed_total
    return found


def _workers(
    ledger: Ledger | None, fleet: Fleet, freshness: Freshness, now: Now
) -> dict[str, WorkerFigures]:
    boots = _working(ledger, fleet)
    ages = freshness.ages_ns([boot.key.driver_id for boot in boots], now.mono_ns)
    return {
        boot.key.driver_id: WorkerFigures(
            snapshot_age_ns=ages[boot.key.driver_id],
            cpu=boot.heartbeat.cpu,
            lag_p99_ns=boot.heartbeat.lag_p99_ns,
        )
        for boot in boots
    }


def _working(ledger: Ledger | None, fleet: Fleet) -> Collection[Boot]:
    """Return the processes that hold work of the run."""
    if ledger is None:
        return ()
    held = {term.key.boot for term in ledger.live() if term.ranges}
    return [boot for key in sorted(held) if (boot := fleet.find(key)) is not None]
