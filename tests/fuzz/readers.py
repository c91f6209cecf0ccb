"""The readers that are judged: every way in which a driver takes in a response."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Protocol

from tests.fuzz.subject import Subject
from tests.fuzz.verdict import Verdict

from driver.body_connection import BodyConnection
from driver.http1 import Connection


class Reader(Protocol):
    """Makes a verdict of a stream."""

    def judge(self, method: str, chunks: Sequence[bytes], eof: bool) -> Verdict:
        """Return what becomes of a request of this method if these chunks come, and the end."""


Readers = dict[bool, tuple[Reader, ...]]
"""By whether they look at bodies; HEAD is for those that do."""


def readers() -> Readers:
    """Return all that there are; the lane is one where it was built."""
    plain: tuple[Reader, ...] = (Subject(Connection, looks=False),)
    if find_spec("driver._lane") is not None:
        from tests.fuzz.lane_subject import LaneSubject

        plain += (LaneSubject(),)
    return {False: plain, True: (Subject(BodyConnection, looks=True),)}
