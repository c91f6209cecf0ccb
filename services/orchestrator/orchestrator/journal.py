"""What the orchestrator writes down for itself on ``runs``, and how it reads it back.

Keys: ``boot`` (which process leads), ``revision`` (the highest of the runs that were forgotten),
``RUN/plan`` (what was submitted), ``RUN/ledger/PART`` (the whole books). The topic is compacted:
the newest record of a key is all that counts, and a key without a value is forgotten. A set of
parts counts only if all its parts are of one writing.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from orchestrator.director import Director
from orchestrator.ledger_state import dump_ledger
from orchestrator.run import Run
from spate.bus import Outgoing, Received

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


def ledger_records(topic: str, director: Director, heartbeat_offset: int) -> list[Outgoing]:
    """Return the whole state of a run under way, in parts that fit into a record."""
    run, orders = director.run, director.orders
    state = {
        "heartbeat_offset": heartbeat_offset,
        "run": {
            "state": run.state,
            "stopped": run.stopped,
            "reason": run.reason,
            "started_at_ns": run.started_at_ns,
            "ended_at_ns": run.ended_at_ns,
            "drivers": run.drivers,
            "events": [[e.at_ns, e.kind, e.driver_id, e.text] for e in run.events],
        },
        "revision": orders.revision,
        "granted": orders.granted,
        "ledger": None if director.ledger is None else dump_ledger(director.ledger),
    }
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode(), 1)).decode()
    pieces = [packed[at : at + _PART_BYTES] for at in range(0, len(packed), _PART_BYTES)]
    return [
        _record(
            topic,
            f"{run.id}/ledger/{part}",
            {"revision": orders.revision, "part": part, "parts": len(pieces), "data": piece},
        )
        for part, piece in enumerate(pieces)
    ]


def forget_records(topic: str, run_id: str, parts: int, revision: int) -> list[Outgoing]:
    """Return the tombstones of a run that the archive holds.

    ``revision`` is the highest so far: drivers remember it over all runs, so must we.
    """
    keys = [f"{run_id}/plan", *(f"{run_id}/ledger/{part}" for part in range(parts))]
    return [
        _record(topic, REVISION_KEY, {"revision": revision}),
        *(Outgoing(topic, None, key) for key in keys),
    ]


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
            except (ValueError, KeyError, TypeError, AttributeError):
                self.bad_records += 1

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
        entry = json.loads(value) if value else None
        remembered = self.runs.setdefault(run_id, Remembered())
        if rest == "plan":
            remembered.plan = entry
        elif rest.startswith("ledger/"):
            part = int(rest.removeprefix("ledger/"))
            if entry is None:
                remembered.parts.pop(part, None)
            else:
                remembered.parts[part] = Part.read(entry)
        if remembered.plan is None and not remembered.parts:
            del self.runs[run_id]


def _record(topic: str, key: str, entry: dict[str, Any]) -> Outgoing:
    return Outgoing(topic, json.dumps(entry, separators=(",", ":")).encode(), key)
