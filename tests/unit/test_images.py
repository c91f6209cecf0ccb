"""The Dockerfiles keep what docs/adr/0018-images.md promises, as far as their text can show it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("orchestrator", "driver", "target")
OURS = {
    "orchestrator": {"spate", "orchestrator", "driver", "target", "spate_cli", "localkafka"},
    "driver": {"spate", "driver"},
    "target": {"target"},
}
"""Which packages of this repository each image holds."""


def instructions(service: str) -> list[tuple[str, str]]:
    """Return a Dockerfile's instructions and their arguments, lines joined."""
    text = (ROOT / "services" / service / "Dockerfile").read_text()
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    lines = [line.split(None, 1) for line in text.splitlines() if line.strip()]
    return [(name, re.sub(r"\s+", " ", rest)) for name, rest in lines]


def stages(service: str) -> dict[str, list[tuple[str, str]]]:
    """Return the instructions by stage; the last stage is called "final"."""
    found: dict[str, list[tuple[str, str]]] = {"": []}
    name = ""
    for instruction, rest in instructions(service):
        if instruction == "FROM":
            name = rest.partition(" AS ")[2] or "final"
            found[name] = []
        found[name].append((instruction, rest))
    return found


def sources(service: str) -> list[str]:
    """Return what a Dockerfile takes from the repository."""
    taken: list[str] = []
    for instruction, rest in instructions(service):
        words = rest.split()
        if instruction == "COPY" and not words[0].startswith("--from="):
            taken += [word for word in words[:-1] if not word.startswith("--")]
    return taken


def test_services_have_an_image_each() -> None:
    """There is one Dockerfile a service."""
    assert sorted(path.parent.name for path in ROOT.glob("services/*/Dockerfile")) == sorted(
        SERVICES
    )


@pytest.mark.parametrize("service", SERVICES)
def test_sources_exist_and_are_let_in(service: str) -> None:
    """Whatever is copied is in the repository, and .dockerignore shuts out all but such things."""
    ignored, *rest = (
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    )
    allowed = [line.removeprefix("!") for line in rest if line.startswith("!")]
    assert ignored == "*"
    assert [name for name in sources(service) if not (ROOT / name).exists()] == []
    assert [
        name
        for name in sources(service)
        if not any(name == each or name.startswith(f"{each}/") for each in allowed)
    ] == []


def test_nothing_else_is_let_in() -> None:
    """Each line of .dockerignore's list is there because an image takes it."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    taken = [name for service in SERVICES for name in sources(service)]
    assert [
        line
        for line in lines
        if line.startswith("!")
        and not any(name == line[1:] or name.startswith(f"{line[1:]}/") for name in taken)
    ] == []


@pytest.mark.parametrize("service", SERVICES)
def test_images_hold_what_they_run(service: str) -> None:
    """The packages of ours in an image are the listed ones."""
    folders = [name for name in sources(service) if (ROOT / name).is_dir()]
    packages = {Path(name).name for name in folders if not name.startswith("ui/")}
    assert packages == OURS[service]


@pytest.mark.parametrize("service", SERVICES)
def test_base_image_is_an_argument(service: str) -> None:
    """Every stage begins with the base image of the argument, or with what ran before."""
    begins = [rest.partition(" AS ")[0] for name, rest in instructions(service) if name == "FROM"]
    page = ["${NODE_IMAGE}"] if service == "orchestrator" else []
    assert begins == [*page, *["${PYTHON_IMAGE}"] * 3, "runtime", "runtime"]
    node = [("ARG", "NODE_IMAGE=node:20-slim")] if page else []
    assert stages(service)[""] == [("ARG", "PYTHON_IMAGE=python:3.12-slim"), *node]


def test_the_page_is_made_apart() -> None:
    """Nothing of Node but the built page gets into an image."""
    copies = [rest for name, rest in instructions("orchestrator") if name == "COPY"]
    assert [rest for rest in copies if rest.startswith("--from=page")] == [
        "--from=page /build/dist/page /opt/spate/page"
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_every_package_is_trusted_for_its_hash(service: str) -> None:
    """Each installation checks hashes and builds nothing, or has no index at all."""
    commands = [
        command
        for name, rest in instructions(service)
        if name == "RUN"
        for command in rest.split(" && ")
        if re.search(r"\bpip\b.* install ", command)
    ]
    assert commands != []
    assert [
        command
        for command in commands
        if not ("--require-hashes" in command and "--only-binary :all:" in command)
        and not ("--no-index" in command and "--no-deps" in command)
    ] == []


@pytest.mark.parametrize("service", SERVICES)
def test_what_runs_is_only_copied(service: str) -> None:
    """The last stages run no command, and leave the container to a user without a name."""
    by_stage = stages(service)
    runs = [*by_stage["runtime"], *by_stage["final"]]
    assert {name for name, _ in runs} == {
        "FROM", "ARG", "COPY", "ENV", "LABEL", "WORKDIR", "USER", "EXPOSE", "ENTRYPOINT",
    }  # fmt: skip
    assert [rest for name, rest in runs if name == "USER"] == ["10001:10001"]
    assert [rest for name, rest in runs if name == "WORKDIR"] == ["/tmp"]
    assert [json.loads(rest) for name, rest in runs if name == "ENTRYPOINT"] == [
        ["python", "-m", service]
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_labels_say_what_it_is(service: str) -> None:
    """The labels name the image, its version, its revision and its licence."""
    (labels,) = (rest for name, rest in stages(service)["final"] if name == "LABEL")
    found = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', labels))
    assert found.pop("description").startswith("Spate's ")
    assert found == {
        "title": f"spate-{service}",
        "licenses": "Apache-2.0",
        "version": "${VERSION}",
        "revision": "${REVISION}",
    }
