"""A connection that looks at bodies, for plans with ``body_contains`` or HEAD.

One that does not saves the copy of each body.
"""

from __future__ import annotations

from driver.http1 import Connection


class BodyConnection(Connection):
    """Searches each body for the needle as it passes, and notes what follows a response to HEAD."""

    __slots__ = ()

    def on_body(self, chunk: bytes) -> None:
        """Search the body as it passes: a needle may lie across any number of chunks."""
        if self._complete:
            self._extra = True
            return
        if self._found:
            return
        needle = self._expectation.needle
        assert needle is not None
        window = self._tail + chunk
        if needle in window:
            self._found = True
        else:
            overlap = len(needle) - 1
            self._tail = window[-overlap:] if overlap else b""

    def on_chunk_header(self) -> None:
        """Note a chunk; after the headers of a response to HEAD it should not be there."""
        self._chunked = True
        if self._complete:
            self._extra = True
