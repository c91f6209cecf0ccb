"""The connection to a cluster, against servers that speak the Kubernetes API over real HTTP.

``kmock`` keeps Deployments and pods and streams their changes; what it has no notion of (time-outs,
TLS, tokens) is a small server of our own.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web
from kmock import KubernetesEmulator, Request, Server, action, resource
from tests.unit.pod_documents import condition, deployment, pod, ready

from orchestrator.clock import Clock
from orchestrator.cluster import Cluster
from orchestrator.cluster_trouble import ClusterError, ExpiredError, NoWayError
from orchestrator.fleet_watch import FleetWatch
from orchestrator.service_account import ServiceAccount
from orchestrator.workload import ClusterView

PODS = resource("", "v1", "pods")
DEPLOYMENTS = resource("apps", "v1", "deployments")
PODS_PATH = "/api/v1/namespaces/load/pods"
DEPLOYMENTS_PATH = "/apis/apps/v1/namespaces/load/deployments"
SCALE_PATH = f"{DEPLOYMENTS_PATH}/driver/scale"
OWN = {"fieldSelector": "metadata.name=driver"}
WITHIN_S = 20.0

Json = dict[str, Any]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's proxy is on loopback."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def kubeconfig(folder: Path, server: str, namespace: str | None = "load") -> dict[str, str]:
    """Write a kubeconfig; return the environment that names it."""
    context: Json = {"cluster": "c", "user": "u"}
    if namespace is not None:
        context["namespace"] = namespace
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": context}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "secret"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(config))
    return {"KUBECONFIG": str(path)}


def connect(folder: Path, server: str, namespace: str | None = "load", **limits: float) -> Cluster:
    """Return a connection that a kubeconfig describes."""
    nobody = ServiceAccount(folder / "no service account")
    return Cluster(nobody, None, kubeconfig(folder, server, namespace), **limits)


async def until(
    watch: FleetWatch, true: Callable[[ClusterView], bool], within_s: float = WITHIN_S
) -> ClusterView:
    """Wait until something is true of the view; return the view."""
    async with asyncio.timeout(within_s):
        while not true(watch.view()):  # noqa: ASYNC110 - as everybody else sees it, by asking
            await asyncio.sleep(0.02)
    return watch.view()


@asynccontextmanager
async def following(cluster: Cluster) -> AsyncIterator[FleetWatch]:
    """Give a watch of the Deployment ``driver`` that runs."""
    watch = FleetWatch(cluster, "driver", Clock(), dice=lambda: 0.0)
    running = asyncio.create_task(watch.run())
    try:
        yield watch
        assert not running.done()
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


# ---- a Deployment and its pods -----------------------------------------------------------------


@dataclass
class Emulated:
    """A cluster of kmock's, and how to change what is in it."""

    api: KubernetesEmulator
    port: int

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[Request]:
        """What it was asked so far."""
        return list(self.api)

    async def make(self, path: str, document: Json) -> None:
        """Create an object."""
        answer = await self.api.post(path, json=document)
        assert answer.status == 200, await answer.text()

    async def change(self, path: str, changes: Json) -> None:
        """Change an object."""
        answer = await self.api.patch(path, json=changes)
        assert answer.status == 200, await answer.text()

    async def remove(self, path: str) -> None:
        """Delete an object."""
        answer = await self.api.delete(path)
        assert answer.status == 200, await answer.text()


@pytest.fixture
async def emulated() -> AsyncIterator[Emulated]:
    """A cluster with the Deployment and one pod that is ready."""
    async with KubernetesEmulator() as api, Server(api) as server:
        made = Emulated(api, server.port)
        await made.make(DEPLOYMENTS_PATH, deployment(2, 1))
        await made.make(PODS_PATH, ready("driver-a"))
        yield made


async def test_what_happens_in_the_cluster_is_seen(tmp_path: Path, emulated: Emulated) -> None:
    """Pods that come, change and go; a Deployment that is scaled by somebody else."""
    async with following(connect(tmp_path, emulated.url)) as watch:
        view = await until(watch, lambda v: v.known)
        assert (view.namespace, view.deployment, view.problem) == ("load", "driver", None)
        assert view.workload is not None
        assert (view.workload.desired, view.workload.ready) == (2, 1)
        assert [(p.name, p.node, p.ready) for p in view.pods] == [("driver-a", "w1", True)]

        no_room = condition("PodScheduled", "False", "Unschedulable", "0/2 nodes are available")
        await emulated.make(PODS_PATH, pod("driver-b", conditions=(no_room,)))
        view = await until(watch, lambda v: len(v.pods) == 2)
        assert (view.pods[1].reason, view.pods[1].trouble) == ("Unschedulable", "waiting")

        await emulated.change(f"{PODS_PATH}/driver-b", {"status": ready("driver-b")["status"]})
        await until(watch, lambda v: v.pods[1].ready)
        await emulated.change(f"{DEPLOYMENTS_PATH}/driver", {"spec": {"replicas": 4}})
        await until(watch, lambda v: v.workload is not None and v.workload.desired == 4)
        await emulated.remove(f"{PODS_PATH}/driver-a")
        await until(watch, lambda v: [p.name for p in v.pods] == ["driver-b"])
    asked = emulated.requests
    assert asked[-1].headers["User-Agent"]
    lists = [r for r in asked if r.action == action.LIST]
    assert [dict(r.params) for r in lists] == [
        {"fieldSelector": "metadata.name=driver"},
        {"labelSelector": "app=spate,component=driver"},
    ]
    (first, *_) = [r for r in asked if r.action == action.WATCH and r.resource == PODS]
    assert first.params["allowWatchBookmarks"] == "true"
    assert first.params["timeoutSeconds"] == "30"
    assert {r.headers["Authorization"] for r in lists} == {"Bearer secret"}


async def test_scaling_changes_the_scale_and_nothing_else(
    tmp_path: Path, emulated: Emulated
) -> None:
    """A merge patch of the subresource: the Deployment itself is not written."""
    async with following(connect(tmp_path, emulated.url)) as watch:
        await until(watch, lambda v: v.known)
        assert await watch.scale(5) == 5
        view = await until(watch, lambda v: v.workload is not None and v.workload.desired == 5)
        assert view.problem is None
    patches = [r for r in emulated.requests if r.method == "PATCH"]
    assert [(r.url.path, r.headers["Content-Type"], r.data) for r in patches] == [
        (SCALE_PATH, "application/merge-patch+json", {"spec": {"replicas": 5}})
    ]


async def test_a_watch_that_ends_is_opened_again(tmp_path: Path, emulated: Emulated) -> None:
    """What happened meanwhile is not missed."""
    api = emulated.api
    api["watch", PODS][:2] << ({"type": "BOOKMARK", "object": {"metadata": {}}},)
    async with following(connect(tmp_path, emulated.url)) as watch:
        await until(watch, lambda v: v.known)
        await emulated.make(PODS_PATH, ready("driver-b"))
        view = await until(watch, lambda v: len(v.pods) == 2)
        assert view.problem is None
    assert sum(r.action == action.LIST and r.resource == PODS for r in emulated.requests) == 1


async def test_410_makes_it_list_again(tmp_path: Path, emulated: Emulated) -> None:
    """Both as an event of the stream and as the answer to a watch."""
    status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old: 1 (9)"}
    api = emulated.api
    api["watch", PODS][:1] << ({"type": "ERROR", "object": status},)
    api["watch", DEPLOYMENTS][:1] << 410 << status
    async with following(connect(tmp_path, emulated.url)) as watch:
        await until(watch, lambda v: v.known)
        await emulated.make(PODS_PATH, ready("driver-b"))
        await emulated.change(f"{DEPLOYMENTS_PATH}/driver", {"spec": {"replicas": 4}})
        view = await until(
            watch,
            lambda v: len(v.pods) == 2 and v.workload is not None and v.workload.desired == 4,
        )
        assert view.problem is None
    for what in (PODS, DEPLOYMENTS):
        assert sum(r.action == action.LIST and r.resource == what for r in emulated.requests) == 2


async def test_a_cluster_that_goes_and_comes_back(tmp_path: Path) -> None:
    """The view grows old, says so, and is right again; scaling says what to check meanwhile."""
    async with KubernetesEmulator() as api:
        async with Server(api) as server:
            port = server.port
            made = Emulated(api, port)
            await made.make(DEPLOYMENTS_PATH, deployment(2, 1))
            await made.make(PODS_PATH, ready("driver-a"))
            # kmock does not end a watch when it is told to, and does not go before that.
            cluster = connect(tmp_path, made.url, answer_within_s=0.5, watch_s=1)
            watch = FleetWatch(cluster, "driver", Clock(), scale_within_s=0.5, dice=lambda: 0.0)
            running = asyncio.create_task(watch.run())
            await until(watch, lambda v: v.known)
        view = await until(watch, lambda v: "Cannot connect" in (v.problem or ""))
        assert view.problem is not None
        assert "the Kubernetes API does not answer" in view.problem
        assert "what is shown is as of" in view.problem
        assert [p.name for p in view.pods] == ["driver-a"]
        with pytest.raises(ClusterError, match="Cannot connect"):
            await watch.scale(3)
        async with Server(api, port=port):
            await made.make(PODS_PATH, ready("driver-b"))
            view = await until(watch, lambda v: v.problem is None and len(v.pods) == 2)
            assert [p.name for p in view.pods] == ["driver-a", "driver-b"]
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


# ---- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403, 404, 409, 422, 429, 500, 503])
async def test_a_refusal_says_what_the_api_said(
    tmp_path: Path, emulated: Emulated, status: int
) -> None:
    """Status and message, for each of the three calls."""
    said = {"kind": "Status", "status": "Failure", "code": status, "message": "because\n of  it"}
    for what in ("list", "watch"):
        emulated.api[what, PODS] << status << said
    emulated.api["patch", SCALE_PATH] << status << said
    cluster = connect(tmp_path, emulated.url)
    with pytest.raises(ClusterError, match=r"^because of it$") as listed:
        await cluster.listing("pods", {"labelSelector": "a=b"})
    with pytest.raises(ClusterError, match=r"^because of it$") as watched:
        async with cluster.watch("pods", {"labelSelector": "a=b"}, "1"):
            pass
    with pytest.raises(ClusterError, match=r"^because of it$") as scaled:
        await cluster.scale("driver", 3)
    assert [e.value.status for e in (listed, watched, scaled)] == [status] * 3
    await cluster.close()


async def test_a_conflict_passes(tmp_path: Path, emulated: Emulated) -> None:
    """Somebody else changed the scale at the same instant."""
    conflict = {"kind": "Status", "code": 409, "message": "the object has been modified"}
    emulated.api["patch", SCALE_PATH][:2] << 409 << conflict
    async with following(connect(tmp_path, emulated.url)) as watch:
        assert await watch.scale(6) == 6
    assert sum(r.method == "PATCH" for r in emulated.requests) == 3


async def test_a_missing_right_is_a_problem_of_the_view(tmp_path: Path, emulated: Emulated) -> None:
    """The rest of it is shown all the same."""
    refused = {"kind": "Status", "code": 403, "message": "pods is forbidden"}
    emulated.api["list", PODS] << 403 << refused
    async with following(connect(tmp_path, emulated.url)) as watch:
        view = await until(watch, lambda v: v.workload is not None and v.problem is not None)
        assert view.problem is not None
        assert view.problem.startswith(
            "the orchestrator may not get, list and watch pods in namespace load (pods is"
        )
        assert await watch.scale(3) == 3


# ---- a server of our own -----------------------------------------------------------------------


class OwnServer:
    """Answers as it is told, with or without TLS; notes the tokens that it is shown."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.accepted = "Bearer one"
        self.over = asyncio.Event()
        self.answer: Callable[[web.BaseRequest], Any] = self.well
        self.url = ""
        self.port = 0
        self._runner: web.ServerRunner | None = None

    async def start(self, context: ssl.SSLContext | None = None) -> None:
        """Listen on a free port."""
        self._runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"

    async def stop(self) -> None:
        """End all connections."""
        assert self._runner is not None
        self.over.set()
        await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.tokens.append(request.headers.get("Authorization", ""))
        answer: web.StreamResponse = await self.answer(request)
        return answer

    async def well(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer lists to whoever shows the right token."""
        if request.headers.get("Authorization", "").lower() != self.accepted.lower():
            return web.json_response({"message": "Unauthorized"}, status=401)
        items = [deployment(1)] if "deployments" in request.path else []
        return web.json_response({"metadata": {"resourceVersion": "1"}, "items": items})


@pytest.fixture
async def own() -> AsyncIterator[OwnServer]:
    """A server without TLS."""
    server = OwnServer()
    server.accepted = "Bearer secret"
    await server.start()
    yield server
    await server.stop()


async def test_an_api_that_hangs_is_not_waited_for(tmp_path: Path, own: OwnServer) -> None:
    """Each call has its limit, and the next one may work."""

    async def hang(_: web.BaseRequest) -> web.StreamResponse:
        await own.over.wait()
        return web.Response()

    own.answer = hang
    cluster = connect(tmp_path, own.url, answer_within_s=0.2)
    for call in (cluster.listing("pods", {}), cluster.scale("driver", 1)):
        with pytest.raises(ClusterError, match=r"^no answer within 0\.2 s$"):
            await call
    own.answer = own.well
    assert await cluster.listing("pods", {}) == ([], "1")
    await cluster.close()


async def test_a_watch_that_never_ends_is_left(tmp_path: Path, own: OwnServer) -> None:
    """The API was told when to end it: if nothing comes after that, the connection is dead."""

    async def silent(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"type": "BOOKMARK", "object": {}}\n\n')
        await own.over.wait()
        return response

    own.answer = silent
    cluster = connect(tmp_path, own.url, answer_within_s=0.2, watch_s=0.5)
    async with cluster.watch("pods", {}, "1") as events:
        assert await anext(events) == {"type": "BOOKMARK", "object": {}}
        with pytest.raises(ClusterError, match="does not end when it should"):
            await anext(events)
    await cluster.close()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>a proxy</html>", "sent no JSON"),
        (b"[]", "no Kubernetes API"),
        (b"{}", "no Kubernetes API"),
    ],
)
async def test_what_is_no_kubernetes_api(
    tmp_path: Path, own: OwnServer, body: bytes, said: str
) -> None:
    """Something else may listen there."""

    async def other(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=body)

    own.answer = other
    cluster = connect(tmp_path, own.url)
    with pytest.raises(ClusterError, match=said):
        await cluster.listing("deployments", OWN)
    await cluster.close()


async def test_an_answer_and_a_watch_that_break_off(tmp_path: Path, own: OwnServer) -> None:
    """Half a document is none."""

    async def half(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"metadata": ')
        assert request.transport is not None
        request.transport.close()
        return response

    own.answer = half
    cluster = connect(tmp_path, own.url)
    with pytest.raises(ClusterError, match="the answer broke off"):
        await cluster.listing("pods", {})
    async with cluster.watch("pods", {}, "1") as events:
        with pytest.raises(ClusterError, match="the watch broke off"):
            await anext(events)
    await cluster.close()


async def test_an_error_that_is_no_status(tmp_path: Path, own: OwnServer) -> None:
    """A gateway's page is shown in part; nothing at all is shown as its number."""
    bodies = [b"<h1>Bad  Gateway</h1>", b""]

    async def bad(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=502, body=bodies.pop(0))

    own.answer = bad
    cluster = connect(tmp_path, own.url)
    with pytest.raises(ClusterError, match=r"^<h1>Bad Gateway</h1>$"):
        await cluster.listing("pods", {})
    with pytest.raises(ClusterError, match=r"^HTTP 502$"):
        await cluster.listing("pods", {})
    await cluster.close()


async def test_410_is_an_error_of_its_own(tmp_path: Path, own: OwnServer) -> None:
    """So that whoever watches knows to list again."""

    async def gone(_: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({"code": 410, "message": "too old"}, status=410)

    own.answer = gone
    cluster = connect(tmp_path, own.url)
    with pytest.raises(ExpiredError, match="too old"):
        async with cluster.watch("pods", {}, "1"):
            pass
    await cluster.close()


# ---- the way to the API ------------------------------------------------------------------------


@dataclass
class InPod:
    """A pod's surroundings: a service account, the environment, and an API server with TLS."""

    server: OwnServer
    account: ServiceAccount
    environ: dict[str, str]

    def connect(self, namespace: str | None = None) -> Cluster:
        """Return a connection from inside the pod."""
        return Cluster(self.account, namespace, self.environ)


@pytest.fixture
async def in_pod(tmp_path: Path) -> AsyncIterator[InPod]:
    """An API server known by the service account's certificate, with the token ``one``."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = OwnServer()
    await server.start(context)
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    account = ServiceAccount(folder)
    account.token.write_text("one")
    (folder / "namespace").write_text("load")
    authority.cert_pem.write_to_path(str(account.certificate))
    environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(server.port)}
    yield InPod(server, account, environ)
    await server.stop()


async def test_a_pod_knows_the_way_by_its_service_account(in_pod: InPod) -> None:
    """Address, certificate, token and namespace; the namespace can be another one."""
    for namespace, used in ((None, "load"), ("other", "other")):
        cluster = in_pod.connect(namespace)
        documents, version = await cluster.listing("deployments", OWN)
        assert (len(documents), version, cluster.namespace) == (1, "1", used)
        await cluster.close()
    assert [token.lower() for token in in_pod.server.tokens] == ["bearer one"] * 2


async def test_a_token_that_changes_is_read_again(in_pod: InPod) -> None:
    """Kubelet writes a new one into the file; the old one stops being accepted."""
    cluster = in_pod.connect()
    await cluster.listing("deployments", OWN)
    in_pod.server.accepted = "Bearer two"
    in_pod.account.token.write_text("two")
    with pytest.raises(ClusterError, match="Unauthorized"):
        await cluster.listing("deployments", OWN)
    assert (await cluster.listing("deployments", OWN))[1] == "1"
    await cluster.close()
    said = [token.lower() for token in in_pod.server.tokens]
    assert said == ["bearer one", "bearer one", "bearer two"]


async def test_an_authority_that_changes_is_read_again(in_pod: InPod) -> None:
    """An API server that shows another certificate is not trusted, until the file says so."""
    other = trustme.CA()
    right = in_pod.account.certificate.read_bytes()
    other.cert_pem.write_to_path(str(in_pod.account.certificate))
    cluster = in_pod.connect()
    with pytest.raises(ClusterError, match="certificate verify failed"):
        await cluster.listing("deployments", OWN)
    in_pod.account.certificate.write_bytes(right)
    assert (await cluster.listing("deployments", OWN))[1] == "1"
    await cluster.close()


async def test_a_way_that_is_not_known_is_looked_for_again(in_pod: InPod, tmp_path: Path) -> None:
    """No address, no token, no kubeconfig, or one that is none."""
    nowhere = Cluster(in_pod.account, None, {})
    with pytest.raises(NoWayError, match="Service host/port is not set"):
        await nowhere.listing("pods", {})
    nobody = ServiceAccount(tmp_path / "nobody")
    environ = {"KUBECONFIG": str(tmp_path / "config")}
    cluster = Cluster(nobody, None, environ)
    with pytest.raises(NoWayError):
        await cluster.listing("pods", {})
    for text in ("", "a: [", "[]", "{}", '{"current-context": "x", "contexts": []}'):
        (tmp_path / "config").write_text(text)
        with pytest.raises(NoWayError):
            await cluster.listing("pods", {})
    await cluster.close()


async def test_without_a_namespace_anywhere_it_is_the_default(
    tmp_path: Path, own: OwnServer
) -> None:
    """As kubectl has it."""
    cluster = connect(tmp_path, own.url, namespace=None)
    assert await cluster.listing("pods", {}) == ([], "1")
    assert cluster.namespace == "default"
    await cluster.close()
    assert ServiceAccount(tmp_path / "nobody").namespace() is None


async def test_a_connection_that_is_closed_twice(tmp_path: Path, own: OwnServer) -> None:
    """Or never was opened."""
    cluster = connect(tmp_path, own.url)
    await cluster.close()
    await cluster.listing("pods", {})
    await cluster.close()
    await cluster.close()
    assert own.tokens == ["Bearer secret"]
