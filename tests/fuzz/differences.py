"""Where the driver and h11 may differ, and how a difference is told from a fault.

The driver is on the safe side: a stream that two readers could take for different responses is
refused, or its connection is not used again. Where h11 is the stricter one, the driver must make of
the stream what h11 makes of it once the harmless oddity is mended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import accumulate

from tests.fuzz.anatomy import Anatomy, take_apart
from tests.fuzz.case import Case
from tests.fuzz.oracle import Truth, truth
from tests.fuzz.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Example:
    """A stream that shows a difference, and what both make of it.

    The outcomes are those of verdicts, with ``+`` where the connection is said to be reusable.
    """

    raw: bytes
    driver: str | None
    h11: str | None
    method: str = "GET"
    eof: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which the two may differ; ``section`` is of RFC 9112 if nothing else is said."""

    name: str
    section: str
    why: str
    example: Example


@dataclass(frozen=True, slots=True)
class Refused(Difference):
    """A protocol error to the driver, and not to h11, where ``applies`` says so."""

    applies: Callable[[Anatomy], bool]


@dataclass(frozen=True, slots=True)
class Closed(Difference):
    """The same response to both, but only h11 would use the connection again."""

    applies: Callable[[Anatomy], bool]


@dataclass(frozen=True, slots=True)
class Mended(Difference):
    """The driver reads what h11 reads once ``mend`` has mended the bytes; it returns them."""

    mend: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Later(Difference):
    """The driver goes on reading where h11 has come to an end."""

    applies: Callable[[Anatomy], bool]


LINE_ENDS_AFTER = Difference(
    "line ends after a response",
    "2.2",
    "Those that come with the end of a response are passed over, as before the next status line. "
    "Those that come while the connection is idle end it.",
    Example(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n\r\n", "succeeded+", "succeeded"),
)
SOONER = Difference(
    "sooner",
    "2.2",
    "The driver refuses at the first bad byte, h11 at the end of the line or the head.",
    Example(b"HTTP/1.1 200 OK\r\nX Y", "protocol", None),
)
_UNDECIDED = frozenset({None, "closed_early"})


class Judge:
    """Compares verdicts with h11's by a table of differences."""

    def __init__(self, table: Iterable[Difference]) -> None:
        self._table = tuple(table)

    def names(self, case: Case, verdict: Verdict, *, looks: bool) -> tuple[str, ...] | None:
        """Return the differences that explain the verdict: () if there are none, None if they fail.

        ``looks`` says that the body is to hold the needle.
        """
        if verdict.reusable and _is_torn(case.raw):
            return None
        found = truth(case.method, case.raw, case.eof, looks=looks)
        names = self._explained(case, case.raw, found, verdict)
        if names is None:
            mended, by = self._mended(case)
            if by:
                found = truth(case.method, mended, case.eof, looks=looks)
                more = self._explained(case, mended, found, verdict)
                names = None if more is None else (*by, *more)
        return names

    def _mended(self, case: Case) -> tuple[bytes, tuple[str, ...]]:
        """Return the bytes with everything mended that can be, and by what."""
        # What follows the head of a response to HEAD is no part of it.
        rest = take_apart(case.raw).rest if case.method == "HEAD" else b""
        names, raw = [], case.raw.removesuffix(rest)
        for each in self._table:
            if isinstance(each, Mended):
                mended = each.mend(raw)
                if mended != raw:
                    names.append(each.name)
                    raw = mended
        return raw + rest, tuple(names)

    def _explained(
        self, case: Case, raw: bytes, found: Truth, verdict: Verdict
    ) -> tuple[str, ...] | None:
        """Return why the verdict is right although h11 found this; ``raw`` is what h11 read."""
        told, heard = verdict.outcome, found.outcome
        rest = raw[found.end :]
        if verdict.whole and (told, verdict.status) == (heard, found.status):
            if verdict.bytes_received != _boundary(case, len(case.raw) - len(rest)):
                return None
            if verdict.reusable == found.reusable:
                return ()
            if verdict.reusable:
                # So much after the response, and no more, may have been passed over.
                return (LINE_ENDS_AFTER.name,) if rest and not rest.strip(b"\r\n") else None
            return self._applying(Closed, case)
        if verdict.whole:
            return None
        if told == heard:
            return ()
        if told == "protocol":
            if heard in _UNDECIDED and _refuses_later(case.method, raw):
                return (SOONER.name,)
            return self._applying(Refused, case)
        return self._applying(Later, case) if told in _UNDECIDED else None

    def _applying(self, kind: type[Refused | Closed | Later], case: Case) -> tuple[str, ...] | None:
        """Return the differences of this kind that the bytes show."""
        anatomy = take_apart(case.raw)
        names = (
            each.name for each in self._table if isinstance(each, kind) and each.applies(anatomy)
        )
        return tuple(names) or None


def _is_torn(raw: bytes) -> bool:
    """Whether a head tells both a length and a coding, which h11 lets pass (6.3)."""
    if b"transfer-encoding" not in raw.lower():
        return False
    both = (b"content-length", b"transfer-encoding")
    return any(all(map(head.has, both)) for head in take_apart(raw).heads)


def _boundary(case: Case, end: int) -> int:
    """Return how many bytes have come with the chunk in which the response ends."""
    return next(come for come in accumulate(map(len, case.chunks)) if come >= end)


def _refuses_later(method: str, raw: bytes) -> bool:
    """Whether h11 refuses the line that is under way once it ends."""
    return any(
        truth(method, raw + end, False, looks=False).outcome == "protocol"
        for end in (b"\r\n", b"\r\n\r\n")
    )
