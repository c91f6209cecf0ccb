"""The chart as helm renders it: plain objects, or a refusal."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "deploy" / "helm" / "spate"
CASES = {path.name.removesuffix("-values.yaml"): path for path in sorted(FOLDER.glob("ci/*.yaml"))}
"""The values with which the chart is checked, by what they are about."""

NAMESPACE = "load"
RELEASE = "rel"

Object = Mapping[str, Any]
Values = Mapping[str, Any]


class RefusedError(Exception):
    """Helm did not render the chart; the text is what it said."""


class Chart:
    """Renders the chart with a given helm."""

    def __init__(self, helm: Path, environ: Mapping[str, str]) -> None:
        self._helm = helm
        self._environ = dict(environ)
        self.case = cache(self._case)
        """Return the objects of a case by its name; rendered once."""

    def run(self, *words: str, values: Values | None = None) -> str:
        """Return what helm prints.

        Raises:
            RefusedError: with what it says, if it fails.
        """
        argv = [str(self._helm), *words]
        if values is not None:
            argv += ["--values", "-"]
        done = subprocess.run(
            argv,
            input=None if values is None else json.dumps(values),
            capture_output=True,
            text=True,
            check=False,
            env=self._environ,
            timeout=60,
        )
        if done.returncode:
            raise RefusedError(done.stderr + done.stdout)
        return done.stdout

    def objects(self, values: Values | None = None, *words: str) -> list[Object]:
        """Return what is installed with these values."""
        given = {} if values is None else values
        text = self.run(
            "template", RELEASE, str(FOLDER), "--namespace", NAMESPACE, *words, values=given
        )
        return [found for found in yaml.safe_load_all(text) if found]

    def notes(self, values: Values | None = None) -> str:
        """Return what is said after an installation with these values."""
        given = {} if values is None else values
        words = ("--namespace", NAMESPACE, "--dry-run=client", "--hide-secret")
        text = self.run("install", RELEASE, str(FOLDER), *words, values=given)
        return text.partition("\nNOTES:\n")[2]

    def refusal(self, values: Values) -> str:
        """Return why these values are refused.

        Raises:
            AssertionError: if they are not.
        """
        try:
            self.objects(values)
        except RefusedError as error:
            return str(error)
        raise AssertionError(f"not refused: {values}")

    def _case(self, name: str) -> list[Object]:
        return self.objects(yaml.safe_load(CASES[name].read_text()))


@dataclass(frozen=True, slots=True)
class PodSpec:
    """A pod, or what a Deployment or StatefulSet makes pods of."""

    owner: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    spec: Object

    @property
    def component(self) -> str:
        """Which part of Spate it is."""
        return self.labels["app.kubernetes.io/component"]

    @property
    def container(self) -> Object:
        """Its only container."""
        [only] = self.spec["containers"]
        assert "initContainers" not in self.spec
        found: Object = only
        return found

    @property
    def env(self) -> dict[str, Any]:
        """The container's variables: their texts, or where they come from."""
        return {
            each["name"]: each.get("value", each.get("valueFrom"))
            for each in self.container.get("env", ())
        }


def pods(objects: Sequence[Object]) -> Iterator[PodSpec]:
    """Yield every pod that these objects are or make."""
    for found in objects:
        name = f"{found['kind']}/{found['metadata']['name']}"
        if found["kind"] == "Pod":
            meta, spec = found["metadata"], found["spec"]
        elif found["kind"] in ("Deployment", "StatefulSet"):
            meta, spec = found["spec"]["template"]["metadata"], found["spec"]["template"]["spec"]
        else:
            continue
        yield PodSpec(name, meta["labels"], meta.get("annotations", {}), spec)


def pod(objects: Sequence[Object], component: str) -> PodSpec:
    """Return the pod of a component."""
    [found] = [each for each in pods(objects) if each.component == component]
    return found


def of_kind(objects: Sequence[Object], kind: str) -> dict[str, Any]:
    """Return the objects of a kind by name."""
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


def names(objects: Sequence[Object]) -> set[str]:
    """Return ``Kind/name`` of each object."""
    return {f"{each['kind']}/{each['metadata']['name']}" for each in objects}
