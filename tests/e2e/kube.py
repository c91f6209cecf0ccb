"""One namespace of a real cluster, spoken to by `kubectl` and `helm`."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

JsonObject = dict[str, Any]

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "spate"
_LIMIT_S = 300.0


class CommandFailedError(Exception):
    """A command ended with another code than 0; the text is what it wrote."""


@dataclass(frozen=True)
class Kube:
    """A namespace; ``tools`` is the folder that holds the two programs."""

    tools: Path
    namespace: str

    def kubectl(self, *words: str, given: str | None = None, limit_s: float = _LIMIT_S) -> str:
        """Run kubectl in the namespace and return what it printed.

        Raises:
            CommandFailedError: if it fails.
        """
        return self._run(self.kubectl_argv(*words), given, limit_s)

    def kubectl_argv(self, *words: str) -> list[str]:
        """Return the command line of kubectl, for who starts it otherwise."""
        return [str(self.tools / "kubectl"), "--namespace", self.namespace, *words]

    def helm(
        self, *words: str, values: Mapping[str, Any] | None = None, limit_s: float = _LIMIT_S
    ) -> str:
        """Run helm in the namespace, ``values`` as its values file, and return what it printed.

        Raises:
            CommandFailedError: if it fails.
        """
        argv = [str(self.tools / "helm"), "--namespace", self.namespace, *words]
        given = None
        if values is not None:
            argv += ["--values", "-"]
            given = json.dumps(values)
        return self._run(argv, given, limit_s)

    def get(self, kind: str, *words: str) -> list[JsonObject]:
        """Return the objects of a kind."""
        found = json.loads(self.kubectl("get", kind, "--output", "json", *words))
        return list(found["items"]) if "items" in found else [found]

    def pods(self, component: str) -> list[JsonObject]:
        """Return the pods of a component that were not told to go, by name."""
        label = f"app.kubernetes.io/component={component}"
        found = [
            pod
            for pod in self.get("pods", "--selector", label)
            if "deletionTimestamp" not in pod["metadata"]
        ]
        return sorted(found, key=name_of)

    def may(self, account: str, *words: str) -> bool:
        """Tell whether a service account of the namespace may do something."""
        user = f"system:serviceaccount:{self.namespace}:{account}"
        argv = self.kubectl_argv("auth", "can-i", f"--as={user}", *words)
        said = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=_LIMIT_S)
        answer = said.stdout.strip().splitlines()
        if answer and answer[-1] in ("yes", "no"):
            return answer[-1] == "yes"
        raise CommandFailedError(f"{' '.join(argv)}\n{said.stdout}{said.stderr}")

    def logs(self, tail: int = 30) -> str:
        """Return the state of all pods and the ends of their logs, for who must find a fault."""
        parts = [
            self._attempt("get", "pods", "--output", "wide"),
            *self._attempt("get", "events", "--sort-by=.lastTimestamp").splitlines()[-40:],
        ]
        for pod in self._attempt("get", "pods", "--output", "name").split():
            parts.append(f"--- {pod}\n{self._attempt('logs', pod, f'--tail={tail}')}")
            parts.append(self._attempt("logs", pod, "--previous", f"--tail={tail}"))
        return "\n".join(parts)

    def _attempt(self, *words: str) -> str:
        try:
            return self.kubectl(*words, limit_s=20)
        except (CommandFailedError, subprocess.TimeoutExpired) as error:
            return str(error)

    def _run(self, argv: list[str], given: str | None, limit_s: float) -> str:
        done = subprocess.run(
            argv,
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            text=True,
            check=False,
            timeout=limit_s,
            env=os.environ | {"HELM_NAMESPACE": self.namespace},
        )
        if done.returncode:
            words = " ".join(argv[1:])
            raise CommandFailedError(f"{words}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout


def name_of(pod: JsonObject) -> str:
    """Return an object's name."""
    return str(pod["metadata"]["name"])


def is_ready(pod: JsonObject) -> bool:
    """Tell whether a pod's condition Ready holds."""
    conditions = pod["status"].get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
