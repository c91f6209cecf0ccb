"""The right to send: a term lives as long as its heartbeats are acknowledged in time (R1-R4, R7).

The log is the lease. A heartbeat that was appended proves, to whoever reads the log, that the
driver lived then; its acknowledgement proves the same to the driver itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from driver.closure import CloseCause
from spate.bus import Ack


class LogLostError(Exception):
    """The log no longer holds what it had acknowledged (R3d), or keeps no append time (A1)."""


@dataclass(frozen=True, slots=True)
class _Sent:
    term: int
    sent_boot_ns: int
    first: bool
    claims: Mapping[int, int]


class Licence:
    """Counts heartbeats and terms, and knows until when this term may send."""

    def __init__(self, fence_after_ns: int) -> None:
        self._fence_after_ns = fence_after_ns
        self.term = 1
        self.n = 0
        self.ends_at_ns: int | None = None
        self._sent: dict[int, _Sent] = {}
        self._append_ms: int | None = None
        self._offset = -1

    def expired(self, boot_ns: int) -> bool:
        """Tell whether the term is open and its licence has ended (R2)."""
        return self.ends_at_ns is not None and boot_ns >= self.ends_at_ns

    def send(self, boot_ns: int, claims: Mapping[int, int]) -> tuple[int, bool]:
        """Note a heartbeat sent now; return its number and whether it is the term's first (R1)."""
        first = self.ends_at_ns is None
        if first:
            self.ends_at_ns = boot_ns + self._fence_after_ns
        self.n += 1
        self._sent[self.n] = _Sent(self.term, boot_ns, first, claims)
        return self.n, first

    def acknowledged(self, n: int, ack: Ack) -> Mapping[int, int] | CloseCause | None:
        """Take the acknowledgement of heartbeat ``n``.

        Returns:
            The claims that hold from now on, the cause for which the term must close, or None if
            it changes nothing.

        Raises:
            LogLostError: if the offset did not grow, or the topic keeps no append time.
        """
        sent = self._sent.pop(n, None)
        if sent is None:
            return None
        if ack.error is not None:
            return "first_failed" if sent.first and sent.term == self.term else None
        if not ack.append_time:
            raise LogLostError(
                f"topic {ack.topic} must have message.timestamp.type=LogAppendTime; "
                "set it on the broker and start again"
            )
        if ack.offset <= self._offset:
            raise LogLostError(
                f"topic {ack.topic} lost records: offset {ack.offset} was acknowledged after "
                f"{self._offset}"
            )
        self._offset = ack.offset
        if sent.term != self.term or self.ends_at_ns is None:
            return None
        previous_ms, self._append_ms = self._append_ms, ack.append_ms
        if previous_ms is not None:
            gap_ns = (ack.append_ms - previous_ms) * 1_000_000
            if gap_ns > self._fence_after_ns:
                return "append_gap"
        self.ends_at_ns = max(self.ends_at_ns, sent.sent_boot_ns + self._fence_after_ns)
        return sent.claims

    def close(self) -> int:
        """End the term for good; return its number (R4)."""
        closed = self.term
        self.term += 1
        self.ends_at_ns = None
        self._append_ms = None
        return closed
