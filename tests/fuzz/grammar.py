"""Makes responses after the grammar of RFC 9112, and with every oddity it warns of."""

from __future__ import annotations

from random import Random

from tests.fuzz import words
from tests.fuzz.verdict import NEEDLE

Rng = Random


def response(rng: Rng, method: str, strange: float) -> bytes:
    """Return what a server sends: interim responses, a final one, perhaps something after it.

    ``strange`` is the probability of each place where an oddity may stand to have one.
    """
    parts = []
    if rng.random() < 0.12:
        parts += [_interim(rng, strange) for _ in range(rng.choice((1, 1, 2, 4)))]
    if rng.random() < strange * 0.3:
        parts.append(rng.choice((b"\r\n", b"\n", b"\r\n\r\n", b" ", b"\r")))
    parts.append(_final(rng, method, strange))
    if rng.random() < strange * 0.7:
        parts.append(rng.choice(words.AFTER))
    return b"".join(parts)


def plain_response(rng: Rng, method: str) -> bytes:
    """Return a response that leaves no question open: what servers send nearly always."""
    status = rng.choice(words.PLAIN_STATUS)
    body = b"" if rng.random() < 0.1 else _body(rng)
    fields = [rng.choice(words.PLAIN_FIELDS) for _ in range(rng.choice((0, 1, 2, 4)))]
    chunked = rng.random() < 0.3
    if status not in {204, 304}:
        fields += _coding(rng, 0.0) if chunked else _length(rng, len(body), 0.0)
        wire = _plain_chunks(rng, body) if chunked else body
    else:
        wire = b""
    rng.shuffle(fields)
    lines = [b"HTTP/1.1 %d%b" % (status, rng.choice(words.PLAIN_REASONS)), *fields]
    return b"\r\n".join(lines) + b"\r\n\r\n" + (b"" if method == "HEAD" else wire)


def _interim(rng: Rng, strange: float) -> bytes:
    """Return an interim response; the odd ones say something about framing."""
    lines = [_status_line(rng, b"%d" % rng.choice(words.INTERIM), strange)]
    if rng.random() < 0.4:
        lines.append(b"Link: </a.css>; rel=preload")
    if rng.random() < strange:
        lines.append(
            rng.choice(
                (
                    b"Content-Length: 0",
                    b"Content-Length: 4",
                    b"Transfer-Encoding: chunked",
                    b"Connection: close",
                    b"Connection: keep-alive",
                    *words.ODD_FIELDS,
                )
            )
        )
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _status_line(rng: Rng, status: bytes, strange: float) -> bytes:
    """Return a status line without its end."""
    version = rng.choice(words.ODD_VERSIONS if rng.random() < strange * 0.5 else words.VERSIONS)
    code = rng.choice(words.ODD_STATUS) if rng.random() < strange * 0.4 else status
    reason = rng.choice(words.ODD_REASONS if rng.random() < strange * 0.4 else words.REASONS)
    return version + b" " + code + reason


def _final(rng: Rng, method: str, strange: float) -> bytes:
    """Return a final response."""
    status = rng.choice(words.STATUS)
    bodiless = method == "HEAD" or status in {204, 304}
    body = b"" if rng.random() < 0.1 else _body(rng)
    fields = [rng.choice(words.FIELDS) for _ in range(rng.choice((0, 1, 1, 2, 3, 6)))]
    framing = rng.choices(("length", "chunked", "close"), (5, 4, 1))[0]
    wire = body
    if framing == "length":
        fields += _length(rng, len(body), strange)
    elif framing == "chunked":
        fields += _coding(rng, strange)
        wire = _chunked(rng, body, strange)
    elif rng.random() < strange:
        fields += _coding(rng, 1.0)
    if rng.random() < strange * 0.2:
        fields += _coding(rng, strange) if framing == "length" else _length(rng, 3, strange)
    if rng.random() < 0.15:
        fields.append(rng.choice((b"Connection: ", b"connection:")) + rng.choice(words.OPTIONS))
    if rng.random() < strange:
        fields.append(rng.choice(words.ODD_FIELDS))
    rng.shuffle(fields)
    lines = [_status_line(rng, b"%d" % status, strange), *fields]
    if bodiless and rng.random() > strange * 0.3:
        wire = b""
    head = b"\r\n".join(lines) + b"\r\n\r\n"
    if rng.random() < strange * 0.5:
        head = _broken(rng, head)
    return head + wire


def _broken(rng: Rng, head: bytes) -> bytes:
    """Return the head with one line end of another kind."""
    lines = head.split(b"\r\n")
    at = rng.randrange(1, len(lines))
    return b"\r\n".join(lines[:at]) + rng.choice(words.BREAKS) + b"\r\n".join(lines[at:])


def _body(rng: Rng) -> bytes:
    """Return a body; one in two holds the needle."""
    size = rng.choice((1, 2, 5, 5, 20, 20, 60, 300))
    if rng.random() < 0.01:
        size = 20_000
    body = rng.randbytes(size) if rng.random() < 0.3 else b"a\r\nb0: "[: size % 8] * (size // 8 + 1)
    return body + NEEDLE.encode() * rng.randrange(2)


def _length(rng: Rng, length: int, strange: float) -> list[bytes]:
    """Return the fields that tell the length."""
    name = rng.choice((b"Content-Length:", b"Content-Length: ", b"content-length: "))
    if rng.random() >= strange:
        return [name + b"%d" % length]
    match rng.randrange(6):
        case 0:
            return [name + b"%d" % length] * 2
        case 1:
            return [name + b"%d" % length, name + b"%d" % (length + rng.choice((-1, 1, 10)))]
        case 2:
            return [name + b"%d" % max(0, length + rng.choice((-1, 1, -3, 20)))]
        case _:
            odd = rng.choice(words.ODD_LENGTHS)
            return [name + odd % ((length,) * odd.count(b"%d"))]


def _coding(rng: Rng, strange: float) -> list[bytes]:
    """Return the fields that tell the transfer coding."""
    name = rng.choice((b"Transfer-Encoding: ", b"Transfer-Encoding:", b"transfer-encoding: "))
    if rng.random() >= strange:
        return [name + rng.choice((b"chunked", b"chunked", b"Chunked"))]
    if rng.random() < 0.3:
        return [name + rng.choice(words.CODINGS), name + b"chunked"][:: rng.choice((1, -1))]
    return [name + rng.choice(words.CODINGS)]


def _plain_chunks(rng: Rng, body: bytes) -> bytes:
    """Return a body in chunks, and nothing else."""
    parts: list[bytes] = []
    while body:
        size = rng.randint(1, len(body))
        parts.append(b"%x\r\n%b\r\n" % (size, body[:size]))
        body = body[size:]
    return b"".join((*parts, b"0\r\n\r\n"))


def _chunked(rng: Rng, body: bytes, strange: float) -> bytes:
    """Return a body in chunks, with its last chunk and trailers."""
    parts: list[bytes] = []
    end = b"\r\n"
    while body:
        size = rng.randint(1, len(body))
        chunk, body = body[:size], body[size:]
        digits = rng.choice((b"%x", b"%x", b"%X", b"0%x")) % size
        if rng.random() < strange * 0.4:
            odd = rng.choice(words.ODD_SIZES)
            digits = odd % ((size,) * (odd.count(b"%x") + odd.count(b"%016x")))
        extension = rng.choice(words.EXTENSIONS[:5]) if rng.random() < 0.05 else b""
        if rng.random() < strange * 0.4:
            extension = rng.choice(words.EXTENSIONS)
        after = rng.choice(words.BREAKS) if rng.random() < strange * 0.2 else end
        parts += (digits, extension, end, chunk, after)
    last = rng.choice((b"0", b"0", b"0", b"00", b"0;a=b"))
    if rng.random() < strange * 0.2:
        last = rng.choice((b"", b"0" * 25, b"-0", b"0 ", b"0;", b"0\r\n\r\n0"))
    trailers = rng.choice(words.TRAILERS) + end if rng.random() < max(0.1, strange * 2) else b""
    if trailers and rng.random() > strange * 5:
        trailers = rng.choice(words.TRAILERS[:3]) + end
    return b"".join((*parts, last, end, trailers, end))
