"""A release that the tests on a real cluster share, and what is seen of it where one fails.

``make e2e`` prepares the cluster and the images and says in the environment where they are:
``KUBECONFIG``, ``SPATE_TOOLS`` (the folder of kubectl and helm), ``SPATE_E2E_TAG`` (of the images),
and, where nodes may be broken, ``SPATE_E2E_NODE``: a command that takes ``stop``, ``start``,
``partition`` or ``heal`` and a node's name.
"""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from tests.e2e.kube import Kube, is_ready, name_of
from tests.e2e.release import Release
from tests.e2e.values import values_for

_LIMIT_S = 600
_RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of this folder the time that pods take."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(_LIMIT_S))


@pytest.fixture(scope="session")
def tools() -> Path:
    """The folder of kubectl and helm; without a cluster nothing here can be tried."""
    if not os.environ.get("KUBECONFIG"):
        pytest.skip("KUBECONFIG names no cluster")
    return Path(os.environ["SPATE_TOOLS"])


@pytest.fixture(scope="session")
def workers(tools: Path) -> list[str]:
    """The nodes that take pods, by name; the first one is where the rest of Spate is kept."""
    nodes = Kube(tools, "default").get("nodes")
    return sorted(name_of(node) for node in nodes if not node["spec"].get("taints"))


class Namespaces:
    """Makes namespaces that admit restricted pods only."""

    def __init__(self, tools: Path) -> None:
        self._tools = tools
        self.made: list[Kube] = []

    def make(self) -> Kube:
        """Return a new one."""
        kube = Kube(self._tools, f"spate-e2e-{uuid.uuid4().hex[:6]}")
        kube.kubectl("create", "namespace", kube.namespace)
        self.made.append(kube)
        kube.kubectl("label", "namespace", kube.namespace, _RESTRICTED)
        return kube

    def remove(self) -> None:
        """Remove all of them, and do not wait for it."""
        for kube in self.made:
            kube.kubectl("delete", "namespace", kube.namespace, "--wait=false")


@pytest.fixture(scope="session")
def namespaces(tools: Path) -> Iterator[Namespaces]:
    """Namespaces that are removed at the end."""
    found = Namespaces(tools)
    yield found
    found.remove()


@pytest.fixture(scope="session")
def one_release(namespaces: Namespaces, workers: list[str]) -> Iterator[Release]:
    """Spate, installed once; drivers and the rest on different nodes where there are several."""
    with Release(namespaces.make(), values_for(workers)) as release:
        took_s = release.install()
        print(f"\nhelm install: everything ready after {took_s:.1f} s")
        yield release


@pytest.fixture
def release(one_release: Release, namespaces: Namespaces) -> Release:  # noqa: ARG001 - for logs
    """The same, with two drivers that are free, whatever another test left."""
    one_release.end_runs()
    one_release.fleet_of(2)
    return one_release


class Nodes:
    """Breaks and mends nodes by the command that ``SPATE_E2E_NODE`` names."""

    def __init__(self, command: str, kube: Kube) -> None:
        self._command = command
        self._kube = kube
        self._broken: dict[str, str] = {}

    def stop(self, node: str) -> None:
        """End everything on a node, as a power cut does."""
        self._do("stop", node, "start")

    def partition(self, node: str) -> None:
        """Cut a node off; what runs there goes on."""
        self._do("partition", node, "heal")

    def mend(self) -> None:
        """Undo all that was broken."""
        for node, cure in tuple(self._broken.items()):
            subprocess.run([self._command, cure, node], check=True, timeout=120)
            del self._broken[node]

    def is_ready(self, node: str) -> bool:
        """Tell whether the cluster takes a node for ready."""
        return is_ready(self._kube.get("node", node)[0])

    def _do(self, fault: str, node: str, cure: str) -> None:
        self._broken[node] = cure
        subprocess.run([self._command, fault, node], check=True, timeout=120)


@pytest.fixture
def nodes(one_release: Release, workers: list[str]) -> Iterator[Nodes]:
    """Nodes that may be broken; they are mended after the test."""
    command = os.environ.get("SPATE_E2E_NODE")
    if not command or len(workers) < 3:
        pytest.skip("SPATE_E2E_NODE names no command that breaks nodes, or they are less than 3")
    found = Nodes(command, one_release.kube)
    yield found
    found.mend()
    one_release.until(lambda: all(map(found.is_ready, workers)), "a node is not back", 120)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show pods, events and logs of all namespaces where a test fails."""
    report = yield
    namespaces = item.funcargs.get("namespaces") if isinstance(item, pytest.Function) else None
    if report.failed and isinstance(namespaces, Namespaces):
        for kube in namespaces.made:
            report.sections.append((f"namespace {kube.namespace}", kube.logs()))
    return report
