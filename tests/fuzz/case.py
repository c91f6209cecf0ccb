"""A case is one stream of bytes with its cuts and its end; a seed and a number make it again."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tests.fuzz.grammar import plain_response, response

_APART = 8
_CUTS = (0, 0, 0, 1, 1, 2, 3, _APART)
_FEW_CUTS = (0, 0, 0, 0, 1)
_METHODS = ("GET",) * 11 + ("POST",) * 3 + ("HEAD",) * 4
_INSERTS = (
    b"\r\n",
    b"\r",
    b"\n",
    b"\x00",
    b":",
    b" ",
    b"\t",
    b"0",
    b"9",
    b",",
    b";",
    b"\xff",
    b"\x7f",
    b"a",
    b"\r\n ",
    b"\r\n\r\n",
    b"chunked",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"HTTP/1.1 ",
    b"-",
    b"\x0b",
)


@dataclass(frozen=True, slots=True)
class Case:
    """What came in answer to a request of ``method``: ``raw`` in ``chunks``, then ``eof``."""

    method: str
    raw: bytes
    chunks: tuple[bytes, ...]
    eof: bool


def case_of(seed: int, number: int) -> Case:
    """Return the case of this number: in turn a plain, a well-formed, an odd and a damaged one.

    Of the plain ones every other has a little damage.
    """
    rng = Random(seed << 64 | number)
    method = rng.choice(_METHODS)
    kind = number % 4
    if kind == 0:
        raw = plain_response(rng, method)
        if rng.random() < 0.5:
            raw = _damaged(rng, raw)
    else:
        raw = response(rng, method, (0.0, 0.0, 0.12, 0.04)[kind])
        if kind == 3:
            raw = _damaged(rng, raw)
    if rng.random() < 0.1:
        raw = raw[: rng.randrange(len(raw) + 1)]
    cuts = rng.choice(_CUTS if kind else _FEW_CUTS)
    return Case(method, raw, _cut(rng, raw, cuts), rng.random() < 0.5)


def _damaged(rng: Random, raw: bytes) -> bytes:
    """Return the bytes with a few of them changed, taken away, put in or put twice."""
    data = bytearray(raw)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if not data:
            break
        # Mostly in the head, where it matters.
        at = rng.randrange(min(len(data), 160) if rng.random() < 0.8 else len(data))
        match rng.randrange(5):
            case 0:
                data[at] = rng.randrange(256)
            case 1:
                del data[at : at + rng.randint(1, 4)]
            case 2:
                data[at:at] = rng.choice(_INSERTS)
            case 3:
                data[at] ^= 1 << rng.randrange(8)
            case _:
                data[at:at] = data[at : at + rng.randint(1, 30)]
    return bytes(data)


def _cut(rng: Random, raw: bytes, count: int) -> tuple[bytes, ...]:
    """Return the bytes cut at so many places; as many as ``_APART`` mean each byte alone."""
    if count == _APART and len(raw) < 400:
        return tuple(raw[at : at + 1] for at in range(len(raw)))
    places = sorted(rng.randrange(len(raw) + 1) for _ in range(count))
    starts, ends = (0, *places), (*places, len(raw))
    return tuple(raw[a:b] for a, b in zip(starts, ends, strict=True) if a < b)
