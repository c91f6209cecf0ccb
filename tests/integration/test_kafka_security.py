"""A whole stack over TLS with a login, and over mutual TLS; and what refuses it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

import httpx
import pytest
from tests.chaos.broker import Broker
from tests.integration.stack import Stack, names
from tests.integration.sums import assert_adds_up
from tests.unit.certificates import Authority

from localkafka import LocalKafka, stop
from localkafka.broker import free_port
from localkafka.settings import Guarded

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]  # a broker of its own, and many starts

PASSWORD = "a-word-that-no-log-may-show"
_END_WITHIN_S = 60


@dataclass(frozen=True)
class Doors:
    """A broker's ways in, and the flags that open each."""

    plain: str
    login: str
    certificate: str
    folder: Path

    def flags(self, way: str) -> list[str]:
        """Return what lets us in by ``login`` or ``certificate``."""
        security, door = (
            ("sasl_ssl", "--kafka-username=spate --kafka-password-file={}/password")
            if way == "login"
            else ("ssl", "--kafka-certificate={}/client.crt --kafka-key={}/client.key")
        )
        flags = f"--kafka-security={security} --kafka-ca={{}}/ours-ca.pem {door}"
        return flags.replace("{}", str(self.folder)).split()


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory, kafka_classpath: str) -> Iterator[Doors]:
    """A real Kafka with two guarded listeners."""
    folder = tmp_path_factory.mktemp("guarded")
    ours, strange = Authority(folder, "ours"), Authority(folder, "strange")
    identity = ours.issue("broker", "127.0.0.1")
    ours.issue("client", "client.example")
    strange.issue("stranger", "client.example")
    (folder / "password").write_text(f"{PASSWORD}\n")
    (folder / "wrong-password").write_text(f"{PASSWORD}!\n")
    guarded = (
        Guarded(free_port(), str(identity.both)),
        Guarded(free_port(), str(identity.both), str(ours.path)),
    )
    kafka = LocalKafka(folder / "kafka", classpath=kafka_classpath, guarded=guarded)
    kafka.format({"spate": PASSWORD})
    process = kafka.start()
    try:
        login, certificate = (f"127.0.0.1:{door.port}" for door in guarded)
        yield Doors(kafka.bootstrap, login, certificate, folder)
    finally:
        stop(process)


@pytest.mark.parametrize("way", ["login", "certificate"])
def test_a_run_over_tls_adds_up(doors: Doors, way: str, tmp_path: Path) -> None:
    """By a login (SCRAM-SHA-512) or a certificate; no log shows the password."""
    flags = doors.flags(way)
    kafka = doors.login if way == "login" else doors.certificate
    with Stack(kafka, tmp_path, orchestrator_flags=tuple(flags)) as stack:
        for driver_id in names(2):
            stack.start_driver(driver_id, *flags)
        target = stack.start_target()
        stack.await_drivers(*names(2))
        report = stack.run(
            {
                "name": "guarded",
                "target": target.url,
                "requests": [{"path": "/ping"}],
                "load": {
                    "test_type": "tsunami",
                    "message_count_per_driver": 150,
                    "message_delay_ms": 10,
                },
            }
        )
        assert_adds_up(report)
        accounting = report["accounting"]
        assert (report["run"]["state"], report["run"]["drivers"]) == ("FINISHED", 2)
        assert accounting["succeeded"] == accounting["planned"] == target.requests() == 300
    logs = list(tmp_path.glob("*.log"))
    assert len(logs) == 4
    assert [log.name for log in logs if PASSWORD in log.read_text()] == []


def start(service: str, kafka: str, folder: Path, *flags: str) -> subprocess.Popen[str]:
    """Start a service whose log goes to a pipe."""
    own = (
        ("--address", "127.0.0.1:0")
        if service == "driver"
        else ("--port", "0", "--archive", f"sqlite:///{folder / 'archive.db'}")
    )
    return subprocess.Popen(
        [sys.executable, "-P", "-m", service, "--kafka", kafka, *own, *flags, "--log-format=text"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("way", "changes", "said"),
    [
        (
            "login",
            {"--kafka-password-file": "wrong-password"},
            ["Kafka refuses the login", "invalid credentials", "SPATE_KAFKA_PASSWORD_FILE"],
        ),
        (
            "login",
            {"--kafka-ca": "strange-ca.pem"},
            ["is not trusted; check --kafka-ca (SPATE_KAFKA_CA)"],
        ),
        (
            "certificate",
            {"--kafka-certificate": "stranger.crt", "--kafka-key": "stranger.key"},
            ["Kafka does not accept our certificate", "--kafka-certificate and --kafka-key"],
        ),
    ],
)
def test_who_is_refused_ends_and_says_what_to_check(
    doors: Doors, way: str, changes: dict[str, str], said: list[str], tmp_path: Path
) -> None:
    """Both services, with exit code 1: what they were given is read at their start only."""
    flags = [flag for flag in doors.flags(way) if flag.partition("=")[0] not in changes]
    flags += [f"{name}={doors.folder / file}" for name, file in changes.items()]
    kafka = doors.login if way == "login" else doors.certificate
    processes = [start(name, kafka, tmp_path, *flags) for name in ("driver", "orchestrator")]
    try:
        for process in processes:
            log = process.communicate(timeout=_END_WITHIN_S)[1]
            assert process.returncode == 1, log
            (line,) = (line for line in log.splitlines() if " ERROR " in line)
            assert [part for part in said if part not in line] == [], line
            assert PASSWORD not in log
    finally:
        for process in processes:
            process.kill()
            process.wait()


def probe(url: str, path: str = "/readyz") -> tuple[int, str]:
    """Return status and text of a probe; 0 where nobody listens."""
    try:
        answer = httpx.get(f"{url}{path}", trust_env=False)
    except httpx.TransportError as error:
        return 0, str(error)
    return answer.status_code, answer.text


def await_word(stack: Stack, url: str, word: str) -> None:
    """Wait until a service says something where it is asked whether it is ready."""
    stack.until(
        lambda: (found := probe(url))[0] == 503 and word in found[1],
        lambda: f"{url} does not say {word!r}: {probe(url)}",
    )


@pytest.mark.parametrize(
    ("kafka", "way", "said"),
    [
        ("login", None, "closed without a word, as it is where TLS or SASL is expected"),
        ("plain", "certificate", "connecting to a PLAINTEXT broker listener?"),
    ],
)
def test_the_wrong_protocol_is_waited_with_and_named(
    doors: Doors, kafka: str, way: str | None, said: str, tmp_path: Path
) -> None:
    """It looks like a broker that is not there yet; log and probes say what to check."""
    flags = doors.flags(way) if way else []
    with Stack(getattr(doors, kafka), tmp_path, orchestrator_flags=tuple(flags)) as stack:
        driver = stack.start_driver("driver-1", *flags)
        for service, url in (("orchestrator", stack.url), ("driver-1", driver)):
            await_word(stack, url, said)
            status, text = probe(url)
            assert (status, "--kafka-security (SPATE_KAFKA_SECURITY)" in text) == (503, True)
            assert probe(url, "/healthz")[0] == 200
            assert f"WARNING waiting for Kafka at {stack.kafka}: " in stack.log(service)


def test_services_may_start_before_kafka(own_kafka: LocalKafka, tmp_path: Path) -> None:
    """They live, are not ready, and say why; when it is there, all goes on by itself."""
    broker = Broker(own_kafka)
    with contextlib.ExitStack() as ends:
        ends.callback(broker.stop)
        stack = ends.enter_context(Stack(own_kafka.bootstrap, tmp_path))
        probes = {"orchestrator": stack.url, "driver-1": stack.start_driver("driver-1")}
        stack.start_driver("driver-2")
        for service, url in probes.items():
            await_word(stack, url, "Connection refused")
            assert [probe(url, path)[0] for path in ("/healthz", "/readyz")] == [200, 503]
            assert "WARNING waiting for Kafka at " in stack.log(service)
        stack.until(lambda: "waiting for" in stack.log("driver-2"), "driver-2 does not wait")
        stack.kick("driver-2", Signals.SIGTERM)
        assert stack.ended("driver-2") == 0
        broker.start()
        stack.await_drivers("driver-1")
        assert [probe(url)[0] for url in probes.values()] == [200, 200]
        for service in probes:
            assert f"Kafka at {own_kafka.bootstrap} is there" in stack.log(service)
