"""A cluster for an orchestrator process: kmock speaks the Kubernetes API to it over real HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from kmock import KubernetesEmulator, Server

T = TypeVar("T")
Json = dict[str, Any]

PODS_PATH = "/api/v1/namespaces/load/pods"
DEPLOYMENTS_PATH = "/apis/apps/v1/namespaces/load/deployments"
_WITHIN_S = 10.0


class Cluster:
    """A cluster on a loop and a thread of its own: the tests of a browser have no loop to lend."""

    def __init__(self, folder: Path) -> None:
        self.kubeconfig = folder / "kubeconfig"
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="cluster", daemon=True)
        self._api = KubernetesEmulator()
        self._open = AsyncExitStack()

    def start(self) -> None:
        """Serve, and write down the way here."""
        self._thread.start()
        port = self._do(self._serve())
        self.kubeconfig.write_text(json.dumps(_kubeconfig(f"http://127.0.0.1:{port}")))

    def stop(self) -> None:
        """Serve no more."""
        self._do(self._open.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_WITHIN_S)
        self._loop.close()

    def make(self, path: str, document: Json) -> None:
        """Create an object."""
        self._do(self._make(path, document))

    def scaled_to(self) -> list[int]:
        """Return the numbers of pods that were asked for, in order."""
        patches = [request for request in list(self._api) if request.method == "PATCH"]
        return [request.data["spec"]["replicas"] for request in patches]

    async def _serve(self) -> int:
        api = await self._open.enter_async_context(self._api)
        server = await self._open.enter_async_context(Server(api))
        return server.port

    async def _make(self, path: str, document: Json) -> None:
        answer = await self._api.post(path, json=document)
        assert answer.status == 200, await answer.text()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_WITHIN_S)


@contextmanager
def run_cluster(folder: Path) -> Iterator[Cluster]:
    """Run an empty cluster until the context is left."""
    cluster = Cluster(folder)
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()


def _kubeconfig(server: str) -> Json:
    context = {"cluster": "c", "user": "u", "namespace": "load"}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": context}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "secret"}}],
    }
