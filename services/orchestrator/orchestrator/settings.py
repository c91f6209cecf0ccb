"""How the orchestrator was told to run: flags, each of them also in the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spate.allowlist import DEFAULT_TEXT, Allowlist
from spate.flags import REQUIRED, Flag, one_of, parse_flags, whole
from spate.topics import DEFAULT_PREFIX

DESCRIPTION = (
    "Spate's orchestrator: takes plans over HTTP, directs the drivers through Kafka, and keeps "
    "the reports. It has no accounts: whoever can reach its port can start load on the targets "
    "that are allowed."
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the flags said. ``allowed_hosts`` are hosts by which it is reached, beside its own."""

    kafka: str
    host: str
    port: int
    archive: str
    topic_prefix: str
    allowed_targets: Allowlist
    allowed_hosts: tuple[str, ...]
    max_queued: int
    log_level: str


def parse_settings(argv: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Read flags (without the program's name) and environment.

    Raises:
        SystemExit: 0 after ``--help``, 2 with every problem on stderr.
    """
    return Settings(**parse_flags("python -m orchestrator", DESCRIPTION, _FLAGS, argv, environ))


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in (part.strip().lower() for part in text.split(",")) if word)


def _bootstrap(text: str) -> str:
    """Check the form HOST:PORT[,HOST:PORT]."""
    for server in text.split(","):
        host, _, port = server.strip().rpartition(":")
        if not host or not (port.isascii() and port.isdigit()):
            raise ValueError("write HOST:PORT, or several with commas")
    return text.strip()


def _prefix(text: str) -> str:
    """Check that topics may be called so: Kafka allows 249 characters in all."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{0,200}", text):
        raise ValueError("write at most 200 of letters, digits, dot, hyphen and underscore")
    return text


def _archive_url(text: str) -> str:
    if "://" not in text:
        raise ValueError("write a URL such as sqlite:///spate.db or postgresql+psycopg://…")
    return text


_FLAGS = (
    Flag(
        "kafka",
        "SPATE_KAFKA_BOOTSTRAP",
        REQUIRED,
        _bootstrap,
        "Kafka's bootstrap servers, HOST:PORT,…",
    ),
    Flag("host", "SPATE_HOST", "127.0.0.1", str, "The address to listen on."),
    Flag("port", "SPATE_PORT", "8080", whole(0, 65_535), "The port to listen on; 0: any."),
    Flag(
        "archive",
        "SPATE_ARCHIVE",
        "sqlite:///spate.db",
        _archive_url,
        "Where reports are kept: a database URL; sqlite:///spate.db is a file in this directory.",
    ),
    Flag(
        "topic-prefix", "SPATE_TOPIC_PREFIX", DEFAULT_PREFIX, _prefix, "Begins each topic's name."
    ),
    Flag(
        "allowed-targets",
        "SPATE_ALLOWED_TARGETS",
        DEFAULT_TEXT,
        Allowlist.parse,
        "What may be loaded: hosts, *.suffixes and networks, with commas.",
    ),
    Flag(
        "allowed-hosts",
        "SPATE_ALLOWED_HOSTS",
        (),
        _words,
        "Names by which browsers and scripts reach this port, with commas; *.suffix and * are "
        "possible. Loopback and --host are always among them.",
    ),
    Flag(
        "max-queued",
        "SPATE_MAX_QUEUED",
        "100",
        whole(0, 10_000),
        "How many runs may wait for the one that is under way.",
    ),
    Flag(
        "log-level",
        "SPATE_LOG_LEVEL",
        "info",
        one_of("debug", "info", "warning", "error"),
        "What is logged to stderr.",
    ),
)
