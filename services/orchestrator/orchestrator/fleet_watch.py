"""Keeps the view of the drivers' Deployment and its pods up to date, and scales it.

It is never in anybody's way: where the cluster does not answer the view grows old and says so,
and it is tried again for as long as the process lives.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn, Protocol

from orchestrator.clock import Clock
from orchestrator.cluster_trouble import ClusterError, ExpiredError, missing, trouble
from orchestrator.mirror import Mirror
from orchestrator.pods import Document, Pod, read_pod
from orchestrator.workload import ClusterView, Workload, read_workload
from spate.instants import rfc3339

_LOG = logging.getLogger("orchestrator")
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 15.0
_DOUBLINGS = 6
_REST_S = 0.5
"""Between two watches: an API that ends them at once is not asked without a pause."""


class ClusterApi(Protocol):
    """What is needed of a cluster; ``orchestrator.cluster`` has it."""

    namespace: str | None

    async def listing(self, what: str, query: Mapping[str, str]) -> tuple[list[Document], str]:
        """Return all objects of a collection and the version of the list."""

    def watch(
        self, what: str, query: Mapping[str, str], version: str
    ) -> AbstractAsyncContextManager[AsyncIterator[Document]]:
        """Give the events of a collection after a version."""

    async def scale(self, deployment: str, replicas: int) -> int:
        """Set the number of pods; return the number that is wanted then."""

    async def close(self) -> None:
        """Close the connections."""


def pause_s(failures: int, dice: float) -> float:
    """Return how long to wait after so many failures in a row; ``dice`` of [0, 1) spreads it."""
    doubled: float = _FIRST_PAUSE_S * 2 ** min(failures - 1, _DOUBLINGS)
    return min(doubled, _LONGEST_PAUSE_S) * (0.5 + dice / 2)


@dataclass(slots=True)
class _Followed:
    """One collection: its copy, what is wrong with it, and when it was right for the last time."""

    what: Literal["deployments", "pods"]
    mirror: Mirror[Any]
    query: dict[str, str] = field(default_factory=dict)
    problem: str | None = None
    as_of_ns: int | None = None


class FleetWatch:
    """Follows one Deployment, by name, and the pods that its selector names."""

    def __init__(
        self,
        cluster: ClusterApi,
        deployment: str,
        clock: Clock,
        *,
        scale_within_s: float = 5.0,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._cluster = cluster
        self._deployment = deployment
        self._clock = clock
        self._scale_within_s = scale_within_s
        self._dice = dice
        self._workloads: Mirror[Workload] = Mirror(read_workload)
        self._pods: Mirror[Pod] = Mirror(read_pod)
        self._deployments_followed = _Followed("deployments", self._workloads)
        self._pods_followed = _Followed("pods", self._pods)
        self._selected = asyncio.Event()

    def view(self) -> ClusterView:
        """Return the Deployment and its pods as last seen."""
        pods_seen = self._pods_followed.as_of_ns is not None
        known = self._deployments_followed.as_of_ns is not None and (
            self._workload is None or pods_seen
        )
        return ClusterView(
            namespace=self._cluster.namespace,
            deployment=self._deployment,
            known=known,
            workload=self._workload,
            pods=tuple(pod for _, pod in sorted(self._pods.items.items())),
            problem=self._problem(known),
        )

    async def scale(self, replicas: int) -> int:
        """Set the number of pods; return the number that is wanted then.

        The call names a number and not a difference, so it may be repeated where it is not known
        what became of it.

        Raises:
            ClusterError: if the cluster refuses, or nothing worked in time.
        """
        failed: ClusterError | None = None
        failures = 0
        try:
            async with asyncio.timeout(self._scale_within_s):
                while True:
                    try:
                        return await self._cluster.scale(self._deployment, replicas)
                    except ClusterError as error:
                        if not error.may_pass:
                            raise
                        failed = error
                    failures += 1
                    await asyncio.sleep(pause_s(failures, self._dice()))
        except TimeoutError:
            late = ClusterError(None, f"no answer within {self._scale_within_s:g} s")
            raise failed or late from None

    async def run(self) -> None:
        """Follow both until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow(self._deployments_followed, self._own_query))
                group.create_task(self._follow(self._pods_followed, self._pods_query))
        finally:
            await self._cluster.close()

    @property
    def _workload(self) -> Workload | None:
        return self._workloads.items.get(self._deployment)

    def _problem(self, known: bool) -> str | None:
        """Return why the view may not be the present one."""
        for followed in (self._deployments_followed, self._pods_followed):
            if followed.problem is not None:
                as_of_ns = followed.as_of_ns
                shown = "" if as_of_ns is None else f"; what is shown is as of {rfc3339(as_of_ns)}"
                return f"{followed.problem}{shown}"
        if known and self._workload is None:
            return missing(self._cluster.namespace, self._deployment)
        return None

    async def _own_query(self) -> dict[str, str]:
        return {"fieldSelector": f"metadata.name={self._deployment}"}

    async def _pods_query(self) -> dict[str, str]:
        """Return the query for the Deployment's pods; its selector must be known first."""
        await self._selected.wait()
        workload = self._workload
        # Pods of a Deployment that was deleted go one by one.
        return self._pods_followed.query if workload is None else _selecting(workload)

    async def _follow(
        self, followed: _Followed, query_of: Callable[[], Awaitable[dict[str, str]]]
    ) -> NoReturn:
        """Keep one collection up to date."""
        failures = 0
        while True:
            try:
                query = await query_of()
                if query != followed.query:
                    followed.query, followed.mirror.version = query, None
                async with aclosing(self._news(followed)) as news:
                    async for _ in news:
                        failures = 0
                await asyncio.sleep(_REST_S)
                continue
            except ExpiredError:
                failures += 1
            except ClusterError as error:
                failures += 1
                namespace = self._cluster.namespace
                self._tell(followed, trouble(error, followed.what, namespace, self._deployment))
            except Exception as error:  # noqa: BLE001 - nothing of a cluster may end all the rest
                failures += 1
                _LOG.exception("what the cluster says of its %s is not understood", followed.what)
                self._tell(followed, f"what the cluster says is not understood ({error!r})")
            followed.mirror.version = None
            await asyncio.sleep(pause_s(failures, self._dice()))

    async def _news(self, followed: _Followed) -> AsyncGenerator[None]:
        """List the collection where that is due, and watch it once; yield at each news of it."""
        mirror = followed.mirror
        if mirror.version is None:
            documents, version = await self._cluster.listing(followed.what, followed.query)
            mirror.load(documents, version)
            self._seen(followed)
        assert mirror.version is not None
        watching = self._cluster.watch(followed.what, followed.query, mirror.version)
        async with watching as events:
            self._tell(followed, None)
            async for event in events:
                mirror.apply(event)
                self._seen(followed)
                yield
        self._seen(followed)
        yield

    def _seen(self, followed: _Followed) -> None:
        """Note that the collection is known as it is now."""
        followed.as_of_ns = self._clock.now().wall_ns
        if self._workload is not None:
            self._selected.set()

    def _tell(self, followed: _Followed, problem: str | None) -> None:
        """Say what is wrong, and once more when it is not any longer."""
        if problem == followed.problem:
            return
        if problem is not None:
            _LOG.warning("%s", problem)
        else:
            _LOG.info("the cluster's %s are seen again", followed.what)
        followed.problem = problem


def _selecting(workload: Workload) -> dict[str, str]:
    return {"labelSelector": workload.selector}
