"""Prints what Spate and other load generators cost, and how true what they say is.

``python -m tests.bench.side_by_side [--quick] [--only closed,…] [--tools wrk,spate,…]`` runs all
tools that are here on one nginx, pinned to one core, with the tool on another. A tool that is
missing is named, with the way to get it; ``--fetch`` gets what the clients of Go, Rust and Python
can bring, into ``.bench/``. The tools take turns, and every figure is the median of the rounds.
Nothing is gated on the figures. All of it takes about an hour; --quick a quarter.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.peers.agenda import SECTIONS, Agenda
from tests.bench.peers.cores import choose_cores, raise_file_limit
from tests.bench.peers.fetch import fetch
from tests.bench.peers.load import TrialError
from tests.bench.peers.machine import machine, tools
from tests.bench.peers.page import PageError, figures_of, with_figures
from tests.bench.peers.peer import Peer
from tests.bench.peers.roster import all_peers, chosen
from tests.bench.peers.table import Table
from tests.bench.peers.target import serving
from tests.bench.peers.trial import Rig

HERE = Path(__file__).parents[2] / ".bench"
REPEAT = 5


def main() -> None:
    """Measure, print, and write the page that was asked for."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    tell = _teller()
    if options.fetch:
        fetch(HERE, tell)
    peers, missing = _present(options.tools)
    for line in missing:
        tell(line)
    try:
        _measure(options, peers, missing, tell)
    except TrialError as error:
        print(f"no more was measured: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted: what was complete is written, if a page was asked for")


def _options() -> argparse.Namespace:
    """Return the options, checked; wrong ones end the program with 2."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help=f"of {','.join(SECTIONS)} (all)")
    parser.add_argument("--tools", default="", help="wrk,spate,… (all that are here)")
    parser.add_argument("--repeat", type=int, help=f"rounds ({REPEAT}; 1 with --quick)")
    parser.add_argument("--quick", action="store_true", help="short runs, to see that all works")
    parser.add_argument("--fetch", action="store_true", help="install tools into .bench/ first")
    parser.add_argument("--out", type=Path, metavar="PAGE", help="a Markdown page to fill in")
    options = parser.parse_args()
    if options.repeat is None:
        options.repeat = 1 if options.quick else REPEAT
    try:
        options.only = chosen("--only", SECTIONS, options.only)
        options.tools = chosen("--tools", [peer.name for peer in all_peers(HERE)], options.tools)
        if options.out is not None:
            with_figures(options.out.read_text(encoding="utf-8"), "")
    except (ValueError, OSError, PageError) as error:
        parser.error(str(error))
    if options.repeat < 1:
        parser.error(f"--repeat: must be 1 or more, not {options.repeat}")
    return options


def _present(names: list[str]) -> tuple[list[Peer], list[str]]:
    """Return the tools of these names that are here, and a line on each that is not."""
    asked = [peer for peer in all_peers(HERE) if peer.name in names]
    present = [peer for peer in asked if peer.program() is not None]
    missing = [peer for peer in asked if peer not in present]
    return present, [f"{peer.name} is left out: {peer.how_to_get}" for peer in missing]


def _measure(
    options: argparse.Namespace,
    peers: list[Peer],
    missing: list[str],
    tell: Callable[[str], None],
) -> None:
    """Measure section by section; print, and write, what is complete."""
    if not peers:
        raise TrialError("none of the tools is here")
    files, cores, tables = raise_file_limit(), choose_cores(), []
    with (
        tempfile.TemporaryDirectory(prefix="side-by-side-") as folder,
        serving(Path(folder), cores.target, files) as target,
    ):
        rig = Rig(target, cores, Path(folder), tell)
        words = tools(peers, target.version)
        today = datetime.now(UTC).date().isoformat()
        medians = f"medians of {options.repeat}" if options.repeat > 1 else "one run of each"
        quick = ", shortened to see that all works: not to be relied on" if options.quick else ""
        facts = [f"{today}, {medians}{quick}.", *machine(cores), words]
        print("\n".join(facts), end="\n\n", flush=True)
        agenda = Agenda(rig, peers, options.repeat, options.quick, files, tell)
        for section in options.only:
            for table in agenda.tables(section):
                table.notes += rig.remarks()
                tables.append(table)
                print(table.text(), flush=True)
            _write(options.out, [*facts, *missing], tables)


def _write(page: Path | None, facts: list[str], tables: list[Table]) -> None:
    """Put the figures so far into the page, if there is one."""
    if page is not None:
        text = figures_of(facts, [table.markdown() for table in tables])
        page.write_text(with_figures(page.read_text(encoding="utf-8"), text), encoding="utf-8")


def _teller() -> Callable[[str], None]:
    """Return what shows progress: a line a step, with the minutes since the start."""
    began = time.monotonic()

    def tell(text: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - began), 60)
        print(f"{minutes:02}:{seconds:02}  {text}", file=sys.stderr, flush=True)

    return tell


if __name__ == "__main__":
    main()
