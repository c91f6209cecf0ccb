"""Write the dashboards' JSON from their descriptions: ``python -m deploy.grafana``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from deploy.grafana.board import Board
from deploy.grafana.fleet_board import FLEET_BOARD
from deploy.grafana.run_board import RUN_BOARD
from deploy.grafana.target_board import TARGET_BOARD

FOLDER: Final = Path(__file__).resolve().parents[1] / "helm" / "spate" / "files" / "dashboards"
"""In the chart, for Helm reads nothing outside of it; ``dashboards`` here leads there."""

BOARDS: Final = (RUN_BOARD, FLEET_BOARD, TARGET_BOARD)


def text(board: Board) -> str:
    """Return the file of a dashboard."""
    return json.dumps(board.to_json(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def main() -> None:
    """Write every file, and remove what no description stands for any more."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    written = {FOLDER / f"{board.uid}.json": text(board) for board in BOARDS}
    for old in set(FOLDER.glob("*.json")) - set(written):
        old.unlink()
    for path, content in written.items():
        path.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
