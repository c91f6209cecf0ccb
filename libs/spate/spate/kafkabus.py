"""The bus on Kafka: makes producers and readers, and sees to the topics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from spate.bus import (
    Bounds,
    BusError,
    BusHealth,
    ProducerOptions,
    Start,
    TopicConfig,
    TopicPartition,
)
from spate.kafkaclient import Links, compose_settings, in_thread
from spate.kafkaproducer import KafkaProducer
from spate.kafkareader import KafkaReader
from spate.kafkatopics import bounds, ensure_topics
from spate.kafkatransaction import KafkaTransactionalProducer

_NOTHING: Mapping[str, str] = MappingProxyType({})
_Client = KafkaProducer | KafkaReader | KafkaTransactionalProducer
_Made = TypeVar("_Made", KafkaProducer, KafkaReader, KafkaTransactionalProducer)
_T = TypeVar("_T")


class KafkaBus:
    """Makes clients of one Kafka cluster; see ``spate.bus.Bus``.

    Args:
        bootstrap: ``host:port``, several with commas.
        client_settings: further librdkafka settings for every client, such as
            ``security.protocol``, ``sasl.mechanism``, ``sasl.username``, ``ssl.ca.location``.
    """

    def __init__(self, bootstrap: str, client_settings: Mapping[str, str] = _NOTHING) -> None:
        self._health = BusHealth()
        self._settings = compose_settings(bootstrap, client_settings)
        self._links = Links(bootstrap, self._health)
        self._made: list[_Client] = []
        self._admin: AdminClient | None = None

    @property
    def health(self) -> BusHealth:
        """The state of the connections of this process."""
        return self._health

    def producer(self, options: ProducerOptions) -> KafkaProducer:
        """Return a new idempotent producer."""
        return self._keep(KafkaProducer(self._settings, options, self._links))

    def transactional_producer(self, transactional_id: str) -> KafkaTransactionalProducer:
        """Return a producer that is not started yet."""
        return self._keep(KafkaTransactionalProducer(self._settings, transactional_id, self._links))

    def reader(self, positions: Mapping[TopicPartition, Start]) -> KafkaReader:
        """Return a reader of these partitions, from these offsets on."""
        return self._keep(KafkaReader(self._settings, positions, self._links))

    async def ensure_topics(self, wanted: Sequence[TopicConfig]) -> None:
        """Create what is missing, correct what may be corrected; see ``spate.bus.Bus``."""
        await self._ask(lambda: ensure_topics(self._settings, wanted))

    async def bounds(self, topic: str) -> dict[int, Bounds]:
        """Return what each partition of a topic holds; see ``spate.bus.Bus``."""
        if self._admin is None:
            self._admin = AdminClient(dict(self._settings))
        admin = self._admin
        try:
            return await self._ask(lambda: bounds(admin, topic))
        except BusError:
            self._admin = None  # it may have lost its way to the broker for good
            raise

    async def close(self) -> None:
        """Close everything that was made here."""
        made, self._made = self._made, []
        await asyncio.gather(*(client.close() for client in made))

    def _keep(self, made: _Made) -> _Made:
        self._made = [client for client in self._made if not client.closed]
        self._made.append(made)
        return made

    async def _ask(self, work: Callable[[], _T]) -> _T:
        try:
            found = await in_thread(self._links.loop(), "kafka-admin", work)
        except KafkaException as error:
            raise BusError(f"asking Kafka about topics: {error}") from error
        self._links.well()
        return found
