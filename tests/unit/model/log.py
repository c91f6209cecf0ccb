"""The log: partitions with offsets and append times, transactions, readers that lag."""

from __future__ import annotations

import zlib
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from spate.bus import Ack, Bounds, Outgoing, Received
from spate.messages import AnyMessage, Grants, Heartbeat, SnapshotMessage, decode
from spate.timing import MS
from spate.topics import Topics, topic_table

TOPICS: Topics = topic_table(metrics_partitions=3)
WALL_NS = 1_795_000_000_000_000_000

Place = tuple[str, int]


class UnknownFateError(Exception):
    """The writer does not know what became of its transaction, or is told that it was fenced."""


class LostError(Exception):
    """A position that the log no longer holds."""


@dataclass(slots=True, eq=False)
class Transaction:
    """Several records as one fact, once it is ``committed``."""

    committed: bool | None = None
    entries: list[tuple[Place, Entry]] = field(default_factory=list)
    places: set[Place] = field(default_factory=set)
    decided_ns: int = 0


class Entry(NamedTuple):
    """A record in its partition; one without a message and without a value is a marker."""

    offset: int
    append_ms: int
    at_ns: int
    key: str | None
    value: bytes | None
    message: AnyMessage | None
    transaction: Transaction | None
    marker: bool = False


@dataclass(slots=True)
class Partition:
    """Entries by offset; compaction leaves gaps."""

    entries: list[Entry] = field(default_factory=list)
    end: int = 0
    open: dict[int, Transaction] = field(default_factory=dict)
    """By the first offset of each transaction that is not decided."""

    @property
    def stable(self) -> int:
        """The offset below which everything is decided."""
        return min(self.open, default=self.end)

    def from_offset(self, offset: int) -> int:
        """Return the place in ``entries`` of the first with this offset or a later one."""
        return bisect_left(self.entries, offset, key=lambda entry: entry.offset)


class Log:
    """All topics. ``stamp_ns`` is the log's clock against the true time.

    ``parts`` cuts each message of grants in so many, whatever its length: what a reader may make
    of a part alone is the same as if it had been too long for one record.
    """

    def __init__(self, parts: int = 1) -> None:
        self.stamp_ns = WALL_NS
        self.parts = parts
        self.claims: dict[tuple[str, str, int, int], int] = {}
        self.partitions: dict[Place, Partition] = {
            (config.name, p): Partition()
            for config in TOPICS.configs
            for p in range(config.partitions)
        }
        self._holders: dict[str, int] = {}
        self._hanging: dict[str, Transaction] = {}

    # ---- plain records -------------------------------------------------------------------------

    def append(self, topic: str, partition: int, message: AnyMessage, now_ns: int) -> Ack:
        """Append a message outside of any transaction."""
        if isinstance(message, Heartbeat):
            for said in message.ranges:
                key = (message.driver_id, message.boot_id, message.term, said.id)
                self.claims[key] = max(said.claim, self.claims.get(key, 0))
        entry = self._append((topic, partition), message, now_ns)
        return Ack(topic, partition, entry.offset, entry.append_ms, True, None)

    # ---- transactions --------------------------------------------------------------------------

    def take_over(self, transactional_id: str, now_ns: int) -> int:
        """Return the epoch of a new holder; what an earlier one left open is aborted."""
        epoch = self._holders[transactional_id] = self._holders.get(transactional_id, 0) + 1
        self.resolve(transactional_id, now_ns)
        return epoch

    def begin(
        self, transactional_id: str, epoch: int, records: Sequence[Outgoing], now_ns: int
    ) -> Transaction:
        """Write records that nobody may read yet.

        Raises:
            UnknownFateError: if somebody else holds the id.
        """
        self._demand(transactional_id, epoch)
        transaction = self._hanging[transactional_id] = Transaction()
        for record in records:
            message = None if record.topic == TOPICS.runs else decode(record.value or b"")
            pieces = self._pieces(message) if isinstance(message, Grants) else [message]
            for piece in pieces:
                value = record.value if piece is None else None
                self._append(
                    _place(record),
                    piece,
                    now_ns,
                    key=record.key,
                    value=value,
                    transaction=transaction,
                )
        return transaction

    def commit(self, transactional_id: str, epoch: int, now_ns: int) -> None:
        """Make what was begun a fact.

        Raises:
            UnknownFateError: if it was aborted by somebody else or by its time-out.
        """
        self._demand(transactional_id, epoch)
        transaction = self._hanging.pop(transactional_id, None)
        if transaction is None:
            raise UnknownFateError
        self._decide(transaction, committed=True, now_ns=now_ns)

    def resolve(self, transactional_id: str, now_ns: int, which: Transaction | None = None) -> None:
        """Abort what hangs, or only ``which``, as its time-out does."""
        transaction = self._hanging.get(transactional_id)
        if transaction is not None and which in (None, transaction):
            del self._hanging[transactional_id]
            self._decide(transaction, committed=False, now_ns=now_ns)

    # ---- reading -------------------------------------------------------------------------------

    def bounds(self, topic: str) -> dict[int, Bounds]:
        """Return what each partition holds for a reader of what is committed."""
        found = {}
        for (name, p), partition in self.partitions.items():
            if name == topic:
                found[p] = Bounds(0, partition.stable)
        return found

    def read(
        self, place: Place, position: int, until_ns: int
    ) -> tuple[list[tuple[Received, AnyMessage | None]], int, bool]:
        """Return what was readable at ``until_ns``, the next position, and whether it is the end.

        Raises:
            LostError: if the position is beyond the end.
        """
        partition = self.partitions[place]
        if position > partition.end:
            raise LostError(f"{place} ends at {partition.end}, not at {position}")
        stable = partition.stable
        found: list[tuple[Received, AnyMessage | None]] = []
        for at in range(partition.from_offset(position), len(partition.entries)):
            entry = partition.entries[at]
            transaction = entry.transaction
            readable_ns = entry.at_ns if transaction is None else transaction.decided_ns
            if entry.offset >= stable or max(readable_ns, entry.at_ns) > until_ns:
                return found, max(position, entry.offset), entry.offset >= stable
            position = entry.offset + 1
            if not entry.marker and (transaction is None or transaction.committed):
                record = Received(
                    *place, entry.offset, entry.append_ms, True, entry.key, entry.value or b""
                )
                found.append((record, entry.message))
        return found, max(position, stable), True

    def told(self, run_id: str, ends: Mapping[int, int]) -> tuple[int, int]:
        """Return how many were sent and succeeded by all snapshots of a run before ``ends``."""
        seen: set[tuple[str, str, int]] = set()
        sent = succeeded = 0
        for (topic, p), partition in self.partitions.items():
            for entry in partition.entries if topic == TOPICS.metrics else ():
                message = entry.message
                if not isinstance(message, SnapshotMessage) or message.run_id != run_id:
                    continue
                key = (message.driver_id, message.boot_id, message.seq)
                if key not in seen and entry.offset < ends.get(p, 0):
                    seen.add(key)
                    sent += sum(cell.sent for cell in message.cells)
                    succeeded += sum(cell.succeeded for cell in message.cells)
        return sent, succeeded

    def compact(self) -> None:
        """Drop what newer records of the same key replace, but for the last few."""
        partition = self.partitions[TOPICS.runs, 0]
        sealed = partition.from_offset(partition.stable - 3)
        newest: dict[str | None, int] = {}
        for entry in partition.entries[:sealed]:
            if not entry.marker and (entry.transaction is None or entry.transaction.committed):
                newest[entry.key] = entry.offset
        kept = [e for e in partition.entries[:sealed] if newest.get(e.key) == e.offset]
        partition.entries = kept + partition.entries[sealed:]

    def lose(self, place: Place, end: int) -> None:
        """Forget everything from ``end`` on: the log breaks its word (A2)."""
        partition = self.partitions[place]
        partition.entries = partition.entries[: partition.from_offset(end)]
        partition.end = min(partition.end, end)
        partition.open = {at: each for at, each in partition.open.items() if at < end}

    # ---- the rest ------------------------------------------------------------------------------

    def _append(
        self,
        place: Place,
        message: AnyMessage | None,
        now_ns: int,
        *,
        key: str | None = None,
        value: bytes | None = None,
        transaction: Transaction | None = None,
    ) -> Entry:
        partition = self.partitions[place]
        append_ms = (now_ns + self.stamp_ns) // MS
        entry = Entry(partition.end, append_ms, now_ns, key, value, message, transaction)
        if transaction is not None and place not in transaction.places:
            transaction.places.add(place)
            partition.open[entry.offset] = transaction
        if transaction is not None:
            transaction.entries.append((place, entry))
        partition.entries.append(entry)
        partition.end += 1
        return entry

    def _decide(self, transaction: Transaction, *, committed: bool, now_ns: int) -> None:
        transaction.committed, transaction.decided_ns = committed, now_ns
        append_ms = (now_ns + self.stamp_ns) // MS
        for place in transaction.places:
            partition = self.partitions[place]
            partition.open = {o: t for o, t in partition.open.items() if t is not transaction}
            marker = Entry(partition.end, append_ms, now_ns, None, None, None, None, marker=True)
            partition.entries.append(marker)
            partition.end += 1

    def _demand(self, transactional_id: str, epoch: int) -> None:
        if self._holders.get(transactional_id) != epoch:
            raise UnknownFateError

    def _pieces(self, message: Grants) -> list[Grants]:
        n = self.parts
        return [
            message.model_copy(update={"part": k, "parts": n, "grants": message.grants[k::n]})
            for k in range(n)
        ]


def _place(record: Outgoing) -> Place:
    if record.partition is not None or record.topic != TOPICS.metrics:
        return record.topic, record.partition or 0
    return record.topic, zlib.crc32((record.key or "").encode()) % 3
