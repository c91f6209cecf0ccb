"""Topics on Kafka: created where they are missing, compared where they exist."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it lacks an __all__
    AdminClient,
    AlterConfigOpType,
    ClusterMetadata,
    ConfigEntry,
    ConfigResource,
    ListOffsetsResultInfo,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from spate.bus import Bounds, BusError, RefusedError, TopicConfig
from spate.kafkaclient import Settings, bus_error, describe
from spate.kafkacomplaints import Complaints

_ASK_S = 5.0
_KNOCK_S = 1.0
_KNOCKS = 5
_PATIENCE_TRIES = 50
_PATIENCE_S = 0.1

_NO_LEADER_YET = frozenset({KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE})
"""What a broker says of a topic that was created a moment ago."""

_NOBODY = frozenset({KafkaError._TRANSPORT, KafkaError._TIMED_OUT})  # noqa: SLF001 - the library's names
"""What the library says while no broker serves us; the reasons come one by one when polled."""

_PROTOCOL_RESTS_ON = ("message.timestamp.type",)
"""Settings that are never changed silently: records were already stamped the other way."""


def ensure_topics(settings: Settings, wanted: Sequence[TopicConfig]) -> None:
    """Create missing topics and correct drifted settings; blocks.

    Raises:
        RefusedError: if Kafka does not let us in, or a topic has another number of partitions or
            another timestamp type.
        BusError: if Kafka cannot be reached, or cannot do it now.
    """
    complaints = Complaints()
    try:
        admin = AdminClient({**settings, "error_cb": complaints.note})  # type: ignore[dict-item]  # its type knows no callbacks
    except KafkaException as error:
        raise RefusedError(f"the settings for Kafka are not right: {error.args[0].str()}") from None
    found = _first_metadata(admin, complaints)
    missing = [topic for topic in wanted if topic.name not in found.topics]
    present = [topic for topic in wanted if topic.name in found.topics]
    for topic in present:
        count = len(found.topics[topic.name].partitions)
        if count != topic.partitions:
            raise RefusedError(
                f"the topic {topic.name} has {count} partitions where {topic.partitions} are needed"
            )
    if missing:
        _create(admin, missing)
        _wait_visible(admin, missing)
    if present:
        _correct(admin, present)


def bounds(admin: AdminClient, topic: str) -> dict[int, Bounds]:
    """Return each partition's first offset and the one after its last committed record; blocks.

    An admin client asks: a consumer's own question can wait forever while another thread polls it.
    It is the caller's, because to connect anew takes longer than to ask.

    Raises:
        BusError: if Kafka cannot be reached or there is no such topic.
    """
    pause = threading.Event()
    for tries_left in reversed(range(_PATIENCE_TRIES)):
        found = _metadata(admin).topics.get(topic)
        if found is None:
            raise BusError(f"there is no topic {topic}")
        wanted = [TopicPartition(topic, p) for p in sorted(found.partitions)]
        firsts = _ask_offsets(admin, wanted, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        ends = _ask_offsets(admin, wanted, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        try:
            return {
                place.partition: Bounds(
                    firsts[place].result(_ASK_S).offset, ends[place].result(_ASK_S).offset
                )
                for place in wanted
            }
        except (KafkaException, TimeoutError) as error:
            passing = isinstance(error, KafkaException) and error.args[0].code() in _NO_LEADER_YET
            if not passing or not tries_left:
                raise BusError(f"asking for the bounds of {topic}: {error}") from error
        pause.wait(_PATIENCE_S)
    raise AssertionError("the last try returns or raises")


def _ask_offsets(
    admin: AdminClient, wanted: Sequence[TopicPartition], end: OffsetSpec
) -> Mapping[TopicPartition, Future[ListOffsetsResultInfo]]:
    return admin.list_offsets(
        dict.fromkeys(wanted, end),
        isolation_level=IsolationLevel.READ_COMMITTED,
        request_timeout=_ASK_S,
    )


def _first_metadata(admin: AdminClient, complaints: Complaints) -> ClusterMetadata:
    """Return the metadata as soon as a broker serves us, or why none does.

    The library tries again and again by itself and says nothing until it is polled.
    """
    for _ in range(_KNOCKS):
        try:
            return admin.list_topics(timeout=_KNOCK_S)
        except KafkaException as error:
            if error.args[0].code() not in _NOBODY:
                raise bus_error("asking Kafka for its topics", error) from error
            while admin.poll(0):
                pass
            if complaints.final:
                break
    raise complaints.explain()


def _metadata(admin: AdminClient) -> ClusterMetadata:
    try:
        return admin.list_topics(timeout=_ASK_S)
    except KafkaException as error:
        raise bus_error("asking Kafka for its topics", error) from error


def _create(admin: AdminClient, missing: Sequence[TopicConfig]) -> None:
    asked = admin.create_topics(
        [
            # Replication -1 is what the cluster has as its default.
            NewTopic(topic.name, topic.partitions, -1, config=dict(topic.settings))
            for topic in missing
        ],
        request_timeout=_ASK_S,
    )
    for name, future in asked.items():
        try:
            future.result(_ASK_S)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:  # another was faster
                raise bus_error(f"creating the topic {name}", error) from error


def _wait_visible(admin: AdminClient, created: Sequence[TopicConfig]) -> None:
    """Wait until every partition has a leader: a new topic is not known at once."""
    pause = threading.Event()
    for _ in range(_PATIENCE_TRIES):
        found = _metadata(admin).topics
        if all(
            topic.name in found
            and len(found[topic.name].partitions) == topic.partitions
            and all(place.leader >= 0 for place in found[topic.name].partitions.values())
            for topic in created
        ):
            return
        pause.wait(_PATIENCE_S)
    names = ", ".join(topic.name for topic in created)
    raise BusError(f"these topics were created but have no leader: {names}")


def _correct(admin: AdminClient, present: Sequence[TopicConfig]) -> None:
    by_name = {topic.name: topic for topic in present}
    asked = admin.describe_configs(
        [ConfigResource(ResourceType.TOPIC, name) for name in by_name], request_timeout=_ASK_S
    )
    drifted: list[ConfigResource] = []
    for resource, future in asked.items():
        topic = by_name[resource.name]
        try:
            entries: Mapping[str, ConfigEntry] = future.result(_ASK_S)
        except KafkaException as error:
            raise bus_error(f"asking for the settings of {topic.name}", error) from error
        changes = {
            name: value
            for name, value in topic.settings.items()
            if name not in entries or entries[name].value != value
        }
        for name in _PROTOCOL_RESTS_ON:
            if name in changes:
                is_now = entries[name].value if name in entries else "unknown"
                raise RefusedError(
                    f"the topic {topic.name} has {name}={is_now} where {changes[name]} is needed"
                )
        if changes:
            drifted.append(_change(topic.name, changes))
    if drifted:
        for resource, future in admin.incremental_alter_configs(
            drifted, request_timeout=_ASK_S
        ).items():
            try:
                future.result(_ASK_S)
            except KafkaException as error:
                raise BusError(
                    f"correcting the settings of {resource.name}: {describe(error.args[0])}"
                ) from error


def _change(name: str, changes: Mapping[str, str]) -> ConfigResource:
    return ConfigResource(
        ResourceType.TOPIC,
        name,
        incremental_configs=[
            ConfigEntry(setting, value, incremental_operation=AlterConfigOpType.SET)
            for setting, value in changes.items()
        ],
    )
