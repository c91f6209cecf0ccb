"""Prints how many requests a second the HTTP client sends and what one costs in CPU time.

The server is a process of its own that answers every request with the same few bytes. Run it as
``python tests/bench/http_client.py [--connections 64] [--requests 200000] [--asyncio]``; nothing
is gated on the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import time
from multiprocessing.connection import Connection as Pipe
from typing import cast

import uvloop

from driver.arrival import Arrival
from driver.clock import Clock
from driver.requester import Requester
from spate.allowlist import Allowlist
from spate.plan import parse_plan

ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 4\r\nConnection: keep-alive\r\n\r\nPONG"
)


class Answering(asyncio.Protocol):
    """Answers each request head."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer as many requests as came."""
        self._transport.write(ANSWER * data.count(b"\r\n\r\n"))


def serve(pipe: Pipe) -> None:
    """Answer until the parent kills this process."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Answering, "127.0.0.1", 0, backlog=1024)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(run())


async def measure(port: int, connections: int, requests: int) -> None:
    """Keep all connections busy until the requests are answered, and print the figures."""
    plan = parse_plan(
        {
            "name": "bench",
            "target": f"http://127.0.0.1:{port}",
            "requests": [{"path": "/ping"}],
            "load": {"test_type": "avalanche", "message_count_per_driver": requests},
            "limits": {"connections": connections},
        }
    )
    clock = Clock()
    finished = asyncio.Event()
    service_ns: list[int] = []
    outcomes: dict[str | None, int] = {}
    submitted = 0

    def idle() -> None:
        nonlocal submitted
        if submitted < requests:
            now_ns = clock.mono_ns()
            submitted += 1
            requester.submit(Arrival(submitted - 1, 0, 0, 0, now_ns, now_ns))

    def done(arrival: Arrival) -> None:
        outcomes[arrival.outcome] = outcomes.get(arrival.outcome, 0) + 1
        service_ns.append(arrival.done_ns - arrival.sent_ns)
        if len(service_ns) == requests:
            finished.set()

    requester = Requester(
        plan=plan,
        loop=asyncio.get_running_loop(),
        clock=clock,
        allowlist=Allowlist.parse("127.0.0.0/8"),
        environ={},
        run_id="bench",
        on_sent=lambda _arrival: None,
        on_done=done,
        on_dropped=lambda _arrival, _cause: None,
        on_connected=lambda _connect_ns, _arrival: None,
        on_idle=idle,
    )
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    for _ in range(connections):
        idle()
    await finished.wait()
    elapsed_s, cpu_s = time.monotonic() - began_s, time.process_time() - began_cpu_s
    await requester.close()
    service_ns.sort()
    print(
        f"{connections:5} connections: {requests / elapsed_s:9,.0f} requests/s, "
        f"{cpu_s / requests * 1e6:5.1f} µs CPU each ({cpu_s / elapsed_s:4.0%} of a core), "
        f"service p50 {service_ns[requests // 2] / 1e6:.2f} ms, "
        f"p99 {service_ns[requests * 99 // 100] / 1e6:.2f} ms, {outcomes}"
    )


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, nargs="*", default=[1, 16, 64, 256])
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--asyncio", action="store_true", help="instead of uvloop")
    options = parser.parse_args()
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(there,), daemon=True)
    server.start()
    port: int = here.recv()
    try:
        for connections in options.connections:
            work = measure(port, connections, options.requests)
            if options.asyncio:
                asyncio.run(work)
            else:
                uvloop.run(work)
    finally:
        server.kill()
        server.join()


if __name__ == "__main__":
    main()
