"""The Kubernetes API as the orchestrator uses it: list, watch, and the scale of one Deployment.

Import this only where there is a cluster: the client takes a second and 40 MB. Of the client the
connection is used, and none of its models: those take 110 MB more, and refuse documents of a newer
cluster.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, NamedTuple

import aiohttp
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import ConfigException, list_kube_config_contexts, load_kube_config
from kubernetes.aio.config.incluster_config import InClusterConfigLoader

from orchestrator.cluster_trouble import ClusterError, ExpiredError, NoWayError
from orchestrator.pods import Document, part, parts, text
from orchestrator.service_account import ServiceAccount

_PATHS = {
    "deployments": "/apis/apps/v1/namespaces/{namespace}/deployments",
    "pods": "/api/v1/namespaces/{namespace}/pods",
}
_SCALE_PATH = "/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"
_MERGE_PATCH = "application/merge-patch+json"
_LONGEST_MESSAGE = 300
_LONGEST_ANSWER_S = 60.0


class _Way(NamedTuple):
    """How the API is reached: a client with its credentials, and the namespace."""

    client: ApiClient
    namespace: str


class Cluster:
    """A connection that is made when it is needed, and made anew where it failed.

    With a service account its token is used and read again by the minute, else what ``KUBECONFIG``
    names. ``namespace`` None is that of the service account, or of the kubeconfig.
    """

    def __init__(
        self,
        service_account: ServiceAccount,
        namespace: str | None = None,
        environ: Mapping[str, str] = os.environ,
        *,
        answer_within_s: float = 5.0,
        watch_s: float = 30.0,
    ) -> None:
        self.namespace = namespace
        self._service_account = service_account
        self._environ = environ
        self._answer_within_s = answer_within_s
        self._watch_s = watch_s
        self._way: _Way | None = None
        self._finding = asyncio.Lock()

    async def listing(self, what: str, query: Mapping[str, str]) -> tuple[list[Document], str]:
        """Return all objects of a collection and the version of the list.

        Raises:
            ClusterError: if the API refuses or does not answer.
        """
        document = await self._call("GET", _PATHS[what], {}, query)
        version = text(part(document, "metadata"), "resourceVersion")
        if version is None:
            raise ClusterError(None, "what answered is no Kubernetes API")
        return parts(document, "items"), version

    @asynccontextmanager
    async def watch(
        self, what: str, query: Mapping[str, str], version: str
    ) -> AsyncIterator[AsyncIterator[Document]]:
        """Give the events of a collection after ``version``, for about ``watch_s``.

        Raises:
            ExpiredError: if the API has forgotten that version.
            ClusterError: if it refuses, does not answer, or breaks off.
        """
        watching = {
            **query,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(math.ceil(self._watch_s)),
        }
        response = await self._open("GET", _PATHS[what], {}, watching)
        try:
            yield self._events(response)
        finally:
            response.close()

    async def scale(self, deployment: str, replicas: int) -> int:
        """Set the number of pods; return the number that the API then wants.

        Raises:
            ClusterError: if the API refuses or does not answer.
        """
        scale = {"spec": {"replicas": replicas}}
        answer = await self._call("PATCH", _SCALE_PATH, {"name": deployment}, {}, scale)
        wanted = part(answer, "spec").get("replicas", 0)  # Kubernetes leaves out a zero
        return wanted if isinstance(wanted, int) else replicas

    async def close(self) -> None:
        """Close the connections."""
        if self._way is not None:
            way, self._way = self._way, None
            await way.client.close()

    # ---- calls -------------------------------------------------------------------------------

    async def _call(
        self,
        method: str,
        path: str,
        names: Mapping[str, str],
        query: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
    ) -> Document:
        """Return the object that a call answers."""
        response = await self._open(method, path, names, query, body)
        try:
            async with asyncio.timeout(_LONGEST_ANSWER_S):
                return _document(await response.read())
        except (TimeoutError, aiohttp.ClientError) as error:
            raise ClusterError(None, f"the answer broke off: {_said(error)}") from error
        finally:
            response.close()

    async def _open(
        self,
        method: str,
        path: str,
        names: Mapping[str, str],
        query: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
    ) -> aiohttp.ClientResponse:
        """Return the response to a call once the API has agreed to it."""
        way = await self._find()
        try:
            async with asyncio.timeout(self._answer_within_s):
                request = await way.client.param_serialize(
                    method,
                    path,
                    {"namespace": way.namespace, **names},
                    list(query.items()),
                    {
                        "Accept": "application/json",
                        **({"Content-Type": _MERGE_PATCH} if body else {}),
                    },
                    body,
                    auth_settings=["BearerToken"],
                )
                answer = await way.client.call_api(*request)
                response: aiohttp.ClientResponse = answer.response
                if response.status < HTTPStatus.MULTIPLE_CHOICES:
                    return response
                error = _refusal(response.status, await response.read())
                response.close()
        except TimeoutError:
            await self._drop(way)
            message = f"no answer within {self._answer_within_s:g} s"
            raise ClusterError(None, message) from None
        except (aiohttp.ClientError, ConfigException, OSError, ValueError, RuntimeError) as failed:
            # RuntimeError: another call found the connection broken, and closed it meanwhile.
            await self._drop(way)
            raise ClusterError(None, _said(failed)) from failed
        if error.status == HTTPStatus.UNAUTHORIZED:
            await self._drop(way)  # credentials are read afresh for the next call
        raise error

    async def _events(self, response: aiohttp.ClientResponse) -> AsyncIterator[Document]:
        """Yield the events of a watch, one a line, until the API ends it."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + math.ceil(self._watch_s) + self._answer_within_s
        while True:
            try:
                async with asyncio.timeout_at(ends):
                    line = await response.content.readline()
            except TimeoutError:
                raise ClusterError(None, "the watch does not end when it should") from None
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise ClusterError(None, f"the watch broke off: {_said(error)}") from error
            if not line:
                return
            if line.strip():
                yield _document(line)

    # ---- the way -----------------------------------------------------------------------------

    async def _find(self) -> _Way:
        """Return the present connection, or make one."""
        async with self._finding:
            if self._way is None:
                configuration = Configuration()
                try:
                    async with asyncio.timeout(self._answer_within_s):
                        namespace = await self._configure(configuration)
                    self._way = _Way(ApiClient(configuration), namespace)
                except Exception as error:
                    # A kubeconfig can be wrong in any way; all of them mean the same to us.
                    raise NoWayError(_said(error)) from error
                self.namespace = namespace
            return self._way

    async def _configure(self, configuration: Configuration) -> str:
        """Fill in address and credentials; return the namespace."""
        # Many clusters' own certificates lack what Python 3.13 and later demand by default.
        configuration.disable_strict_ssl_verification = True
        account = self._service_account
        if account.mounted:
            loader = InClusterConfigLoader(
                token_filename=str(account.token),
                cert_filename=str(account.certificate),
                environ=self._environ,
            )
            loader.load_and_set(configuration)
            return self.namespace or account.namespace() or "default"
        path = self._environ.get("KUBECONFIG") or None  # None: the one in the home directory
        await load_kube_config(path, client_configuration=configuration, persist_config=False)
        _, current = list_kube_config_contexts(path)
        return self.namespace or current["context"].get("namespace") or "default"

    async def _drop(self, way: _Way) -> None:
        """Let the next call make a connection anew, unless another call has done so."""
        if self._way is way:
            self._way = None
            await way.client.close()


def _document(content: bytes) -> Document:
    try:
        document = json.loads(content)
    except ValueError:
        raise ClusterError(None, "what answered sent no JSON") from None
    if not isinstance(document, dict):
        raise ClusterError(None, "what answered is no Kubernetes API")
    return document


def _refusal(status: int, content: bytes) -> ClusterError:
    """Return the error of an answer that is not 2xx, with what the API says of it."""
    try:
        message = json.loads(content)["message"]
    except (ValueError, KeyError, TypeError):
        message = content[:_LONGEST_MESSAGE].decode(errors="replace")
    said = " ".join(str(message).split())[:_LONGEST_MESSAGE] or f"HTTP {status}"
    return ExpiredError(said) if status == HTTPStatus.GONE else ClusterError(status, said)


def _said(error: BaseException) -> str:
    return " ".join(str(error).split())[:_LONGEST_MESSAGE] or type(error).__name__
