"""What a driver process is told at its start."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spate.allowlist import DEFAULT, Allowlist
from spate.flags import REQUIRED, Flag, parse_flags, words
from spate.kafkasecurity import (
    KAFKA_SECURITY_FLAGS,
    KafkaSecurity,
    check_security,
    take_security,
)
from spate.logs import LOG_FLAGS
from spate.topics import DEFAULT_PREFIX

_MAX_PROCESSES = 256
_PORTS = 65_536


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one driver process."""

    kafka: str
    kafka_security: KafkaSecurity
    driver_id: str
    host: str
    port: int
    processes: int
    topic_prefix: str
    allowed_targets: Allowlist
    labels: dict[str, str]
    raw_file: str | None
    log_level: str
    log_format: str


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isdecimal() and int(port) < _PORTS):
        raise ValueError("write HOST:PORT, for example 127.0.0.1:9101")
    return host, int(port)


def _processes(text: str) -> int:
    if text == "auto":
        return max(1, len(os.sched_getaffinity(0)))
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= _MAX_PROCESSES:
        return int(text)
    raise ValueError(f"write auto or a whole number of 1 to {_MAX_PROCESSES}")


def _labels(text: str) -> dict[str, str]:
    labels = {}
    for pair in filter(None, text.split(",")):
        key, equals, value = pair.partition("=")
        if not (equals and key.strip()):
            raise ValueError("write KEY=VALUE,KEY=VALUE")
        labels[key.strip()] = value.strip()
    return labels


def read_settings(argv: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Read flags and environment.

    Raises:
        SystemExit: after ``--help`` (0) or with what is wrong (2).
    """
    name = socket.gethostname()
    flags = (
        Flag("kafka", "SPATE_KAFKA_BOOTSTRAP", REQUIRED, words, "Kafka's HOST:PORT, or several."),
        *KAFKA_SECURITY_FLAGS,
        Flag("driver-id", "SPATE_DRIVER_ID", name, words, "Name of this driver in the fleet."),
        Flag(
            "address",
            "SPATE_DRIVER_ADDRESS",
            "127.0.0.1:9101",
            _address,
            "Where /metrics, /healthz and /readyz answer; process k of several takes the port + k.",
        ),
        Flag(
            "processes",
            "SPATE_DRIVER_PROCESSES",
            "1",
            _processes,
            "Drivers to run here: a number, or auto for one a core. More than one are called "
            "ID-0, ID-1, and so on.",
        ),
        Flag("topic-prefix", "SPATE_TOPIC_PREFIX", DEFAULT_PREFIX, words, "Prefix of all topics."),
        Flag(
            "allowed-targets",
            "SPATE_ALLOWED_TARGETS",
            None,
            Allowlist.parse,
            "Which targets may be loaded: hosts, *.suffix, networks as CIDR, with commas. "
            "Without it: loopback and the bundled target.",
        ),
        Flag("labels", "SPATE_DRIVER_LABELS", {}, _labels, "KEY=VALUE pairs to show."),
        Flag(
            "raw-file",
            "SPATE_DRIVER_RAW_FILE",
            None,
            words,
            "For tests: append every response time (ns, one a line) to this file.",
        ),
        *LOG_FLAGS,
    )
    values = parse_flags(
        "python -m driver",
        "One driver of a Spate fleet.",
        flags,
        argv,
        environ,
        check=check_security,
    )
    host, port = values["address"]
    return Settings(
        kafka=values["kafka"],
        kafka_security=take_security(values),
        driver_id=values["driver_id"],
        host=host,
        port=port,
        processes=values["processes"],
        topic_prefix=values["topic_prefix"],
        allowed_targets=values["allowed_targets"] or DEFAULT,
        labels=values["labels"],
        raw_file=values["raw_file"],
        log_level=values["log_level"],
        log_format=values["log_format"],
    )
