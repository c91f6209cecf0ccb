"""The broker's two configuration files: one node, loopback only, little memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

LISTEN_ADDRESS = "127.0.0.1"


class Via(NamedTuple):
    """A further way to the broker: it listens at one port and tells clients to use another."""

    port: int
    advertised_port: int


class Guarded(NamedTuple):
    """A listener that speaks TLS, and lets only some in.

    ``identity`` is a PEM file with the broker's key (PKCS #8) and certificate. Clients log in by
    SCRAM-SHA-512, or, where ``client_ca`` is a PEM file, show a certificate that it vouches for.
    """

    port: int
    identity: str
    client_ca: str | None = None

    @property
    def protocol(self) -> str:
        """Kafka's name for what is spoken here."""
        return "SSL" if self.client_ca else "SASL_SSL"

    def properties(self, name: str) -> dict[str, str]:
        """Return the settings of this listener alone."""
        own = {"ssl.keystore.type": "PEM", "ssl.keystore.location": self.identity}
        if self.client_ca:
            own["ssl.client.auth"] = "required"
            own["ssl.truststore.type"] = "PEM"
            own["ssl.truststore.location"] = self.client_ca
        else:
            own["sasl.enabled.mechanisms"] = "SCRAM-SHA-512"
            own["scram-sha-512.sasl.jaas.config"] = (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            )
        return {f"listener.name.{name.lower()}.{key}": value for key, value in own.items()}


def server_properties(
    directory: Path,
    port: int,
    controller_port: int,
    vias: Sequence[Via] = (),
    guarded: Sequence[Guarded] = (),
) -> str:
    """Return ``server.properties`` for a single node that keeps its data below ``directory``."""
    listeners = {"CLIENT": Via(port, port)}
    listeners |= {f"VIA{number}": via for number, via in enumerate(vias, 1)}
    doors = {f"GUARDED{number}": each for number, each in enumerate(guarded, 1)}
    listeners |= {name: Via(each.port, each.port) for name, each in doors.items()}
    protocols = {name: each.protocol for name, each in doors.items()}
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{LISTEN_ADDRESS}:{controller_port}",
        "listeners": ",".join(
            [
                *(f"{name}://{LISTEN_ADDRESS}:{via.port}" for name, via in listeners.items()),
                f"CONTROLLER://{LISTEN_ADDRESS}:{controller_port}",
            ]
        ),
        "advertised.listeners": ",".join(
            f"{name}://{LISTEN_ADDRESS}:{via.advertised_port}" for name, via in listeners.items()
        ),
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "CLIENT",
        "listener.security.protocol.map": ",".join(
            f"{name}:{protocols.get(name, 'PLAINTEXT')}" for name in (*listeners, "CONTROLLER")
        ),
        "log.dirs": str(directory / "data"),
        "auto.create.topics.enable": "false",
        # A single node is its own and only replica.
        "default.replication.factor": "1",
        "min.insync.replicas": "1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        "group.initial.rebalance.delay.ms": "0",
        # The cleaner would take 128 MB of the heap at start.
        "log.cleaner.dedupe.buffer.size": str(8 * 1024 * 1024),
        "num.network.threads": "2",
        "num.io.threads": "4",
        "background.threads": "2",
        # After a kill the controller refuses the new broker until the old one's session is over.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
    }
    for name, each in doors.items():
        settings |= each.properties(name)
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def log4j_properties(directory: Path) -> str:
    """Return a log4j2 configuration that writes to ``kafka.log``, at most 30 MB."""
    settings = {
        "status": "error",
        "appender.file.type": "RollingFile",
        "appender.file.name": "file",
        "appender.file.fileName": str(directory / "kafka.log"),
        "appender.file.filePattern": str(directory / "kafka.log.%i"),
        "appender.file.layout.type": "PatternLayout",
        "appender.file.layout.pattern": "%d %p %m (%c)%n",
        "appender.file.policies.type": "Policies",
        "appender.file.policies.size.type": "SizeBasedTriggeringPolicy",
        "appender.file.policies.size.size": "10MB",
        "appender.file.strategy.type": "DefaultRolloverStrategy",
        "appender.file.strategy.max": "2",
        "rootLogger.level": "info",
        "rootLogger.appenderRef.file.ref": "file",
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())
