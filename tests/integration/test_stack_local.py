"""``spate local``: the whole stack by one command, with a Kafka of its own, and nothing left."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.kafka

JsonObject = dict[str, Any]
SPATE = Path(sys.executable).with_name("spate")
NAMES = ["driver-1", "driver-2", "kafka", "orchestrator", "target"]


def environ() -> dict[str, str]:
    """Return the environment without anything that is meant for Spate."""
    kept = ("SPATE_CACHE",)
    return {k: v for k, v in os.environ.items() if k in kept or not k.startswith("SPATE_")}


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that nobody has waited for yet does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def is_open(port: int) -> bool:
    """Tell whether somebody listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def listened_ports(pid: int) -> set[int]:
    """Return the TCP ports that a process listens at, by its sockets in /proc."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            name = str(link.readlink())
        except FileNotFoundError:
            continue
        if name.startswith("socket:["):
            inodes.add(name[8:-1])
    ports = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            columns = line.split()
            if columns[3] == "0A" and columns[9] in inodes:
                ports.add(int(columns[1].rpartition(":")[2], 16))
    return ports


@pytest.fixture
def local(tmp_path: Path, kafka_classpath: str) -> Iterator[subprocess.Popen[str]]:
    """``spate local --drivers 2``, starting; the fetch of Kafka is not its business here."""
    assert kafka_classpath
    with (tmp_path / "stderr").open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            (SPATE, "local", "--drivers", "2", "--port", "0", "--target-port", "0"),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environ(),
        )
    yield process
    if process.poll() is None:
        process.terminate()
        process.wait(20)
    assert process.stdout is not None
    process.stdout.close()


def test_it_comes_up_runs_and_leaves_nothing(local: subprocess.Popen[str], tmp_path: Path) -> None:
    """Ready line, state.json, a run by both drivers; SIGTERM leaves no process, port or file."""
    assert local.stdout is not None
    began = time.monotonic()
    line = local.stdout.readline()
    said = (tmp_path / "stderr").read_text(encoding="utf-8")
    assert line.startswith("spate is ready: http://127.0.0.1:"), said
    print(f"ready after {time.monotonic() - began:.1f} s")
    url = line.removeprefix("spate is ready: ").strip()
    folder = tmp_path / ".local"
    processes = json.loads((folder / "state.json").read_text(encoding="utf-8"))["processes"]
    assert sorted(process["name"] for process in processes) == NAMES
    pids = {process["name"]: process["pid"] for process in processes}
    for process in processes:
        assert Path(process["argv"][0]).is_absolute()
        command = Path(f"/proc/{process['pid']}/cmdline").read_bytes().split(b"\0")[:-1]
        assert [part.decode() for part in command] == process["argv"]
    ports = {name: listened_ports(pid) for name, pid in pids.items()}
    assert all(ports.values()), ports

    # Ready means ready: the first run has both drivers at once.
    target_port = min(ports["target"])
    before = counted(target_port)
    plan = {
        "name": "ready",
        "target": f"http://127.0.0.1:{target_port}",
        "requests": [{"path": "/ping"}],
        "load": {
            "test_type": "tsunami",
            "message_count_per_driver": 50,
            "message_delay_ms": 10,
        },
    }
    (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    done = subprocess.run(
        (SPATE, "run", "plan.json", "--url", url, "--format", "json", "--out", "out"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environ(),
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [row["accounting"]["succeeded"] for row in report["drivers"]] == [50, 50]
    assert counted(target_port) - before == 100

    # A run under way does not hold up the end.
    endless = plan | {"load": {"test_type": "arrivals", "stages": [{"duration": "1h", "from": 50}]}}
    started = httpx.post(f"{url}/api/v1/runs", json={"plan": endless}, trust_env=False)
    assert started.status_code == 201, started.text
    began = time.monotonic()
    local.send_signal(signal.SIGTERM)
    code = local.wait(20)
    took_s = time.monotonic() - began
    print(f"ended after {took_s:.1f} s")
    assert (code, local.stdout.read()) == (0, "")
    assert took_s < 15
    assert {name: pid for name, pid in pids.items() if is_alive(pid)} == {}
    assert [port for each in ports.values() for port in each if is_open(port)] == []
    # The archive is the memory of what ended; it is all that stays.
    assert [path.name for path in sorted(folder.rglob("*"))] == ["archive.db"]


def counted(port: int) -> int:
    """Return the target's own count."""
    answer = httpx.get(f"http://127.0.0.1:{port}/count", trust_env=False)
    return int(answer.json()["requests"])
