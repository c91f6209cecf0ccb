"""Where a run stands in the log, and what the journal holds of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Bookmarks:
    """Offsets are by partition of ``metrics``.

    No snapshot of the run lies before ``metrics_from``; once it has ended, those before
    ``metrics_ends`` are all that its report is made from (R29). The journal may hold
    ``ledger_parts`` parts of its books, and of its figures the parts in ``checkpoint``, as they
    were when the aggregator's revision was ``checkpoint_revision``.
    """

    metrics_from: dict[int, int] | None = None
    metrics_ends: dict[int, int] | None = None
    ledger_parts: int = 1
    checkpoint: set[str] = field(default_factory=set)
    checkpoint_revision: int = 0

    def counts(self, partition: int, offset: int) -> bool:
        """Tell whether a record of ``metrics`` belongs to the report."""
        return self.metrics_ends is None or offset < self.metrics_ends.get(partition, 0)

    def end_by(self, ends: Mapping[int, int]) -> None:
        """Do not wait for records of ``metrics`` that the log does not hold any more."""
        if self.metrics_ends is not None:
            self.metrics_ends = {
                p: min(end, ends.get(p, 0)) for p, end in self.metrics_ends.items()
            }
