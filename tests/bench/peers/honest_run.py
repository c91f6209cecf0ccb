"""The honesty test: each tool on a target that knows the truth, beside that truth."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
from tests.bench.peers import words
from tests.bench.peers.cores import pinned
from tests.bench.peers.honest_target import SEED
from tests.bench.peers.honesty import Record, Stall, ideal, law, truth
from tests.bench.peers.judgement import errors, verdict
from tests.bench.peers.load import QUANTILES, Load, TrialError
from tests.bench.peers.nearest import quantiles
from tests.bench.peers.peer import Peer
from tests.bench.peers.rounds import Sample, Series, take_turns
from tests.bench.peers.table import NOTHING, Table, milliseconds
from tests.bench.peers.target import cpu_s_of
from tests.bench.peers.trial import Rig, run_tool
from tests.bench.peers.usage import leashed

RATE_PER_S: Final = 500
STALL_NS: Final = 1_000_000_000
_CONNECTIONS: Final = {"schedule": 1_000, "worker": 100, "none": 64}
"""By how a tool holds a rate: as many as it may need; five requests a second each; the usual."""
_ROOT: Final = Path(__file__).parents[3]
_GRACE_S: Final = 5.0

HEAD: Final = ("tool", "schedule", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms")


@contextmanager
def honest_target(core: int, count: int) -> Iterator[tuple[str, int]]:
    """Run the target that keeps the truth; yield its address and its process id."""
    module = ("-m", "tests.bench.peers.honest_target", str(count))
    with pinned(core):
        child = subprocess.Popen(
            leashed([sys.executable, *module]), cwd=_ROOT, stdout=subprocess.PIPE, text=True
        )
    try:
        assert child.stdout is not None
        port = child.stdout.readline().strip()
        if not port:
            raise TrialError("the target of the honesty test does not start")
        yield f"http://127.0.0.1:{port}", child.pid
    finally:
        child.terminate()
        try:
            child.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        if child.stdout is not None:
            child.stdout.close()


def honesty(rig: Rig, peers: Sequence[Peer], repeat: int, seconds: int, *, stalls: bool) -> Table:
    """Return the table of one scenario."""
    count = RATE_PER_S * seconds
    stall = Stall(count * 2 // 5, STALL_NS) if stalls else None
    expected = ideal(law(SEED, count), RATE_PER_S, stall)
    with honest_target(rig.cores.target, count) as (url, pid):

        def sample(peer: Peer) -> Sample:
            at, lasts_ns = (stall.at, stall.lasts_ns) if stall else (-1, 0)
            _ask(f"{url}/begin?at={at}&lasts_ns={lasts_ns}")
            rate = None if peer.pace == "none" else RATE_PER_S
            load = Load(f"{url}/", _CONNECTIONS[peer.pace], seconds, rate_per_s=rate, fine=True)
            cpu_s = cpu_s_of(pid)
            said, usage = run_tool(peer, load, rig.folder, rig.cores.client)
            rig.watch(usage, cpu_s_of(pid) - cpu_s)
            record = _record(url)
            found = truth(record, RATE_PER_S, expected)
            true = quantiles(found.response_ns)
            return {
                **said.latency_ns,
                **{f"off {key}": value for key, value in errors(said.latency_ns, true).items()},
                "kept": float(found.kept),
                **{f"late {key}": value for key, value in quantiles(record.lateness_ns()).items()},
            }

        series = take_turns(peers, repeat, rig.tell, sample)
    return _table(series, expected, stalls=stalls)


def _ask(url: str) -> httpx.Response:
    """Ask the target for something beside the load."""
    answer = httpx.get(url, trust_env=False, timeout=30)
    return answer.raise_for_status()


def _record(url: str) -> Record:
    """Return what the target kept."""
    kept = _ask(f"{url}/record").json()
    return Record(kept["arrived"], kept["due"], kept["left"])


def _table(series: dict[str, Series], expected: Sequence[int], *, stalls: bool) -> Table:
    """Return the table: what was said in ms, and by how much that is off."""
    title = "Honesty: a stall of one second" if stalls else "Honesty: a known distribution"
    table = Table(title, HEAD, words.STALL if stalls else words.LAW)
    true = quantiles(expected)
    table.add("the truth", NOTHING, *(milliseconds(true[name]) for name in QUANTILES))
    late: list[float] = []
    for name, mine in series.items():
        if mine.problem is not None:
            table.add_word(name, mine.problem)
            continue
        if mine.shortfall is not None:
            table.notes.append(f"{name}: {mine.shortfall}")
        late += mine.values("late p99").values()
        cells = [_cell(mine.median(key), mine.median(f"off {key}")) for key in QUANTILES]
        table.add(name, "kept" if mine.median("kept") == 1.0 else "not kept", *cells)
        off = {key: mine.median(f"off {key}") for key in QUANTILES}
        table.notes.append(f"{name}, within 1 % at p50, p90, p99 and p99.9: {verdict(off)}")
    if late:
        table.notes.append(
            f"The target's own lateness, which is part of the truth: p99 {milliseconds(max(late))} "
            f"ms in the worst run"
        )
    return table


def _cell(said_ns: float | None, off: float | None) -> str:
    """Return a figure and its error: 101 (+0.2 %)."""
    if said_ns is None or off is None:
        return NOTHING
    return f"{milliseconds(said_ns)} ({off:+.1%})"
