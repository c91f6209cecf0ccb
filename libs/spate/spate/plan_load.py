"""Reads the ``load`` of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Final, Literal

from spate.plan_fields import Fields, shown
from spate.plan_model import ArrivalsLoad, AvalancheLoad, Load, Spacing, Stage, TsunamiLoad
from spate.plan_problem import Problems
from spate.units import NS_PER_HOUR, NS_PER_MS, format_duration

MOST_MESSAGES: Final = 10**9
"""The most arrivals of one driver."""
MOST_ARRIVALS: Final = 10**10
"""The most arrivals of a whole run of test type arrivals."""
MOST_RATE_PER_S: Final = 10**7
LONGEST_RUN_NS: Final = 23 * NS_PER_HOUR
"""Kafka keeps heartbeats and metrics for 24 h; the rest is for getting ready and draining."""

_COUNTED: Final = "message_count_per_driver"
_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "avalanche": ("test_type", _COUNTED),
    "tsunami": ("test_type", _COUNTED, "message_delay_ms"),
    "arrivals": ("test_type", "stages", "spacing"),
}
_ALL_KEYS: Final = ("test_type", _COUNTED, "message_delay_ms", "stages", "spacing")
_STAGE_KEYS: Final = ("name", "duration", "from", "to", "measured")
_TEST_TYPES: Final[tuple[Literal["avalanche", "tsunami", "arrivals"], ...]] = (
    "avalanche",
    "tsunami",
    "arrivals",
)
_SPACINGS: Final[tuple[Spacing, ...]] = ("uniform", "poisson")
_MOST_STAGES: Final = 64
_NS_DECIMALS_OF_MS: Final = 6
_RATE_DECIMALS: Final = 6
_PLACEHOLDER: Final = AvalancheLoad(1)


def read_load(document: Fields, problems: Problems) -> Load:
    """Return the load; what it returns after a problem means nothing."""
    if not document.required("load", "say which load to make, such as test_type: tsunami"):
        return _PLACEHOLDER
    fields = document.part("load", _ALL_KEYS)
    if not isinstance(document.given("load"), Mapping):
        return _PLACEHOLDER
    if not fields.required("test_type", f"write one of {', '.join(_TEST_TYPES)}"):
        return _PLACEHOLDER
    before = problems.count
    test_type = fields.choice("test_type", _TEST_TYPES, "avalanche")
    if problems.count != before:
        return _PLACEHOLDER
    for key in _ALL_KEYS:
        if fields.has(key) and key not in _KEYS[test_type]:
            owners = " and ".join(name for name in _TEST_TYPES if key in _KEYS[name])
            fields.add(key, f"belongs to {owners}, not to test type {test_type}; remove it")
    if test_type == "arrivals":
        return _read_arrivals(fields, problems)
    count = 1
    if fields.required(_COUNTED, "say how many requests each driver sends, such as 1000"):
        count = fields.whole(_COUNTED, 1, MOST_MESSAGES, 1)
    if test_type == "avalanche":
        return AvalancheLoad(count)
    return _read_tsunami(fields, count)


def _read_tsunami(fields: Fields, count: int) -> TsunamiLoad:
    """Return the load of ``count`` messages per driver, one each delay."""
    delay_ns = 1
    if fields.required("message_delay_ms", "say how many ms lie between two requests, such as 10"):
        delay_ms = fields.number(
            "message_delay_ms",
            Fraction(1, NS_PER_MS),
            Fraction(LONGEST_RUN_NS, NS_PER_MS),
            _NS_DECIMALS_OF_MS,
            Fraction(1, NS_PER_MS),
        )
        delay_ns = int(delay_ms * NS_PER_MS)
    if count * delay_ns > LONGEST_RUN_NS:
        fields.add(
            "message_delay_ms",
            f"times {_COUNTED} makes a run of {_hours(count * delay_ns)}; the longest is "
            f"{format_duration(LONGEST_RUN_NS)}: lower one of the two",
        )
    return TsunamiLoad(count, delay_ns)


def _read_arrivals(fields: Fields, problems: Problems) -> Load:
    """Return the load of stages of a rate."""
    spacing = fields.choice("spacing", _SPACINGS, "uniform")
    if not fields.required("stages", "write [{duration: 30s, from: 100}]"):
        return _PLACEHOLDER
    before = problems.count
    stages: list[Stage] = []
    names: set[str] = set()
    for number, (path, item) in enumerate(fields.items("stages", 1, _MOST_STAGES, ()), 1):
        part = Fields(problems, path, item, _STAGE_KEYS)
        if not isinstance(item, Mapping):
            continue
        stage = _read_stage(part, number, stages[-1] if stages else None)
        if stage.name in names:
            part.add("name", f"is used twice: {shown(stage.name)}; give each stage its own")
        names.add(stage.name)
        stages.append(stage)
    if problems.count == before:
        _check_whole(fields, stages)
    return ArrivalsLoad(tuple(stages), spacing)


def _read_stage(fields: Fields, number: int, previous: Stage | None) -> Stage:
    """Return one stage; ``number`` counts from 1, ``previous`` is the stage before it."""
    name = fields.text("name", 1, 63, f"stage-{number}")
    duration_ns = 1
    if fields.required("duration", "say how long the stage lasts, such as 30s"):
        duration_ns = fields.duration("duration", 1, LONGEST_RUN_NS, 30_000_000_000)
    if previous is None:
        fields.required("from", "the first stage says at which rate it begins, such as 100")
    begin = _read_rate(fields, "from", previous.to_per_s if previous else Fraction(0))
    end = _read_rate(fields, "to", begin)
    return Stage(name, duration_ns, begin, end, fields.flag("measured", default=True))


def _read_rate(fields: Fields, key: str, default: Fraction) -> Fraction:
    """Return a rate in requests per second."""
    return fields.number(key, Fraction(0), Fraction(MOST_RATE_PER_S), _RATE_DECIMALS, default)


def _check_whole(fields: Fields, stages: list[Stage]) -> None:
    """Note what only all the stages together can have wrong."""
    duration_ns = sum(stage.duration_ns for stage in stages)
    if duration_ns > LONGEST_RUN_NS:
        fields.add(
            "stages",
            f"make a run of {_hours(duration_ns)}; the longest is "
            f"{format_duration(LONGEST_RUN_NS)}: shorten them",
        )
    twice = sum((stage.from_per_s + stage.to_per_s) * stage.duration_ns for stage in stages)
    arrivals = twice / (2 * NS_PER_MS * 1000)
    if arrivals == 0:
        fields.add("stages", "have the rate 0 throughout; give one of them a rate")
    elif arrivals > MOST_ARRIVALS:
        fields.add(
            "stages",
            f"make {float(arrivals):.4g} requests; the most is {MOST_ARRIVALS:,}: "
            "lower the rates or the durations",
        )
    elif not any(stage.measured and stage.from_per_s + stage.to_per_s for stage in stages):
        fields.add("stages", "measure nothing; at least one with a rate must be measured")


def _hours(duration_ns: int) -> str:
    """Return a long duration in hours, as people read it."""
    return f"{duration_ns / NS_PER_HOUR:,.1f} h"
