"""Which requests carry W3C trace context, and which: pure functions of run, seed and index.

So it is the same whoever sends a request, and it can be worked out afterwards. The ids are the
SHA-256 of ``RUN/INDEX``, the text of the header ``Spate-Index``, in hexadecimal::

    printf checkout-1a2b3c4d/4711 | sha256sum | cut -c1-32

The format is that of https://www.w3.org/TR/trace-context/. Ids of zeros alone would not be valid;
that a hash gives them is less likely than a machine that adds up wrong.
"""

from __future__ import annotations

from fractions import Fraction
from hashlib import sha256
from typing import Final

HEADER: Final = "traceparent"

_TRACE_DIGITS: Final = 32
_SPAN_DIGITS: Final = 16
_SAMPLED: Final = b"01"
_MASK: Final = (1 << 64) - 1
_GOLDEN: Final = 0x9E3779B97F4A7C15


def trace_id(run_id: str, index: int) -> str:
    """Return the id of the trace of an arrival: 32 hexadecimal digits."""
    return sha256(f"{run_id}/{index}".encode()).hexdigest()[:_TRACE_DIGITS]


class TraceSampling:
    """Chooses a share of a run's requests, as good as at random, and names their traces.

    An index is chosen if the output of SplitMix64 at its place (see ``RequestChoice``), from a
    seed that is a hash of run and plan's seed, is below ``share`` of its range.
    """

    __slots__ = ("_bound", "_offset", "_run")

    def __init__(self, run_id: str, seed: int, share: Fraction) -> None:
        """Prepare the choice; ``share`` is of ``[0, 1]``."""
        digest = sha256(f"{run_id}/{HEADER}/{seed}".encode()).digest()
        self._offset = int.from_bytes(digest[:8], "big")
        self._bound = (share.numerator << 64) // share.denominator
        self._run = f"{run_id}/".encode()

    def chosen(self, index: int) -> bool:
        """Tell whether the request of arrival ``index`` carries trace context."""
        z = (self._offset + (index + 1) * _GOLDEN) & _MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return (z ^ (z >> 31)) < self._bound

    def value(self, index: int) -> bytes:
        """Return the header's value for arrival ``index``, marked as sampled."""
        digits = sha256(b"%b%d" % (self._run, index)).hexdigest().encode()
        span = digits[_TRACE_DIGITS : _TRACE_DIGITS + _SPAN_DIGITS]
        return b"00-%b-%b-%b" % (digits[:_TRACE_DIGITS], span, _SAMPLED)
