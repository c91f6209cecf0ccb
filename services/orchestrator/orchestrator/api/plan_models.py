"""The plan as OpenAPI describes it; the rules themselves are those of ``spate.plan``.

Defaults stand in that module, so here a key that may be left out is merely optional. Reports
and run views carry the normal form, in which every key is present.
"""

from __future__ import annotations

import operator
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Duration = Annotated[str, Field(examples=["1.5s", "300ms", "5m"])]
Weight = Annotated[int, Field(ge=1)]


class PlanPart(BaseModel):
    """A piece of a plan: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Tls(PlanPart):
    """How https targets are verified; ``ca`` is PEM text."""

    verify: bool = True
    ca: str | None = None
    server_name: str | None = None


class Expect(PlanPart):
    """What a response must be like: codes (``204``) or classes (``2xx``), and a part of it."""

    status: list[str | int] = ["2xx", "3xx"]
    body_contains: str | None = None


class PlanRequest(PlanPart):
    """One kind of request. ``name`` is ``METHOD path`` unless given."""

    name: str = ""
    method: str = "GET"
    path: str
    headers: dict[str, str] = {}
    body: str = ""
    weight: Weight = 1
    expect: Expect = Expect()


class Avalanche(PlanPart):
    """Closed load: every driver sends its messages as fast as its connections allow."""

    test_type: Literal["avalanche"]
    message_count_per_driver: Annotated[int, Field(ge=1)]


class Tsunami(PlanPart):
    """Open load: every driver sends one message per delay, whatever the target does."""

    test_type: Literal["tsunami"]
    message_count_per_driver: Annotated[int, Field(ge=1)]
    message_delay_ms: Annotated[float, Field(gt=0)]


class Stage(PlanPart):
    """A part of the load whose rate (requests/s, whole fleet) goes linearly ``from`` → ``to``.

    ``from`` defaults to the previous ``to``, ``to`` to ``from``; ``measured`` False is a warm-up.
    """

    name: str = ""
    duration: Duration
    from_: Annotated[float, Field(alias="from", ge=0)] = 0
    to: Annotated[float, Field(ge=0)] = 0
    measured: bool = True


class Arrivals(PlanPart):
    """Open load: stages of a rate for the whole fleet."""

    test_type: Literal["arrivals"]
    stages: Annotated[list[Stage], Field(min_length=1)]
    spacing: Literal["uniform", "poisson"] = "uniform"


class Limits(PlanPart):
    """The bounds of each driver; ``timeout`` is per arrival and at most 20 s."""

    connections: Annotated[int, Field(ge=1)] = 64
    in_flight: Annotated[int, Field(ge=1)] = 1000
    connect_timeout: Duration = "5s"
    timeout: Duration = "10s"


class PlanDrivers(PlanPart):
    """How many drivers a run needs, how long it waits for them, what it does at a loss."""

    min: Annotated[int, Field(ge=1)] = 1
    wait: Duration = "30s"
    on_loss: Literal["takeover", "abort"] = "takeover"


class Options(PlanPart):
    """``index_header`` adds ``Spate-Index: RUN/INDEX`` to every request.

    ``traceparent`` is the share of requests that carry W3C trace context; a plan without any lacks
    it.
    """

    index_header: bool = False
    traceparent: Annotated[float, Field(ge=0, le=1, exclude_if=operator.not_)] = 0


class Plan(PlanPart):
    """What to send where, and how much of it."""

    name: Annotated[str, Field(pattern="^[a-z0-9-]{1,63}$")]
    description: str = ""
    labels: dict[str, str] = {}
    target: Annotated[str, Field(examples=["http://127.0.0.1:8000"])]
    tls: Tls = Tls()
    requests: Annotated[list[PlanRequest], Field(min_length=1, max_length=32)]
    seed: int = 1
    load: Annotated[Avalanche | Tsunami | Arrivals, Field(discriminator="test_type")]
    limits: Limits = Limits()
    drivers: PlanDrivers = PlanDrivers()
    options: Options = Options()
    thresholds: Annotated[
        list[str], Field(examples=[["response_time.p99 < 300ms", "failed.rate < 1%"]])
    ] = []


class StartRequest(PlanPart):
    """The body of ``POST /runs``."""

    plan: Plan


class ValidateRequest(PlanPart):
    """The body of ``POST /plans/validate``; without ``drivers`` those that could start now."""

    plan: Plan
    drivers: Annotated[int | None, Field(ge=1, le=10_000)] = None


class ScaleRequest(PlanPart):
    """The body of ``PUT /fleet``."""

    replicas: Annotated[int, Field(ge=0, le=1_000)]
