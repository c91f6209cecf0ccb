#!/usr/bin/env python3
# ruff: noqa: T201 -- a script speaks to who runs it
"""Write what Strimzi is told of the topics, from the one table of topics.

Two files: the chart's table (names without their prefix, which is a value there), and the
KafkaTopic objects for those who do not use Helm.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from spate.topics import topic_table

ROOT: Final = Path(__file__).resolve().parents[2]
REPLICAS: Final = 3
_WRITTEN: Final = "# Written by deploy/helm/topics.py from libs/spate/spate/topics.py.\n"


def texts() -> dict[Path, str]:
    """Return the content of each file by its path in the repository."""
    return {
        Path("deploy/helm/spate/files/topics.yaml"): _WRITTEN + "".join(_table()),
        Path("deploy/kafka/strimzi/topics.yaml"): _WRITTEN + "".join(_objects()),
    }


def _table() -> Iterator[str]:
    for config in topic_table(prefix="").configs:
        yield f"- name: {config.name}\n  partitions: {config.partitions}\n  settings:\n"
        yield from _lines(config.settings, 4)


def _objects() -> Iterator[str]:
    for config in topic_table().configs:
        yield (
            "---\n"
            "apiVersion: kafka.strimzi.io/v1\n"
            "kind: KafkaTopic\n"
            "metadata:\n"
            f"  name: {config.name.replace('_', '-')}\n"
            "  labels:\n"
            "    strimzi.io/cluster: kafka\n"
            "spec:\n"
            f"  topicName: {config.name}\n"
            f"  partitions: {config.partitions}\n"
            f"  replicas: {REPLICAS}\n"
            "  config:\n"
        )
        yield from _lines(config.settings, 4)


def _lines(settings: Mapping[str, str], indent: int) -> Iterator[str]:
    for name, value in settings.items():
        yield f"{' ' * indent}{name}: {json.dumps(value)}\n"


def main() -> int:
    """Write the files."""
    for path, text in texts().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
