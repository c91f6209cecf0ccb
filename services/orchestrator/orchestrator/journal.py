"""What the orchestrator writes down for itself on ``runs``, and how it reads it back.

Keys: ``boot`` (which process leads), ``revision`` (the highest of the runs that were forgotten),
``RUN/plan`` (what was submitted), ``RUN/ledger/PART`` (the whole books), ``RUN/aggregator/PART``
(the figures, see ``spate.checkpoint``). The topic is compacted: the newest record of a key is all
that counts, and a key without a value is forgotten. A set of parts counts only if all its parts are
of one writing.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from orchestrator.bookmarks import Bookmarks
from orchestrator.director import Director
from orchestrator.fleet import Fleet
from orchestrator.ledger_state import dump_boots, dump_ledger
from orchestrator.run import Run
from spate.bus import Outgoing, Received
from spate.checkpoint import write_checkpoint

_PART_BYTES = 900_000

BOOT_KEY = "boot"
REVISION_KEY = "revision"


def boot_record(topic: str, process_id: str, at_ns: int) -> Outgoing:
    """Return the entry by which a process says that it leads from here on."""
    return _record(topic, BOOT_KEY, {"process": process_id, "at_ns": at_ns})


def plan_record(topic: str, run: Run) -> Outgoing:
    """Return the entry that makes a submitted run survive."""
    entry = {
        "plan": run.plan.to_document(),
        "digest": run.digest,
        "created_at_ns": run.created_at_ns,
        "idempotency_key": run.idempotency_key,
        "body_digest": run.body_digest,
    }
    return _record(topic, f"{run.id}/plan", entry)


def ledger_records(
    topic: str, director: Director, fleet: Fleet, heartbeat_offset: int
) -> list[Outgoing]:
    """Return the whole state of a run under way, in parts that fit into a record."""
    run, orders, ledger = director.run, director.orders, director.ledger
    bookmarks = director.bookmarks
    state = {
        "heartbeat_offset": heartbeat_offset,
        "metrics_from": _pairs(bookmarks.metrics_from),
        "metrics_ends": _pairs(bookmarks.metrics_ends),
        "run": {
            "state": run.state,
            "stopped": run.stopped,
            "reason": run.reason,
            "started_at_ns": run.started_at_ns,
            "ended_at_ns": run.ended_at_ns,
            "lasted_ns": run.lasted_ns,
            "drivers": run.drivers,
            "fences": run.fences,
            "takeovers": run.takeovers,
            "events": [[e.at_ns, e.kind, e.driver_id, e.text] for e in run.events],
        },
        "revision": orders.revision,
        "granted": orders.granted,
        "starts_at_ns": orders.starts_at_ns,
        "ledger": None if ledger is None else dump_ledger(ledger),
        "boots": [] if ledger is None else dump_boots(ledger, fleet),
    }
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode(), 1)).decode()
    pieces = [packed[at : at + _PART_BYTES] for at in range(0, len(packed), _PART_BYTES)]
    bookmarks.ledger_parts = max(bookmarks.ledger_parts, len(pieces))
    return [
        _record(
            topic,
            f"{run.id}/ledger/{part}",
            {"revision": orders.revision, "part": part, "parts": len(pieces), "data": piece},
        )
        for part, piece in enumerate(pieces)
    ]


def checkpoint_records(
    topic: str, director: Director, read_to: Mapping[int, int]
) -> list[Outgoing]:
    """Return what changed of a run's figures since they were last written.

    ``read_to`` is how far ``metrics`` was merged, by partition.
    """
    aggregator, bookmarks = director.aggregator, director.bookmarks
    if aggregator is None or aggregator.revision == bookmarks.checkpoint_revision:
        return []
    parts = write_checkpoint(aggregator, read_to, bookmarks.checkpoint_revision)
    bookmarks.checkpoint_revision = aggregator.revision
    bookmarks.checkpoint |= parts.keys()
    return [
        Outgoing(topic, part, f"{director.run.id}/aggregator/{name}")
        for name, part in parts.items()
    ]


def forget_records(topic: str, run_id: str, bookmarks: Bookmarks, revision: int) -> list[Outgoing]:
    """Return the tombstones of a run that the archive holds.

    ``revision`` is the highest so far: drivers remember it over all runs, so must we.
    """
    keys = [
        f"{run_id}/plan",
        *(f"{run_id}/ledger/{part}" for part in range(bookmarks.ledger_parts)),
        *(f"{run_id}/aggregator/{name}" for name in sorted(bookmarks.checkpoint)),
    ]
    return [
        _record(topic, REVISION_KEY, {"revision": revision}),
        *(Outgoing(topic, None, key) for key in keys),
    ]


def retraction(topic: str, run_id: str) -> Outgoing:
    """Return the tombstone of a plan whose submission was refused before it was written."""
    return Outgoing(topic, None, f"{run_id}/plan")


class Part(NamedTuple):
    """One piece of a set: those of one ``revision`` belong together."""

    revision: int
    parts: int
    data: str

    @staticmethod
    def read(entry: dict[str, Any]) -> Part:
        """Read an entry.

        Raises:
            KeyError, TypeError, ValueError: if it is none.
        """
        return Part(int(entry["revision"]), int(entry["parts"]), str(entry["data"]))


@dataclass(slots=True)
class Remembered:
    """What the journal holds of one run."""

    plan: dict[str, Any] | None = None
    parts: dict[int, Part] = field(default_factory=dict)
    checkpoint: dict[str, bytes] = field(default_factory=dict)

    def bookmarks(self) -> Bookmarks:
        """Return what the journal may hold of it."""
        return Bookmarks(
            ledger_parts=max(self.parts, default=0) + 1, checkpoint=set(self.checkpoint)
        )

    def ledger(self) -> dict[str, Any] | None:
        """Return the newest complete state, None if there is none that can be read."""
        first = self.parts.get(0)
        if first is None:
            return None
        pieces = [self.parts.get(part) for part in range(first.parts)]
        if any(piece is None or piece.revision != first.revision for piece in pieces):
            return None
        packed = "".join(piece.data for piece in pieces if piece is not None)
        try:
            state = json.loads(zlib.decompress(base64.b64decode(packed)))
        except (ValueError, zlib.error):
            return None
        return state if isinstance(state, dict) else None


class Memory:
    """The journal as read back, the newest record of each key."""

    def __init__(self) -> None:
        self.leader: str | None = None
        self.runs: dict[str, Remembered] = {}
        self.bad_records = 0
        self._revision = 0

    def read(self, records: Iterable[Received]) -> None:
        """Take records in log order."""
        for record in records:
            try:
                self._read(record.key or "", record.value)
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                self.bad_records += 1

    def forget(self, run_id: str, revision: int = 0) -> None:
        """Drop a run, but not the revision that it had come to, by now or in the journal."""
        self._revision = max(self.highest_revision(), revision)
        del self.runs[run_id]

    def highest_revision(self) -> int:
        """Return the highest revision written down, 0 if none was."""
        written = max(
            (part.revision for run in self.runs.values() for part in run.parts.values()),
            default=0,
        )
        return max(written, self._revision)

    def _read(self, key: str, value: bytes) -> None:
        if key == BOOT_KEY:
            self.leader = json.loads(value)["process"]
            return
        if key == REVISION_KEY:
            self._revision = max(self._revision, int(json.loads(value)["revision"]))
            return
        run_id, _, rest = key.partition("/")
        remembered = self.runs.setdefault(run_id, Remembered())
        if rest.startswith("aggregator/"):
            self._read_checkpoint(remembered, rest.removeprefix("aggregator/"), value)
        else:
            self._read_entry(remembered, rest, json.loads(value) if value else None)
        if remembered.plan is None and not remembered.parts and not remembered.checkpoint:
            del self.runs[run_id]

    def _read_checkpoint(self, remembered: Remembered, name: str, value: bytes) -> None:
        if value:
            remembered.checkpoint[name] = value
        else:
            remembered.checkpoint.pop(name, None)

    def _read_entry(self, remembered: Remembered, rest: str, entry: dict[str, Any] | None) -> None:
        if rest == "plan":
            remembered.plan = entry
        elif rest.startswith("ledger/"):
            part = int(rest.removeprefix("ledger/"))
            if entry is None:
                remembered.parts.pop(part, None)
            else:
                remembered.parts[part] = Part.read(entry)


def _pairs(offsets: Mapping[int, int] | None) -> list[list[int]] | None:
    """Return offsets by partition as JSON keeps them: its keys are strings."""
    return None if offsets is None else [[p, offset] for p, offset in offsets.items()]


def _record(topic: str, key: str, entry: dict[str, Any]) -> Outgoing:
    return Outgoing(topic, json.dumps(entry, separators=(",", ":")).encode(), key)
