"""A document cut into parts that fit into a record each, and joined again only if they belong.

A part is a header (magic, format version, its place among how many, the checksum of the whole
document, the run) and a slice of the compressed document. All parts of one writing carry the same
checksum, so pieces of two writings that lie beside each other in a compacted topic are told apart.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import NamedTuple

VERSION = 1
"""Of the format of checkpoints. A reader knows one version only: it starts anew from another."""

_MAGIC = b"SPCP"
_HEADER = struct.Struct(">4sHIIIH")


class _Piece(NamedTuple):
    place: int
    places: int
    checksum: int
    run_id: str
    data: bytes


def cut(name: str, run_id: str, document: bytes, limit_bytes: int) -> dict[str, bytes]:
    """Return the document in parts ``NAME-0``, ``NAME-1``, … of at most ``limit_bytes`` each.

    Raises:
        ValueError: if the limit leaves no room beside the header.
    """
    # Level 1: level 6 takes eight times as long (36 ms a minute of figures) to save a sixth.
    packed = zlib.compress(document, 1)
    run = run_id.encode()
    room = limit_bytes - _HEADER.size - len(run)
    if room <= 0:
        raise ValueError(f"a part of {limit_bytes} bytes has no room for anything")
    starts = range(0, len(packed), room)
    checksum = zlib.crc32(packed)
    return {
        f"{name}-{place}": _HEADER.pack(_MAGIC, VERSION, place, len(starts), checksum, len(run))
        + run
        + packed[start : start + room]
        for place, start in enumerate(starts)
    }


def join(parts: Mapping[str, bytes], name: str, run_id: str) -> bytes | None:
    """Return the document ``name``; None if a part of it is missing or of another writing.

    Raises:
        ValueError: if a part is damaged, of another version of the format or of another run.
        zlib.error: if it is no document that ``cut`` compressed.
    """
    pieces: list[_Piece] = []
    places = 1
    while len(pieces) < places:
        key = f"{name}-{len(pieces)}"
        if key not in parts:
            return None
        piece = _read(key, parts[key])
        if piece.run_id != run_id:
            raise ValueError(f"part {key} is of run {piece.run_id}, not of {run_id}")
        if piece.place != len(pieces):
            raise ValueError(f"part {key} says it is number {piece.place}")
        if pieces and (piece.places, piece.checksum) != (places, pieces[0].checksum):
            return None
        pieces.append(piece)
        places = piece.places
    packed = b"".join(piece.data for piece in pieces)
    if zlib.crc32(packed) != pieces[0].checksum:
        raise ValueError(f"part {name} is damaged")
    return zlib.decompress(packed)


def _read(key: str, part: bytes) -> _Piece:
    if len(part) < _HEADER.size:
        raise ValueError(f"part {key} is too short")
    magic, version, place, places, checksum, run_bytes = _HEADER.unpack_from(part)
    if magic != _MAGIC:
        raise ValueError(f"part {key} is no part of a checkpoint")
    if version != VERSION:
        raise ValueError(f"part {key} is of version {version}, not {VERSION}")
    start = _HEADER.size + run_bytes
    return _Piece(place, places, checksum, part[_HEADER.size : start].decode(), part[start:])
