"""What a driver process is told at its start."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from driver.lane import lane_wanted
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
_CPU_RANGE = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one driver process.

    ``cpus`` are those that processes are pinned to, process k to the k-th of them and again from
    the first; without any the kernel decides.
    """

    kafka: str
    kafka_security: KafkaSecurity
    driver_id: str
    host: str
    port: int
    processes: int
    cpus: tuple[int, ...]
    lane: bool
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


def _processes(text: str) -> int | None:
    """Return the number, None for one a CPU."""
    if text == "auto":
        return None
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= _MAX_PROCESSES:
        return int(text)
    raise ValueError(f"write auto or a whole number of 1 to {_MAX_PROCESSES}")


def _cpus(text: str) -> tuple[int, ...]:
    """Return the CPUs of a list such as ``0,2-3``, each one that this process may use."""
    allowed = tuple(sorted(os.sched_getaffinity(0)))
    if text == "off":
        return ()
    if text == "auto":
        return allowed
    cpus: list[int] = []
    for part in text.split(","):
        found = _CPU_RANGE.fullmatch(part.strip())
        if found is None:
            raise ValueError("write off, auto or CPUs, for example 0,2 or 0-3")
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first:
            raise ValueError(f"{found[0]} goes backwards; write {last}-{first}")
        cpus += range(first, last + 1)
    for cpu in cpus:
        if cpu not in allowed:
            mine = ",".join(map(str, allowed))
            raise ValueError(f"CPU {cpu} is none of those that this process may use: {mine}")
    if len(set(cpus)) < len(cpus):
        raise ValueError("a CPU is named twice; name each once")
    return tuple(cpus)


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
            "Drivers to run here: a number, or auto for one a core, or for one of each of --cpus. "
            "More than one are called ID-0, ID-1, and so on.",
        ),
        Flag(
            "cpus",
            "SPATE_DRIVER_CPUS",
            "off",
            _cpus,
            "CPUs to pin drivers to, such as 0,2 or 0-3, or auto for all that may be used: driver "
            "ID-0 runs on the first of them only, ID-1 on the second, and again from the first. "
            "With off the kernel decides.",
        ),
        Flag(
            "lane",
            "SPATE_DRIVER_LANE",
            "on",
            lane_wanted,
            "off sends every request through Python, at several times the CPU, with equal results.",
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
        processes=values["processes"] or len(values["cpus"] or os.sched_getaffinity(0)),
        cpus=values["cpus"],
        lane=values["lane"],
        topic_prefix=values["topic_prefix"],
        allowed_targets=values["allowed_targets"] or DEFAULT,
        labels=values["labels"],
        raw_file=values["raw_file"],
        log_level=values["log_level"],
        log_format=values["log_format"],
    )
