"""The parts find each other: labels, ports, names, and the variables that services know."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.chart.chart import CASES, Chart, Object, names, of_kind, pod, pods

from driver.settings import read_settings as driver_settings
from orchestrator.settings import parse_settings as orchestrator_settings
from target.settings import read_settings as target_settings

SERVICES: Mapping[str, Callable[..., Any]] = {
    "orchestrator": orchestrator_settings,
    "driver": driver_settings,
    "target": target_settings,
}
NOT_IN_THE_CHART = {"SPATE_DRIVER_LANE", "SPATE_DRIVER_RAW_FILE", "SPATE_PAGE"}
"""No affair of a pod: what is for comparisons, a file that only tests read, where the page is."""


def known(component: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    """Return the variables that a service's --help names."""
    with pytest.raises(SystemExit):
        SERVICES[component](["--help"], {})
    text = re.sub(r"\s+", " ", capsys.readouterr().out)
    form = r"\[(SPATE_[A-Z_]+)\]" if component == "target" else r"or (SPATE_[A-Z_]+) in the env"
    return set(re.findall(form, text))


@pytest.mark.parametrize("component", SERVICES)
def test_services_know_what_they_are_told(
    chart: Chart, component: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every variable is one of the service's flags, and every flag can be reached by a value."""
    told = {
        name
        for case in CASES
        for each in pods(chart.case(case))
        if each.component == component
        for name in each.env
        if name.startswith("SPATE_")
    }
    assert told == known(component, capsys) - NOT_IN_THE_CHART


@pytest.mark.parametrize("case", CASES)
def test_services_take_what_they_are_told(chart: Chart, case: str) -> None:
    """Each service reads its variables without a complaint."""
    for each in pods(chart.case(case)):
        if each.component not in SERVICES or case in ("external-tls-sasl", "postgres"):
            continue  # these name files that are only in a pod
        texts = {
            name: value if isinstance(value, str) else "from-the-pod"
            for name, value in each.env.items()
        }
        settings = SERVICES[each.component]([], texts)
        if each.component != "target":
            assert str(settings.allowed_targets) != ""
            assert settings.kafka == texts["SPATE_KAFKA_BOOTSTRAP"]


@pytest.mark.parametrize("case", CASES)
def test_selectors_find_their_pods_and_no_others(chart: Chart, case: str) -> None:
    """Whatever selects pods by labels finds exactly those of its component."""
    objects = chart.case(case)
    for selector, component in selectors(objects):
        found = {
            each.component for each in pods(objects) if selector.items() <= each.labels.items()
        }
        assert found == {component}, selector


def selectors(objects: list[Object]) -> list[tuple[Mapping[str, str], str]]:
    """Return each selector of pods, and the component that its object belongs to."""
    found = []
    for each in objects:
        spec, component = each.get("spec", {}), component_of(each)
        match each["kind"]:
            case "Service":
                found.append((spec["selector"], component))
            case "Deployment" | "StatefulSet" | "PodDisruptionBudget" | "PodMonitor":
                found.append((spec["selector"]["matchLabels"], component))
            case "NetworkPolicy":
                found.append((spec["podSelector"]["matchLabels"], component))
            case _:
                pass
    return found


def component_of(found: Object) -> str:
    """Return what an object belongs to."""
    return str(found["metadata"]["labels"]["app.kubernetes.io/component"])


@pytest.mark.parametrize("case", CASES)
def test_services_lead_to_ports(chart: Chart, case: str) -> None:
    """A Service's port is one of its pods', and monitors and probes name ports there are."""
    objects = chart.case(case)
    ports = {
        each.component: {port["name"] for port in each.container.get("ports", ())}
        for each in pods(objects)
    }
    for service in of_kind(objects, "Service").values():
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports[
            component_of(service)
        ]
    for each in pods(objects):
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            if each.component != "test":
                [action] = [
                    each.container[probe].get(kind)
                    for kind in ("httpGet", "tcpSocket")
                    if kind in each.container[probe]
                ]
                assert action["port"] in ports[each.component]
    for monitor in of_kind(objects, "PodMonitor").values():
        said = {each["port"] for each in monitor["spec"]["podMetricsEndpoints"]}
        assert said == ports["driver"]
    for monitor in of_kind(objects, "ServiceMonitor").values():
        [service] = [
            each
            for each in of_kind(objects, "Service").values()
            if monitor["spec"]["selector"]["matchLabels"].items()
            <= each["metadata"]["labels"].items()
        ]
        assert [each["port"] for each in monitor["spec"]["endpoints"]] == [
            port["name"] for port in service["spec"]["ports"]
        ]


def test_every_process_of_a_pod_is_scraped(chart: Chart) -> None:
    """Process k listens at 9101 + k, so the pod has a port for each."""
    found = pod(chart.case("monitors"), "driver")
    assert found.container["ports"] == [
        {"name": "metrics", "containerPort": 9101},
        {"name": "metrics-1", "containerPort": 9102},
        {"name": "metrics-2", "containerPort": 9103},
    ]
    assert found.env["SPATE_DRIVER_PROCESSES"] == "3"


def test_a_driver_is_told_its_cpus(chart: Chart) -> None:
    """The kernel decides unless the values say otherwise."""
    assert pod(chart.case("default"), "driver").env["SPATE_DRIVER_CPUS"] == "off"
    assert pod(chart.case("processes"), "driver").env["SPATE_DRIVER_CPUS"] == "auto"


def test_a_driver_is_called_as_its_pod(chart: Chart) -> None:
    """So that pods and drivers can be held against each other."""
    assert pod(chart.case("default"), "driver").env["SPATE_DRIVER_ID"] == {
        "fieldRef": {"fieldPath": "metadata.name"}
    }


def test_the_orchestrator_answers_to_all_its_names(chart: Chart) -> None:
    """The service's names, those of ingress and route, and what the values add."""
    assert pod(chart.case("exposed"), "orchestrator").env["SPATE_ALLOWED_HOSTS"].split(",") == [
        "orchestrator",
        "orchestrator.load",
        "orchestrator.load.svc",
        "orchestrator.load.svc.cluster.local",
        "spate.example.com",
        "load.example.com",
        "*.load.example.com",
        "10.0.0.11",
    ]


def test_the_bundled_target_is_always_allowed(chart: Chart) -> None:
    """Beside what the values name; without it only that."""
    bundled = ["target", "target.load", "target.load.svc", "target.load.svc.cluster.local"]
    for component in ("orchestrator", "driver"):
        told = {
            case: pod(chart.case(case), component).env["SPATE_ALLOWED_TARGETS"].split(",")
            for case in ("default", "external-tls-sasl", "minimal")
        }
        assert told == {
            "default": bundled,
            "external-tls-sasl": ["shop.example.com", "*.svc", "10.0.0.0/8", "fd00::/8", *bundled],
            "minimal": ["shop.example.com"],
        }


def test_the_archive_is_where_it_was_put(chart: Chart) -> None:
    """On a volume, in the pod, or in the database whose URL is in a secret."""
    kept, lost, far = (
        pod(chart.case(case), "orchestrator") for case in ("default", "minimal", "postgres")
    )
    assert kept.env["SPATE_ARCHIVE"] == lost.env["SPATE_ARCHIVE"]
    assert kept.env["SPATE_ARCHIVE"] == "sqlite:////var/lib/spate/spate.db"
    claim = {"claimName": "orchestrator-archive"}
    assert {"name": "archive", "persistentVolumeClaim": claim} in kept.spec["volumes"]
    assert {"name": "archive", "emptyDir": {"sizeLimit": "1Gi"}} in lost.spec["volumes"]
    assert far.env["SPATE_ARCHIVE_FILE"] == "/etc/spate/archive/url"
    assert "SPATE_ARCHIVE" not in far.env
    secret = {"secretName": "spate-archive", "items": [{"key": "uri", "path": "url"}]}
    assert {"name": "archive-url", "secret": secret} in far.spec["volumes"]
    claims = [set(of_kind(chart.case(c), "PersistentVolumeClaim")) for c in CASES]
    assert claims.count({"orchestrator-archive"}) == len(CASES) - 3
    existing = {"orchestrator": {"persistence": {"existingClaim": "mine"}}}
    assert of_kind(chart.objects(existing), "PersistentVolumeClaim") == {}


def test_names_can_be_changed(chart: Chart) -> None:
    """Every object follows, and everything that refers to one."""
    given = {"orchestrator": "brain", "driver": "arm", "target": "wall", "kafka": "spine"}
    renamed = names(chart.case("names"))
    pattern = re.compile("|".join(given))
    assert renamed == {
        pattern.sub(lambda old: given[old[0]], name) for name in names(chart.case("default"))
    }
    objects = chart.case("names")
    brain = pod(objects, "orchestrator")
    assert brain.env["SPATE_KUBERNETES_DEPLOYMENT"] == "arm"
    assert brain.env["SPATE_KAFKA_BOOTSTRAP"] == "spine.load.svc:9092"
    assert brain.env["SPATE_ALLOWED_HOSTS"].endswith(",brain.load.svc.load.example.com")
    assert brain.env["SPATE_ALLOWED_TARGETS"].startswith("wall,")
    assert brain.env["SPATE_SAMPLE_TARGET"] == "http://wall:8000"
    without = chart.objects({"target": {"enabled": False}, "allowedTargets": ["*.svc"]})
    assert pod(without, "orchestrator").env["SPATE_SAMPLE_TARGET"] == "none"
    assert of_kind(objects, "Role")["brain"]["rules"][2]["resourceNames"] == ["arm"]
    assert (
        "target: http://wall:8000"
        in of_kind(objects, "ConfigMap")["brain-test"]["data"]["plan.yaml"]
    )
    assert "CLIENT://spine.load.svc:9092" in pod(objects, "kafka").env["KAFKA_ADVERTISED_LISTENERS"]
