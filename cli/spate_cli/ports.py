"""Ports of this machine: is one free, and which."""

from __future__ import annotations

import socket

from spate_cli.exits import CommandError, Exit

LOOPBACK = "127.0.0.1"


def settle_port(wanted: int, option: str) -> int:
    """Return ``wanted`` if nobody listens there; a free port if it is 0.

    Raises:
        CommandError: if it is in use; ``option`` is how to choose another.
    """
    with socket.socket() as probe:
        # Connections of an earlier process that linger in TIME_WAIT are no reason to refuse.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, wanted))
            probe.listen(1)
        except OSError as error:
            raise CommandError(
                Exit.USAGE,
                f"port {wanted} cannot be used ({error.strerror}); choose another with {option}",
            ) from None
        port: int = probe.getsockname()[1]
        return port


def free_ports(count: int) -> list[int]:
    """Return different ports that nobody listens at now."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
