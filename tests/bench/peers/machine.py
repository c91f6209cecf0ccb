"""The machine and the tools in words, without a name or a path."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path

import psutil
from tests.bench.peers.cores import Cores
from tests.bench.peers.peer import Peer


def machine(cores: Cores) -> list[str]:
    """Return lines on processor, memory, kernel and how the two sides share the cores."""
    shared = (
        "There is only one core, so target and tool share it: read nothing but Spate's own lag."
        if cores.shared
        else "The target has one core to itself, and the tool another."
    )
    available = len(os.sched_getaffinity(0))
    memory_gb = psutil.virtual_memory().total / 1e9
    kernel = platform.release().split("-")[0]
    return [
        (
            f"{cpu_model(_cpu_info())}, {available} {'core' if available == 1 else 'cores'}, "
            f"{memory_gb:.0f} GB, {platform.system()} {kernel}, {platform.machine()}. {shared}"
        ),
    ]


def tools(peers: Sequence[Peer], nginx: str) -> str:
    """Return the versions of what was measured, of the target and of Python."""
    named = [f"{peer.name} {peer.version()}" for peer in peers]
    python = platform.python_version()
    return f"{', '.join(named)}; target: nginx {nginx}; Spate runs on Python {python}."


def cpu_model(info: str) -> str:
    """Return the model of the processor by /proc/cpuinfo."""
    found = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", info, re.MULTILINE)
    return "an unknown processor" if found is None else " ".join(found.group(1).split())


def _cpu_info() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return ""
