"""The table of differences between the driver and h11, each with its reason and an example."""

from __future__ import annotations

import re

from tests.fuzz import mending
from tests.fuzz.anatomy import Anatomy
from tests.fuzz.differences import Closed, Difference, Example, Later, Mended, Refused

_OK = b"HTTP/1.1 200 OK\r\n"
_TWO = b"Content-Length: 2\r\n\r\nok"
_CODED = b"Transfer-Encoding: chunked\r\n"
_CHUNKS = b"2\r\nok\r\n0\r\n\r\n"

_MOST = (1 << 64) - 1
_LENGTH, _CODING = b"content-length", b"transfer-encoding"
_HOPS = (b"connection", b"proxy-connection")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)(?!\Z)")
_FOLD = re.compile(rb"\n[ \t]")
_DIGITS = re.compile(rb"[0-9]+")
_HEX = re.compile(rb"[0-9A-Fa-f]+")
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = rb"\"(?:[^\"\\\x00-\x08\x0a-\x1f\x7f]|\\[\t\x20-\x7e\x80-\xff])*\""
_EXTENSIONS = re.compile(rb"(?:;%b(?:=(?:%b|%b))?)*" % (_TOKEN, _TOKEN, _QUOTED))


def _texts(anatomy: Anatomy) -> list[bytes]:
    """Return what consists of fields: the heads and the trailer."""
    return [*(head.raw for head in anatomy.heads), anatomy.trailer]


def _has_fold(anatomy: Anatomy) -> bool:
    return any(map(_FOLD.search, _texts(anatomy)))


def _has_bare_end(anatomy: Anatomy) -> bool:
    return any(map(_BARE.search, _texts(anatomy)))


def _has_control(anatomy: Anatomy) -> bool:
    return any(map(_CONTROL.search, _texts(anatomy)))


def _repeats_length(anatomy: Anatomy) -> bool:
    return any(len(head.items(_LENGTH)) > 1 for head in anatomy.heads)


def _has_both(anatomy: Anatomy) -> bool:
    return any(head.has(_LENGTH) and head.has(_CODING) for head in anatomy.heads)


def _is_too_long(anatomy: Anatomy) -> bool:
    lengths = [item for head in anatomy.heads for item in head.items(_LENGTH)]
    return any(_DIGITS.fullmatch(item) and int(item) > _MOST for item in lengths)


def _interim_frames(anatomy: Anatomy) -> bool:
    return any(
        head.interim and (head.has(_LENGTH, _CODING, *_HOPS) or head.version == b"HTTP/1.0")
        for head in anatomy.heads
    )


def _other_version(anatomy: Anatomy) -> bool:
    return any(head.version not in {b"HTTP/1.0", b"HTTP/1.1"} for head in anatomy.heads)


def _chunk_is_too_long(anatomy: Anatomy) -> bool:
    sizes = [found[0] for line in anatomy.lines if (found := _HEX.match(line))]
    return any(int(size, 16) > _MOST for size in sizes)


def _odd_extension(anatomy: Anatomy) -> bool:
    rests = [line[found.end() :] for line in anatomy.lines if (found := _HEX.match(line))]
    return any(not _EXTENSIONS.fullmatch(rest) for rest in rests)


def _trailer_has(anatomy: Anatomy, *names: bytes) -> bool:
    lines = anatomy.trailer.lower().split(b"\n")
    return any(line.startswith(name + b":") for line in lines for name in names)


TABLE: tuple[Difference, ...] = (
    Refused(
        "folded field",
        "5.2",
        "It hides fields from readers that do not know of it, so who may refuse it does; h11 reads "
        "it, with a space in its place.",
        Example(_OK + b"X: a\r\n b\r\n" + _TWO, "protocol", "succeeded+"),
        _has_fold,
    ),
    Refused(
        "bare CR or LF",
        "2.2",
        "Lines end with CRLF; h11 takes LF alone as well, which a recipient may.",
        Example(_OK + b"X: a\n" + _TWO, "protocol", "succeeded+"),
        _has_bare_end,
    ),
    Refused(
        "control character",
        "RFC 9110, 5.5",
        "In a field's value they are invalid; h11 lets all but the worst pass.",
        Example(_OK + b"X: \x01\r\n" + _TWO, "protocol", "succeeded+"),
        _has_control,
    ),
    Refused(
        "length told twice",
        "6.3 (5)",
        "Equal values may be refused or taken for one; h11 takes them for one.",
        Example(_OK + b"Content-Length: 2\r\n" + _TWO, "protocol", "succeeded+"),
        _repeats_length,
    ),
    Refused(
        "length and coding",
        "6.3 (3)",
        "Most likely somebody smuggles; it ought to be an error. h11 believes the coding.",
        Example(
            _OK + b"Content-Length: 2\r\n" + _CODED + b"\r\n" + _CHUNKS, "protocol", "succeeded+"
        ),
        _has_both,
    ),
    Refused(
        "length beyond 64 bits",
        "6.3",
        "A recipient must not let it overflow; h11 has integers of any size.",
        Example(_OK + b"Content-Length: 18446744073709551616\r\n\r\n", "protocol", None),
        _is_too_long,
    ),
    Refused(
        "interim response that frames",
        "RFC 9110, 8.6, and 6.1",
        "A response 1xx has neither content nor the last word on the connection, nor is it sent in "
        "HTTP/1.0. h11 passes over such fields; others may not.",
        Example(
            b"HTTP/1.1 103 Hints\r\nConnection: close\r\n\r\n" + _OK + _TWO,
            "protocol",
            "succeeded+",
        ),
        _interim_frames,
    ),
    Refused(
        "other version",
        "2.3",
        "Only HTTP/1.0 and HTTP/1.1 are spoken; h11 takes any digits.",
        Example(b"HTTP/2.0 200 OK\r\nConnection: keep-alive\r\n" + _TWO, "protocol", "succeeded+"),
        _other_version,
    ),
    Refused(
        "chunk beyond 64 bits",
        "7.1",
        "A recipient must not let it overflow; h11 has integers of any size.",
        Example(_OK + _CODED + b"\r\n10000000000000000\r\n", "protocol", None),
        _chunk_is_too_long,
    ),
    Refused(
        "chunk line with more",
        "7.1.1",
        "After the size come extensions of tokens and quoted strings, or the end; h11 takes "
        "anything after a semicolon, and spaces.",
        Example(_OK + _CODED + b"\r\n2 \r\nok\r\n0\r\n\r\n", "protocol", "succeeded+"),
        _odd_extension,
    ),
    Refused(
        "length in the trailer",
        "RFC 9110, 6.5.1",
        "A field that frames must not be in a trailer; h11 passes over it.",
        Example(
            _OK + _CODED + b"\r\n2\r\nok\r\n0\r\nContent-Length: 5\r\n\r\n",
            "protocol",
            "succeeded+",
        ),
        lambda anatomy: _trailer_has(anatomy, _LENGTH),
    ),
    Closed(
        "trailer about the connection",
        "RFC 9110, 6.5.1",
        "Whoever believes a trailer that closes would close; h11 passes over it.",
        Example(
            _OK + _CODED + b"\r\n2\r\nok\r\n0\r\nConnection: close\r\n\r\n",
            "succeeded",
            "succeeded+",
        ),
        lambda anatomy: _trailer_has(anatomy, _CODING, *_HOPS),
    ),
    Closed(
        "proxy-connection",
        "C.2.2",
        "An invention of old clients; if a server says close by it, it may close.",
        Example(_OK + b"Proxy-Connection: close\r\n" + _TWO, "succeeded", "succeeded+"),
        lambda anatomy: anatomy.final.has(b"proxy-connection"),
    ),
    Later(
        "tab after a coding",
        "5.5",
        "A tab at the end of a value counts for nothing; llhttp takes it for part of the coding's "
        "name, which it then does not know. The response ends with the connection, if it ends.",
        Example(_OK + b"Transfer-Encoding: chunked\t\r\n\r\n" + _CHUNKS, None, "succeeded+"),
        lambda anatomy: any(
            name == _CODING and value.endswith(b"\t") for name, value in anatomy.final.fields
        ),
    ),
    Later(
        "interim response with content",
        "6.3 (1)",
        "It has none, whatever it says; llhttp reads some for codes that it does not know, and "
        "what follows is refused.",
        Example(b"HTTP/1.1 104 X\r\nContent-Length: 99\r\n\r\n" + _OK + _TWO, None, "succeeded+"),
        lambda anatomy: any(h.interim and h.has(_LENGTH, _CODING) for h in anatomy.heads),
    ),
    Mended(
        "line ends before a status line",
        "2.2",
        "Nothing can be hidden in them, so they are passed over, as servers should do.",
        Example(b"\r\n" + _OK + _TWO, "succeeded+", "protocol"),
        mending.without_first_line_ends,
    ),
    Mended(
        "control character in a reason",
        "4",
        "A client should pass over the reason phrase, whatever it is.",
        Example(b"HTTP/1.1 200 \x00\r\n" + _TWO, "succeeded+", "protocol"),
        mending.with_plain_reasons,
    ),
    Mended(
        "zeros before a length",
        "RFC 9110, 8.6",
        "A length is digits, of any number; h11 takes twenty.",
        Example(_OK + b"Content-Length: 000000000000000000002\r\n\r\nok", "succeeded+", "protocol"),
        mending.without_zeros_of_length,
    ),
    Mended(
        "zeros before a chunk size",
        "7.1",
        "A size is digits, of any number; h11 takes twenty.",
        Example(
            _OK + _CODED + b"\r\n000000000000000000002\r\nok\r\n0\r\n\r\n",
            "succeeded+",
            "protocol",
        ),
        mending.without_zeros_of_chunks,
    ),
    Mended(
        "HTTP/1.0 kept alive",
        "9.3",
        "The connection persists if the response says keep-alive and has no transfer coding (6.1); "
        "h11 closes it in any case.",
        Example(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + _TWO, "succeeded+", "succeeded"),
        mending.as_1_1_kept_alive,
    ),
    Mended(
        "other transfer coding",
        "6.3 (4)",
        "Codings are not undone here. What ends with chunked ends as that says, anything else with "
        "the connection; after chunked twice the connection is not used again. h11 takes none.",
        Example(
            _OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + _CHUNKS, "succeeded+", "protocol"
        ),
        mending.with_one_coding,
    ),
    Mended(
        "coding in the trailer",
        "RFC 9110, 6.5.1",
        "It is too late to say so, and of no meaning; the connection is not used again. h11 takes "
        "it for a coding that it does not know.",
        Example(
            _OK + _CODED + b"\r\n2\r\nok\r\n0\r\nTransfer-Encoding: gzip\r\n\r\n",
            "succeeded",
            "protocol",
        ),
        mending.without_coding_in_trailer,
    ),
)
