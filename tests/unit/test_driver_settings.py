"""What a driver is told at its start."""

from __future__ import annotations

import os
import socket

import pytest

from driver.settings import Settings, read_settings
from spate.allowlist import DEFAULT
from spate.kafkasecurity import KafkaSecurity

ALLOWED = tuple(sorted(os.sched_getaffinity(0)))
FIRST = ALLOWED[0]


def read(*argv: str, **environ: str) -> Settings:
    """Read these flags beside the one that must be there."""
    return read_settings(["--kafka", "k:9092", *argv], environ)


def test_everything_but_kafka_has_a_default() -> None:
    """One process, called like its machine, on loopback, for harmless targets."""
    found = read()
    assert (found.kafka, found.driver_id) == ("k:9092", socket.gethostname())
    assert (found.host, found.port, found.processes, found.cpus) == ("127.0.0.1", 9101, 1, ())
    assert found.kafka_security == KafkaSecurity()
    assert (found.topic_prefix, found.labels, found.raw_file) == ("spate.", {}, None)
    assert (found.allowed_targets, found.log_level) == (DEFAULT, "info")


def test_the_environment_says_the_same() -> None:
    """Each flag has its variable."""
    found = read_settings(
        [],
        {
            "SPATE_KAFKA_BOOTSTRAP": "k:1",
            "SPATE_DRIVER_ID": "a",
            "SPATE_DRIVER_ADDRESS": "0.0.0.0:0",
            "SPATE_DRIVER_PROCESSES": "auto",
            "SPATE_DRIVER_LABELS": "zone=b, rack = 7,",
            "SPATE_ALLOWED_TARGETS": "*.svc",
        },
    )
    assert (found.kafka, found.driver_id, found.host, found.port) == ("k:1", "a", "0.0.0.0", 0)
    assert found.processes == len(os.sched_getaffinity(0))
    assert found.labels == {"zone": "b", "rack": "7"}
    assert found.allowed_targets.allows_host("shop.svc")


@pytest.mark.parametrize(
    ("flag", "value", "fix"),
    [
        ("--address", "9101", "HOST:PORT"),
        ("--address", "h:65536", "HOST:PORT"),
        ("--address", ":80", "HOST:PORT"),
        ("--processes", "0", "auto or a whole number"),
        ("--processes", "257", "auto or a whole number"),
        ("--processes", "two", "auto or a whole number"),
        ("--cpus", "all", "write off, auto or CPUs, for example 0,2 or 0-3"),
        ("--cpus", "0,", "write off, auto or CPUs"),
        ("--cpus", "0-", "write off, auto or CPUs"),
        ("--cpus", "-1", "write off, auto or CPUs"),
        ("--cpus", "\u0663", "write off, auto or CPUs"),
        ("--cpus", "3-2", "3-2 goes backwards; write 2-3"),
        ("--cpus", f"{FIRST},{FIRST}", "a CPU is named twice"),
        ("--cpus", f"{FIRST},9999", "CPU 9999 is none of those that this process may use:"),
        ("--labels", "zone", "KEY=VALUE"),
        ("--labels", " =b", "KEY=VALUE"),
        ("--log-level", "loud", "debug"),
        ("--kafka-security", "sasl_ssl", "--kafka-username (or SPATE_KAFKA_USERNAME) is missing"),
    ],
)
def test_what_cannot_be_is_refused_with_the_fix(
    flag: str, value: str, fix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and what to write instead."""
    with pytest.raises(SystemExit) as error:
        read(flag, value)
    assert error.value.code == 2
    assert fix in " ".join(capsys.readouterr().err.split())


def test_cpus_are_a_list_or_all_that_may_be_used() -> None:
    """Single ones and ranges, in the order in which drivers are pinned to them."""
    assert read("--cpus", "off").cpus == ()
    assert read("--cpus", "auto").cpus == ALLOWED
    assert read("--cpus", f"{FIRST}-{FIRST}").cpus == (FIRST,)
    assert read("--cpus", " , ".join(map(str, reversed(ALLOWED)))).cpus == ALLOWED[::-1]
    assert read(SPATE_DRIVER_CPUS=str(FIRST)).cpus == (FIRST,)


def test_as_many_drivers_as_cpus_are_named() -> None:
    """``--processes auto`` counts what ``--cpus`` names, or else all that may be used."""
    assert read("--processes", "auto", "--cpus", str(FIRST)).processes == 1
    assert read("--processes", "auto", "--cpus", "auto").processes == len(ALLOWED)
    assert read("--processes", "auto").processes == len(ALLOWED)
    assert read("--processes", "3", "--cpus", str(FIRST)).processes == 3


def test_a_driver_needs_kafka(capsys: pytest.CaptureFixture[str]) -> None:
    """There is no default broker."""
    with pytest.raises(SystemExit):
        read_settings([], {})
    assert "--kafka" in capsys.readouterr().err
