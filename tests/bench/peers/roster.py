"""All tools, in the order of the tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.bench.peers.hey import Hey
from tests.bench.peers.k6 import K6
from tests.bench.peers.locust import Locust
from tests.bench.peers.oha import Oha
from tests.bench.peers.peer import Peer
from tests.bench.peers.spate import Spate
from tests.bench.peers.vegeta import Vegeta
from tests.bench.peers.wrk import Wrk


def all_peers(here: Path) -> list[Peer]:
    """Return every tool; ``here`` is the folder that ``--fetch`` installs into."""
    return [kind(here) for kind in (Wrk, Spate, Oha, Hey, Vegeta, K6, Locust)]


def chosen(option: str, known: Sequence[str], names: str) -> list[str]:
    """Return the known names that a list with commas has, in their own order; all of an empty one.

    Raises:
        ValueError: if one is unknown, naming the option.
    """
    asked = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise ValueError(f"{option}: {', '.join(unknown)} is unknown; write {', '.join(known)}")
    return [name for name in known if not asked or name in asked]
