"""``python -m localkafka --dir DIR [--port N]`` runs a local Kafka in the foreground."""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import sys
from pathlib import Path

from localkafka.broker import BrokerError, LocalKafka
from localkafka.jars import FetchError, fetch, write_lock

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Become the broker: this process id is the broker's afterwards."""
    parser = argparse.ArgumentParser(prog="localkafka", description=__doc__)
    parser.add_argument("--dir", type=Path, help="where data, configuration and log are kept")
    parser.add_argument("--port", type=int, help="the client port (default: kept or free)")
    parser.add_argument(
        "--with-parent", type=int, metavar="PID", help="end when this parent process ends"
    )
    parser.add_argument("--fetch", action="store_true", help="only fetch Kafka into the cache")
    parser.add_argument("--lock", action="store_true", help="only write the lock file anew")
    chosen = parser.parse_args()
    try:
        if chosen.lock:
            write_lock(_say)
            return
        classpath = fetch(_say)
        if chosen.fetch:
            return
        if chosen.dir is None:
            parser.error("--dir is needed")
        if chosen.with_parent is not None:
            _end_with(chosen.with_parent)
        kafka = LocalKafka(chosen.dir, chosen.port, classpath)
        kafka.format()
    except (FetchError, BrokerError) as error:
        sys.exit(str(error))
    _say(f"Kafka at {kafka.bootstrap}, log in {kafka.log_path}")
    os.execv(kafka.argv[0], kafka.argv)  # noqa: S606 - to be the broker, not its parent


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - this is a command


def _end_with(parent: int) -> None:
    """Ask Linux for a SIGKILL when the parent ends; it outlasts ``exec``."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the request was made
        sys.exit(1)


if __name__ == "__main__":
    main()
