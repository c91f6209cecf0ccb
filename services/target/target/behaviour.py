"""How the target treats a load request: how long it takes, whether it fails, when it stalls.

Pure: the seed and the time are arguments. The same seed gives the same answers in the same order.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

Draw = Callable[[random.Random], float]

_UNITS_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
_FORMS = {
    "constant": ("DURATION",),
    "uniform": ("LOW", "HIGH"),
    "normal": ("MEAN", "DEVIATION"),
    "exponential": ("MEAN",),
    "lognormal": ("MEDIAN", "SIGMA"),
}


def parse_duration_s(text: str) -> float:
    """Return the seconds that ``20ms``, ``1.5s``, ``250us``, ``1m`` or ``0`` stand for.

    Raises:
        ValueError: if it is no duration, negative or not finite.
    """
    number = text.strip().rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = text.strip()[len(number) :]
    try:
        value = float(number)
    except ValueError:
        raise ValueError(f"{text!r} is no duration; write 20ms, 1.5s or 250us") from None
    if not unit and value != 0:
        raise ValueError(f"{text!r} has no unit; write 20ms, 1.5s or 250us")
    if unit and unit not in _UNITS_S:
        raise ValueError(f"{text!r} has an unknown unit; units are us, ms, s and m")
    if not 0 <= value < math.inf:
        raise ValueError(f"{text!r} is not a finite duration of 0 or more")
    return value * _UNITS_S.get(unit, 0.0)


def parse_latency(text: str) -> Draw:
    """Return the distribution named by ``NAME:PARAMETER…`` as a function that draws seconds.

    ``constant:20ms``, ``uniform:10ms:30ms``, ``normal:20ms:5ms`` (cut at 0), ``exponential:20ms``
    and ``lognormal:20ms:0.5``, whose sigma is that of the natural logarithm.

    Raises:
        ValueError: if the name is unknown or a parameter is missing or wrong.
    """
    name, *parameters = text.split(":")
    form = _FORMS.get(name)
    if form is None:
        raise ValueError(f"unknown latency {name!r}; known are {', '.join(_FORMS)}")
    if len(parameters) != len(form):
        raise ValueError(f"latency {name} is written {':'.join((name, *form))}")
    if name == "lognormal":
        return _lognormal(parse_duration_s(parameters[0]), _sigma(parameters[1]))
    first_s, *rest_s = (parse_duration_s(parameter) for parameter in parameters)
    if name == "constant":
        return lambda _: first_s
    if name == "exponential":
        return lambda source: source.expovariate(1 / first_s) if first_s else 0.0
    second_s = rest_s[0]
    if name == "normal":
        return lambda source: max(0.0, source.gauss(first_s, second_s))
    if second_s < first_s:
        raise ValueError(f"latency uniform: {parameters[1]} is less than {parameters[0]}")
    return lambda source: source.uniform(first_s, second_s)


def _sigma(text: str) -> float:
    try:
        sigma = float(text)
    except ValueError:
        raise ValueError(f"latency lognormal: sigma {text!r} is no number") from None
    if not 0 <= sigma < math.inf:
        raise ValueError(f"latency lognormal: sigma {text!r} is not 0 or more")
    return sigma


def _lognormal(median_s: float, sigma: float) -> Draw:
    if not median_s:
        return lambda _: 0.0
    mu = math.log(median_s)
    return lambda source: source.lognormvariate(mu, sigma)


@dataclass(frozen=True, slots=True)
class Stall:
    """A time in which nothing is answered: ``for_s`` long, ``after_s`` past the first request.

    ```
    first request        stall begins              ends
         |---- after_s ------|xxxxxxx for_s xxxxxxxx|
                                  ^ due t into it: answered for_s - t later
    ```
    """

    after_s: float
    for_s: float

    @classmethod
    def parse(cls, text: str) -> Stall:
        """Return the stall written ``AFTER:FOR``, both in seconds.

        Raises:
            ValueError: if these are not two finite numbers of 0 or more.
        """
        try:
            after_s, for_s = (float(part) for part in text.split(":"))
        except ValueError:
            raise ValueError(f"{text!r} is not AFTER:FOR in seconds, as 10:2") from None
        if not (0 <= after_s < math.inf and 0 <= for_s < math.inf):
            raise ValueError(f"{text!r}: both seconds must be finite and 0 or more")
        return cls(after_s, for_s)

    def postponed_s(self, due_s: float) -> float:
        """Return when what is due at ``due_s`` (from the first request) is answered."""
        end_s = self.after_s + self.for_s
        return end_s if self.after_s <= due_s < end_s else due_s


@dataclass(frozen=True, slots=True)
class Treatment:
    """What happens to one load request: answered at ``due_s`` of the clock, or ``failed``."""

    due_s: float
    failed: bool


class Behaviour:
    """Decides for each load request, in the order in which they are received.

    Args:
        latency: draws the seconds that an answer takes; None is at once.
        error_rate: share of requests that are answered with 500, from 0 to 1.
        stall: when nothing is answered; None is never.
        seed: of the latencies and, independently of them, of the errors.
    """

    def __init__(
        self,
        *,
        latency: Draw | None = None,
        error_rate: float = 0.0,
        stall: Stall | None = None,
        seed: int = 1,
    ) -> None:
        if not 0 <= error_rate <= 1:
            raise ValueError(f"the error rate {error_rate} is not between 0 and 1")
        self._latency = latency
        self._error_rate = error_rate
        self._stall = stall
        # Two streams: turning errors on does not change the latencies of the same seed.
        self._latencies = random.Random(f"latency {seed}")  # noqa: S311 - load, not secrets
        self._errors = random.Random(f"errors {seed}")  # noqa: S311 - load, not secrets
        self._first_s: float | None = None

    @property
    def is_plain(self) -> bool:
        """Whether every request is answered at once and as its path says."""
        return self._latency is None and not self._error_rate and self._stall is None

    def treat(self, now_s: float, extra_s: float = 0.0) -> Treatment:
        """Return what happens to the load request that was received in full at ``now_s``.

        ``extra_s`` is what the request itself asks for (``/delay/{ms}``), on top of the latency.
        """
        if self._first_s is None:
            self._first_s = now_s
        due_s = now_s + extra_s
        if self._latency is not None:
            due_s += self._latency(self._latencies)
        if self._stall is not None:
            due_s = self._first_s + self._stall.postponed_s(due_s - self._first_s)
        return Treatment(due_s, self._error_rate > 0 and self._errors.random() < self._error_rate)
