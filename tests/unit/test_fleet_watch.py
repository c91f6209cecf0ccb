"""The view of the fleet follows the cluster, grows old where it does not answer, and recovers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress

import pytest
from tests.unit.orchestra import LoopClock, now, play
from tests.unit.pod_documents import condition, deployment, pod, ready

from orchestrator.cluster_trouble import ClusterError, ExpiredError, NoWayError
from orchestrator.fleet_watch import FleetWatch, pause_s
from orchestrator.pods import Document
from spate.instants import rfc3339

SELECTOR = "app=spate,component=driver"
NO_ROOM = condition("PodScheduled", "False", "Unschedulable", "0/2")


class SmallCluster:
    """A cluster in memory: what it holds, its watches, and what it is told to fail with."""

    def __init__(self) -> None:
        self.namespace: str | None = None
        self.held: dict[str, list[Document]] = {"deployments": [], "pods": []}
        self.version = 10
        self.watching: dict[str, asyncio.Queue[Document | BaseException | None]] = {}
        self.failing: dict[str, BaseException | None] = {"listing": None, "watch": None}
        self.scales: list[BaseException | int] = []
        self.calls: list[tuple[str, ...]] = []
        self.closed = False

    async def listing(self, what: str, query: Mapping[str, str]) -> tuple[list[Document], str]:
        """Return what is held."""
        self.calls.append(("list", what, *query.values()))
        if (error := self.failing["listing"]) is not None:
            raise error
        self.namespace = "load"
        return list(self.held[what]), str(self.version)

    @asynccontextmanager
    async def watch(
        self, what: str, query: Mapping[str, str], version: str
    ) -> AsyncIterator[AsyncIterator[Document]]:
        """Give what a test says."""
        self.calls.append(("watch", what, version))
        assert query
        if (error := self.failing["watch"]) is not None:
            raise error
        queue = self.watching[what] = asyncio.Queue()
        yield self._events(queue)

    async def _events(
        self, queue: asyncio.Queue[Document | BaseException | None]
    ) -> AsyncIterator[Document]:
        while (said := await queue.get()) is not None:
            if isinstance(said, BaseException):
                raise said
            yield said

    async def scale(self, deployment: str, replicas: int) -> int:
        """Do the next thing of the list."""
        self.calls.append(("scale", deployment, str(replicas)))
        if not self.scales:
            await asyncio.sleep(3600)
        said = self.scales.pop(0)
        if isinstance(said, BaseException):
            raise said
        return said

    async def close(self) -> None:
        """Note that nothing is asked any more."""
        self.closed = True

    def tell(self, what: str, kind: str, document: Document, version: int) -> None:
        """Send an event to the watch."""
        metadata = {**document["metadata"], "resourceVersion": str(version)}
        self.watching[what].put_nowait({"type": kind, "object": {**document, "metadata": metadata}})


Script = Callable[[SmallCluster, FleetWatch], Awaitable[None]]


def perform(script: Script, cluster: SmallCluster | None = None) -> None:
    """Play a script beside a watch that runs, in time that jumps."""

    async def act() -> None:
        small = cluster or SmallCluster()
        watch = FleetWatch(small, "driver", LoopClock(), dice=lambda: 1.0)
        running = asyncio.ensure_future(watch.run())
        await asyncio.sleep(0.1)
        await script(small, watch)
        assert not running.done()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        assert small.closed

    play(act())


def cluster_of(*documents: Document) -> SmallCluster:
    """Return a cluster with a Deployment and these pods."""
    small = SmallCluster()
    small.held = {"deployments": [deployment(2, 1)], "pods": list(documents)}
    return small


def names(watch: FleetWatch) -> list[str]:
    """Return the pods that are seen."""
    return [each.name for each in watch.view().pods]


def test_list_and_watch_make_the_view() -> None:
    """The pods are those of the Deployment's selector; what changes is seen at once."""

    async def script(small: SmallCluster, watch: FleetWatch) -> None:
        view = watch.view()
        assert (view.known, view.problem, view.namespace) == (True, None, "load")
        assert view.workload is not None
        assert (view.workload.desired, view.workload.ready, names(watch)) == (2, 1, ["a"])
        assert small.calls == [
            ("list", "deployments", "metadata.name=driver"),
            ("watch", "deployments", "10"),
            ("list", "pods", SELECTOR),
            ("watch", "pods", "10"),
        ]
        small.tell("pods", "ADDED", pod("b", conditions=(NO_ROOM,)), 11)
        small.tell("deployments", "MODIFIED", deployment(3, 1), 12)
        await asyncio.sleep(0.1)
        view = watch.view()
        assert view.workload is not None
        assert (view.workload.desired, names(watch)) == (3, ["a", "b"])
        assert view.pods[1].reason == "Unschedulable"
        small.tell("pods", "DELETED", ready("a"), 13)
        await asyncio.sleep(0.1)
        assert names(watch) == ["b"]

    perform(script, cluster_of(ready("a")))


def test_a_watch_goes_on_where_the_last_one_ended() -> None:
    """Nothing is listed again, and a bookmark counts."""

    async def script(small: SmallCluster, watch: FleetWatch) -> None:
        small.tell("pods", "MODIFIED", ready("a"), 11)
        small.watching["pods"].put_nowait(
            {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "20"}}}
        )
        small.watching["pods"].put_nowait(None)
        await asyncio.sleep(2)
        assert small.calls[4:] == [("watch", "pods", "20")]
        assert (watch.view().problem, names(watch)) == (None, ["a"])

    perform(script, cluster_of(ready("a")))


@pytest.mark.parametrize("in_the_stream", [True, False])
def test_a_version_that_is_forgotten_makes_it_list_again(in_the_stream: bool) -> None:
    """The API says so in the stream, or at once; it is no trouble."""

    async def script(small: SmallCluster, watch: FleetWatch) -> None:
        small.held["pods"] = [ready("b")]
        small.version = 30
        if in_the_stream:
            gone = {"type": "ERROR", "object": {"code": 410, "message": "too old"}}
            small.watching["pods"].put_nowait(gone)
        else:
            small.watching["pods"].put_nowait(None)
            small.failing["watch"] = ExpiredError("too old")
            await asyncio.sleep(1)
            small.failing["watch"] = None
        await asyncio.sleep(0.1)
        assert watch.view().problem is None
        await asyncio.sleep(5)
        assert small.calls[-2:] == [("list", "pods", SELECTOR), ("watch", "pods", "30")]
        assert (watch.view().problem, names(watch)) == (None, ["b"])

    perform(script, cluster_of(ready("a")))


def test_a_cluster_that_does_not_answer_makes_the_view_old() -> None:
    """It says since when, is tried less and less often, and forgets it when all is well again."""

    async def script(small: SmallCluster, watch: FleetWatch) -> None:
        seen_at = rfc3339(now(1000).wall_ns)
        small.failing["listing"] = ClusterError(None, "connection refused")
        small.watching["pods"].put_nowait(ClusterError(None, "the watch broke off"))
        await asyncio.sleep(600)
        assert watch.view().problem == (
            "the Kubernetes API does not answer (connection refused); check that it runs and that "
            "NetworkPolicies let the orchestrator reach it; "
            f"what is shown is as of {seen_at}"
        )
        assert names(watch) == ["a"]
        tried = sum(call[0] == "list" for call in small.calls)
        assert 600 / 15 < tried < 600 / 15 + 8
        small.failing["listing"] = None
        await asyncio.sleep(16)
        assert watch.view().problem is None
        small.tell("pods", "MODIFIED", ready("a"), 40)
        small.watching["pods"].put_nowait(ClusterError(None, "the watch broke off"))
        await asyncio.sleep(1)
        assert watch.view().problem is None  # the first pause is short again

    perform(script, cluster_of(ready("a")))


def test_what_never_was_seen_is_not_known() -> None:
    """Nothing is made up: not even that there are no pods."""

    async def script(small: SmallCluster, watch: FleetWatch) -> None:
        view = watch.view()
        assert (view.known, view.workload, view.pods) == (False, None, ())
        assert view.problem is not None
        assert view.problem.startswith("the way to the Kubernetes API is not known (no file)")
        assert "as of" not in view.problem
        small.failing["listing"] = None
        await asyncio.sleep(16)
        assert (watch.view().known, watch.view().problem) == (True, None)

    small = cluster_of()
    small.failing["listing"] = NoWayError("no file")
    perform(script, small)


def test_a_deployment_that_is_not_there_or_goes() -> None:
    """It is waited for; its pods go one by one."""

    async def script(small: SmallCluster, watch: FleetWatch) -> None:
        missing = (
            "there is no Deployment driver in namespace load; check --kubernetes-deployment and "
            "--kubernetes-namespace"
        )
        assert (watch.view().known, watch.view().problem) == (True, missing)
        small.held["pods"] = [ready("a")]
        small.tell("deployments", "ADDED", deployment(1, 1), 11)
        await asyncio.sleep(0.1)
        assert (watch.view().problem, names(watch)) == (None, ["a"])
        small.tell("deployments", "DELETED", deployment(1, 1), 12)
        small.watching["pods"].put_nowait(None)
        await asyncio.sleep(1)
        assert (watch.view().problem, names(watch)) == (missing, ["a"])
        small.tell("pods", "DELETED", ready("a"), 13)
        await asyncio.sleep(0.1)
        assert names(watch) == []

    perform(script, SmallCluster())


def test_a_selector_that_changed_is_followed() -> None:
    """A Deployment that was made anew may name other pods."""

    async def script(small: SmallCluster, watch: FleetWatch) -> None:
        other = deployment(1, 1)
        other["spec"]["selector"] = {"matchLabels": {"app": "other"}}
        small.held["pods"] = [ready("z")]
        small.tell("deployments", "MODIFIED", other, 11)
        small.watching["pods"].put_nowait(None)
        await asyncio.sleep(1)
        assert ("list", "pods", "app=other") in small.calls
        assert names(watch) == ["z"]

    perform(script, cluster_of(ready("a")))


def test_a_right_that_is_missing_is_named() -> None:
    """Also where only the watch is forbidden, which is then not tried twice a second for ever."""

    async def script(small: SmallCluster, watch: FleetWatch) -> None:
        small.failing["watch"] = ClusterError(403, "pods is forbidden: cannot watch")
        small.watching["pods"].put_nowait(None)
        await asyncio.sleep(300)
        problem = watch.view().problem
        assert problem is not None
        assert problem.startswith("the orchestrator may not get, list and watch pods in namespace")
        assert len(small.calls) < 60
        small.failing["watch"] = None
        await asyncio.sleep(16)
        assert watch.view().problem is None

    perform(script, cluster_of(ready("a")))


def test_what_is_not_understood_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A defect is logged with its trace, and the collection is listed again."""

    async def script(small: SmallCluster, watch: FleetWatch) -> None:
        small.failing["listing"] = ZeroDivisionError("a defect")
        small.watching["pods"].put_nowait(ZeroDivisionError("a defect"))
        await asyncio.sleep(1)
        problem = watch.view().problem
        assert problem is not None
        assert problem.startswith("what the cluster says is not understood")
        small.failing["listing"] = None
        await asyncio.sleep(16)
        assert (watch.view().problem, names(watch)) == (None, ["a"])

    perform(script, cluster_of(ready("a")))
    assert "what the cluster says of its pods is not understood" in caplog.text


def test_scaling_is_tried_again_where_that_may_help() -> None:
    """The call names a number: to repeat it does no harm."""

    async def script(small: SmallCluster, watch: FleetWatch) -> None:
        small.scales = [ClusterError(409, "changed"), ClusterError(503, "busy"), 4]
        assert await watch.scale(4) == 4
        assert small.calls[-3:] == [("scale", "driver", "4")] * 3
        small.scales = [ClusterError(403, "no rule"), 5]
        with pytest.raises(ClusterError, match="no rule"):
            await watch.scale(5)
        assert small.scales == [5]

    perform(script, cluster_of())


def test_scaling_has_a_limit_of_time() -> None:
    """The last error is what is said; without any, that nobody answered."""

    async def script(small: SmallCluster, watch: FleetWatch) -> None:
        began = asyncio.get_running_loop().time()
        with pytest.raises(ClusterError, match="no answer within 5 s"):
            await watch.scale(4)
        assert asyncio.get_running_loop().time() - began == pytest.approx(5, abs=0.01)
        small.scales = [ClusterError(409, f"changed {n}") for n in range(99)]
        with pytest.raises(ClusterError, match="changed 3"):
            await watch.scale(4)

    perform(script, cluster_of())


@pytest.mark.parametrize(
    ("failures", "dice", "pause"),
    [(1, 0.0, 0.25), (1, 1.0, 0.5), (2, 1.0, 1.0), (5, 1.0, 8.0), (6, 1.0, 15.0), (99, 0.0, 7.5)],
)
def test_pauses_grow_to_a_limit(failures: int, dice: float, pause: float) -> None:
    """And are spread, so that many do not come back at once."""
    assert pause_s(failures, dice) == pause


class SlowCluster(SmallCluster):
    """Keeps the list of pods back."""

    def __init__(self) -> None:
        super().__init__()
        self.late = asyncio.Event()

    async def listing(self, what: str, query: Mapping[str, str]) -> tuple[list[Document], str]:
        """Return what is held, pods late."""
        if what == "pods":
            await self.late.wait()
        return await super().listing(what, query)


def test_pods_not_seen_yet_are_not_known() -> None:
    """The Deployment alone is not the view: pods that come with it are no news."""
    slow = SlowCluster()
    slow.held = {"deployments": [deployment(2, 1)], "pods": [ready("a")]}

    async def script(_: SmallCluster, watch: FleetWatch) -> None:
        assert (watch.view().known, watch.view().pods) == (False, ())
        assert watch.view().problem is None
        slow.late.set()
        await asyncio.sleep(1)
        assert (watch.view().known, names(watch)) == (True, ["a"])

    perform(script, slow)
