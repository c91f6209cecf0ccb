"""Which arrivals of which run came in: the proof that none was sent twice."""

from __future__ import annotations

HEADER = b"spate-index"
LARGEST_INDEX = 1 << 40
MOST_RUNS = 64
_PAGE_BITS = 1 << 15


class _Run:
    """The indices of one run as a sparse bitmap: one bit each, in pages of 4 KiB."""

    __slots__ = ("distinct", "pages", "requests")

    def __init__(self) -> None:
        self.requests = 0
        self.distinct = 0
        self.pages: dict[int, bytearray] = {}

    def add(self, index: int) -> None:
        number, bit = divmod(index, _PAGE_BITS)
        page = self.pages.get(number)
        if page is None:
            page = self.pages[number] = bytearray(_PAGE_BITS // 8)
        self.requests += 1
        mask = 1 << (bit & 7)
        if not page[bit >> 3] & mask:
            page[bit >> 3] |= mask
            self.distinct += 1


class Indices:
    """Records the ``Spate-Index: RUN/INDEX`` header of each load request.

    The newest ``MOST_RUNS`` runs are kept. ``invalid`` counts headers that are not of this form.
    """

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}
        self.invalid = 0

    def record(self, header: bytes) -> None:
        """Take in the value of one header."""
        name, _, digits = header.rpartition(b"/")
        if not (name and digits.isdigit() and len(digits) < len("10000000000000")):
            self.invalid += 1
            return
        index = int(digits)
        if index >= LARGEST_INDEX:
            self.invalid += 1
            return
        key = name.decode("latin-1")
        run = self._runs.get(key)
        if run is None:
            run = self._runs[key] = _Run()
            if len(self._runs) > MOST_RUNS:
                del self._runs[next(iter(self._runs))]
        run.add(index)

    def document(self) -> dict[str, dict[str, int]]:
        """Return requests, distinct indices and duplicates of each run."""
        return {
            name: {
                "requests": run.requests,
                "distinct": run.distinct,
                "duplicates": run.requests - run.distinct,
            }
            for name, run in self._runs.items()
        }
