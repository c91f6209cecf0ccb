"""skaffold.yaml agrees with the tree: Dockerfiles, stages, chart values, and what is synced."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SERVICES = ("orchestrator", "driver", "target")
CONFIG: dict[str, Any] = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
PROFILES: dict[str, Any] = {profile["name"]: profile for profile in CONFIG["profiles"]}
RELEASE: dict[str, Any] = CONFIG["deploy"]["helm"]["releases"][0]


def patched(*profiles: str) -> dict[str, Any]:
    """Return the configuration with the profiles' patches, all of which add."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
    for patch in [patch for profile in profiles for patch in PROFILES[profile]["patches"]]:
        assert patch["op"] == "add"
        *way, last = patch["path"].removeprefix("/").split("/")
        place: Any = config
        for step in way:
            place = place[int(step)] if isinstance(place, list) else place[step]
        place[last] = patch["value"]
    return config


def dockerfile(service: str) -> str:
    """Return a service's Dockerfile."""
    return (ROOT / "services" / service / "Dockerfile").read_text()


def copied_code(service: str) -> set[str]:
    """Return the folders of Python code that a service's image is made of."""
    sources = re.findall(r"^COPY (\S+) ", dockerfile(service), re.MULTILINE)
    return {source for source in sources if (ROOT / source / "__init__.py").is_file()}


def test_artifacts_are_the_three_images() -> None:
    """Each service's Dockerfile makes the image that is named after it."""
    assert [
        (artifact["image"], artifact["docker"]["dockerfile"])
        for artifact in CONFIG["build"]["artifacts"]
    ] == [(f"spate-{name}", f"services/{name}/Dockerfile") for name in SERVICES]


def test_the_chart_gets_each_image_whole() -> None:
    """Repository, tag and digest of every image go into the values that exist for them."""
    parts = {"repository": "REPO", "tag": "TAG", "digest": "DIGEST"}
    assert RELEASE["setValueTemplates"] == {
        f"{name}.image.{part}": f"{{{{.IMAGE_{word}_spate_{name}}}}}"
        for name in SERVICES
        for part, word in parts.items()
    }


@pytest.mark.parametrize("profiles", [(), ("dev",), ("strimzi",), ("dev", "strimzi")])
def test_values_exist_in_the_chart(profiles: tuple[str, ...]) -> None:
    """Every value that is set, with or without a profile, stands in the chart's values.yaml."""
    release = patched(*profiles)["deploy"]["helm"]["releases"][0]
    values = yaml.safe_load((ROOT / release["chartPath"] / "values.yaml").read_text())
    missing = []
    for name in [*release["setValues"], *release["setValueTemplates"]]:
        place = values
        for step in name.split("."):
            place = place.get(step) if isinstance(place, dict) else None
        if place is None:
            missing.append(name)
    assert missing == []


def test_the_forwarded_port_is_the_orchestrators() -> None:
    """The port goes to the orchestrator's Service, in the release's namespace."""
    values = yaml.safe_load((ROOT / RELEASE["chartPath"] / "values.yaml").read_text())
    assert CONFIG["portForward"] == [
        {
            "resourceType": "service",
            "resourceName": values["names"]["orchestrator"],
            "namespace": RELEASE["namespace"],
            "port": 8080,
            "localPort": 8080,
        }
    ]


@pytest.mark.parametrize(("index", "service"), list(enumerate(SERVICES)))
def test_a_changed_file_arrives_where_it_is_imported(index: int, service: str) -> None:
    """Every Python file of an image is synced to the place from which the dev stage imports it."""
    artifact = patched("dev")["build"]["artifacts"][index]
    entry = re.search(
        rf"^FROM runtime AS {artifact['docker']['target']}\n(?:.+\n)*?ENTRYPOINT (.+)$",
        dockerfile(service),
        re.MULTILINE,
    )
    assert entry is not None
    copy = Path(yaml.safe_load(entry[1])[3])
    files = [path for folder in copied_code(service) for path in (ROOT / folder).rglob("*.py")]
    arrived: dict[str, list[str]] = {}
    for path in files:
        name = path.relative_to(ROOT).as_posix()
        arrived[name] = [
            str(Path(rule["dest"]) / name.removeprefix(rule["strip"]))
            for rule in artifact["sync"]["manual"]
            if re.fullmatch(rule["src"].replace("**/*.py", r".*\.py"), name)
        ]
    folders = {folder: Path(folder).name for folder in copied_code(service)}
    assert arrived == {
        path.relative_to(ROOT).as_posix(): [str(copy / package / path.relative_to(ROOT / folder))]
        for folder, package in folders.items()
        for path in (ROOT / folder).rglob("*.py")
    }
    assert len(files) > 5


def test_only_dev_reloads() -> None:
    """Without a profile no artifact is synced or has another stage than the last."""
    assert [sorted(artifact) for artifact in CONFIG["build"]["artifacts"]] == [
        ["docker", "image"] for _ in SERVICES
    ]
    assert [artifact["docker"].get("target") for artifact in CONFIG["build"]["artifacts"]] == [
        None for _ in SERVICES
    ]
