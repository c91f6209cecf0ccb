"""What is measured, in order: every section gives one table or more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.bench.peers import bodies, memory, open_loop, words
from tests.bench.peers.closed import CONNECTIONS, Lengths, closed_loop, closed_table
from tests.bench.peers.honest_run import honesty
from tests.bench.peers.nginx_conf import BODIES
from tests.bench.peers.peer import Peer
from tests.bench.peers.rounds import Series
from tests.bench.peers.table import Table
from tests.bench.peers.trial import Rig

SECTIONS: Final = ("closed", "open", "honesty", "tls", "memory", "bodies")


@dataclass(slots=True)
class Agenda:
    """The tools that are here, how often each is measured, and how long."""

    rig: Rig
    peers: Sequence[Peer]
    repeat: int
    quick: bool
    files: int
    tell: Callable[[str], None]
    _rates: dict[str, float] = field(default_factory=dict)

    def tables(self, section: str) -> Iterator[Table]:
        """Yield the tables of a section."""
        yield from {
            "closed": self._closed,
            "open": self._open,
            "memory": self._memory,
            "tls": self._tls,
            "bodies": self._bodies,
            "honesty": self._honesty,
        }[section]()

    def _lengths(self, short_s: int, long_s: int) -> Lengths:
        return Lengths(short_s, short_s + 2 if self.quick else long_s, self.repeat)

    def _closed(self) -> Iterator[Table]:
        self.tell("closed loop")
        url = f"{self.rig.target.http}/small"
        series = closed_loop(
            self.rig,
            self.peers,
            self._lengths(1, 5),
            url=url,
            connections=CONNECTIONS,
            expected_per_s=10_000,
        )
        self._learn(series)
        yield closed_table("Closed loop", words.CLOSED, series)

    def _learn(self, series: dict[str, Series]) -> None:
        """Keep what each tool reached in the closed loop: no more than one core can do.

        By the clock it may seem more where somebody held up the shorter run.
        """
        for name, mine in series.items():
            reached, most = mine.median("per_s"), mine.median("per_cpu_s")
            if reached is not None and most is not None:
                self._rates[name] = min(reached, most)

    def _open(self) -> Iterator[Table]:
        url = f"{self.rig.target.http}/small"
        paced = [peer for peer in self.peers if peer.pace != "none"]
        unknown = [peer for peer in paced if peer.name not in self._rates]
        if unknown:
            self.tell("open loop: how fast each tool is")
            lengths = Lengths(1, 2, 1)
            self._learn(
                closed_loop(
                    self.rig,
                    unknown,
                    lengths,
                    url=url,
                    connections=CONNECTIONS,
                    expected_per_s=10_000,
                )
            )
        table = Table("Open loop", open_loop.HEAD, words.OPEN)
        reached = [self._rates[peer.name] for peer in paced if peer.name in self._rates]
        plans = []
        if reached:
            rate = max(100.0, round(min(reached) * open_loop.SHARE_OF_ALL, -2))
            plans.append((paced, rate))
        if "spate" in self._rates:
            own = round(self._rates["spate"] * open_loop.SHARE_OF_OWN, -2)
            plans.append(([peer for peer in paced if peer.name == "spate"], own))
        for peers, rate in plans:
            self.tell(f"open loop: {rate:,.0f} requests a second")
            series = open_loop.open_loop(
                self.rig, peers, self._lengths(1, 5), url=url, rate_per_s=rate
            )
            open_loop.add_rows(table, series, rate)
        yield table

    def _memory(self) -> Iterator[Table]:
        found = {}
        for connections in (memory.FEW, memory.MANY):
            self.tell(f"memory: {connections:,} connections")
            found[connections] = memory.memory(
                self.rig,
                self.peers,
                self.repeat,
                url=f"{self.rig.target.http}/small",
                seconds=3 if self.quick else 5,
                connections=connections,
                files=self.files,
            )
        yield memory.memory_table(found[memory.FEW], found[memory.MANY])

    def _tls(self) -> Iterator[Table]:
        for title, about, path in (
            ("TLS, connections kept", words.TLS, "small"),
            ("TLS, a handshake each", words.HANDSHAKES, "once"),
        ):
            self.tell(title)
            series = closed_loop(
                self.rig,
                self.peers,
                self._lengths(3, 7),  # Locust needs more than a second before its first request
                url=f"{self.rig.target.https}/{path}",
                connections=CONNECTIONS,
                expected_per_s=1_000,
                ca=self.rig.target.ca,
            )
            yield closed_table(title, about, series)

    def _bodies(self) -> Iterator[Table]:
        table = Table("Bodies", bodies.HEAD, words.BODIES)
        for body, size in BODIES.items():
            self.tell(f"bodies: {bodies.WORDS[body]}")
            series = closed_loop(
                self.rig,
                self.peers,
                self._lengths(1, 4),
                url=f"{self.rig.target.http}/{body}",
                connections=bodies.CONNECTIONS[body],
                expected_per_s=bodies.EXPECTED_PER_S[body],
            )
            bodies.add_bodies(table, body, size, series)
        yield table

    def _honesty(self) -> Iterator[Table]:
        for stalls in (False, True):
            self.tell("honesty: a stall" if stalls else "honesty: a known distribution")
            seconds = 5 if self.quick else 10
            yield honesty(self.rig, self.peers, self.repeat, seconds, stalls=stalls)
