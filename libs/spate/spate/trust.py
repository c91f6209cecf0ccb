"""Says when a run's figures are not to be trusted, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spate.accounting import Accounting
from spate.aggregator import Aggregator
from spate.durations import QUANTILES
from spate.report_facts import RunFacts

LAG_LIMIT_NS = 10_000_000
"""More lag than this at p99 is too much, however slow the target is."""
LAG_FLOOR_NS = 1_000_000
"""Less lag than this at p99 never matters."""
_LAG_SHARE = 10
"""Between the two, lag up to a tenth of the response p50 is allowed."""
_NAMED = 3
"""How many drivers a sentence names."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A reason not to trust a run: a word for scripts, a sentence for people."""

    reason: str
    text: str

    def to_json(self) -> dict[str, Any]:
        """Return the form in reports."""
        return {"reason": self.reason, "text": self.text}


def doubts(
    facts: RunFacts, aggregator: Aggregator, accounting: Accounting, problems: Sequence[str]
) -> list[Doubt]:
    """Return every reason not to trust the run, the gravest first.

    ``problems`` are sentences about what does not add up. A busy CPU is a reason in open load
    only: closed load is as fast as its drivers can.
    """
    found = _doubts(facts, aggregator, accounting, problems, aggregator.cpu_peaks())
    if facts.state == "FINISHED" and not accounting.sent:
        text = "No request is known to have been sent, so nothing was tested."
        found.insert(0, Doubt("nothing_sent", text))
    return found


def doubts_so_far(facts: RunFacts, aggregator: Aggregator, accounting: Accounting) -> list[Doubt]:
    """Return every reason not to trust a run that is under way, the gravest first.

    This is asked several times a second, so of the CPU only the latest snapshots count.
    """
    return _doubts(facts, aggregator, accounting, (), aggregator.cpu_now())


def _doubts(
    facts: RunFacts,
    aggregator: Aggregator,
    accounting: Accounting,
    problems: Sequence[str],
    cpu: Mapping[str, float],
) -> list[Doubt]:
    found = [Doubt("accounting", f"The numbers do not add up: {text}.") for text in problems]
    lost = sorted({_driver(event) for event in facts.events if event["kind"] == "lost"})
    if lost:
        found.append(Doubt("driver_lost", f"Lost in the run: {_some(lost)}."))
    if accounting.unconfirmed:
        found.append(
            Doubt(
                "unconfirmed",
                f"What became of {accounting.unconfirmed:,} arrivals is not known: their driver "
                "was lost, or the run was ended, before they were reported. They may have been "
                "sent.",
            )
        )
    found += _missed(accounting)
    found += _called_off(facts, accounting)
    if aggregator.gaps:
        found.append(
            Doubt("gaps", f"{aggregator.gaps:,} snapshots never arrived: figures are missing.")
        )
    found += _lag(aggregator)
    if aggregator.schedule.is_open:
        found += _cpu(facts, cpu)
    if accounting.dropped_total:
        found.append(
            Doubt(
                "dropped",
                f"{accounting.dropped_total:,} arrivals were dropped at the drivers' own limits "
                "(limits.in_flight, limits.connections): the target got less than planned.",
            )
        )
    return found


def _missed(accounting: Accounting) -> list[Doubt]:
    """Look at what nobody sent when it was due, but for what was called off."""
    causes = {cause: n for cause, n in accounting.missed.items() if n and cause != "aborted"}
    if not causes:
        return []
    named = ", ".join(f"{cause} {n:,}" for cause, n in sorted(causes.items()))
    text = (
        f"{sum(causes.values()):,} arrivals were missed ({named}): nobody could send them when "
        "they were due, and the target got less than planned."
    )
    return [Doubt("missed", text)]


def _called_off(facts: RunFacts, accounting: Accounting) -> list[Doubt]:
    """Look at what a run that was stopped, and could finish, left undone."""
    called_off = accounting.missed.get("aborted", 0)
    if not called_off or facts.state not in ("DRAINING", "FINISHED"):
        return []
    why = facts.reason or "the run was stopped"
    return [Doubt("stopped", f"{called_off:,} arrivals were called off: {why}.")]


def lag_limit_ns(response_p50_ns: int | None) -> int:
    """Return the lag p99 above which a run's response times say too much about its drivers.

    That is 10 ms, or less where the target is fast: max(1 ms, 10 % of the response p50).
    """
    return min(LAG_LIMIT_NS, max(LAG_FLOOR_NS, (response_p50_ns or 0) // _LAG_SHARE))


def _lag(aggregator: Aggregator) -> list[Doubt]:
    """Look at each driver: the p99 of a merge never exceeds the highest of its parts."""
    p50_ns = aggregator.totals().response_time.quantile_ns(QUANTILES["p50"])
    limit_ns = lag_limit_ns(p50_ns)
    late = [
        (lag_ns, driver_id)
        for driver_id, lag in aggregator.lags().items()
        if (lag_ns := lag.quantile_ns(QUANTILES["p99"])) is not None and lag_ns > limit_ns
    ]
    if not late:
        return []
    named = _some(f"{name} {_ms(ns)}" for ns, name in sorted(late, reverse=True))
    return [
        Doubt(
            "lag",
            f"Lag p99 above {_ms(limit_ns)}: {named}. The drivers sent late; the tail of the "
            "response time is partly theirs.",
        )
    ]


def _cpu(facts: RunFacts, cpu: Mapping[str, float]) -> list[Doubt]:
    busy = [(peak, driver_id) for driver_id, peak in cpu.items() if peak > facts.cpu_limit]
    if not busy:
        return []
    named = _some(f"{name} {peak:.0%}" for peak, name in sorted(busy, reverse=True))
    return [
        Doubt(
            "cpu",
            f"CPU above {facts.cpu_limit:.0%} of a core for a second or more: {named}. Use more "
            "drivers, or fewer requests per driver.",
        )
    ]


def _driver(event: dict[str, Any]) -> str:
    return str(event["driver_id"])


def _some(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return ", ".join(every[:_NAMED]) + more


def _ms(duration_ns: int) -> str:
    return f"{duration_ns / 1_000_000:.3g} ms"
