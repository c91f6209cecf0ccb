"""The reader that is believed: h11, which was written by others and from the grammar of the RFC."""

from __future__ import annotations

from dataclasses import dataclass

import h11
from tests.fuzz.verdict import NEEDLE, outcome_of

_LIMIT = 1 << 30
"""Bytes that h11 may hold; limits are compared by tests of their own."""

_NEEDLE = NEEDLE.encode()


@dataclass(frozen=True, slots=True)
class Truth:
    """What h11 makes of a stream.

    ``outcome``, ``status`` and ``reusable`` are those of a verdict. ``end`` is the number of bytes
    up to the end of a whole response; 0 if it is not whole. ``why`` is h11's complaint.
    """

    outcome: str | None
    status: int
    reusable: bool
    end: int
    why: str = ""


def truth(method: str, raw: bytes, eof: bool, *, looks: bool) -> Truth:
    """Return h11's opinion of the answer to a request of this method.

    ``looks`` says that the body is to hold the needle.
    """
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LIMIT)
    connection.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())
    if raw:
        connection.receive_data(raw)
    status = 0
    body: list[bytes] = []
    over = False
    while True:
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError as error:
            return Truth("closed_early" if over else "protocol", 0, False, 0, str(error))
        if type(event) is h11.Response:
            status = event.status_code
        elif type(event) is h11.Data:
            body.append(bytes(event.data))
        elif type(event) is h11.EndOfMessage:
            break
        elif event is h11.NEED_DATA:
            if not eof:
                return Truth(None, 0, False, 0)
            over = True
            connection.receive_data(b"")
    rest = len(connection.trailing_data[0])
    done = connection.our_state is h11.DONE and connection.their_state is h11.DONE
    found = not looks or _NEEDLE in b"".join(body)
    # What ends with the connection leaves none, which h11 says only when it is asked once more.
    reusable = done and not over and not rest
    return Truth(outcome_of(status, found), status, reusable, len(raw) - rest)
