"""The HTTP server: uvicorn on the caller's loop, ended by the caller."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from orchestrator.feed import Feeds

GRACE_S = 3
"""How long calls under way may take at the end; streams are ended at once."""


class ApiServer(uvicorn.Server):
    """Serves the app until ``should_exit`` is set; signals are the business of ``main``.

    Live streams never end by themselves, so those of ``feeds`` are ended before uvicorn waits
    for the calls under way; until there are any it is None.
    """

    def __init__(self, app: ASGIApp, feeds: Feeds | None, host: str, port: int) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                loop="none",
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self.feeds = feeds

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen and serve until ``should_exit``.

        Raises:
            OSError: if the address is not ours or the port is taken.
        """
        # Left to itself, uvicorn ends the whole process where it cannot listen.
        await super().serve(sockets or [listen(self.config.host, self.config.port)])

    @property
    def bound(self) -> tuple[str, int]:
        """The address and port that are listened on, once ``started`` is true."""
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        return host, port

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then everything else within ``GRACE_S``."""
        if self.feeds is not None:
            self.feeds.close()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the process's signals alone."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens there.

    Raises:
        OSError: if the address is not ours or the port is taken.
    """
    family, *_, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    dual = host == "::" and socket.has_dualstack_ipv6()
    return socket.create_server(address[:2], family=family, dualstack_ipv6=dual)
