"""Who leads: the process whose boot entry is the newest on ``runs`` (R13, R15)."""

from __future__ import annotations

from orchestrator.journal import Memory, boot_record
from spate.bus import Bus, FencedError, Outgoing


class Leadership:
    """One process's claim to lead. ``epoch`` is the offset of its boot entry, -1 before that."""

    def __init__(self, bus: Bus, topic: str, process_id: str) -> None:
        self.epoch = -1
        self._bus = bus
        self._topic = topic
        self._process_id = process_id

    def claim(self, at_ns: int) -> Outgoing:
        """Return the entry that makes this process the leader once it is committed."""
        return boot_record(self._topic, self._process_id, at_ns)

    async def recall(self, epoch: int) -> Memory:
        """Read the whole journal, through our own boot entry at ``epoch``.

        Raises:
            FencedError: if a newer entry is another process's.
            BusError: if the log lost what was to be read.
        """
        self.epoch = epoch
        memory = Memory()
        reader = self._bus.reader({(self._topic, 0): "earliest"})
        try:
            read_to = -1
            # Compaction may have removed our entry: then there is a newer one.
            while read_to < epoch:
                records = (await reader.read()).records
                memory.read(records)
                read_to = records[-1].offset if records else read_to
        finally:
            await reader.close()
        self._demand(memory.leader)
        return memory

    async def check(self) -> None:
        """Read on from our own boot entry to the end; return if nobody else has claimed to lead.

        Raises:
            FencedError: if another process has.
            BusError: if the log lost what was to be read.
        """
        if self.epoch < 0:
            return
        memory = Memory()
        reader = self._bus.reader({(self._topic, 0): self.epoch})
        try:
            ends = False
            while not ends:
                batch = await reader.read()
                memory.read(batch.records)
                ends = bool(batch.ends)
        finally:
            await reader.close()
        self._demand(memory.leader)

    def _demand(self, leader: str | None) -> None:
        if leader != self._process_id:
            raise FencedError("another orchestrator has taken over this topic prefix")
