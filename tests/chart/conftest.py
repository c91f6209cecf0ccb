"""The chart, rendered by the pinned helm; without a way to that program its tests are skipped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.chart.chart import Chart
from tests.chart.scripts import script


@pytest.fixture(scope="session")
def tools() -> Path:
    """The folder of the pinned helm and kubectl, fetched once into the cache."""
    module = script("tools")
    try:
        found: Path = module.fetch(module.cache_directory())
    except module.ToolsError as error:
        pytest.skip(str(error))
    return found


@pytest.fixture(scope="session")
def chart(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Chart:
    """The chart; helm keeps what it keeps in a folder of its own, and reaches no cluster."""
    home = tmp_path_factory.mktemp("helm")
    known = {name: value for name, value in os.environ.items() if not name.startswith("HELM_")}
    nowhere = {"HOME": str(home), "KUBECONFIG": str(home / "none")}
    return Chart(tools / "helm", known | nowhere)
