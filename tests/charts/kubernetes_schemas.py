"""What Kubernetes accepts: its own strict schemas, release by release, and those of the operators' kinds we use."""

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import kubernetes_validate
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from tests.charts.chart import Object

OLDEST = "1.30.0"
NEWEST = kubernetes_validate.utils.latest_version()
_BUNDLED = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
_OPERATORS = Path(__file__).parent / "schemas"


class NoSchema(Exception):
    """That release knows no such kind."""


def faults(each: Object, release: str) -> Iterator[str]:
    """What that release of Kubernetes would say against an object, unknown fields included.

    Raises:
        NoSchema: it knows no such kind.
    """
    where = f"{each['kind']} {each['metadata']['name']}"
    for error in _validator(each["apiVersion"], each["kind"], release).iter_errors(each):
        yield f"{where} at {'.'.join(map(str, error.path))}: {error.message[:300]}"


@functools.cache
def _validator(api_version: str, kind: str, release: str) -> Draft202012Validator:
    own = _OPERATORS / f"{kind.lower()}.json"
    if own.exists() and api_version == json.loads(own.read_text())["properties"]["apiVersion"]["const"]:
        return Draft202012Validator(json.loads(own.read_text()))
    # `rbac.authorization.k8s.io/v1` is filed under `rbac-v1`.
    short = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
    file = _BUNDLED / f"v{release}-local-strict" / f"{kind.lower()}-{short}.json"
    if not file.exists():
        raise NoSchema(f"{kind} of {api_version} in Kubernetes {release}")
    schema = json.loads(file.read_text())
    registry: Registry[object] = Resource.from_contents(schema) @ _definitions(release)
    return Draft202012Validator(schema, registry=registry)


@functools.cache
def _definitions(release: str) -> "Registry[object]":
    file = _BUNDLED / f"v{release}-local-strict" / "_definitions.json"
    registry: Registry[object] = Resource.from_contents(json.loads(file.read_text())) @ Registry()
    return registry
