"""A real Prometheus for tests: it scrapes a stack each second and judges our alerts."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import yaml

from localkafka.broker import free_port
from spate_cli import leash

ALERTS = Path(__file__).parents[2] / "deploy" / "prometheus" / "alerts.yaml"
SCRAPE_EVERY_S = 1
_START_WITHIN_S = 60.0
_STOP_WITHIN_S = 20.0


def program() -> str | None:
    """Return where Prometheus is, None if it is not installed."""
    return shutil.which("prometheus")


@dataclass(frozen=True, slots=True)
class Series:
    """What one expression says under one set of labels: pairs of time (s) and value."""

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]

    @property
    def values(self) -> list[float]:
        """The values in the order of time."""
        return [value for _, value in self.points]


class Prometheus:
    """One server on a port of its own; a context manager that ends it by its id.

    ``jobs`` are the addresses to scrape by job; all but Prometheus' own have the label
    ``namespace``, as on Kubernetes.
    """

    def __init__(self, directory: Path, jobs: Mapping[str, Sequence[str]], namespace: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._address = f"127.0.0.1:{free_port()}"
        self._jobs = {job: [*addresses] for job, addresses in jobs.items()}
        self._namespace = namespace
        self._config = directory / "prometheus.yaml"
        self._configure()
        self._client = httpx.Client(base_url=f"http://{self._address}", trust_env=False, timeout=60)

    def __enter__(self) -> Self:
        """Start it and wait until it answers."""
        found = program()
        assert found is not None
        with (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                (
                    *(sys.executable, "-I", "-S", str(leash.__file__), str(os.getpid()), found),
                    f"--config.file={self._config}",
                    f"--storage.tsdb.path={self._directory / 'data'}",
                    f"--web.listen-address={self._address}",
                    "--log.level=warn",
                ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + _START_WITHIN_S
        while not self._is_ready():
            ended = self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                self.__exit__(None, None, None)
                raise AssertionError((self._directory / "log").read_text())
            time.sleep(0.05)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        self._client.close()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def watch(self, job: str, address: str) -> None:
        """Scrape another address from now on."""
        self._jobs[job].append(address)
        self._configure()
        self._process.send_signal(signal.SIGHUP)

    def over(self, expression: str, start_s: float, end_s: float, step_s: float) -> list[Series]:
        """Return what an expression says from one instant to another."""
        found = self._ask("query_range", query=expression, start=start_s, end=end_s, step=step_s)
        return [Series(each["metric"], _points(each["values"])) for each in found["result"]]

    def at(self, expression: str, instant_s: float) -> list[Series]:
        """Return what an expression says at an instant."""
        found = self._ask("query", query=expression, time=instant_s)
        if found["resultType"] == "matrix":
            return [Series(each["metric"], _points(each["values"])) for each in found["result"]]
        return [Series(each["metric"], _points([each["value"]])) for each in found["result"]]

    def one(self, expression: str, instant_s: float) -> float:
        """Return the only value of an expression at an instant."""
        [found] = self.at(expression, instant_s)
        [value] = found.values
        return value

    def label_values(self, label: str, selector: str) -> list[str]:
        """Return the values of a label in the series of a selector."""
        found = self._client.get(f"/api/v1/label/{label}/values", params={"match[]": selector})
        assert found.status_code == httpx.codes.OK, found.text
        return list(found.json()["data"])

    def scraped(self) -> dict[str, str]:
        """Return what went wrong at each address that could not be scraped at last."""
        found = self._client.get("/api/v1/targets").json()["data"]["activeTargets"]
        return {each["scrapeUrl"]: each["lastError"] for each in found if each["health"] != "up"}

    def _configure(self) -> None:
        """Write the configuration."""
        scrapes: list[dict[str, Any]] = [
            {
                "job_name": job,
                "static_configs": [
                    {"targets": addresses, "labels": {"namespace": self._namespace}}
                ],
            }
            for job, addresses in self._jobs.items()
        ]
        scrapes.append({"job_name": "plain", "static_configs": [{"targets": [self._address]}]})
        every = f"{SCRAPE_EVERY_S}s"
        times = dict.fromkeys(("scrape_interval", "scrape_timeout", "evaluation_interval"), every)
        document = {
            "global": times,
            "rule_files": [str(ALERTS.resolve())],
            "scrape_configs": scrapes,
        }
        self._config.write_text(yaml.safe_dump(document))

    def _ask(self, verb: str, **query: str | float) -> dict[str, Any]:
        found = self._client.get(f"/api/v1/{verb}", params=query)
        assert found.status_code == httpx.codes.OK, f"{query}: {found.text}"
        data: dict[str, Any] = found.json()["data"]
        return data

    def _is_ready(self) -> bool:
        try:
            return self._client.get("/-/ready").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


def _points(pairs: Sequence[Sequence[Any]]) -> list[tuple[float, float]]:
    return [(float(instant), float(value)) for instant, value in pairs]
