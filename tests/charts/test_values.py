"""Every value is known to the schema and explained to a person."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from charts import document
from loadtest.planner.model import learn
from loadtest.planner.records import read
from loadtest.planner.sizing import Demand, size
from loadtest.planner.values import values
from tests.charts.chart import CHART, find, objects_of, rendered, service_pod
from tests.loadtest.records import write_record

VALUES = (CHART / "values.yaml").read_text()
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").removeprefix("#/definitions/")
    return SCHEMA["definitions"][name] if name else schema


def _unknown(values: object, schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Keys of values.yaml that the schema does not name."""
    schema = _resolved(schema)
    if isinstance(values, dict) and "properties" in schema:
        for key, value in values.items():
            if key in schema["properties"]:
                yield from _unknown(value, schema["properties"][key], f"{path}.{key}")
            else:
                yield f"{path}.{key}"


def _unset(schema: dict[str, Any], values: object, path: str = "") -> Iterator[str]:
    """Keys of the schema that values.yaml does not show."""
    schema = _resolved(schema)
    for key, below in schema.get("properties", {}).items():
        if not isinstance(values, dict) or key not in values:
            yield f"{path}.{key}"
        else:
            yield from _unset(below, values[key], f"{path}.{key}")


def test_the_schema_knows_every_value():
    assert list(_unknown(yaml.safe_load(VALUES), SCHEMA)) == []


def test_values_show_everything_that_can_be_set():
    """But `enabled`, which is the parent chart's, and what Kubernetes itself defines."""
    beyond = {".enabled", ".autoscaling.behavior.scaleUp", ".autoscaling.behavior.scaleDown"}

    unset = set(_unset(SCHEMA, yaml.safe_load(VALUES))) - beyond

    assert {path for path in unset if not path.endswith((".claims", ".requests", ".limits"))} == set()


def test_no_object_of_the_schema_takes_unknown_keys():
    """But the root's `global` and `capacity`, which belong to others, and what Kubernetes itself defines."""
    loose = {"properties.global", "properties.capacity", "scaleUp", "scaleDown", "affinity", "podSecurityContext"}

    def open_objects(schema: object, path: str = "") -> Iterator[str]:
        if isinstance(schema, dict):
            if schema.get("type") == "object" and "additionalProperties" not in schema:
                yield path
            for key, below in schema.items():
                yield from open_objects(below, f"{path}.{key}".strip("."))

    found = {path for path in open_objects(SCHEMA) if not path.endswith((*loose, "items"))}
    assert found == set()


def test_every_value_is_explained():
    silent = [".".join(value.path) for value in document.values_of(VALUES) if not (value.about or value.is_group)]

    assert silent == []


def test_the_readme_shows_the_values_of_today():
    readme = (CHART / "README.md").read_text()

    assert document.written(readme, VALUES) == readme, "make chart-docs"


def test_a_readme_without_its_marks_is_not_overwritten():
    with pytest.raises(ValueError, match="lost the marks"):
        document.written("# The chart\n", VALUES)


def test_a_capacity_plan_is_accepted_as_it_is(tmp_path):
    """What the planner writes into values.capacity.yaml from records of load tests."""
    records = [write_record(tmp_path / f"{n}.json", n, noise=0.05) for n in (2_000, 5_000)]
    model = learn([read(file) for file in records])
    demand = Demand(connections=100_000, messages_per_second=2_000, group_size=30, pages_per_second=100)
    plan = yaml.safe_load(values(model, size(model, demand)))

    objects = rendered("minimal", plan)

    gateway = find(objects, "Deployment", "gateway")["spec"]["template"]["spec"]
    scaler = find(objects, "HorizontalPodAutoscaler", "gateway")["spec"]
    assert gateway["containers"][0]["resources"] == plan["gateway"]["resources"]
    assert scaler["maxReplicas"] == plan["gateway"]["autoscaling"]["maxReplicas"]
    assert gateway["terminationGracePeriodSeconds"] >= 10 + plan["gateway"]["drainSeconds"] + 20
    assert plan["capacity"]


def test_settings_of_one_release_restart_its_pods_and_nothing_else():
    before = service_pod(objects_of("minimal"), "api")["metadata"]["annotations"]

    quieter = rendered("minimal", {"logLevel": "ERROR"})
    after = service_pod(quieter, "api")["metadata"]["annotations"]
    elsewhere = service_pod(rendered("minimal", {"partitions": {"monthsAhead": 6}}), "api")["metadata"]["annotations"]

    assert after["checksum/config"] != before["checksum/config"]
    assert elsewhere == before
