"""Server-sent events in any pieces."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from spate_cli.sse import EventParser, StreamEvent

STREAM = (
    "\ufeffretry: 1000\n\n: comment\n\n"
    'id: run:1\nevent: window\ndata: {"µ": 1}\n\n'
    "data: one\r\ndata:two\r\n\r\n"
    "event: state\r\rid: run:2\rdata: x\r\rdata: unfinished\n"
).encode()
EVENTS = [
    StreamEvent("run:1", "window", '{"µ": 1}'),
    StreamEvent("run:1", "message", "one\ntwo"),
    StreamEvent("run:2", "message", "x"),
]


@given(st.lists(st.integers(0, len(STREAM))))
def test_pieces_do_not_matter(cuts: list[int]) -> None:
    """However a stream is cut, also inside CRLF and inside a character, its events are the same."""
    parser = EventParser()
    edges = [0, *sorted(cuts), len(STREAM)]
    events = [event for begin, end in pairwise(edges) for event in parser.feed(STREAM[begin:end])]
    assert events == EVENTS


def test_an_event_without_data_is_none() -> None:
    """An id alone is kept for the next event; an unknown field changes nothing."""
    parser = EventParser()
    assert parser.feed(b"id: 7\nevent: end\nhue: red\n\n") == []
    assert [StreamEvent("7", "message", "")] == parser.feed(b"data\n\n")
