"""Writes the JSON Schema of every message next to this file, for whoever reads the topics.

Run it after a change of ``spate.messages``: ``python tests/contract/schemas/generate.py``.
"""

from __future__ import annotations

import json
from pathlib import Path

from spate.messages import (
    Beat,
    Grants,
    Heartbeat,
    Message,
    Order,
    PlanDocument,
    Register,
    SnapshotMessage,
)

HERE = Path(__file__).parent

MODELS: tuple[type[Message], ...] = (
    Register,
    Heartbeat,
    Beat,
    Grants,
    PlanDocument,
    Order,
    SnapshotMessage,
)


def schemas() -> dict[str, str]:
    """Return the text of every schema, by the message's kind."""
    texts = {}
    for model in MODELS:
        schema = model.model_json_schema()
        # A producer always writes both, so a message without them is none.
        schema["required"] = ["kind", "v", *schema["required"]]
        kind = schema["properties"]["kind"]["const"]
        texts[kind] = json.dumps(schema, indent=2, sort_keys=True) + "\n"
    return texts


if __name__ == "__main__":
    for name, text in schemas().items():
        (HERE / f"{name}.schema.json").write_text(text)
