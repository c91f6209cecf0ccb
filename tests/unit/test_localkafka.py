"""The local broker's recipe is reproducible and says what to do when it cannot be followed."""

from __future__ import annotations

import hashlib
import socket
import sys
import types
from pathlib import Path

import pytest

from localkafka import FetchError, LocalKafka
from localkafka.broker import answers, free_port
from localkafka.jars import (
    LOCK_PATH,
    SPEC_PATH,
    Lock,
    _fetch_missing,
    cache_directory,
    fetch,
    read_lock,
)
from localkafka.settings import Guarded, Via, log4j_properties, server_properties


def test_the_lock_belongs_to_the_spec() -> None:
    """Its hash is that of ``jgo.toml``: whoever changes one writes the other anew."""
    spec_hash = hashlib.sha256(SPEC_PATH.read_bytes()).hexdigest()[:16]
    assert f'spec_hash = "{spec_hash}"' in LOCK_PATH.read_text()


def test_every_jar_has_a_checksum_and_no_address() -> None:
    """The lock names what, not from where; broker and clients are of one version."""
    lock = read_lock()
    assert lock.name == "kafka-4.3.1"
    assert {len(jar.sha256) for jar in lock.jars} == {64}
    assert {jar.version for jar in lock.jars if jar.group == "org.apache.kafka"} == {"4.3.1"}
    assert "://" not in LOCK_PATH.read_text()


def test_a_lock_without_checksum_is_refused(tmp_path: Path) -> None:
    """Nothing is fetched that cannot be verified."""
    path = tmp_path / "lock.toml"
    path.write_text(
        '[environment]\nname = "x"\n[[dependencies]]\n'
        'groupId = "g"\nartifactId = "a"\nversion = "1"\n'
    )
    with pytest.raises(FetchError, match="no checksum for a"):
        read_lock(path)


def test_the_cache_is_where_the_environment_says() -> None:
    """``SPATE_CACHE``, else below the home directory."""
    assert cache_directory({"SPATE_CACHE": "/somewhere"}) == Path("/somewhere")
    assert cache_directory({}) == Path.home() / ".cache" / "spate"


def test_a_complete_cache_needs_no_network(tmp_path: Path) -> None:
    """The class path has every jar of the lock, in its order."""
    lock = read_lock()
    directory = tmp_path / lock.name
    directory.mkdir()
    for jar in lock.jars:
        (directory / jar.file_name).touch()
    (directory / "verified").write_text(lock.digest)
    found = fetch(print, tmp_path).split(":")
    assert found == [str(directory / jar.file_name) for jar in lock.jars]


class _Repository:
    """Stands for the resolver: gives every artifact the same bytes, or no answer."""

    def __init__(self, answer: bytes | Exception) -> None:
        self._answer = answer

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the place of ``jgo.maven``."""
        module = types.ModuleType("jgo.maven")
        module.MavenContext = self._context  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "jgo.maven", module)

    def _context(self, repo_cache: Path) -> _Repository:
        self._path = repo_cache / "artifact.jar"
        return self

    def project(self, *_: str) -> _Repository:
        """Return the repository: all artifacts are the same."""
        return self

    at_version = artifact = project

    def resolve(self) -> Path:
        """Return where the artifact was put."""
        if isinstance(self._answer, Exception):
            raise self._answer
        self._path.write_bytes(self._answer)
        return self._path


def one_jar() -> Lock:
    """Return a lock of one jar only."""
    lock = read_lock()
    return Lock(lock.name, lock.jars[:1], lock.digest)


def test_without_a_network_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence, with the way out."""
    _Repository(ConnectionError("no route")).install(monkeypatch)
    with pytest.raises(FetchError, match=r"network once, or set SPATE_KAFKA_BOOTSTRAP to"):
        _fetch_missing(one_jar(), tmp_path, lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_other_bytes_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A jar that does not match its checksum ends the fetch."""
    _Repository(b"something else").install(monkeypatch)
    with pytest.raises(FetchError, match="not the file that the lock file names"):
        _fetch_missing(one_jar(), tmp_path, lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_ports_are_kept_in_the_directory(tmp_path: Path) -> None:
    """A restart is found at the same address; a port that is asked for wins."""
    first = LocalKafka(tmp_path / "k", classpath="none")
    assert LocalKafka(tmp_path / "k", classpath="none").bootstrap == first.bootstrap
    port = free_port(besides=first.port)
    assert LocalKafka(tmp_path / "k", port, classpath="none").bootstrap == f"127.0.0.1:{port}"


def test_a_proxy_can_stand_before_the_broker(tmp_path: Path) -> None:
    """A further listener names the proxy's port to clients, and is kept for restarts."""
    first = LocalKafka(tmp_path / "k", classpath="none", advertised=(4444, 5555))
    ports = {first.port, *(via.port for via in first.vias)}
    assert [via.advertised_port for via in first.vias] == [4444, 5555]
    assert len(ports - {4444, 5555}) == 3
    assert LocalKafka(tmp_path / "k", classpath="none").vias == first.vias
    assert LocalKafka(tmp_path / "k", classpath="none", advertised=()).vias == ()


def test_the_command_is_absolute_and_the_same_each_time(tmp_path: Path) -> None:
    """Running it again is a restart."""
    local = LocalKafka(tmp_path / "k", classpath="none")
    assert Path(local.argv[0]).is_absolute()
    assert local.argv == LocalKafka(tmp_path / "k", classpath="none").argv


def read_properties(text: str) -> dict[str, str]:
    """Return the settings of a properties file."""
    return dict(line.split("=", 1) for line in text.splitlines())


def test_the_broker_listens_on_loopback_only() -> None:
    """Every listener has the loopback address."""
    settings = read_properties(server_properties(Path("/d"), 1111, 2222))
    assert settings["listeners"] == "CLIENT://127.0.0.1:1111,CONTROLLER://127.0.0.1:2222"
    assert settings["advertised.listeners"] == "CLIENT://127.0.0.1:1111"
    assert settings["listener.security.protocol.map"] == "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT"
    assert settings["log.dirs"] == "/d/data"
    assert "/d/kafka.log" in log4j_properties(Path("/d"))


def test_a_further_listener_has_its_own_name_and_port() -> None:
    """It listens where it was told and advertises the port of what stands before it."""
    settings = read_properties(server_properties(Path("/d"), 1111, 2222, [Via(3333, 4444)]))
    assert settings["listeners"] == (
        "CLIENT://127.0.0.1:1111,VIA1://127.0.0.1:3333,CONTROLLER://127.0.0.1:2222"
    )
    assert settings["advertised.listeners"] == "CLIENT://127.0.0.1:1111,VIA1://127.0.0.1:4444"
    assert settings["listener.security.protocol.map"] == (
        "CLIENT:PLAINTEXT,VIA1:PLAINTEXT,CONTROLLER:PLAINTEXT"
    )


def test_guarded_listeners_speak_tls_and_ask_who_it_is() -> None:
    """By a login, or by a certificate; everything else stays plain."""
    doors = [Guarded(3333, "/d/us.pem"), Guarded(4444, "/d/us.pem", "/d/ca.pem")]
    settings = read_properties(server_properties(Path("/d"), 1111, 2222, guarded=doors))
    assert settings["listeners"] == (
        "CLIENT://127.0.0.1:1111,GUARDED1://127.0.0.1:3333,GUARDED2://127.0.0.1:4444,"
        "CONTROLLER://127.0.0.1:2222"
    )
    assert settings["listener.security.protocol.map"] == (
        "CLIENT:PLAINTEXT,GUARDED1:SASL_SSL,GUARDED2:SSL,CONTROLLER:PLAINTEXT"
    )
    login, certificate = "listener.name.guarded1.", "listener.name.guarded2."
    assert {key for key in settings if key.startswith("listener.name.")} == {
        *(f"{door}ssl.keystore.{key}" for door in (login, certificate) for key in TYPE_AND_PLACE),
        *(f"{certificate}ssl.truststore.{key}" for key in TYPE_AND_PLACE),
        f"{certificate}ssl.client.auth",
        f"{login}sasl.enabled.mechanisms",
        f"{login}scram-sha-512.sasl.jaas.config",
    }


TYPE_AND_PLACE = ("type", "location")


def test_guarded_listeners_are_kept_for_restarts(tmp_path: Path) -> None:
    """Like the ports."""
    doors = (Guarded(3333, "/d/us.pem"), Guarded(4444, "/d/us.pem", "/d/ca.pem"))
    assert LocalKafka(tmp_path / "k", classpath="none").guarded == ()
    assert LocalKafka(tmp_path / "k", classpath="none", guarded=doors).guarded == doors
    assert LocalKafka(tmp_path / "k", classpath="none").guarded == doors


def test_an_open_port_is_no_broker() -> None:
    """Only an answer counts."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not answers("127.0.0.1", server.getsockname()[1], timeout_s=0.05)
    assert not answers("127.0.0.1", free_port(), timeout_s=0.05)
