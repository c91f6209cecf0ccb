"""Figures of what the lane noted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from driver.expectation import unexpected
from spate.figures import Figures
from spate.histogram import Histogram

LaneHistogram = tuple[bytes, bytes, int, int, int, int, int]
"""Buckets and counts as int64, then count, sum_ns, min_ns, max_ns and how many were clamped."""

_Times = LaneHistogram | None
LaneRow = tuple[
    *tuple[int, int, int],
    *tuple[int, int, int, int],
    *tuple[_Times, _Times, _Times, _Times, _Times],
    Sequence[tuple[int, int, bool]],
]
"""Of one term, request and stage: sent, dropped, bytes sent, bytes received; lag, wait,
service time, response time of the succeeded and of the failed; (status, n, expected) by status."""


def figures_of(row: LaneRow) -> Figures:
    """Return the figures of a row of ``Lane.cut``."""
    sent, dropped, bytes_sent, bytes_received = row[3:7]
    lag, wait, service, succeeded, failed = (histogram_of(times) for times in row[7:12])
    kinds: dict[str, int] = {}
    for status, n, expected in row[12]:
        if not expected:
            kind = unexpected(status)
            kinds[kind] = kinds.get(kind, 0) + n
    return Figures(
        decided=lag.count,
        sent=sent,
        succeeded=succeeded.count,
        failed=kinds,
        dropped={"in_flight_limit": dropped} if dropped else {},
        status_codes={str(status): n for status, n, _ in row[12]},
        bytes_sent=bytes_sent,
        bytes_received=bytes_received,
        response_time=succeeded.merge(failed),
        response_time_succeeded=succeeded,
        service_time=service,
        lag=lag,
        wait_time=wait,
    )


def histogram_of(times: LaneHistogram | None) -> Histogram:
    """Return the histogram; None is an empty one."""
    if times is None:
        return Histogram.zero()
    buckets, counts, count, sum_ns, min_ns, max_ns, clamped = times
    return Histogram(
        np.frombuffer(buckets, dtype=np.int64),
        np.frombuffer(counts, dtype=np.int64),
        count=count,
        sum_ns=sum_ns,
        min_ns=min_ns,
        max_ns=max_ns,
        clamped=clamped,
    )
