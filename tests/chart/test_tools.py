"""helm and kubectl are the pinned ones, fetched once."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.chart.scripts import FOLDER, script


def test_the_programs_are_genuine(tools: Path) -> None:
    """Helm is of version 4, and kubectl answers as well."""
    helm = subprocess.run(
        [tools / "helm", "version", "--template={{.Version}}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert helm.stdout.startswith("v4.")
    kubectl = subprocess.run(
        [tools / "kubectl", "version", "--client", "--output=json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(kubectl.stdout)["clientVersion"]["gitVersion"].startswith("v1.")


def test_the_script_prints_where_they_are(tools: Path) -> None:
    """Make and people call it; what is there already is not fetched again."""
    done = subprocess.run(
        [sys.executable, FOLDER / "tools.py"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{tools}\n"


def test_another_pin_is_another_folder(tmp_path: Path) -> None:
    """Two checkouts with different pins do not disturb each other."""
    pins = tmp_path / "helm.txt"
    pins.write_text("one")
    first = script("tools").tools_directory(tmp_path, pins)
    pins.write_text("two")
    assert script("tools").tools_directory(tmp_path, pins) != first


def zipped(members: Mapping[str, bytes]) -> bytes:
    """Return a zip file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel that is packed like the genuine one, with two small programs in it."""
    layer = zipped({"helm/helm": b"#!/bin/sh\necho helm\n", "kubectl/kubectl": b"#!/bin/sh\n"})
    package = io.BytesIO()
    with tarfile.open(fileobj=package, mode="w:gz") as archive:
        entry = tarfile.TarInfo("package/lib/layer.zip")
        entry.size = len(layer)
        archive.addfile(entry, io.BytesIO(layer))
    info = "layer_of_tools-1.0.dist-info"
    return write_wheel(
        tmp_path,
        {
            "layer_of_tools/_jsii/layer@1.0.jsii.tgz": package.getvalue(),
            f"{info}/METADATA": b"Metadata-Version: 2.1\nName: layer-of-tools\nVersion: 1.0\n",
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": b"",
        },
    )


def write_wheel(folder: Path, members: Mapping[str, bytes]) -> Path:
    """Write a wheel into a folder of wheels."""
    path = folder / "wheels" / "layer_of_tools-1.0-py3-none-any.whl"
    path.parent.mkdir()
    path.write_bytes(zipped(members))
    return path


def pin(wheel: Path, digest: str) -> Path:
    """Write a file of pins that takes the wheel from its folder, and return it."""
    pins = wheel.parent / "pins.txt"
    pins.write_text(
        f"--no-index\n--find-links {wheel.parent}\nlayer-of-tools==1.0 --hash=sha256:{digest}\n"
    )
    return pins


def test_programs_are_taken_out_of_a_wheel(wheel: Path, tmp_path: Path) -> None:
    """They can be run, nothing else is left in the cache, and a second call fetches nothing."""
    fetch = script("tools").fetch
    pins = pin(wheel, hashlib.sha256(wheel.read_bytes()).hexdigest())
    cache = tmp_path / "cache"
    folder = fetch(cache, pins)
    assert list(cache.iterdir()) == [folder]
    assert sorted(path.name for path in folder.iterdir()) == ["helm", "kubectl"]
    assert subprocess.run([folder / "helm"], capture_output=True, check=True).stdout == b"helm\n"
    wheel.unlink()
    assert fetch(cache, pins) == folder


def test_a_wrong_hash_is_refused(wheel: Path, tmp_path: Path) -> None:
    """Nothing is unpacked and nothing is left when the wheel is not the one that was pinned."""
    module = script("tools")
    cache = tmp_path / "cache"
    with pytest.raises(module.ToolsError, match="could not be fetched: ERROR: THESE PACKAGES DO"):
        module.fetch(cache, pin(wheel, "0" * 64))
    assert list(cache.iterdir()) == []


def test_a_wheel_without_the_programs_is_refused(tmp_path: Path) -> None:
    """A wheel that holds something else is named."""
    module = script("tools")
    other = write_wheel(tmp_path, {"readme.txt": b"nothing here"})
    with pytest.raises(module.ToolsError, match="does not hold helm and kubectl"):
        module._unpack(other, tmp_path)


def test_another_machine_is_told_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The programs are made for one kind of processor."""
    module = script("tools")
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(module.ToolsError, match="x86-64, and this machine is riscv64"):
        module.fetch(tmp_path)
