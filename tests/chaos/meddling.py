"""Somebody who writes to Spate's topics what does not belong there."""

from __future__ import annotations

import random

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    Message,
    Producer,
    TopicPartition,
)

GARBAGE = (
    b"",
    b"\x00\xff\xfe\x80",
    b"not json",
    b"null",
    b"[]",
    b"{}",
    b'{"kind": "nobody", "v": 1}',
    b'{"kind": "heartbeat"}',
    b'{"kind": "heartbeat", "v": 99}',
    b'{"kind": "snapshot", "v": 1, "seq": -1}',
    b'{"kind": "grants", "v": 1, "epoch": "later"}',
    b"[" * 50_000,
    b'{"kind": "order", "v": 1, "state": "' + b"x" * 500_000 + b'"}',
)
"""None of these is a message."""


class Meddler:
    """Writes records to topics of a broker, and repeats those that are there."""

    def __init__(self, bootstrap: str, seed: int) -> None:
        self._source = random.Random(seed)
        self._servers = {"bootstrap.servers": bootstrap, "broker.address.family": "v4"}
        self._producer = Producer({**self._servers, "message.max.bytes": 2_000_000})
        self._refused: list[KafkaError] = []

    def litter(self, topic: str) -> int:
        """Write all garbage to a topic; return how much that is.

        Everything has a key: a compacted topic takes nothing else.
        """
        for number, value in enumerate(GARBAGE):
            self._produce(topic, value, f"key-{number}".encode())
        self._flush()
        return len(GARBAGE)

    def repeat(self, topic: str, partitions: int = 1, most: int = 200) -> int:
        """Write the newest records of a topic again, in any order; return how many."""
        found = [record for record in self._read(topic, partitions) if record.value()][-most:]
        self._source.shuffle(found)
        for record in found:
            self._produce(topic, record.value(), record.key())
        self._flush()
        return len(found)

    def _read(self, topic: str, partitions: int) -> list[Message]:
        """Return everything that is committed on a topic, the oldest first."""
        consumer = Consumer(
            {**self._servers, "group.id": "meddler", "enable.partition.eof": True}
            | {"enable.auto.commit": False, "isolation.level": "read_committed"}
        )
        found, open_ends = [], {}
        try:
            for p in range(partitions):
                open_ends[p] = consumer.get_watermark_offsets(TopicPartition(topic, p), 10)[1]
            consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in open_ends])
            # Where records keep coming no end is ever told: one that is newer tells it, too.
            while open_ends:
                record = consumer.poll(10)
                assert record is not None, f"no end of {topic}"
                error, partition, offset = record.error(), record.partition(), record.offset()
                assert error is None or error.code() == KafkaError._PARTITION_EOF, error
                assert partition is not None
                assert offset is not None
                if error is not None or offset >= open_ends.get(partition, -1):
                    open_ends.pop(partition, None)
                else:
                    found.append(record)
        finally:
            consumer.close()
        return sorted(found, key=lambda record: record.timestamp()[1])

    def _produce(self, topic: str, value: bytes | None, key: bytes | None) -> None:
        self._producer.produce(topic, value, key=key, on_delivery=self._note)

    def _note(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._refused.append(error)

    def _flush(self) -> None:
        assert self._producer.flush(10) == 0
        assert self._refused == []
