"""The pins: one file an image, all of the same versions, all with hashes and no addresses."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "requirements"
IMAGES = ("orchestrator", "driver", "target", "cli", "kafka")
ALL = (*IMAGES, "dev", "build", "helm", "node")


def pins(name: str) -> dict[str, str]:
    """Return what a requirements file pins: package → version and hashes."""
    blocks = re.split(r"\n(?=\S)", (FOLDER / f"{name}.txt").read_text())
    return {block.split("==")[0]: block.split("==", 1)[1].strip() for block in blocks}


def asked(name: str) -> set[str]:
    """Return the packages that a ``.in`` file asks for by name."""
    lines = (FOLDER / f"{name}.in").read_text().splitlines()
    names = [re.split(r"[\[=]", line)[0] for line in lines]
    return {name for name in names if name and not name.startswith(("-", "#"))}


def installer() -> ModuleType:
    """Return ``requirements/install.py`` as a module."""
    spec = importlib.util.spec_from_file_location("install", FOLDER / "install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", [*IMAGES, "build"])
def test_images_have_the_versions_that_were_tested(name: str) -> None:
    """An image's pins are those of dev.txt, version, marker and hashes."""
    tested = pins("dev")
    image = pins(name)
    assert {package: tested.get(package) for package in image} == image


@pytest.mark.parametrize("name", ALL)
def test_what_is_asked_for_is_pinned(name: str) -> None:
    """Every package that a .in file names is in its .txt file."""
    assert asked(name) - set(pins(name)) == set()


@pytest.mark.parametrize("name", ALL)
def test_every_pin_has_a_hash_and_no_address(name: str) -> None:
    """A package is trusted for its hash, wherever it comes from."""
    text = (FOLDER / f"{name}.txt").read_text()
    assert [package for package, rest in pins(name).items() if "--hash=sha256:" not in rest] == []
    assert re.findall(r"://|--index|--find-links", text) == []


def test_dev_includes_every_image() -> None:
    """One environment can run everything."""
    included = set(re.findall(r"^-r (\w+)\.in$", (FOLDER / "dev.in").read_text(), re.MULTILINE))
    assert included == set(IMAGES)


def test_the_target_needs_little() -> None:
    """The target shares no package with us but the event loop, the parser and the metrics."""
    assert set(pins("target")) == {"httptools", "prometheus-client", "uvloop"}


def test_uv_is_told_what_pip_is_configured_to(tmp_path: Path) -> None:
    """A command's section binds more than the global one, the environment more than both."""
    listing = (
        ":env:.find-links='/not/there https://wheels.example/'\n"
        ":env:.disable-pip-version-check='1'\n"
        f":env:.cache-dir='{tmp_path}'\n"
        "download.proxy='http://proxy.example'\n"
        "global.cert='/certs/all.pem'\n"
        "global.index-url='https://first.example/simple'\n"
        "install.index-url='https://second.example/simple'\n"
    )
    assert installer().uv_environment(listing) == {
        "SSL_CERT_FILE": "/certs/all.pem",
        "UV_DEFAULT_INDEX": "https://second.example/simple",
        "UV_FIND_LINKS": "https://wheels.example/",
        "UV_CACHE_DIR": str(tmp_path / "uv"),
    }


def test_pip_installs_where_uv_cannot_be_told() -> None:
    """A setting of pip without a counterpart in uv means that pip does the work."""
    assert installer().uv_environment("global.trusted-host='mirror.example'\n") is None


def test_one_pin_is_cut_out_with_its_hashes() -> None:
    """Uv itself is installed by pip from its own lines of dev.txt."""
    uv = "uv==2 \\\n    --hash=sha256:2 \\\n    --hash=sha256:3\n"
    text = f"a==1 \\\n    --hash=sha256:1\n{uv}z==4\n"
    assert installer().pin("uv", text) == uv
    with pytest.raises(ValueError, match="uvloop is not pinned"):
        installer().pin("uvloop", text)
