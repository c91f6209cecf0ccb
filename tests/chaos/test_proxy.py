"""The proxy hands bytes on faithfully, misbehaves exactly as told, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.chaos.proxy import DOWN, HOST, UP, Proxy

from localkafka.broker import free_port


class _Echo(socketserver.BaseRequestHandler):
    """Sends back what it gets, until the other side has no more to say."""

    def handle(self) -> None:
        """Serve one connection."""
        with contextlib.suppress(OSError):
            while data := self.request.recv(65_536):
                self.request.sendall(data)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@pytest.fixture
def server() -> Iterator[int]:
    """The port of an echo server."""
    with _Server((HOST, 0), _Echo) as echo:
        thread = threading.Thread(target=echo.serve_forever, args=(0.01,))
        thread.start()
        yield echo.server_address[1]
        echo.shutdown()
        thread.join()


@pytest.fixture
def proxy(server: int) -> Iterator[Proxy]:
    """A proxy before the echo server."""
    with Proxy(server, free_port()) as proxy:
        yield proxy


def connect(proxy: Proxy) -> socket.socket:
    """Return a connection that gives up after 5 s."""
    return socket.create_connection((HOST, proxy.port), 5)


def ask(connection: socket.socket, data: bytes) -> bytes:
    """Send, and return as many bytes of what comes back, fewer if it ends."""
    connection.sendall(data)
    return receive(connection, len(data))


def receive(connection: socket.socket, size: int) -> bytes:
    """Return so many bytes, fewer if the connection ends."""
    found = b""
    while len(found) < size and (data := connection.recv(size - len(found))):
        found += data
    return found


def hears_nothing(connection: socket.socket, for_s: float = 0.2) -> bool:
    """Tell whether nothing comes and the connection stays."""
    connection.settimeout(for_s)
    try:
        connection.recv(1)
    except TimeoutError:
        return True
    finally:
        connection.settimeout(5)
    return False


def descriptors() -> set[str]:
    """Return what this process and the server in it hold open."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the directory itself, being read
            found.add(f"{entry.name}: {entry.readlink()}")
    return found


def test_bytes_pass_and_are_counted(proxy: Proxy) -> None:
    """Several connections at once, a megabyte each way, in order."""
    sent = [os.urandom(1_000_000), os.urandom(70_000)]
    connections = [connect(proxy) for _ in sent]
    got = [b"", b""]

    def talk(place: int) -> None:
        sender = threading.Thread(target=connections[place].sendall, args=(sent[place],))
        sender.start()
        got[place] = receive(connections[place], len(sent[place]))
        sender.join()

    threads = [threading.Thread(target=talk, args=(place,)) for place in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == sent
    traffic = proxy.traffic()
    assert (traffic.accepted, traffic.open) == (2, 2)
    assert (traffic.bytes_up, traffic.bytes_down) == (1_070_000, 1_070_000)
    for connection in connections:
        connection.close()


def test_a_closed_side_is_passed_on(proxy: Proxy) -> None:
    """A client that has no more to say still gets its answer, then the end."""
    with connect(proxy) as connection:
        connection.sendall(b"last words")
        connection.shutdown(socket.SHUT_WR)
        assert receive(connection, 100) == b"last words"
        assert connection.recv(1) == b""


def test_a_cut_resets_and_refuses_until_healed(proxy: Proxy) -> None:
    """What is open is reset, what is new is refused; healed, new connections work."""
    with connect(proxy) as connection:
        assert ask(connection, b"x") == b"x"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    assert proxy.traffic().open == 0
    proxy.cut()
    proxy.heal()
    with connect(proxy) as connection:
        assert ask(connection, b"again") == b"again"


def test_a_delay_keeps_the_order(proxy: Proxy) -> None:
    """Two chunks take 0.2 s there and back, the second not twice as long; then none again."""
    proxy.delay(0.1)
    with connect(proxy) as connection:
        from_s = time.monotonic()
        connection.sendall(b"first,")
        time.sleep(0.05)
        connection.sendall(b"second")
        assert receive(connection, 12) == b"first,second"
        took_s = time.monotonic() - from_s
        print(f"there and back with two delays of 0.1 s: {took_s:.3f} s")
        assert 0.25 <= took_s < 2
        proxy.heal()
        from_s = time.monotonic()
        assert ask(connection, b"third") == b"third"
        took_s = time.monotonic() - from_s
        print(f"there and back at once: {took_s:.4f} s")
        assert took_s < 0.2


def test_half_open_keeps_still_until_healed(proxy: Proxy) -> None:
    """No byte moves on an old or a new connection; what was written arrives when it heals."""
    with connect(proxy) as old:
        assert ask(old, b"x") == b"x"
        proxy.half_open()
        old.sendall(b"held")
        assert hears_nothing(old)
        with connect(proxy) as new:
            new.sendall(b"swallowed")
            assert hears_nothing(new)
            assert (proxy.traffic().bytes_up, proxy.traffic().bytes_down) == (1, 1)
            proxy.heal()
            assert receive(old, 4) == b"held"
            assert receive(new, 9) == b"swallowed"


def test_one_direction_alone_can_keep_still(proxy: Proxy) -> None:
    """The server hears and its answers are held; the other way round it hears nothing."""
    with connect(proxy) as connection:
        assert ask(connection, b"x") == b"x"
        proxy.half_open(DOWN)
        connection.sendall(b"abc")
        assert hears_nothing(connection)
        assert (proxy.traffic().bytes_up, proxy.traffic().bytes_down) == (4, 1)
        proxy.half_open(UP)
        assert receive(connection, 3) == b"abc"
        connection.sendall(b"de")
        assert hears_nothing(connection)
        assert (proxy.traffic().bytes_up, proxy.traffic().bytes_down) == (4, 4)
        proxy.heal()
        assert receive(connection, 2) == b"de"


def test_without_a_server_connections_end(proxy: Proxy, server: int) -> None:
    """Where nobody listens a client is accepted and reset; others are not disturbed."""
    assert server
    with Proxy(free_port(), free_port()) as lonely:
        # The reset may come before the connection is told to be open.
        with contextlib.suppress(ConnectionResetError), connect(lonely) as connection:
            assert connection.recv(1) == b""
        deadline = time.monotonic() + 5
        while lonely.traffic().open and time.monotonic() < deadline:
            time.sleep(0.01)
        assert lonely.traffic().open == 0
    with connect(proxy) as connection:
        assert ask(connection, b"x") == b"x"


def test_nothing_is_left_behind(server: int) -> None:
    """After a proxy with open, held and cut connections no thread and no descriptor remains."""
    before, threads = descriptors(), set(threading.enumerate())
    for _ in range(3):
        with Proxy(server, free_port()) as proxy, connect(proxy) as one, connect(proxy) as two:
            assert ask(one, b"x") == b"x"
            proxy.half_open()
            two.sendall(b"held")
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if not (descriptors() - before or set(threading.enumerate()) - threads):
            break
        time.sleep(0.02)
    assert descriptors() - before == set()
    assert {t for t in threading.enumerate() if t not in threads} == set()
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
