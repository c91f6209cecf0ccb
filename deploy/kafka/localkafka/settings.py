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


def server_properties(
    directory: Path, port: int, controller_port: int, vias: Sequence[Via] = ()
) -> str:
    """Return ``server.properties`` for a single node that keeps its data below ``directory``."""
    listeners = {"CLIENT": Via(port, port)}
    listeners |= {f"VIA{number}": via for number, via in enumerate(vias, 1)}
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
            f"{name}:PLAINTEXT" for name in (*listeners, "CONTROLLER")
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
