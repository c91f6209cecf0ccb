"""The scripts of deploy/helm as modules."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).parents[2] / "deploy" / "helm"


def script(name: str) -> ModuleType:
    """Return ``deploy/helm/NAME.py`` as a module; it is no package, so it is loaded by its path."""
    known = f"deploy_helm_{name}"
    if known not in sys.modules:
        spec = importlib.util.spec_from_file_location(known, FOLDER / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[known] = module  # dataclasses look themselves up there
        spec.loader.exec_module(module)
    return sys.modules[known]
