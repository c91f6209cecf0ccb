"""Ctrl-C, told by how often it was pressed: stop, abort, leave."""

from __future__ import annotations

import asyncio
import signal

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Turns SIGINT and SIGTERM into events, the next one with each signal.

    It must be made on the loop that takes the signals; ``close`` gives them back.
    """

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.abort = asyncio.Event()
        self.leave = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            self._loop.add_signal_handler(number, self.take)

    def take(self) -> None:
        """Take in one signal."""
        for event in (self.stop, self.abort, self.leave):
            if not event.is_set():
                event.set()
                return

    def close(self) -> None:
        """Give the signals back."""
        for number in _SIGNALS:
            self._loop.remove_signal_handler(number)
