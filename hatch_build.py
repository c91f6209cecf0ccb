"""Compiles the driver's lane when Spate is installed or a wheel is made.

Without a C compiler or Python's headers Spate is installed all the same, and the driver sends
through pure Python, at some six times the CPU a request (docs/adr/0029-the-lane.md). Where
``SPATE_BUILD_LANE=required`` is set that is an error instead: the images set it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("services/driver/driver/_lane.c")
FLAGS = ("-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-fvisibility=hidden")


class LaneHook(BuildHookInterface[Any]):
    """Puts the compiled lane beside its source (editable) or into the wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, where the driver is part of what is built.

        Raises:
            SystemExit: if the lane is required and cannot be compiled.
        """
        source = Path(self.root) / SOURCE
        if not source.is_file():
            return
        name = f"_lane.{sysconfig.get_config_var('SOABI')}.so"
        editable = version == "editable"
        folder = source.parent if editable else Path(tempfile.mkdtemp(prefix="spate-lane-"))
        problem = compile_lane(source, folder / name)
        if problem is None and not editable:
            build_data["force_include"][str(folder / name)] = f"driver/{name}"
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
        if problem is not None:
            required = os.environ.get("SPATE_BUILD_LANE") == "required"
            self.app.display_warning(f"The driver's lane is not built: {problem}.")
            if required:
                raise SystemExit(1)


def compile_lane(source: Path, target: Path) -> str | None:
    """Compile the extension; return why that was not possible, None if it was.

    An older one is gone in any case, but whoever has it open keeps it.
    """
    target.unlink(missing_ok=True)
    compiler = shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")
    if compiler is None:
        return "there is no C compiler (on Debian and Ubuntu: apt install gcc libc6-dev)"
    headers = sysconfig.get_path("include")
    if not Path(headers, "Python.h").is_file():
        return "Python's headers are missing (on Debian and Ubuntu: apt install python3-dev)"
    partial = target.with_suffix(".part")
    done = subprocess.run(  # noqa: S603 - the compiler that this machine names
        [compiler, *FLAGS, f"-I{headers}", str(source), "-o", str(partial)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.stderr.write(done.stderr)
        return f"{compiler} failed"
    partial.replace(target)
    return None
