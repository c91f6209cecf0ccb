"""How a run is shown, kept and judged."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from spate_cli.display import Display, display_for
from spate_cli.result import Format


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of ``spate run``. ``out`` None is ``spate-RUN_ID``."""

    out: str | None
    form: Format
    strict: bool

    def folder(self, run_id: str) -> Path:
        """Return the directory that the report goes into."""
        return Path(self.out or f"spate-{run_id}")

    def display(self) -> Display:
        """Return where progress is shown: not on standard output where that is the report."""
        return display_for(sys.stderr if self.form == "json" else sys.stdout)
