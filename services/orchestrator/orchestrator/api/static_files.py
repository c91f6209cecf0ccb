"""The few documents that the orchestrator brings along itself, built page or not."""

from __future__ import annotations

from importlib.resources import files

BESIDE_DOCUMENTS = {
    "/docs/plain.css": ("plain.css", "text/css"),
    "/docs/waiting.js": ("waiting.js", "text/javascript"),
}
"""Where what lies that the documents in the page's place ask for: its file and its type."""


def read_static(name: str) -> bytes:
    """Return a file of ``static/``."""
    return files("orchestrator.api").joinpath("static", name).read_bytes()
