"""How the orchestrator was told to run: flags, each of them also in the environment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from spate.allowlist import DEFAULT_TEXT, Allowlist
from spate.flags import REQUIRED, Flag, one_of, parse_flags, whole
from spate.kafkasecurity import (
    KAFKA_SECURITY_FLAGS,
    KafkaSecurity,
    check_security,
    take_security,
)
from spate.logs import LOG_FLAGS
from spate.origin import Origin, parse_origin
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
    kafka_security: KafkaSecurity
    host: str
    port: int
    # Its URL may hold a password.
    archive: str = field(repr=False)
    topic_prefix: str
    allowed_targets: Allowlist
    allowed_hosts: tuple[str, ...]
    max_queued: int
    page: Path | None
    kubernetes: str
    kubernetes_namespace: str | None
    kubernetes_deployment: str
    kubernetes_scaling: str
    max_drivers: int
    sample_target: Origin | None
    log_level: str
    log_format: str


def parse_settings(argv: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Read flags (without the program's name) and environment.

    Raises:
        SystemExit: 0 after ``--help``, 2 with every problem on stderr.
    """
    values = parse_flags("python -m orchestrator", DESCRIPTION, _FLAGS, argv, environ, check=_check)
    archive, in_file = values.pop("archive"), values.pop("archive_file")
    return Settings(
        kafka_security=take_security(values),
        archive=archive or in_file or _DEFAULT_ARCHIVE,
        **values,
    )


def _check(values: Mapping[str, Any]) -> Iterable[str]:
    """Say what is wrong with the flags together."""
    yield from check_security(values)
    if values["archive"] is not None and values["archive_file"] is not None:
        yield f"{_ARCHIVE.names} and {_ARCHIVE_FILE.names} are both given; remove one"


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
        raise ValueError(
            "write a URL such as sqlite:///spate.db or postgresql://USER:PASSWORD@HOST/DATABASE"
        )
    return text


def _archive_url_in(path: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"the file cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError("the file is no text in UTF-8") from None
    try:
        return _archive_url(text.strip())
    except ValueError as error:
        raise ValueError(f"the file holds no URL: {error}") from None


def _object_name(text: str) -> str:
    """Check that an object of Kubernetes may be called so."""
    if not re.fullmatch(r"(?=.{1,253}$)[a-z0-9]([-.a-z0-9]*[a-z0-9])?", text) or ".." in text:
        raise ValueError("write small letters, digits, hyphens and dots, as Kubernetes names are")
    return text


_DEFAULT_ARCHIVE: Final = "sqlite:///spate.db"

_ARCHIVE = Flag(
    "archive",
    "SPATE_ARCHIVE",
    None,
    _archive_url,
    f"Where reports are kept: a database URL. Without it {_DEFAULT_ARCHIVE}, a file in this "
    "directory.",
    secret=True,
)
_ARCHIVE_FILE = Flag(
    "archive-file",
    "SPATE_ARCHIVE_FILE",
    None,
    _archive_url_in,
    "A file that holds that URL, for one with a password; instead of --archive.",
)


def _target(text: str) -> Origin | None:
    return None if text == "none" else parse_origin(text)


def _page(text: str) -> Path:
    if not (Path(text) / "index.html").is_file():
        raise ValueError("write a directory with an index.html in it, as ui/dist/page is")
    return Path(text)


_FLAGS = (
    Flag(
        "kafka",
        "SPATE_KAFKA_BOOTSTRAP",
        REQUIRED,
        _bootstrap,
        "Kafka's bootstrap servers, HOST:PORT,…",
    ),
    *KAFKA_SECURITY_FLAGS,
    Flag("host", "SPATE_HOST", "127.0.0.1", str, "The address to listen on."),
    Flag("port", "SPATE_PORT", "8080", whole(0, 65_535), "The port to listen on; 0: any."),
    _ARCHIVE,
    _ARCHIVE_FILE,
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
        "kubernetes",
        "SPATE_KUBERNETES",
        "auto",
        one_of("auto", "on", "off"),
        "Whether drivers are pods that can be watched and scaled; auto: where a service account's "
        "token is mounted; on, without one: by KUBECONFIG.",
    ),
    Flag(
        "kubernetes-namespace",
        "SPATE_KUBERNETES_NAMESPACE",
        None,
        _object_name,
        "The namespace of the drivers; by default that of the service account.",
    ),
    Flag(
        "kubernetes-deployment",
        "SPATE_KUBERNETES_DEPLOYMENT",
        "driver",
        _object_name,
        "The Deployment of the drivers.",
    ),
    Flag(
        "kubernetes-scaling",
        "SPATE_KUBERNETES_SCALING",
        "on",
        one_of("on", "off"),
        "off: an autoscaler sets the number of drivers, and nobody does so here.",
    ),
    Flag(
        "max-drivers",
        "SPATE_MAX_DRIVERS",
        "100",
        whole(1, 1_000),
        "To how many driver pods the Deployment may be scaled.",
    ),
    Flag(
        "sample-target",
        "SPATE_SAMPLE_TARGET",
        "http://127.0.0.1:8000",
        _target,
        "Where the bundled target answers the drivers: with what the page's first plan begins; "
        "none: there is none.",
    ),
    Flag(
        "page",
        "SPATE_PAGE",
        None,
        _page,
        "The directory of the built page; without it, the one that `make setup` built.",
    ),
    *LOG_FLAGS,
)
