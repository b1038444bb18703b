"""The chart as text and as objects: each profile is rendered once for all tests of a process."""

import functools
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[2]
CHART = REPOSITORY / "charts" / "causerie"
PROFILES = sorted(path.stem for path in (CHART / "ci").glob("*.yaml"))
HELM = Path(sys.executable).parent / "helm"
HELM_SECONDS = 60.0
RELEASE, NAMESPACE = "chat", "messaging"
SERVICES = ("api", "gateway", "worker")

Object = dict[str, Any]


class Refused(Exception):
    """Helm would not render; the message is what it said."""


def helm(*arguments: str | Path, given: str = "") -> str:
    """What helm prints.

    Raises:
        Refused: it failed.
    """
    ran = subprocess.run(
        [HELM, *arguments], input=given, capture_output=True, text=True, timeout=HELM_SECONDS, check=False
    )
    if ran.returncode:
        raise Refused(ran.stderr.strip() or ran.stdout.strip())
    return ran.stdout


def template(profile: str, values: Mapping[str, object] | None = None, *more: str, release: str = RELEASE) -> str:
    """A profile as Helm renders it, with other values on top."""
    return helm(
        *("template", release, CHART, "--namespace", NAMESPACE, *more),
        *("--values", CHART / "ci" / f"{profile}.yaml", "--values", "-"),
        given=json.dumps(values or {}),
    )


@functools.cache
def text_of(profile: str) -> str:
    return template(profile)


@functools.cache
def objects_of(profile: str) -> tuple[Object, ...]:
    return tuple(parsed(text_of(profile)))


class _Strict(yaml.CSafeLoader):
    """YAML in which a key stands once: PyYAML would take the last and say nothing."""


def _once(loader: _Strict, node: yaml.MappingNode) -> Object:
    keys = [loader.construct_object(key) for key, _ in node.value]
    twice = [key for key, count in Counter(keys).items() if count > 1]
    assert not twice, f"{twice} stands twice in line {node.start_mark.line + 1}"
    mapping: Object = loader.construct_mapping(node, deep=True)
    return mapping


_Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _once)


def parsed(text: str) -> list[Object]:
    return [each for each in yaml.load_all(text, Loader=_Strict) if each]


def rendered(profile: str, values: Mapping[str, object], *more: str) -> list[Object]:
    """The objects of a profile with other values."""
    return parsed(template(profile, values, *more))


def find(objects: tuple[Object, ...] | list[Object], kind: str, component: str | None = None) -> Object:
    """The one object of that kind and component."""
    found = [each for each in of_kind(objects, kind) if component is None or component_of(each) == component]
    assert len(found) == 1, f"{len(found)} {kind} of {component}"
    return found[0]


def of_kind(objects: tuple[Object, ...] | list[Object], kind: str) -> list[Object]:
    return [each for each in objects if each["kind"] == kind]


def component_of(each: Object) -> str | None:
    label: str | None = each["metadata"].get("labels", {}).get("app.kubernetes.io/component")
    return label


def pods_of(objects: tuple[Object, ...] | list[Object]) -> Iterator[tuple[str, Object]]:
    """Every pod there will be: where it comes from, and its metadata and spec."""
    for each in objects:
        where = f"{each['kind']}/{each['metadata']['name']}"
        match each["kind"]:
            case "Pod":
                yield where, each
            case "Deployment" | "StatefulSet" | "Job":
                yield where, each["spec"]["template"]
            case "CronJob":
                yield where, each["spec"]["jobTemplate"]["spec"]["template"]


def containers_of(pod: Object) -> list[Object]:
    containers: list[Object] = [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
    return containers


def service_pod(objects: tuple[Object, ...] | list[Object], component: str) -> Object:
    spec: Object = find(objects, "Deployment", component)["spec"]["template"]
    return spec


def environment_of(container: Object) -> dict[str, Object]:
    """The variables of a container by name."""
    return {each["name"]: each for each in container.get("env", [])}
